"""What to type after a plan was seen."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from genfix.cli.next_lines import apply_line, command_line, on_hub, undo_line
from genfix.cli.output import Output
from genfix.message import text
from genfix.planner.plan import Plan
from genfix.resolver import is_address, is_on_hub, names_gguf
from genfix.resolver.case import Case
from genfix.rules import Applicability, Severity


class Next(NamedTuple):
    """The commands to type after a plan was seen, ready to copy; empty where there is none."""

    make: str
    """Makes the changes."""
    undo: str = ""
    unsafe: str = ""
    """Shows what unsafe fixes would add."""
    page: Mapping[str, str] = {}
    """What the page offers in the place of these: a plan with a hash is applied."""


def next_after(case: Case, made: Plan, out: Output, save: Path | None) -> Next:
    """What to type next; the plan is kept where that is wanted."""
    asks = [finding for finding in made.remaining if finding.severity is not Severity.INFO]
    is_more = any(finding.fix and finding.fix.applicability is Applicability.UNSAFE for finding in asks)
    unsafe = (
        command_line("plan", case._replace(unsafe_fixes=True)) if is_more and not case.unsafe_fixes else ""
    )
    if save is not None:
        from genfix.api.plan_files import save_plan  # noqa: PLC0415 - only where it is asked for

        out.tell(text("the plan {id} is in {path}", id=save_plan(made, save)[:12], path=str(save)))
        return _applying(case, save)._replace(unsafe=unsafe)
    if is_on_hub(case.target):
        return Next(on_hub(command_line("repair", case)), unsafe=unsafe)
    if is_address(case.target):
        return Next("", unsafe=unsafe)
    if names_gguf(case.target):
        return Next(f"{command_line('repair', case)} --output NEW.gguf", unsafe=unsafe)
    return Next(command_line("repair", case), undo=undo_line(case), unsafe=unsafe)


def _applying(case: Case, path: Path) -> Next:
    """The commands for a plan that is in a file."""
    if is_on_hub(case.target):
        return Next(on_hub(apply_line(path, os.fspath(case.target), case)))
    target = "DIR" if is_address(case.target) else None
    undo = undo_line(case if target is None else case._replace(target=target))
    return Next(apply_line(path, target, case), undo)


def on_page(case: Case, then: Next, save: Path | None) -> Mapping[str, str]:
    """What the page of a plan offers: the very plan that it shows, which has to be kept for that."""
    if names_gguf(case.target):
        return {"repair": then.make}
    if save is not None:
        return {"apply": then.make, "undo": then.undo}
    kept = _applying(case, Path("plan.json"))
    keep = f"{command_line('plan', case)} -o plan.json"
    return {"keep": keep, "apply": kept.make, "undo": kept.undo}
