"""`engine_views`: what each engine would do with a folder."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from genfix.api.opening import Target, open_case
from genfix.engines.every import EVERY_ENGINE
from genfix.engines.view import EngineView
from genfix.errors import InputError
from genfix.model import Model

__all__ = ["EngineReport", "engine_views"]


class EngineReport(NamedTuple):
    """What engines would do with one folder."""

    views: tuple[EngineView, ...]
    tokens: Mapping[int, str]
    """The folder's added tokens by id, for reading the stop ids."""


def engine_views(
    target: Target, *, engines: Collection[str] = (), state_dir: Path | None = None
) -> EngineReport:
    """How engines read the model folder ``target``: stop ids, sampling, chat template, context. Nothing is written.

    Args:
        target: The model's folder.
        engines: Names such as ``vllm``, or with the version they are known at (``vllm@0.32.0``); none: all.
        state_dir: Where backups live, if not in ``.cache/huggingface/genfix`` inside the folder.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to read, or for an engine or version not known.

    """
    names = [_known(engine) for engine in engines] or [*EVERY_ENGINE]
    model = Model(
        open_case(target, None, offline=True, allow_base_mismatch=False, state_dir=state_dir).folder
    )
    views = tuple(EVERY_ENGINE[name].view(model) for name in dict.fromkeys(names))
    return EngineReport(views, model.tokenizer.texts)


def _known(asked: str) -> str:
    name, _, version = asked.partition("@")
    engine = EVERY_ENGINE.get(name)
    if engine is None:
        raise InputError(f"there is no view of an engine {name!r}", f"known are {', '.join(EVERY_ENGINE)}")
    if version not in {"", engine.version}:
        raise InputError(
            f"what {name} {version} does is not known: its view follows {engine.version}",
            f"leave the version out, or write {name}@{engine.version}",
        )
    return name
