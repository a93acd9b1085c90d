"""The adapter that was merged: a folder the user names, or the one that merge tools leave beside the result.

axolotl merges into ``merged/`` inside the adapter's folder, ms-swift's ``checkpoint-7`` becomes
``checkpoint-7-merged`` beside it. Its tokenizer and chat template are those of the training.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from genfix.errors import BaseModelError, GenfixError, RefusedError
from genfix.folder import Folder, LocalFolder
from genfix.folder.kinds import is_json_config
from genfix.model import Model
from genfix.resolver.base import BaseFacts

__all__ = ["Adapter", "AdapterFacts", "find_adapter"]

_CONFIG: Final = "adapter_config.json"
_MERGED_NAME: Final = re.compile(r"(?P<adapter>.+?)[-_]merged")
_LORA: Final = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_A(?:\.\w+)?\.weight")


class AdapterFacts(BaseFacts):
    """The facts of an adapter."""

    role: ClassVar[str] = "adapter"


class Adapter(NamedTuple):
    """An adapter that was found, or none."""

    facts: AdapterFacts | None
    notes: tuple[str, ...] = ()
    """What the user should know about how it was found, a sentence each."""


def find_adapter(merged: Model, path: str | os.PathLike[str], spec: str | os.PathLike[str] | None) -> Adapter:
    """The adapter at ``spec``; without one, that beside the merged folder at ``path``, if there is one.

    Raises `BaseModelError` where ``spec`` is no readable adapter, `RefusedError` where it belongs to another
    model. One that was only found, and is not usable, is left out.
    """
    if spec is not None:
        return Adapter(_opened(Path(spec), os.fspath(spec), merged))
    for candidate in _beside(Path(path)):
        try:
            facts = _opened(candidate, str(candidate), merged)
        except GenfixError as error:
            return Adapter(None, (f"the adapter in {candidate} is left out: {error.message}",))
        return Adapter(facts, (f"the adapter in {candidate} is taken for the one that was merged",))
    return Adapter(None)


def _beside(merged: Path) -> Iterator[Path]:
    folder = Path(os.path.abspath(merged))  # noqa: PTH100 - resolve() would leave the place the user named
    named = _MERGED_NAME.fullmatch(folder.name)
    if named is not None and (folder.parent / named["adapter"] / _CONFIG).is_file():
        yield folder.parent / named["adapter"]
    if (folder.parent / _CONFIG).is_file():
        yield folder.parent


def _opened(path: Path, label: str, merged: Model) -> AdapterFacts:
    if not path.is_dir():
        raise BaseModelError(f"there is no adapter folder {label}", "check the path of the adapter")
    folder: Folder = LocalFolder(path, label)
    if _CONFIG not in folder.names():
        raise BaseModelError(
            f"{label} is no adapter: it has no {_CONFIG}",
            "name the folder that training wrote the adapter to",
        )
    facts = AdapterFacts(folder)
    for name in sorted(folder.names()):
        if is_json_config(name) or name == _CONFIG:
            facts.json(name)
    _refuse_other_models(facts, merged)
    return facts


def _refuse_other_models(adapter: Model, merged: Model) -> None:
    """Raise `RefusedError` where a matrix that the adapter changes has another width in the merged model."""
    ours = merged.weights.tensors
    for name, tensor in adapter.weights.adapter_tensors.items():
        lora = _LORA.fullmatch(name)
        theirs = ours.get(f"{lora['module']}.weight") if lora is not None else None
        if theirs is not None and len(theirs.shape) == len(tensor.shape) == 2:
            if theirs.shape[1] != tensor.shape[1]:
                raise RefusedError(
                    f"the adapter {adapter.folder.origin} is not of this model: {lora and lora['module']} takes "
                    f"{theirs.shape[1]} values here and {tensor.shape[1]} there",
                    "name the adapter that was merged",
                )
            return
