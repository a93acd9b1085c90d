"""`check`: the verb that only looks."""

from collections.abc import Mapping
from typing import NamedTuple, Unpack

from genfix.api.keywords import CheckOptions
from genfix.api.named_engines import named_engines
from genfix.api.opening import OpenedModels, known_keys, open_models, selection, unmatched_notes
from genfix.display import in_notebook, printed
from genfix.engines import EngineView
from genfix.message import Message, text
from genfix.resolver import names_gguf
from genfix.resolver.case import Case, ModelLocation
from genfix.rules import Applicability, Context, Finding, judge
from genfix.rules.core.coverage import Coverage, coverage


class Report(NamedTuple):
    """What `check` found."""

    target: str
    """The folder as the caller wrote it, or ``hf://org/name@commit``."""
    base: str | None
    """The base's path, or ``org/name@commit``; `None` where the folder was judged alone."""
    findings: tuple[Finding, ...]
    """Worst first; a fix that `repair` would leave out is none here, and says why."""
    context: Context
    """What was judged, and against what."""
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the judgement came about, a sentence each."""
    known: tuple[Finding, ...] = ()
    """What was found as well, and stands in the baseline: it counts for nothing."""
    suggested_base: str | None = None
    """What to name as the base, where none was named and the folder, this machine or the catalogue knows
    one."""

    @property
    def views(self) -> Mapping[str, EngineView]:
        """What every engine does with the folder, by its name."""
        return self.context.engine_views

    @property
    def base_views(self) -> Mapping[str, EngineView]:
        """What they do with the base; empty without one."""
        return self.context.of_base.engine_views if self.context.of_base is not None else {}

    @property
    def coverage(self) -> Coverage:
        """By which witnesses the folder was judged, and what none of them could tell."""
        return coverage(self.context)

    def __repr__(self) -> str:
        return f"<Report on {self.target}: {len(self.findings)} findings>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)


def check(
    target: ModelLocation, base: ModelLocation | None = None, **options: Unpack[CheckOptions]
) -> Report:
    """Judge the model folder ``target``, against ``base`` where one is named. Nothing is written.

    Args:
        target: The merged model's folder, or ``hf://org/name[@revision]``: a Hub repo, judged without cloning
            it.
        base: The model it was made from: a folder, a capsule, ``org/name[@revision]`` on the Hugging Face
            Hub, ``ms://org/name[@revision]`` on ModelScope, or ``auto``: what the folder itself names.
        options: As `CheckOptions` describes them.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to judge or the base is not usable, and 3
            (`RefusedError`) where the base is not the base of this folder.

    """
    return check_case(Case(target, base, **options))


def check_case(case: Case, opened: OpenedModels | None = None) -> Report:
    """As `check`; ``opened`` are the models where the caller has opened them already."""
    if names_gguf(case.target):
        return _of_gguf(case)
    wanted = selection(case)
    accepted, engines = known_keys(case, wanted), named_engines(case)
    opened = opened or open_models(case)
    context = Context(opened.merged, opened.base, opened.adapter, engines=engines)
    found = tuple(finding for finding in judge(context) if wanted(finding.code))
    if any(finding.fix is not None and finding.fix.applicability is Applicability.SAFE for finding in found):
        from genfix.planner.foreseeing import foreseen  # noqa: PLC0415 - a folder with nothing to repair does not wait

        found = foreseen(context, found, wanted=wanted, known=accepted)
    known = tuple(finding for finding in found if finding.key in accepted)
    return Report(
        target=str(opened.merged.folder.origin),
        base=str(opened.base.folder.origin) if opened.base is not None else None,
        findings=tuple(finding for finding in found if finding.key not in accepted),
        context=context,
        notes=(*opened.notes, *_proven(context), *unmatched_notes(case, accepted, known)),
        known=known,
        suggested_base=opened.suggested,
    )


def _of_gguf(case: Case) -> Report:
    from genfix.api.gguf_verbs import check_gguf  # noqa: PLC0415 - a folder needs none of it

    found = check_gguf(case)
    base = found.opened.base
    return Report(
        target=str(found.context.merged.folder.origin),
        base=str(base.folder.origin) if base is not None else None,
        findings=found.findings,
        context=found.context,
        notes=found.notes,
        known=found.known,
        suggested_base=found.opened.suggested,
    )


def _proven(context: Context) -> tuple[Message, ...]:
    """That the adapter is in the weights, where the rules asked."""
    if context.adapter is None or context.base is None or "proof" not in vars(context):
        return ()
    from genfix.weights.merge_proof import Verdict  # noqa: PLC0415 - few folders have an adapter
    from genfix.weights.merge_replay import Kind  # noqa: PLC0415

    proof = context.proof
    if proof is None or proof.verdict is not Verdict.MERGED:
        return ()
    have = len(proof.labels(Kind.HAS))
    return (
        text(
            "the adapter is in the weights as it says: {count} of {total} matrices were looked at",
            count=have,
            total=proof.total,
        ),
    )
