"""`measure_likelihood`: how likely a model finds known texts, alone or beside another model."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from genfix.api.opening import whole_folder
from genfix.api.probing import Subject, refuse, subject_of
from genfix.errors import ProbeError
from genfix.message import Message, message, text
from genfix.model import Model
from genfix.probe.endpoint import ExchangeError, is_url
from genfix.probe.likelihood.bits import (
    ALL,
    Agreement,
    Change,
    Group,
    Place,
    agreement_of,
    groups_of,
    places_of,
)
from genfix.probe.likelihood.completion_scoring import score_on_server
from genfix.probe.likelihood.local_scoring import Outcome, score_in_engine
from genfix.probe.likelihood.pointers import judge
from genfix.probe.likelihood.scored_texts import TEXTS_VERSION, Text, built_in_texts, in_words, read_texts
from genfix.probe.likelihood.token_scores import ScoredText
from genfix.probe.local_engine import LocalEngine
from genfix.probe.probe_run import FATAL, find_model
from genfix.probe.probe_values import Failure, FailureKind, Limits
from genfix.probe.server import Server, api_key
from genfix.probe.watch import Watch
from genfix.resolver import open_target

_EARLY: Final = 3
"""So many texts without one that is scored end the run."""


@dataclass(frozen=True, slots=True)
class LikelihoodRun:
    """One model's texts, scored."""

    label: str
    scored: tuple[ScoredText, ...]
    failure: Failure | None = None
    """Why a text is missing; `None` where none is, or where the server does not take such requests."""
    refusal: Message | None = None
    """Why it gives no log probabilities, where it gives none; or why it took none of some texts."""
    interrupted: bool = False
    late: bool = False
    """Whether the time was up before all were scored."""

    @property
    def bos(self) -> bool | None:
        """Whether a BOS stood before the texts; `None`: not known."""
        return next((one.bos for one in self.scored), None)


@dataclass(frozen=True, slots=True)
class LikelihoodReport:
    """What is known of how likely texts are."""

    run: LikelihoodRun
    against: LikelihoodRun | None
    groups: tuple[Group, ...]
    """All texts first, then by language and by kind; empty where nothing was scored."""
    places: tuple[Place, ...]
    agreement: Agreement | None
    verdict: tuple[Message, ...]
    """What the numbers say, and what they point to."""
    texts: str | Message
    """Which texts: ``built-in version 1``, and a file of the user's own."""

    @property
    def change(self) -> Change | None:
        """The difference in bits per character over all texts; `None` where there is nothing to compare."""
        return next((group.change for group in self.groups if group.name == ALL), None)

    @property
    def interrupted(self) -> bool:
        """Whether it was ended by Ctrl-C."""
        return self.run.interrupted or (self.against is not None and self.against.interrupted)

    @property
    def failure(self) -> Failure | None:
        """Why a text is missing."""
        return self.run.failure or (self.against.failure if self.against is not None else None)


def measure_likelihood(
    target: str | os.PathLike[str] | Subject,
    *,
    against: str | os.PathLike[str] | Subject | None = None,
    texts: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LikelihoodReport:
    """Ask a model how likely it finds texts in English and Chinese, in bits per character. Nothing is
    written.

    Args:
        target: A server's URL or a folder; with a folder, an engine is needed: `Subject`.
        against: Another model on the same texts, such as the base.
        texts: A file with texts of the user's own, besides those that ship with genfix.
        limits: On time and retries. The time is for both models together.
        progress: Called with how many texts are done, and how many there are.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to ask, or the first requests all fail. A
            server that gives no log probabilities is no error: the report says so.

    """
    bounds = limits or Limits()
    own = () if texts is None else read_texts(Path(texts))
    subjects = [subject_of(one) for one in (target, against) if one is not None]
    for one in subjects:
        refuse(one)
    asked = in_words((*built_in_texts(), *own), _model(subjects[0]))
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(asked) * len(subjects))

    runs: list[LikelihoodRun] = []
    until = time.monotonic() + bounds.total_seconds
    for left, one in zip(range(len(subjects), 0, -1), subjects, strict=True):
        share = replace(bounds, total_seconds=max(0.1, until - time.monotonic()) / left)
        runs.append((_on_server if is_url(one.target) else _in_engine)(one, asked, share, tell))
        if runs[-1].interrupted or not runs[-1].scored:
            break
    builtin = text("built-in version {version}", version=TEXTS_VERSION)
    return _report(
        runs, builtin if texts is None else text("{set}, {file}", set=builtin, file=os.fspath(texts))
    )


def compare_likelihood(run: LikelihoodReport, against: LikelihoodReport) -> LikelihoodReport:
    """Two models that were measured alone, beside each other."""
    other = replace(against.run, label=f"{against.run.label} (before)")
    return _report([run.run, other], run.texts)


def _report(runs: list[LikelihoodRun], texts: str | Message) -> LikelihoodReport:
    run, other = runs[0], runs[1] if len(runs) > 1 else None
    theirs = other.scored if other is not None else None
    groups = groups_of(run.scored, theirs)
    agreement = agreement_of(run.scored, theirs) if theirs is not None else None
    silent = [one for one in runs if not one.scored and one.refusal is not None]
    said = tuple(map(_unable, silent)) or judge(groups, run.scored, theirs, agreement)
    skipped = (_left_out(one) for one in runs if one.scored and one.refusal is not None)
    places = places_of(run.scored, theirs)
    return LikelihoodReport(run, other, groups, places, agreement, (*said, *skipped), texts)


def _unable(run: LikelihoodRun) -> Message:
    return message(
        "likelihood-not-given",
        "how likely texts are cannot be told: {model} gives no log probabilities of them ({why})",
        model=run.label,
        why=run.refusal or "",
    )


def _left_out(run: LikelihoodRun) -> Message:
    return message(
        "likelihood-left-out",
        "{model} did not take all texts, a long one for example: {why}",
        model=run.label,
        why=run.refusal or "",
    )


def _model(subject: Subject) -> Model | None:
    """The folder whose chat template puts dialogues into words."""
    folder = subject.folder if is_url(subject.target) else subject.target
    return Model(whole_folder(open_target(folder), None)) if folder is not None else None


def _on_server(
    subject: Subject, texts: tuple[Text, ...], limits: Limits, tell: Callable[[], None]
) -> LikelihoodRun:
    server = Server(subject.target, subject.model, limits, key=api_key())
    outcomes: list[Outcome] = []
    label = server.place.label
    with Watch(time.monotonic() + limits.total_seconds) as watch:
        try:
            find_model(server, watch)
            for one in texts:
                outcomes.append(_outcome(server, one, watch))
                tell()
                if watch.over or _is_enough(outcomes):
                    break
        except KeyboardInterrupt:
            return _run(label, outcomes, interrupted=True)
        late = watch.over
    run = _run(label, outcomes, late=late)
    if run.failure is not None and not run.scored:
        raise server.explained(run.failure)
    return run


def _outcome(server: Server, one: Text, watch: Watch) -> Outcome:
    try:
        return score_on_server(server, one, watch)
    except ExchangeError as error:
        return error.failure


def _is_enough(outcomes: list[Outcome]) -> bool:
    """Whether asking on is of no use: nothing but refusals and failures, or a failure that stays."""
    failures = [one for one in outcomes if isinstance(one, Failure)]
    lasting = bool(failures) and failures[-1].kind in FATAL
    return lasting or (len(failures) == len(outcomes) >= _EARLY)


def _in_engine(
    subject: Subject, texts: tuple[Text, ...], limits: Limits, tell: Callable[[], None]
) -> LikelihoodRun:
    engine = LocalEngine(subject.engine or "", subject.python)
    folder = open_target(subject.target).root
    heard = score_in_engine(engine, folder, texts, limits, lambda _: tell())
    outcomes = [heard.found[one.id] for one in texts if one.id in heard.found]
    run = _run(subject.target, outcomes, interrupted=heard.interrupted, late=heard.late)
    if run.failure is not None and not run.scored:
        raise ProbeError(run.failure.detail, "does the folder load? see genfix engines")
    return run


def _run(
    label: str, outcomes: list[Outcome], *, interrupted: bool = False, late: bool = False
) -> LikelihoodRun:
    failures = [one for one in outcomes if isinstance(one, Failure)]
    return LikelihoodRun(
        label,
        tuple(one for one in outcomes if not isinstance(one, Failure)),
        next((one for one in failures if one.kind.counts), None),
        next((one.detail for one in failures if one.kind is FailureKind.UNSUPPORTED), None),
        interrupted,
        late,
    )
