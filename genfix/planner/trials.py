"""Which of the fixes stand: each is tried on the folder with all others, and the result is judged again.

A fix that does not clear its own finding, makes something else wrong, or lets an engine do worse is left out,
and the others are made without it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from genfix.engines import ENGINES, EngineView, breaks, is_worse, read_eos
from genfix.folder import Folder, OverlayFolder
from genfix.message import Message, message
from genfix.model import Model
from genfix.planner.edits import Witnesses, run_round
from genfix.rules import Applicability, Context, Finding, Fix, Mend, Severity, StripBom, Witness, judge

Key: TypeAlias = tuple[str, str, str]
LeftOut: TypeAlias = Mapping[Key, Message]
"""By a finding's key, why its fix is not made."""

_MAX_ROUNDS: Final = 5
"""A mended or restored file can show what hid in it (a tokenizer, then the template's ends): two or three
rounds are common, and a fix that is still not stable after five is left out.
"""


class Job(NamedTuple):
    """What a plan is made from."""

    first: Context
    before: tuple[Finding, ...]
    """What is found on the folder as it is, less what is wrong and known."""
    classes: frozenset[Applicability]
    wanted: Callable[[str], bool]
    known: frozenset[Key]
    views: Mapping[str, EngineView]
    """What every engine does with the folder as it is."""

    @property
    def merged(self) -> Folder:
        """The folder to repair."""
        return self.first.merged.folder

    @property
    def witnesses(self) -> Witnesses:
        """The models that files and fields may be taken from."""
        models = {Witness.BASE: self.first.base, Witness.ADAPTER: self.first.adapter}
        return {witness: model for witness, model in models.items() if model is not None}

    def judge(self, context: Context) -> tuple[Finding, ...]:
        """What counts of the findings."""
        return tuple(f for f in found_on(context, self.wanted) if f.key not in self.known)

    def context(self, folder: Folder) -> Context:
        """``folder`` in the place of the merged one."""
        merged = Model(folder, before=self.first.merged)
        return Context(merged, self.first.base, self.first.adapter, earlier=self.first)

    def asks_for(self, finding: Finding, left_out: LeftOut) -> bool:
        """Whether the finding's fix is to be made."""
        fix = finding.fix
        return fix is not None and fix.applicability in self.classes and finding.key not in left_out


class Attempt(NamedTuple):
    """The result of all fixes but those left out."""

    last: Context
    views: Mapping[str, EngineView]
    after: tuple[Finding, ...]
    applied: tuple[Finding, ...]
    begun: tuple[Key, ...]
    """The findings any of whose operations ran, in order."""
    overlay: Mapping[str, bytes | None]
    codes: Mapping[str, list[str]]
    restored: Mapping[str, Witness]
    uncovered: frozenset[Key]
    """Findings that were there all along, in files that could not be read before."""
    left_out: LeftOut
    """With those whose operations the files do not allow."""

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """What is found afterwards: one whose fix was left out has none any more, and says why."""
        return tuple(
            finding._replace(fix=Fix.manual(self.left_out[finding.key]))
            if finding.key in self.left_out
            else finding
            for finding in self.after
        )


class _Objection(NamedTuple):
    """What is wrong with a planned result."""

    reason: Message
    culprit: Key | None = None
    """The finding whose fix it is that failed, where that is known."""


def found_on(context: Context, wanted: Callable[[str], bool]) -> tuple[Finding, ...]:
    """The findings of the rules that count."""
    return tuple(finding for finding in judge(context) if wanted(finding.code))


def settle(job: Job) -> Attempt:
    """The result of all fixes that stand.

    What was left out is tried once more on the result, as the next repair would: beside other fixes it was
    made for a folder that is no more.
    """
    attempt = _stable(job)
    for _ in range(_MAX_ROUNDS):
        if not (attempt.left_out and attempt.overlay):
            break
        again = _stable(job._replace(first=attempt.last, before=attempt.after, views=attempt.views))
        attempt = _joined(attempt, again)
        if not again.overlay:
            break
    return attempt


def _joined(one: Attempt, other: Attempt) -> Attempt:
    """``other``, which began where ``one`` ended, and what was done before."""
    codes = {
        name: [*one.codes.get(name, ()), *other.codes.get(name, ())] for name in {**one.codes, **other.codes}
    }
    return other._replace(
        applied=one.applied + other.applied,
        begun=one.begun + other.begun,
        overlay={**one.overlay, **other.overlay},
        codes=codes,
        restored={**one.restored, **other.restored},
        uncovered=one.uncovered | other.uncovered,
    )


def _stable(job: Job) -> Attempt:
    """The result of all fixes to which nothing objects."""
    attempt = _attempt(job, {})
    while objections := tuple(_objections(job, attempt)):
        attempt = _attempt(job, {**attempt.left_out, **_culprits(job, attempt, objections)})
    return attempt


def _attempt(job: Job, left_out: LeftOut) -> Attempt:
    """Run all fixes that are not left out."""
    out = dict(left_out)
    context, found = job.first, job.before
    overlay: dict[str, bytes | None] = {}
    codes: dict[str, list[str]] = {}
    restored: dict[str, Witness] = {}
    applied: list[Finding] = []
    begun: dict[Key, None] = {}
    uncovered: set[Key] = set()
    folder = job.merged
    for _ in range(_MAX_ROUNDS):
        to_fix = [finding for finding in found if job.asks_for(finding, out)]
        # What a broken file of the folder says comes first: till then its template or tokens only seem lost.
        mends = [finding for finding in to_fix if _is_mend(finding)]
        outcome = run_round(folder, job.witnesses, mends or to_fix)
        out |= outcome.failed
        applied += outcome.applied
        begun |= dict.fromkeys(outcome.begun)
        if not (outcome.files or outcome.failed):
            break
        overlay |= outcome.files
        restored |= outcome.restored
        for name, touched in outcome.codes.items():
            codes.setdefault(name, []).extend(touched)
        folder = OverlayFolder(job.merged, overlay)
        context = job.context(folder)
        found = job.judge(context)
        if mends:
            uncovered |= {finding.key for finding in found}
    views = context.engine_views
    return Attempt(
        context,
        views,
        found,
        tuple(applied),
        tuple(begun),
        overlay,
        codes,
        restored,
        frozenset(uncovered),
        out,
    )


def _is_mend(finding: Finding) -> bool:
    """Whether the fix only makes a file of the folder readable, and changes nothing of what it says."""
    operations = finding.fix.operations if finding.fix is not None else ()
    return all(isinstance(operation, StripBom | Mend) for operation in operations)


def _objections(job: Job, attempt: Attempt) -> Iterator[_Objection]:
    """What is wrong with the planned result; none where it may be shown."""
    for key in attempt.begun:
        if key in attempt.left_out:  # an earlier round made a part of it
            yield _Objection(attempt.left_out[key], key)
    done = {finding.key for finding in attempt.applied} - attempt.left_out.keys()
    for finding in attempt.after:
        if finding.key in done or job.asks_for(finding, attempt.left_out):
            still = message(
                "objection-not-cleared",
                "its fix was left out: {code} on {file} would still be found",
                code=finding.code,
                file=finding.file,
            )
            yield _Objection(still, finding.key)
    known = {finding.key for finding in job.before} | attempt.uncovered
    for finding in attempt.after:
        if finding.severity is not Severity.INFO and finding.key not in known:
            yield _Objection(
                message(
                    "objection-new-finding",
                    "its fix was left out: it would cause {code} on {file}",
                    code=finding.code,
                    file=finding.file,
                )
            )
    if attempt.last is job.first:
        return
    words = _words(job.first)
    for name, view in attempt.views.items():
        harms = is_worse if name in ENGINES else breaks
        # what the base cannot do either is no harm: its file needs code, say, that it never had
        own = tuple(problem for problem in view.problems if not job.first.has_base_problem(problem))
        had = tuple(stop for stop in job.views[name].stop_token_ids if stop not in words)
        before, after = job.views[name]._replace(stop_token_ids=had), view._replace(problems=own)
        if harms(before, after, attempt.last.end_ids):
            yield _Objection(
                message("objection-worse-view", "its fix was left out: {engine} would do worse", engine=name)
            )


def _words(context: Context) -> frozenset[int]:
    """Stop ids that are ordinary vocabulary and in no file: a config class takes them by default, for the
    tokenizer it was written for. To stop there no more is no loss.
    """
    merged = context.merged
    if not merged.tokenizer.is_known:
        return frozenset()
    parts = (merged.config, merged.text_config, merged.generation_config.value or {})
    stated = {context.eos_id, *(stop for part in parts for stop in read_eos(part).ids)}
    ids = {stop for view in context.views.values() for stop in view.stop_token_ids}
    return frozenset(stop for stop in ids - stated if merged.tokenizer.text(stop) is None)


def _culprits(job: Job, attempt: Attempt, objections: tuple[_Objection, ...]) -> LeftOut:
    """The fixes to leave out: the one without which the plan stands, the least harmful finding's first; those
    that did not clear their own finding; else all that do not stand beside the others.
    """
    keys = [key for key in reversed(attempt.begun) if key not in attempt.left_out]
    reason = objections[0].reason
    for key in keys if len(keys) > 1 else ():
        if _refusal(job, {**attempt.left_out, key: reason}) is None:
            return {key: reason}
    own = {objection.culprit: objection.reason for objection in objections if objection.culprit is not None}
    if own:
        return own
    out = dict.fromkeys(keys, reason)
    for key in reversed(keys):
        rest = {other: why for other, why in out.items() if other != key}
        refused = _refusal(job, {**attempt.left_out, **rest})
        out = rest if refused is None else out | {key: refused}
    return out


def _refusal(job: Job, left_out: LeftOut) -> Message | None:
    """Why the plan without these fixes does not stand."""
    return next((objection.reason for objection in _objections(job, _attempt(job, left_out))), None)
