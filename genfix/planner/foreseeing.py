"""What a plan would leave out, told without making one."""

from collections.abc import Callable, Collection, Sequence

from genfix.planner.trials import Job, settle
from genfix.rules import Applicability, Context, Finding


def foreseen(
    context: Context,
    found: Sequence[Finding],
    *,
    wanted: Callable[[str], bool] = lambda _: True,
    known: Collection[tuple[str, str, str]] = (),
) -> tuple[Finding, ...]:
    """``found`` on ``context``; where `make_plan` would leave a safe fix out, it is none, and says why.

    The folder is judged once more, as it would be.
    """
    job = job_of(context, found, wanted, known)
    left = {finding.key: finding.fix for finding in settle(job).remaining}
    return tuple(
        finding._replace(fix=left[finding.key])
        if job.asks_for(finding, {}) and finding.key in left
        else finding
        for finding in found
    )


def job_of(
    first: Context,
    found: Sequence[Finding],
    wanted: Callable[[str], bool],
    known: Collection[tuple[str, str, str]],
    *,
    unsafe_fixes: bool = False,
) -> Job:
    """What is to be tried on ``first``, of which ``found`` is ``known`` as it may be."""
    classes = frozenset([Applicability.SAFE] + [Applicability.UNSAFE] * unsafe_fixes)
    aside = frozenset(known)
    before = tuple(finding for finding in found if finding.key not in aside)
    return Job(first, before, classes, wanted, aside, first.engine_views)
