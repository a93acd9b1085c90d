"""The part of ``genfix probe`` that measures how likely texts are, and what its exit code says of it."""

from genfix.api.likelihood import LikelihoodReport, measure_likelihood
from genfix.api.probing import Subject
from genfix.cli.bar import progress_bar
from genfix.cli.likelihood_options import Likelihood
from genfix.cli.output import Output
from genfix.errors import InputError, ProbeError
from genfix.probe.probe_values import Limits

_INTERRUPTED = 130


def refuse_likelihood(asked: Likelihood, *, compared: bool, other: bool) -> None:
    """Raise `InputError` for options that mean nothing together, before anything is asked.

    ``compared`` says whether there is another model, ``other`` whether something else is measured.
    """
    if asked.max_bits_increase is not None and not compared:
        raise InputError("--max-bits-increase has nothing to compare with", "name the base with --against")
    if asked.skip_prompts and not asked.wanted and not other:
        raise InputError("without prompts there is nothing to measure", "add --likelihood or --tasks")


def run_likelihood(
    asked: Likelihood, subject: Subject, against: Subject | None, limits: Limits, out: Output
) -> LikelihoodReport:
    """Measure it, and show on a terminal how far it is."""
    with progress_bar(None, quiet=out.quiet, label=out.aside.text("texts")) as bar:

        def tell(done: int, total: int) -> None:
            bar.step(f"{done}/{total}")

        return measure_likelihood(subject, against=against, texts=asked.texts, limits=limits, progress=tell)


def end_likelihood(report: LikelihoodReport, asked: Likelihood, out: Output) -> int:
    """The exit code: 1 where texts became less likely than is allowed.

    Raises `ProbeError` where texts are missing, or the limit cannot be held against anything.
    """
    if report.interrupted:
        out.say(out.aside.text("interrupted: this is what was answered by then"))
        return _INTERRUPTED
    runs = [one for one in (report.run, report.against) if one is not None]
    if report.failure is not None:
        raise ProbeError(
            "some texts were not scored, and the bits are of the others: {detail}",
            "look at the server's own log; --timeout and --retries may help",
            detail=report.failure.detail,
        )
    if any(one.late for one in runs):
        raise ProbeError("not all texts were scored in time", "raise --time-limit")
    most, change = asked.max_bits_increase, report.change
    if most is None:
        return 0
    if change is None:
        raise ProbeError(
            "--max-bits-increase cannot be held against anything: {why}",
            "serve both with vLLM, SGLang or llama-cpp-python, or run the folders (--engine transformers)",
            why=report.verdict[0],
        )
    if change.value > most:
        out.say(
            out.aside.text(
                "a character takes {change} bits more: above --max-bits-increase {most}",
                change=f"{change.value:.3f}",
                most=f"{most:g}",
            )
        )
        return 1
    return 0
