"""The commands that tell about bases: base, bases."""

from collections.abc import Sequence

from genfix.api.bases import base_candidates, find_models
from genfix.cli.next_lines import command_line
from genfix.cli.output import Output
from genfix.message import text
from genfix.report.bases_report import candidates_json, candidates_text, models_json, models_text
from genfix.report.json import dumps
from genfix.resolver.case import Case

_NOT_FOUND = 1


def run_base(case: Case, out: Output) -> int:
    """Say which bases a folder may have, and what to type next."""
    found = base_candidates(case.target, offline=case.offline, progress=case.progress)
    out.notes(found.notes)
    if out.wants_json:
        out.report(dumps(candidates_json(found)))
        return 0 if found.chosen is not None else _NOT_FOUND
    out.report(candidates_text(found, out.style))
    if found.chosen is not None:
        against = command_line("check", case._replace(base=found.chosen.name))
        out.tell(text("to judge against it: {command}", command=against))
        return 0
    if found.differences:
        out.tell(text("those that remain answer differently: {questions}", questions=found.differences))
    named = found.identity.named
    out.tell(
        text("to judge against it: {command}", command=command_line("check", case._replace(base=named.id)))
        if named is not None
        else text("no base is proven alone: name it with --base FOLDER or --base org/name")
    )
    return _NOT_FOUND


def run_bases(words: Sequence[str], out: Output) -> int:
    """List official models and registered capsules."""
    found = find_models(words)
    if out.wants_json:
        out.report(dumps(models_json(found)))
        return 0
    out.report(models_text(found, out.style))
    count = len(found.official) + len(found.capsules)
    out.tell(text("{count} model", "{count} models", count=count))
    return 0
