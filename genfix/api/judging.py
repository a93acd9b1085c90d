"""`check`: the verb that only looks."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from genfix.api.location import ModelLocation
from genfix.api.opening import known_keys, open_models, selection, unmatched_notes
from genfix.engines import EngineView
from genfix.folder import Progress
from genfix.message import Message
from genfix.model import Model
from genfix.rules import Context, Finding, judge


class Report(NamedTuple):
    """What `check` found."""

    target: str
    """The folder as the caller wrote it, or ``hf://org/name@commit``."""
    base: str | None
    """The base's path, or ``org/name@commit``; `None` where the folder was judged alone."""
    findings: tuple[Finding, ...]
    """Worst first."""
    context: Context
    """What was judged, and against what."""
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the judgement came about, a sentence each."""
    known: tuple[Finding, ...] = ()
    """What was found as well, and stands in the baseline: it counts for nothing."""

    @property
    def views(self) -> Mapping[str, EngineView]:
        """What every engine does with the folder, by its name."""
        return _views(self.context.merged)

    @property
    def base_views(self) -> Mapping[str, EngineView]:
        """What they do with the base; empty without one."""
        return _views(self.context.base) if self.context.base is not None else {}


def _views(model: Model) -> Mapping[str, EngineView]:
    from genfix.engines.every import every_view  # noqa: PLC0415 - a judgement does not wait for them

    return every_view(model)


def check(
    target: ModelLocation,
    base: ModelLocation | None = None,
    *,
    adapter: ModelLocation | None = None,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    offline: bool = False,
    allow_base_mismatch: bool = False,
    baseline: ModelLocation | None = None,
    state_dir: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge the model folder ``target``, against ``base`` where one is named. Nothing is written.

    Args:
        target: The merged model's folder, or ``hf://org/name[@revision]``: a Hub repo, judged without cloning it.
        base: The model it was made from: a folder, a capsule, ``org/name[@revision]`` on the Hugging Face Hub,
            ``ms://org/name[@revision]`` on ModelScope, or ``auto``: what the folder itself names.
        adapter: The folder or Hub repo of the adapter that was merged; without one, that beside ``target`` is looked for.
        select: Codes, or beginnings of codes (``GF1``), of the rules that count; none: all.
        ignore: Codes, or beginnings of codes, of the rules that do not count.
        offline: Take a remote base from the caches only.
        allow_base_mismatch: Use a base that disagrees on architecture or token ids all the same.
        baseline: A file that names findings which shall not count (`write_baseline`).
        state_dir: Where backups live, if not in ``.cache/huggingface/genfix`` inside the folder.
        progress: Told while several files are fetched from the Hub: how many are here, of how many, and the last.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to judge or the base is not usable, and 3
            (`RefusedError`) where the base is not the base of this folder.

    """
    wanted = selection(select, ignore)
    accepted = known_keys(baseline, wanted)
    case = open_models(
        target,
        base,
        adapter=adapter,
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
        progress=progress,
    )
    context = Context(Model(case.folder), case.base, case.adapter)
    found = tuple(finding for finding in judge(context) if wanted(finding.code))
    known = tuple(finding for finding in found if finding.key in accepted)
    return Report(
        target=str(case.folder.origin),
        base=str(case.base.folder.origin) if case.base is not None else None,
        findings=tuple(finding for finding in found if finding.key not in accepted),
        context=context,
        notes=(*case.notes, *unmatched_notes(baseline, accepted, known)),
        known=known,
    )
