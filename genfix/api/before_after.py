"""`probe_around`: the same questions before and after a change, and what it changed."""

from collections.abc import Callable
from dataclasses import replace

from genfix.api.likelihood import compare_likelihood
from genfix.api.probing import ProbeReport, judged
from genfix.api.tasks import compare_reports
from genfix.probe.measuring import compare
from genfix.probe.quality.pass_rates import compare_passes


def probe_around(ask: Callable[[], ProbeReport], change: Callable[[], bool]) -> ProbeReport:
    """Ask, change, ask again, and compare; the report's ``against`` is what was before.

    Args:
        ask: Probes the model, and sees to it that it is up.
        change: Repairs the folder, and gives back whether anything was changed; where nothing was, the first
            report is all.

    """
    before = ask()
    cut_off = before.interrupted or (before.likelihood is not None and before.likelihood.interrupted)
    if cut_off or not change():
        return before
    return before_and_after(before, ask())


def before_and_after(before: ProbeReport, after: ProbeReport) -> ProbeReport:
    """Two reports of one model as one that compares them."""
    asked = before.run.summary.asked
    compared = compare(before.run.measures, after.run.measures) if asked else None
    passes = compare_passes(before.run.passes, after.run.passes) if asked else None
    first, second = before.likelihood, after.likelihood
    old, new = before.tasks, after.tasks
    return replace(
        after,
        against=replace(before.run, label=f"{before.run.label} (before)"),
        comparison=compared,
        verdict=judged(compared, passes),
        passes=passes,
        notes=tuple(dict.fromkeys((*before.notes, *after.notes))),
        likelihood=None if first is None or second is None else compare_likelihood(second, first),
        tasks=new if old is None or new is None else compare_reports(new, old.run),
    )
