"""The verbs that plan, write, take back and list: `plan`, `apply`, `repair`, `undo`, `log`, `diff`."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from genfix import applier
from genfix.api.author import author
from genfix.api.keywords import DiffOptions, PlanOptions
from genfix.api.named_engines import named_engines
from genfix.api.opening import known_keys, open_merged, open_models, selection, unmatched_notes
from genfix.api.plan_files import check_sources
from genfix.applier import Built, Receipt, Write
from genfix.display import in_notebook, printed
from genfix.errors import InputError
from genfix.folder import Folder
from genfix.message import text
from genfix.model import Model
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import existing_folder, names_gguf
from genfix.resolver.case import Case, ModelLocation
from genfix.rules.core.difference import FileDifference, differences


@dataclass(frozen=True, slots=True)
class Repair:
    """What `repair` did."""

    plan: Plan
    receipt: Receipt | None
    """`None` where nothing was written into the folder."""
    built: Built | None = None
    """The repaired copy, where one was asked for."""

    def __repr__(self) -> str:
        """Short: its parts have megabytes."""
        return f"<Repair by {self.plan!r}: {'written' if self.receipt or self.built else 'nothing written'}>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)


def plan(target: ModelLocation, base: ModelLocation | None = None, **options: Unpack[PlanOptions]) -> Plan:
    """Work out what `repair` would write, to the byte. Nothing is written.

    Options as for `check`, and ``unsafe_fixes``, which adds the fixes that could override a training choice.
    What stands in the ``baseline`` is left as it is.
    """
    return plan_case(Case(target, base, **options))


def plan_case(case: Case) -> Plan:
    """As `plan`."""
    if names_gguf(case.target):
        from genfix.api.gguf_verbs import plan_of_gguf  # noqa: PLC0415 - a folder needs none of it

        return plan_of_gguf(case)[1].plan
    wanted = selection(case)
    accepted = known_keys(case, wanted)
    opened = open_models(case)
    made = make_plan(
        opened.merged,
        opened.base,
        adapter=opened.adapter,
        unsafe_fixes=case.unsafe_fixes,
        wanted=wanted,
        known=accepted,
        engines=named_engines(case),
    )
    return replace(made, notes=(*opened.notes, *unmatched_notes(case, accepted, made.known)))


def apply(
    plan: Plan, *, target: ModelLocation | None = None, state_dir: Path | None = None
) -> Receipt | None:
    """Write what ``plan`` says, atomically over all its files and with a backup; `None` for an empty plan.

    ``target`` is another copy of the folder the plan was made for. Nothing is planned anew. What an
    interrupted repair or apply has begun is finished first.

    Raises `ChangedError` where a file the plan rests on is no longer what it was, `RefusedError` for a
    linked, cached or locked folder, `StorageError` where the disk refuses; nothing is changed then.
    """
    check_sources(plan)
    wanted = plan if target is None else replace(plan, target=os.fspath(target))
    applier.recover(existing_folder(wanted.target), state_dir=state_dir)
    return _apply(wanted, state_dir)


def _apply(plan: Plan, state_dir: Path | None) -> Receipt | None:
    if not plan.changes:
        return None
    writes = [Write(change.name, plan.inputs.get(change.name), change.after) for change in plan.changes]
    folder = existing_folder(plan.target)
    codes = dict.fromkeys(code for change in plan.changes for code in change.codes)
    note = {"command": "repair", "base": plan.base or "", "message": ", ".join(codes), "who": author()}
    return applier.apply(folder, writes, inputs=plan.inputs, note=note, state_dir=state_dir)


def repair(
    target: ModelLocation,
    base: ModelLocation | None = None,
    *,
    output: ModelLocation | None = None,
    config_only: bool = False,
    **options: Unpack[PlanOptions],
) -> Repair:
    """Plan the safe fixes and apply them: one call for the end of a merge script.

    With ``output`` the folder stays as it is, and a repaired copy is made there; its weights share the disk
    space of the original's where that is possible; with ``config_only`` no weights come along. Returns what
    was done and what is left; raises as `check` and `apply` do. Options as for `plan`.
    """
    return repair_case(Case(target, base, **options), output=output, config_only=config_only)


def repair_case(case: Case, *, output: ModelLocation | None = None, config_only: bool = False) -> Repair:
    """As `repair`."""
    if config_only and (output is None or names_gguf(case.target)):
        raise no_copy()
    if names_gguf(case.target):
        return _repair_gguf(case, output)
    folder = existing_folder(case.target)
    if output is None:
        applier.remove_stale(folder)
        applier.recover(folder, state_dir=case.state_dir)
        made = plan_case(case)
        return Repair(made, _apply(made, case.state_dir))
    # The folder is only read: it and its state folder may be another user's.
    applier.check_output_place(folder, Path(output))
    made = plan_case(case)
    changes = {change.name: change.after for change in made.changes}
    built = applier.build(folder, Path(output), changes, inputs=made.inputs, config_only=config_only)
    return Repair(made, None, built)


def no_copy() -> InputError:
    """The error for a copy of config files that has no folder, or no place."""
    return InputError(
        "--config-only makes a copy of a folder's config files, and there is none to make",
        "name a folder, and where the copy goes: genfix repair DIR --output NEW --config-only",
    )


def _repair_gguf(case: Case, output: ModelLocation | None) -> Repair:
    """A GGUF is never changed in place: its header grows, and all of its data would move."""
    if output is None:
        raise InputError(
            "{file} is a GGUF, and genfix never changes one in place",
            "name the new file: --output NEW.gguf",
            file=os.fspath(case.target),
        )
    from genfix.api.gguf_verbs import repair_gguf  # noqa: PLC0415 - a folder needs none of it

    made = repair_gguf(case, Path(output)).plan
    return Repair(made, None, Built(Path(output), 1, ()) if made.changes else None)


def undo(target: ModelLocation, transaction: str | None = None, *, state_dir: Path | None = None) -> Receipt:
    """Take back the newest repair, or the transaction with that id, byte for byte.

    Raises `ChangedError` where a file was changed since, and nothing is written.
    """
    return applier.undo(existing_folder(target), transaction, note={"who": author()}, state_dir=state_dir)


def log(target: ModelLocation, *, state_dir: Path | None = None) -> tuple[Receipt, ...]:
    """All transactions on the folder, oldest first."""
    return applier.log(existing_folder(target), state_dir=state_dir)


def diff(
    target: ModelLocation,
    base: ModelLocation | None = None,
    *,
    at: str | None = None,
    other: ModelLocation | None = None,
    **options: Unpack[DiffOptions],
) -> tuple[FileDifference, ...]:
    """How the config files of ``target`` differ from those of ``base``, value by value and without a verdict.

    With ``at``, the id of a snapshot of ``target`` or of a repair, they are compared with what they were then
    instead: of a repair, before it, or after it (``ID:after``). With ``other`` they are compared with another
    stage of the model, whatever came between: a folder, or ``FOLDER@ID``. Options: as `DiffOptions` describes
    them.
    """
    return diff_case(Case(target, base, **options), at, other)


def diff_case(case: Case, at: str | None, other: ModelLocation | None = None) -> tuple[FileDifference, ...]:
    """As `diff`."""
    given = [each for each in (case.base, at, other) if each is not None]
    if len(given) != 1:
        raise InputError(
            text("there are two things to compare with")
            if given
            else text("there is nothing to compare with"),
            "name the base (--base FOLDER or --base org/name), a snapshot or repair (--at ID), or another "
            "stage (--with FOLDER[@ID])",
        )
    if names_gguf(case.target):
        from genfix.api.gguf_verbs import diff_gguf  # noqa: PLC0415 - a folder needs none of it

        return diff_gguf(case)
    if case.base is not None:
        opened = open_models(case)
        return differences(opened.merged, opened.base) if opened.base is not None else ()
    if at is not None:
        there: Folder = applier.stage_folder(existing_folder(case.target), at, state_dir=case.state_dir)
    else:
        there = _stage(os.fspath(other or ""), case)
    merged, _ = open_merged(case)
    return differences(merged, Model(there))


def _stage(named: str, case: Case) -> Folder:
    """The folder that is named, or, with ``@ID`` behind it, as it was then."""
    path, sign, transaction = named.rpartition("@")
    if sign and not os.path.lexists(named):
        return applier.stage_folder(existing_folder(path), transaction, state_dir=case.state_dir)
    found, _ = open_merged(case._replace(target=named))
    return found.folder
