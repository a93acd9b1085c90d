"""The unit of work of a sweep: a function from tasks to answers, in whichever process it runs.

It needs nothing but its arguments and the disk, and writes nothing but what a repair writes.
"""

import threading
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from genfix.api.changing import apply, plan_case
from genfix.api.judging import check_case
from genfix.api.opening import open_models
from genfix.errors import BaseModelError, RefusedError, StorageError, as_genfix_error
from genfix.folder import STATE_FOLDER, LocalFolder
from genfix.model import Model
from genfix.model.provenance import base_hint
from genfix.resolver import existing_folder, is_address, names_gguf, open_target
from genfix.resolver.shared_work import SharedWork
from genfix.rules import Finding, Harm, Severity
from genfix.rules.core.harms import harm
from genfix.zoo.folder_digest import folder_digest
from genfix.zoo.judgement import Answer, Found, Judgement, Setup, Task
from genfix.zoo.known_verdicts import KnownVerdicts
from genfix.zoo.makers import maker_of
from genfix.zoo.time_limit import time_limit

_MOST_FINDINGS: Final = 200
_MOST_LETTERS: Final = 500
"""Of a message or a name that a stranger's folder chooses."""

_MAY_PASS: Final = (RefusedError, StorageError, BaseModelError)
"""What may be otherwise next time, though no file of the folder changes: locks, disks, networks."""
_HERE: Final = threading.local()
"""Has what a worker keeps, as ``kept``."""


def judge_folders(setup: Setup, tasks: Sequence[Task]) -> tuple[Answer, ...]:
    """An answer for each task, in order. Raises nothing for a folder."""
    return tuple(Answer(task, judge_folder(setup, task)) for task in tasks)


def judge_folder(setup: Setup, task: Task) -> Judgement | None:
    """What is to be known of one folder; `None` where the known judgement still holds."""
    started = time.monotonic()
    setup = setup.of(task.path)
    inputs = folder_digest(task.path, setup)
    if inputs and inputs == task.known:
        return None
    try:
        if setup.repair and not is_address(task.path):
            _recover(setup, task.path)
            inputs = folder_digest(task.path, setup)  # what a kill left half done is another folder now
        judgement = _judged(setup, task.path)
    except Exception as error:  # noqa: BLE001 - whatever a folder does, the others are judged
        known = as_genfix_error(error)
        state = "refused" if isinstance(known, RefusedError) else "failed"
        judgement = Judgement(task.path, "", state, message=_cut(known.message), hint=_cut(known.hint))
        if isinstance(known, _MAY_PASS):
            inputs = ""
    if judgement.state == "repaired":
        inputs = folder_digest(task.path, setup)
    return judgement._replace(inputs=inputs, seconds=round(time.monotonic() - started, 4))


def _recover(setup: Setup, path: str) -> None:
    from genfix import applier  # noqa: PLC0415 - a sweep that only looks does without

    folder = existing_folder(path)
    applier.remove_stale(folder)
    applier.recover(folder, state_dir=setup.state_dir)


class _Kept(NamedTuple):
    """What a worker keeps from one task to the next: facts, which any other worker would find alike."""

    shared: SharedWork
    verdicts: KnownVerdicts


def _judged(setup: Setup, path: str) -> Judgement:
    kept: _Kept | None = getattr(_HERE, "kept", None)
    if kept is None:
        kept = _HERE.kept = _Kept(SharedWork(), KnownVerdicts())
    case = setup.case(path)._replace(shared=kept.shared)
    if setup.repair and not is_address(path):
        with time_limit(setup.seconds):
            made = plan_case(case)
        receipt = apply(made, state_dir=setup.state_dir)  # all or none: no limit cuts it
        found = _with_names(_verdict(made.remaining), Model(open_target(path)))
        state = "repaired" if receipt is not None else "judged"
        transaction = receipt.id if receipt is not None else _newest(path, setup)
        return found._replace(path=path, state=state, base=made.base or "", transaction=transaction)
    if names_gguf(path):
        with time_limit(setup.seconds):
            report = check_case(case)
        found, base = _with_names(_verdict(report.findings), report.context.merged), report.base or ""
    else:
        with time_limit(setup.seconds):
            opened = open_models(case)
            base = str(opened.base.folder.origin) if opened.base is not None else ""
            verdict = kept.verdicts.of(opened, setup, lambda: _verdict(check_case(case, opened).findings))
            found = _with_names(verdict, opened.merged)
    return found._replace(path=path, base=base, transaction=_newest(path, setup))


def _verdict(findings: Sequence[Finding]) -> Judgement:
    """What follows from the findings: the same for each folder in which they are found."""
    numbers = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    return Judgement(
        "",
        "",
        "judged",
        worst=min(map(harm, findings), key=[*Harm].index, default=""),
        errors=numbers[Severity.ERROR],
        warnings=numbers[Severity.WARNING],
        infos=numbers[Severity.INFO],
        findings=tuple(map(_row, findings[:_MOST_FINDINGS])),
    )


def _with_names(verdict: Judgement, merged: Model) -> Judgement:
    """With what the folder says of itself."""
    return verdict._replace(
        named_base=_cut(base_hint(merged) or ""), made_by=maker_of(merged), model_type=_cut(merged.model_type)
    )


def _row(finding: Finding) -> Found:
    return Found(
        finding.code,
        finding.name,
        str(finding.severity),
        str(harm(finding)),
        _cut(finding.file),
        _cut(finding.pointer) if finding.pointer is not None else None,
        _cut(str(finding.message)),
        str(finding.fix.applicability) if finding.fix is not None else "",
    )


def _newest(path: str, setup: Setup) -> str:
    """The newest transaction on the folder: also of a sweep that was killed before it could say so."""
    if is_address(path):
        return ""
    folder = LocalFolder(existing_folder(path))
    if setup.state_dir is None and not (folder.root / STATE_FOLDER).is_dir():
        return ""
    from genfix import applier  # noqa: PLC0415 - few folders were ever changed

    receipts = applier.log(folder.root, state_dir=setup.state_dir)
    return receipts[-1].id if receipts else ""


def _cut(words: str) -> str:
    return words if len(words) <= _MOST_LETTERS else f"{words[: _MOST_LETTERS - 1]}…"
