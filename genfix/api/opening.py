"""What every verb starts with: the target opened, its base found and proven, the rules chosen."""

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from genfix.folder import STATE_FOLDER, LocalFolder
from genfix.folder.watched import WatchedFolder
from genfix.message import Message, text
from genfix.model import Model
from genfix.resolver import BaseFacts, choose_base, find_adapter, is_address, open_address, open_target
from genfix.resolver.case import Case
from genfix.rules import Finding
from genfix.spelling import code_of, unknown_rule


class OpenedModels(NamedTuple):
    """A target, its base and its adapter, opened and proven."""

    merged: Model
    base: BaseFacts | None
    adapter: BaseFacts | None
    notes: tuple[Message, ...]
    suggested: str | None = None
    """What to name as the base, where none was named and one is known."""


def open_models(case: Case) -> OpenedModels:
    """Open the folder, its base and its adapter. Raises a `GenfixError` where one of them is not usable."""
    merged, notes = open_merged(case)
    trained = find_adapter(case, merged)
    chosen = choose_base(case, merged, trained.facts)
    base = chosen.base.facts if chosen.base is not None else None
    for facts in (base, trained.facts):
        if facts is not None:
            facts.remembered = merged.remembered
            if isinstance(facts.folder, LocalFolder):
                whole_folder(facts.folder, case.state_dir)
    return OpenedModels(
        merged, base, trained.facts, (*notes, *trained.notes, *chosen.notes), chosen.suggested
    )


def open_merged(case: Case) -> tuple[Model, tuple[Message, ...]]:
    """Open the folder alone, and say what the user should know about it. Raises a `GenfixError` where it is
    not usable.

    A folder that a crash has left half done, some files old and some new, is refused.
    """
    remembered = case.shared.remembered if case.shared is not None else None
    if is_address(case.target):
        seen, notes = open_address(os.fspath(case.target), offline=case.offline, progress=case.progress)
        return Model(seen, remembered=remembered), notes
    if case.shared is not None:  # of many folders nobody reads what lies beside each
        watched = open_target(case.target, WatchedFolder)
        return Model(whole_folder(watched, case.state_dir), remembered=remembered), ()
    local = open_target(case.target)
    return Model(whole_folder(local, case.state_dir), remembered=remembered), _left_beside(local.root)


def whole_folder(folder: LocalFolder, state_dir: Path | None) -> LocalFolder:
    """The folder itself. Raises `RefusedError` where a transaction is half done in it."""
    try:
        inside = (folder.root / STATE_FOLDER).is_dir()
    except PermissionError:  # the way to it is closed
        inside = True
    if state_dir is not None or inside:
        # Imported here: a folder that genfix never touched must not pay for the applier.
        from genfix.applier import check_whole  # noqa: PLC0415

        if inside:
            check_whole(folder.root)
        if state_dir is not None:
            check_whole(folder.root, state_dir=state_dir)
    return folder


def _left_beside(root: Path) -> tuple[Message, ...]:
    """What a killed ``--output``, ``--output-file`` or capsule left beside the folder."""
    try:
        names = os.listdir(root.absolute().parent)  # noqa: PTH208 - most have thousands of others and no such
    except OSError:
        return ()
    if not any(".genfix" in name for name in names):
        return ()
    from genfix.applier import find_stale  # noqa: PLC0415 - as above

    return tuple(
        text("{path} is what a killed command left half done; the next `genfix repair` removes it", path=path)
        for path in find_stale(root)
    )


def selection(case: Case) -> Callable[[str], bool]:
    """Which codes count. Raises `InputError` for what is no code, beginning or name of a rule."""
    chosen, left_out = _codes(case.select), _codes(case.ignore)
    return lambda code: (
        (not chosen or code.startswith(chosen)) and not (left_out and code.startswith(left_out))
    )


def _codes(given: str | Collection[str]) -> tuple[str, ...]:
    words = (given,) if isinstance(given, str) else tuple(given)
    return tuple(_code(word) for word in words)


def _code(word: str) -> str:
    code = code_of(word)
    if code is None:
        raise unknown_rule(word)
    return code


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
