"""`repair` of several models on the Hub: for each a pull request or a commit, with all its files or none."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genfix.api.changing import plan_case
from genfix.api.publishing import Published, check_publishable, publish
from genfix.cli.exits import exit_code
from genfix.cli.hub_options import Anywhere, OnHub
from genfix.cli.many import run_many
from genfix.cli.many_sinks import Verb, sink_of
from genfix.cli.next_lines import on_hub, undo_line
from genfix.cli.on_hub import check_how, landed
from genfix.cli.output import Output
from genfix.cli.planning import Ending
from genfix.json_types import JsonValue
from genfix.language import Language
from genfix.message import text
from genfix.planner.plan import Plan
from genfix.report.hub_report import commit_text, published_json
from genfix.report.outcome import Outcome, of_plan, of_repair
from genfix.report.whole_texts import plan_report, repair_report
from genfix.resolver import hub_spec
from genfix.resolver.case import Case
from genfix.zoo.model_folders import Named


class _Sent(NamedTuple):
    """What became of one model."""

    plan: Plan
    published: Published | None
    """`None` where nothing was to be changed."""

    @property
    def is_done(self) -> bool:
        """Whether the Hub has it."""
        return self.published is not None and self.published.receipt is not None


def many_publishes(
    named: Named,
    cases: Sequence[Case],
    endings: Sequence[Ending],
    out: Output,
    place: Path | None,
    how: OnHub,
    *,
    dry_run: bool,
) -> int:
    """Repair every model on the Hub, each by itself.

    Raises `InputError`, before anything is asked of the Hub, where one is none.
    """
    check_how(how)
    for case in cases:
        hub_spec(case.target)

    sent: list[str] = []

    def run(case: Case) -> _Sent:
        check_publishable(case.target, offline=case.offline, dry_run=dry_run)
        made = plan_case(case)
        done = publish(
            made,
            target=case.target,
            push=how.push,
            dry_run=dry_run,
            offline=case.offline,
            state_dir=case.state_dir,
        )
        if done is not None and done.receipt is not None:
            sent.append(str(case.target))
        return _Sent(made, done)

    def code(one: _Sent, number: int) -> int:
        ending = endings[number]
        if one.published is not None and (not one.is_done or ending.fail_on_fix):
            return 1
        return exit_code(one.plan.remaining, ending.fail_on)

    verb = Verb("repair", run, code, _outcome, _body, _document, _page)
    ended = run_many(verb, cases, out, sink_of(verb, out, place, named.targets), named.notes)
    if sent:
        line = on_hub(undo_line(Anywhere(sent[0], cases[0].state_dir)))
        out.tell(text("to take one back, for example: {command}", command=line))
    return ended


def _outcome(sent: _Sent) -> Outcome:
    return of_repair(sent.plan) if sent.is_done or sent.published is None else of_plan(sent.plan)


def _body(sent: _Sent, out: Output) -> str:
    done = sent.published
    if done is None:
        return repair_report(sent.plan, out.style, verbose=out.verbose)
    if done.receipt is None:
        planned = plan_report(sent.plan, out.style, verbose=out.verbose)
        return f"{planned}\n\n{commit_text(done.commit, out.style)}"
    said = map(out.style.words, (*done.notes, landed(done, done.receipt)))
    return "\n".join([repair_report(sent.plan, out.style, verbose=out.verbose), "", *said])


def _document(sent: _Sent) -> JsonValue:
    return published_json(sent.plan, sent.published)


def _page(sent: _Sent, case: Case, language: Language) -> str:
    from genfix.report.html import plan_page  # noqa: PLC0415 - only for pages

    del case
    return plan_page(sent.plan, done=sent.is_done, commands={}, lang=language)
