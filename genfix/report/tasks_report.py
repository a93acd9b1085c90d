"""Tasks of lm-evaluation-harness: for a terminal, and for machines."""

from collections.abc import Iterator

from genfix.api.tasks import TaskReport
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.probe.benchmarks import TaskRun, TaskScore
from genfix.report.style import Style


def tasks_text(report: TaskReport, style: Style) -> list[str]:
    """A line per metric."""
    title = text("lm-evaluation-harness {version}", version=report.run.version)
    return [style.mark(style.words(title), "bold"), *(f"    {style.words(row)}" for row in task_rows(report))]


def task_rows(report: TaskReport) -> Iterator[Message]:
    """What each task gave, and what it gives against the other model."""
    others = {} if report.against is None else {(one.task, one.metric): one for one in report.against.scores}
    changes = {(one.task, one.metric): one for one in report.differences}
    for one in report.run.scores:
        key = (one.task, one.metric)
        name = f"{one.task} {one.metric}"
        other, change = others.get(key), changes.get(key)
        if other is None:
            yield text(
                "{task}: {value} ({count} question)",
                "{task}: {value} ({count} questions)",
                task=name,
                value=_with_error(one),
                count=one.questions,
            )
        elif change is None:
            yield text(
                "{task}: {value}, against {other}",
                task=name,
                value=_with_error(one),
                other=_with_error(other),
            )
        else:
            yield text(
                "{task}: {value}, against {other}: {change} ({low} to {high})",
                task=name,
                value=_with_error(one),
                other=_with_error(other),
                change=f"{change.value:+.4f}",
                low=f"{change.low:+.4f}",
                high=f"{change.high:+.4f}",
            )


def _with_error(one: TaskScore) -> str:
    return f"{one.value:.4f}" if one.error is None else f"{one.value:.4f} ± {one.error:.4f}"


def tasks_json(report: TaskReport) -> JsonValue:
    """The key ``tasks`` of the report."""
    return {
        "harness": report.run.version,
        "run": _scores(report.run),
        "against": _scores(report.against) if report.against is not None else None,
        "differences": [{**one._asdict()} for one in report.differences],
    }


def _scores(run: TaskRun) -> JsonValue:
    return [{**one._asdict()} for one in run.scores]
