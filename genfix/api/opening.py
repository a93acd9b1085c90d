"""What every verb starts with: the target opened, its base found and proven, the rules chosen."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from genfix.errors import InputError
from genfix.folder import STATE_FOLDER, Folder, LocalFolder, OverlayFolder
from genfix.message import Message, text
from genfix.model import Model
from genfix.resolver import BaseFacts, choose_base, find_adapter, is_address, open_address, open_target
from genfix.resolver.case import Case
from genfix.rules import RULES, Finding


class OpenedModels(NamedTuple):
    """A target, its base and its adapter, opened and proven."""

    merged: Model
    base: BaseFacts | None
    adapter: BaseFacts | None
    notes: tuple[Message, ...]


def open_models(case: Case) -> OpenedModels:
    """Open the folder, its base and its adapter. Raises a `GenfixError` where one of them is not usable.

    After a crash the folder is seen as it will be when the next repair or undo has finished the job.
    """
    if is_address(case.target):
        seen, notes = open_address(os.fspath(case.target), offline=case.offline, progress=case.progress)
    else:
        seen, notes = seen_folder(open_target(case.target), case.state_dir)
    merged = Model(seen)
    trained = find_adapter(case, merged)
    found, said = choose_base(case, merged, trained.facts)
    base = found.facts if found is not None else None
    return OpenedModels(merged, base, trained.facts, (*notes, *trained.notes, *said))


def seen_folder(folder: LocalFolder, state_dir: Path | None) -> tuple[Folder, tuple[Message, ...]]:
    """A folder as it will be when an interrupted repair is finished, and what to know about that."""
    pending = _interrupted(folder.root, state_dir)
    if not pending:
        return folder, ()
    note = text(
        "a repair here was interrupted; the folder is judged as the next repair or undo will finish it"
    )
    return OverlayFolder(folder, pending), (note,)


def _interrupted(root: Path, state_dir: Path | None) -> Mapping[str, bytes | None]:
    if state_dir is None and not (root / STATE_FOLDER).is_dir():
        return {}
    # Imported here: a folder that genfix never touched must not pay for the applier.
    from genfix.applier import pending  # noqa: PLC0415

    return pending(root, state_dir=state_dir)


def selection(case: Case) -> Callable[[str], bool]:
    """Which codes count. Raises `InputError` for a beginning that no rule has."""
    chosen, left_out = _codes(case.select), _codes(case.ignore)
    for prefix in (*chosen, *left_out):
        if not prefix or not any(code.startswith(prefix) for code in RULES):
            raise InputError("there is no rule '{prefix}'", "`genfix rules` lists all", prefix=prefix)
    return lambda code: (
        (not chosen or code.startswith(chosen)) and not (left_out and code.startswith(left_out))
    )


def _codes(given: str | Collection[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def known_keys(case: Case, wanted: Callable[[str], bool]) -> frozenset[tuple[str, str, str]]:
    """The keys of findings that do not count; none without a baseline. Raises `InputError` for a bad one."""
    if case.baseline is None:
        return frozenset()
    from genfix.api.baseline import read_baseline  # noqa: PLC0415 - most runs have none

    return frozenset(key for key in read_baseline(case.baseline) if wanted(key[0]))


def unmatched_notes(
    case: Case, accepted: frozenset[tuple[str, str, str]], known: Iterable[Finding]
) -> tuple[Message, ...]:
    """What to say of entries of the baseline that are found no more."""
    if case.baseline is None:
        return ()
    from genfix.api.baseline import unmatched  # noqa: PLC0415

    return unmatched(case.baseline, accepted, known)
