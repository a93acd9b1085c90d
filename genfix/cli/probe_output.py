"""What ``genfix probe`` does: runs it, shows how far it is, prints and writes the report."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from genfix.api.probing import ProbeReport, Subject, probe_model
from genfix.cli.failing import behind_report
from genfix.cli.likelihood_options import NO_LIKELIHOOD, Likelihood
from genfix.cli.likelihood_run import end_likelihood, refuse_likelihood, run_likelihood
from genfix.cli.output import Output
from genfix.cli.probe_around import ask_around, refuse_around
from genfix.cli.probe_options import ProbeFormat
from genfix.cli.repairing_options import NO_REPAIR, NO_SERVER, Repairing, Serving
from genfix.cli.streams import write
from genfix.cli.task_options import NO_TASKS, TaskOptions
from genfix.cli.tasks_run import run_task_options
from genfix.errors import InputError, ProbeError
from genfix.message import Message, text
from genfix.probe.figures import percent
from genfix.probe.probe_values import Answer, Limits
from genfix.report.probe_text import probe_counts, probe_text, progress_line

_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """What the user asked for."""

    subject: Subject
    against: Subject | None
    prompts: Path | None
    limits: Limits
    temperature: float | None
    min_stop_rate: float
    output_format: ProbeFormat
    output: Path | None
    quality: bool = False
    kinds: tuple[str, ...] = ()
    min_pass_rate: float | None = None
    likelihood: Likelihood = NO_LIKELIHOOD
    tasks: TaskOptions = NO_TASKS
    repairing: Repairing = NO_REPAIR
    serving: Serving = NO_SERVER


class _Progress:
    """The bar on stderr; a terminal only."""

    def __init__(self, out: Output) -> None:
        stream = sys.stderr
        self.shown = stream is not None and stream.isatty() and not out.quiet
        self.style = out.aside
        self.done = self.stopped = 0

    def __call__(self, answer: Answer, total: int) -> None:
        self.done += 1
        self.stopped += answer.stopped
        if self.shown:
            write(sys.stderr, "\r" + progress_line(self.done, total, self.stopped, self.style))

    def clear(self) -> None:
        """Take the bar away, so that the next line starts clean."""
        if self.shown and self.done:
            write(sys.stderr, "\r" + " " * self.style.width + "\r")


def run_probe(asked: ProbeOptions, out: Output) -> int:
    """Probe, report, and say by the exit code whether enough answers stopped.

    Raises `ProbeError` behind the report where requests failed: the rates are then of the others only.
    """
    if asked.output_format is ProbeFormat.HTML and asked.output is None:
        raise InputError("an HTML page is not for a terminal", "name a file for it: -o probe.html")
    target, compared = asked.subject.target, asked.against is not None
    refuse_around(target, asked.repairing, asked.serving, against=compared)
    compared = compared or asked.repairing.repair is not None
    refuse_likelihood(asked.likelihood, compared=compared, other=bool(asked.tasks.tasks))
    if asked.output is not None:
        from genfix.applier.reports import check_report_place  # noqa: PLC0415 - few reports go to a file

        check_report_place(asked.output)
    report = ask_around(
        target,
        asked.repairing,
        asked.serving,
        lambda: measured(asked, out),
        lambda first: publish(first, asked, out),
        out,
    )
    return finish(report, asked, out)


def finish(report: ProbeReport, asked: ProbeOptions, out: Output) -> int:
    """Print or write the report, and return the exit code. Raises as `run_probe`."""
    out.notes(report.notes)
    publish(report, asked, out)
    with behind_report(out):
        code = 0 if asked.likelihood.skip_prompts else _exit(report, asked, out)
    if report.likelihood is None:
        return code
    is_alone = asked.against is None and report.against is None  # there was nothing to repair
    limit = asked.likelihood._replace(max_bits_increase=None) if is_alone else asked.likelihood
    return max(code, end_likelihood(report.likelihood, limit, out))


def measured(asked: ProbeOptions, out: Output) -> ProbeReport:
    """All that is asked of the model, once."""
    progress = _Progress(out)
    try:
        report = probe_model(
            asked.subject,
            against=asked.against,
            prompts=asked.prompts,
            quality=asked.quality,
            kinds=asked.kinds,
            limits=asked.limits,
            temperature=asked.temperature,
            progress=progress,
            skip_prompts=asked.likelihood.skip_prompts,
        )
    finally:
        progress.clear()
    if asked.likelihood.wanted and not report.interrupted:
        found = run_likelihood(asked.likelihood, asked.subject, asked.against, asked.limits, out)
        report = replace(report, likelihood=found)
    if asked.tasks.tasks and not report.interrupted:
        report = replace(
            report, tasks=run_task_options(asked.tasks, asked.subject, asked.against, asked.limits)
        )
    return report


def publish(report: ProbeReport, asked: ProbeOptions, out: Output) -> None:
    """Print the report, or write it to its file."""
    text = _written(report, asked.output_format, out, to_file=asked.output is not None)
    if asked.output is None:
        out.report(text)
        return
    from genfix.applier.reports import write_report  # noqa: PLC0415

    write_report(asked.output, (text + "\n").encode("utf-8", "backslashreplace"))
    out.say(*probe_counts(report, out.aside), out.aside.text("report: {path}", path=asked.output))


def _written(report: ProbeReport, output_format: ProbeFormat, out: Output, *, to_file: bool) -> str:
    if output_format is ProbeFormat.JSON:
        from genfix.report.json import dumps  # noqa: PLC0415 - only where it is asked for
        from genfix.report.probe_json import probe_json  # noqa: PLC0415

        return dumps(probe_json(report))
    if output_format is ProbeFormat.HTML:
        from genfix.report.probe_html import probe_html  # noqa: PLC0415

        return probe_html(report, out.aside.language)
    return probe_text(report, out.style._replace(color=False) if to_file else out.style, verbose=out.verbose)


def _exit(report: ProbeReport, asked: ProbeOptions, out: Output) -> int:
    summary = report.run.summary
    if report.interrupted:
        out.say(out.aside.text("interrupted: this is what was answered by then"))
        return _INTERRUPTED
    if report.failure is not None:
        failed = summary.failed + (report.against.summary.failed if report.against is not None else 0)
        raise ProbeError(
            text(
                "{count} request failed, and the rates are of the others: {detail}",
                "{count} requests failed, and the rates are of the others: {detail}",
                count=failed,
                detail=report.failure.detail,
            ),
            "look at the server's own log; --timeout, --retries and --concurrency may help",
        )
    if report.run.out_of_time:
        raise ProbeError(
            "only {answered} of {asked} prompts were answered in time",
            "raise --time-limit",
            answered=summary.answered,
            asked=summary.asked,
        )
    passes = report.run.passes
    thresholds = [(text("stop rate"), summary.stop_rate, "--min-stop-rate", asked.min_stop_rate)]
    if asked.min_pass_rate is not None:
        total = passes.total if passes is not None else None
        thresholds.append(
            (text("pass rate"), total.value if total else None, "--min-pass-rate", asked.min_pass_rate)
        )
    return max([_held(out, *one) for one in thresholds])


def _held(out: Output, name: Message, rate: float | None, option: str, least: float) -> int:
    """The exit code of one threshold."""
    if rate is not None and rate >= least:
        return 0
    out.say(
        out.aside.text(
            "{name} {rate}: below {option} {least}",
            name=name,
            rate=text("no answer") if rate is None else percent(rate),
            option=option,
            least=percent(least),
        )
    )
    return 1
