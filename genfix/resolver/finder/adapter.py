"""The adapter that was merged: a folder the user names, or the one that merge tools leave beside the result.

Its tokenizer and chat template are those of the training.

A wrong adapter is worse than none: its template and tokenizer would be taken for the trained ones. So one
that nobody named is taken only where names say that the folder was merged from it, and nothing in it says
otherwise.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from genfix.errors import BaseModelError, GenfixError, InputError, RefusedError
from genfix.folder import Folder, FolderFileError, LocalFolder, same_but_for_line_ends
from genfix.folder.kinds import is_json_config
from genfix.message import Message, text
from genfix.model import Model
from genfix.resolver.case import Case
from genfix.resolver.finder.base import BaseFacts
from genfix.resolver.finder.run_folders import MERGEKIT, names_a_merge, run_folders
from genfix.resolver.naming.spec import HubSpec, is_repo_id, parse_spec

_CONFIG: Final = "adapter_config.json"
_SWIFT_RUN: Final = "args.json"
_WHOLE_MODEL: Final = r"(?:pytorch_)?model(?:-\d+-of-\d+)?\.(?:safetensors|bin)|consolidated.*"


class AdapterFacts(BaseFacts):
    """The facts of an adapter."""

    role: ClassVar[Message] = text("adapter")


class Adapter(NamedTuple):
    """An adapter that was found, or none."""

    facts: AdapterFacts | None
    notes: tuple[Message, ...] = ()
    """What the user should know about how it was found, a sentence each."""


def find_adapter(case: Case, merged: Model) -> Adapter:
    """The adapter of ``case``, a folder or a Hub repo; where it names none, that beside the merged folder.

    Raises `BaseModelError` where it is no readable adapter, `RefusedError` where it belongs to another model.
    One that was only found, and is not usable, is left out.
    """
    if case.adapter is not None:
        folder, said = _named(os.fspath(case.adapter), merged, offline=case.offline)
        return Adapter(_opened(folder, merged), said)
    if merged.folder.origin.kind != "local":
        return Adapter(None)  # nothing lies beside a repo
    if any(map(merged.has, MERGEKIT)):
        return Adapter(None)  # made from whole models; adapters of the same names are other things
    place = Path(os.path.abspath(case.target))  # noqa: PTH100 - resolve() would leave the place the user named
    notes: list[Message] = []
    for candidate in _beside(place):
        try:
            facts = _opened(LocalFolder(candidate, str(candidate)), merged, is_named=False)
            _refuse_unlikely(facts, merged, place)
        except GenfixError as error:
            notes.append(text("the adapter in {path} is left out: {why}", path=candidate, why=error.said))
        else:
            notes.append(text("the adapter in {path} is taken for the one that was merged", path=candidate))
            return Adapter(facts, tuple(notes))
    return Adapter(None, tuple(notes))


# -- where it is ---------------------------------------------------------------------------------


def _named(spec: str, merged: Model, *, offline: bool) -> tuple[Folder, tuple[Message, ...]]:
    """The adapter that the user named, and what to say about it. Raises `InputError` or `BaseModelError`."""
    if not spec.strip():
        raise InputError("the path of the adapter is empty", "name the folder that training wrote it to")
    path = Path(os.path.expanduser(spec))  # noqa: PTH111 - Path.expanduser() raises for an unknown user
    if os.path.isfile(path):  # noqa: PTH113 - Path.is_file() raises for a name that is too long
        raise BaseModelError("{path} is a file, not an adapter folder", "name the folder it is in", path=spec)
    if os.path.isdir(path):  # noqa: PTH112 - as above
        return LocalFolder(path, spec), ()
    if "://" not in spec and not is_repo_id(spec.partition("@")[0]):
        raise BaseModelError(
            "there is no adapter folder {path}",
            "check the path; an adapter on the Hub is written org/name or hf://org/name",
            path=spec,
        )
    match parse_spec(spec):
        case HubSpec() as hub:
            # Imported here: adapters are nearly always on this machine.
            from genfix.resolver.hub.hub_repo import open_hub  # noqa: PLC0415

            found = open_hub(hub, offline=offline)
            found.folder.borrow(merged.folder)
            found.folder.fetch_ahead(name for name in found.folder.names() if _is_read(name))
            return found.folder, found.notes
        case _:
            raise BaseModelError(
                "{spec} is no adapter that genfix can read", "name a folder, or hf://org/name", spec=spec
            )


def _beside(folder: Path) -> Iterator[Path]:
    """Folders with an adapter that the name and the place of the merged folder point at."""
    if names_a_merge(folder):
        for place in run_folders(folder):
            if os.path.isfile(place / _CONFIG):  # noqa: PTH113 - a folder that nobody may enter is no error
                yield place


# -- whether it is the one -----------------------------------------------------------------------


def _opened(folder: Folder, merged: Model, *, is_named: bool = True) -> AdapterFacts:
    label = str(folder.origin)
    if _CONFIG not in folder.names():
        raise BaseModelError(
            "{adapter} is no adapter: it has no {file}",
            "name the folder that training wrote the adapter to",
            adapter=label,
            file=_CONFIG,
        )
    facts = AdapterFacts(folder, is_named=is_named)
    whole = next((name for name in facts.weights.files if re.fullmatch(_WHOLE_MODEL, name)), None)
    if whole is not None:
        raise BaseModelError(
            "{adapter} is no adapter: it has the weights of a whole model, {file}",
            "name the folder that training wrote the adapter to",
            adapter=label,
            file=whole,
        )
    for name in sorted(folder.names()):
        if _is_read(name):
            facts.json(name)
    from genfix.resolver.finder.adapter_shapes import foreign_matrix  # noqa: PLC0415 - most have no adapter

    foreign = foreign_matrix(facts, merged)
    if foreign is not None:
        raise RefusedError(
            "the adapter {adapter} is not of this model: {why}",
            "name the adapter that was merged",
            adapter=label,
            why=foreign,
        )
    return facts


def _is_read(name: str) -> bool:
    return is_json_config(name) or name == _CONFIG


def _refuse_unlikely(adapter: Model, merged: Model, path: Path) -> None:
    """Raise `RefusedError` where an adapter that nobody named is perhaps of another run."""
    if _is_trained_on(adapter, path):
        raise RefusedError("it was trained on top of this model, and is not in it")
    from genfix.resolver.finder.adapter_shapes import has_some_matrix  # noqa: PLC0415 - as above

    if not has_some_matrix(adapter, merged):
        raise RefusedError("none of the matrices that it changes is here")
    # ms-swift copies the arguments of the run from the adapter's folder into the merged one.
    if merged.has(_SWIFT_RUN) and adapter.has(_SWIFT_RUN):
        try:
            same = same_but_for_line_ends(merged.folder, adapter.folder, _SWIFT_RUN)
        except FolderFileError:
            same = False
        if not same:
            raise RefusedError("its {file} is of another run than the one here", file=_SWIFT_RUN)


def _is_trained_on(adapter: Model, merged: Path) -> bool:
    """Whether the adapter's own file names the merged folder as its base, from wherever training saw it."""
    named = adapter.object(_CONFIG).get("base_model_name_or_path")
    if not isinstance(named, str):
        return False
    tail = [part for part in re.split(r"[\\/]+", named) if part not in ("", ".")][-2:]
    return bool(tail) and ".." not in tail and list(merged.parts[-len(tail) :]) == tail
