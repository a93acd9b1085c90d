"""The verbs of genfix as functions. The command line does nothing that these do not."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from genfix import applier
from genfix.applier import Receipt, Write
from genfix.engines import EngineView
from genfix.errors import InputError, RefusedError
from genfix.folder import Folder, OverlayFolder
from genfix.model import Model
from genfix.planner import Plan, make_plan
from genfix.resolver import BaseFacts, open_target, prove_parentage, resolve_base
from genfix.rules import RULES, Context, Finding, judge
from genfix.rules.difference import FileDifference, differences

__all__ = ["Repair", "Report", "apply", "check", "diff", "log", "plan", "repair", "undo"]


Target: TypeAlias = str | os.PathLike[str]
"""A path of a model folder; for a base also ``org/name[@revision]``."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found."""

    target: str
    """The folder as the caller wrote it."""
    base: str | None
    """The base's path, or ``org/name@commit``; `None` where the folder was judged alone."""
    findings: tuple[Finding, ...]
    """Worst first."""
    views: Mapping[str, EngineView]
    """What each engine does with the folder."""
    base_views: Mapping[str, EngineView]
    """What each engine does with the base; empty without one."""
    notes: tuple[str, ...] = ()
    """What the caller should know about how the judgement came about, a sentence each."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What `repair` did."""

    plan: Plan
    receipt: Receipt | None
    """`None` where there was nothing to do."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A target and its base, opened and proven."""

    folder: Folder
    base: BaseFacts | None
    notes: tuple[str, ...]


def check(
    target: Target,
    base: Target | None = None,
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    offline: bool = False,
    allow_base_mismatch: bool = False,
    state_dir: Path | None = None,
) -> Report:
    """Judge the model folder ``target``, against ``base`` where one is named. Nothing is written.

    Args:
        target: The merged model's folder.
        base: The model it was made from: a folder, or ``org/name[@revision]`` on the Hugging Face Hub.
        select: Codes, or beginnings of codes (``GF1``), of the rules that count; none: all.
        ignore: Codes, or beginnings of codes, of the rules that do not count.
        offline: Take the base from the Hub cache only.
        allow_base_mismatch: Use a base that disagrees on architecture or token ids all the same.
        state_dir: Where backups live, if not in ``.cache/huggingface/genfix`` inside the folder.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to judge or the base is not usable, and 3
            (`RefusedError`) where the base is not the base of this folder.

    """
    wanted = _selection(select, ignore)
    case = _open(target, base, offline, allow_base_mismatch, state_dir)
    context = Context(Model(case.folder), case.base)
    return Report(
        target=os.fspath(target),
        base=str(case.base.folder.origin) if case.base is not None else None,
        findings=tuple(finding for finding in judge(context) if wanted(finding.code)),
        views=context.views,
        base_views=context.base_views,
        notes=case.notes,
    )


def plan(
    target: Target,
    base: Target | None = None,
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    unsafe_fixes: bool = False,
    offline: bool = False,
    allow_base_mismatch: bool = False,
    state_dir: Path | None = None,
) -> Plan:
    """Work out what `repair` would write, to the byte. Nothing is written.

    ``unsafe_fixes`` adds the fixes that could override a training choice; the rest is as for `check`.
    """
    wanted = _selection(select, ignore)
    case = _open(target, base, offline, allow_base_mismatch, state_dir)
    return replace(
        make_plan(case.folder, case.base, unsafe_fixes=unsafe_fixes, wanted=wanted), notes=case.notes
    )


def apply(plan: Plan, *, state_dir: Path | None = None) -> Receipt | None:
    """Write what ``plan`` says, atomically over all its files and with a backup; `None` for an empty plan.

    Raises `ChangedError` where a file the plan rests on is no longer what it was, `RefusedError` for a
    linked, cached or locked folder, `StorageError` where the disk refuses; nothing is changed then.
    """
    if not plan.changes:
        return None
    writes = [Write(change.name, plan.inputs.get(change.name), change.after) for change in plan.changes]
    note = {"command": "repair", "base": plan.base or ""}
    return applier.apply(Path(plan.target), writes, inputs=plan.inputs, note=note, state_dir=state_dir)


def repair(
    target: Target,
    base: Target | None = None,
    *,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    unsafe_fixes: bool = False,
    offline: bool = False,
    allow_base_mismatch: bool = False,
    state_dir: Path | None = None,
) -> Repair:
    """Plan the safe fixes and apply them: one call for the end of a merge script.

    Returns what was done and what is left; raises as `check` and `apply` do. Options as for `plan`.
    """
    root = Path(target)
    if root.is_dir():
        applier.recover(root, state_dir=state_dir)
    made = plan(
        target,
        base,
        select=select,
        ignore=ignore,
        unsafe_fixes=unsafe_fixes,
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
    )
    return Repair(made, apply(made, state_dir=state_dir))


def undo(target: Target, transaction: str | None = None, *, state_dir: Path | None = None) -> Receipt:
    """Take back the newest repair, or the transaction with that id, byte for byte.

    Raises `ChangedError` where a file was changed since, and nothing is written.
    """
    return applier.undo(_existing(target), transaction, state_dir=state_dir)


def log(target: Target, *, state_dir: Path | None = None) -> tuple[Receipt, ...]:
    """All transactions on the folder, oldest first."""
    return applier.log(_existing(target), state_dir=state_dir)


def diff(
    target: Target,
    base: Target,
    *,
    offline: bool = False,
    allow_base_mismatch: bool = False,
    state_dir: Path | None = None,
) -> tuple[FileDifference, ...]:
    """How the config files of ``target`` differ from those of ``base``, value by value and without a verdict."""
    case = _open(target, base, offline, allow_base_mismatch, state_dir)
    return differences(Model(case.folder), case.base) if case.base is not None else ()


def _existing(target: Target) -> Path:
    root = Path(target)
    if not root.is_dir():
        raise InputError(f"there is no folder {root}", "check the path")
    return root


def _open(
    target: Target,
    base: Target | None,
    offline: bool,  # noqa: FBT001 - handed through from the keywords above
    allow_base_mismatch: bool,  # noqa: FBT001
    state_dir: Path | None,
) -> _Case:
    folder = open_target(Path(target))
    notes: tuple[str, ...] = ()
    pending = applier.pending(folder.root, state_dir=state_dir)
    seen: Folder = OverlayFolder(folder, pending) if pending else folder
    if pending:
        notes = (
            "a repair here was interrupted; the folder is judged as the next repair or undo will finish it",
        )
    if base is None:
        return _Case(seen, None, notes)
    found = resolve_base(os.fspath(base), offline=offline)
    notes += found.notes
    try:
        prove_parentage(Model(seen), found.facts)
    except RefusedError as error:
        if not allow_base_mismatch:
            raise
        notes += (f"going on as told, although {error.message}",)
    return _Case(seen, found.facts, notes)


def _selection(select: Collection[str], ignore: Collection[str]) -> Callable[[str], bool]:
    for prefix in (*select, *ignore):
        if not prefix or not any(code.startswith(prefix) for code in RULES):
            raise InputError(f"there is no rule {prefix!r}", "`genfix rules` lists all")
    chosen, left_out = tuple(select), tuple(ignore)
    return lambda code: (
        (not chosen or code.startswith(chosen)) and not (left_out and code.startswith(left_out))
    )
