"""`probe_model`: prompts put to a running model or to a folder, and what its answers show."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from genfix.api.opening import whole_folder
from genfix.display import in_notebook, printed
from genfix.errors import InputError, ProbeError
from genfix.message import Message, text
from genfix.model import Model
from genfix.probe.diagnosis import Files, diagnose, files_of, judge_comparison
from genfix.probe.endpoint import is_url
from genfix.probe.local_engine import LOCAL_SEED, LocalEngine, run_folder
from genfix.probe.markers import Markers, markers_of
from genfix.probe.measuring import Comparison, Summary, compare, measure, summarize
from genfix.probe.probe_run import AnswerRun, OnAnswer, ask_all
from genfix.probe.probe_values import Answer, Failure, LeakKind, Limits, Measure, Prompt
from genfix.probe.prompts import chosen_prompts
from genfix.probe.quality.model_setting import setting_of
from genfix.probe.quality.pass_rates import (
    PassComparison,
    PassRates,
    compare_passes,
    judge_passes,
    rate_answers,
)
from genfix.probe.quality.sampling import Sampling, ask_about_sampling, sampling_remarks
from genfix.probe.server import Server, api_key
from genfix.resolver import open_target

if TYPE_CHECKING:
    from genfix.api.likelihood import LikelihoodReport
    from genfix.api.tasks import TaskReport

_Target: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to be probed."""

    target: str
    """A server's URL, or a folder."""
    model: str | None = None
    """Its name on the server."""
    folder: str | None = None
    """The folder a server runs; a folder is its own."""
    engine: str | None = None
    """What runs a folder: ``transformers`` or ``mlx-lm``."""
    python: str | None = None
    """The interpreter that has it."""


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """One model's answers, measured."""

    label: str
    model: str | None
    engine: str
    """What answered, as far as it says; empty: not known."""
    measures: tuple[Measure, ...]
    summary: Summary
    diagnosis: tuple[Message, ...]
    interrupted: bool
    out_of_time: bool
    failure: Failure | None
    """The first failure of a request that counts."""
    sampling: Sampling
    passes: PassRates | None = None
    """How many answers are right; `None` where no prompt has a check."""

    def __repr__(self) -> str:
        """Short: it has all answers."""
        summary = self.summary
        return f"<ProbeRun of {self.label}: {summary.answered} of {summary.asked} answered>"


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a probe found."""

    run: ProbeRun
    against: ProbeRun | None
    """The model it is compared with."""
    comparison: Comparison | None
    verdict: tuple[Message, ...]
    """What the comparison tells and what not."""
    prompts: str | Message
    """Which set: ``built-in version 1``, or a file."""
    limits: Limits
    passes: PassComparison | None = None
    """Whether as many answers are right as of the other model."""
    notes: tuple[Message, ...] = field(default=())
    likelihood: "LikelihoodReport | None" = None
    """How likely it finds known texts, where that was asked for."""
    tasks: "TaskReport | None" = None
    """What tasks of lm-evaluation-harness gave, where they were asked for."""

    def __repr__(self) -> str:
        """Short: it has all answers."""
        return f"<ProbeReport: {self.run!r}{f', against {self.against!r}' if self.against else ''}>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)

    @property
    def interrupted(self) -> bool:
        """Whether it was ended by Ctrl-C; what was there by then is in it."""
        return self.run.interrupted or (self.against is not None and self.against.interrupted)

    @property
    def failure(self) -> Failure | None:
        """The first failed request."""
        return self.run.failure or (self.against.failure if self.against is not None else None)


def probe_model(
    target: _Target | Subject,
    *,
    against: _Target | Subject | None = None,
    prompts: _Target | None = None,
    quality: bool = False,
    kinds: Sequence[str] = (),
    limits: Limits | None = None,
    temperature: float | None = None,
    progress: Callable[[Answer, int], None] | None = None,
    skip_prompts: bool = False,
) -> ProbeReport:
    """Put prompts to a model, and measure whether and how its answers end. No file is written.

    Args:
        target: A server's URL or a folder; with a folder, an engine is needed: `Subject`.
        against: Another model on the same prompts, such as the base, or the same before the repair.
        prompts: A JSON Lines file; default: the set that ships with genfix.
        quality: Also put the prompts whose answers can be checked, and count those that are right.
        kinds: Of these the kinds named here only, such as ``json``; implies ``quality``.
        limits: On tokens, time, concurrency and retries. The time is for both models together.
        temperature: Default: the server's own, which is mostly the folder's.
        progress: Called with each answer as it comes, and with how many there will be.
        skip_prompts: Ask nothing, and give a report of nothing, to be filled by `measure_likelihood`.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to ask, or the first requests all fail.

    """
    bounds = limits or Limits()
    asked, label = chosen_prompts(Path(prompts) if prompts is not None else None, kinds, quality=quality)
    asked = () if skip_prompts else asked
    subjects = [subject_of(one) for one in (target, against) if one is not None]
    total = len(asked) * len(subjects)
    notes: list[Message] = []

    def tell(answer: Answer) -> None:
        if progress is not None:
            progress(answer, total)

    for one in subjects:
        refuse(one)
    runs = []
    until = time.monotonic() + bounds.total_seconds
    for left, one in zip(range(len(subjects), 0, -1), subjects, strict=True):
        share = replace(bounds, total_seconds=(until - time.monotonic()) / left)
        runs.append(_run(one, asked, share, temperature, tell, notes))
        if runs[-1].interrupted:
            break
    other = runs[1] if len(runs) > 1 else None
    compared = compare(other.measures, runs[0].measures) if other is not None and asked else None
    passes = compare_passes(other.passes, runs[0].passes) if other is not None and asked else None
    return ProbeReport(
        run=runs[0],
        against=other,
        comparison=compared,
        verdict=judged(compared, passes),
        prompts=label,
        limits=bounds,
        passes=passes,
        notes=tuple(notes),
    )


def judged(compared: Comparison | None, passes: PassComparison | None) -> tuple[Message, ...]:
    """What the comparisons tell and what not."""
    return (
        *(judge_comparison(compared) if compared is not None else ()),
        *(judge_passes(passes) if passes is not None else ()),
    )


def subject_of(target: _Target | Subject) -> Subject:
    """What is to be probed."""
    return target if isinstance(target, Subject) else Subject(os.fspath(target))


def refuse(subject: Subject) -> None:
    """Raise `InputError` for what cannot be probed, before anything is asked."""
    if is_url(subject.target):
        if subject.folder is not None:
            whole_folder(open_target(subject.folder), None)
        return
    whole_folder(open_target(subject.target), None)
    if subject.engine is None:
        raise InputError(
            "{target} is a folder, and nothing is named that runs it",
            "add --engine transformers or --engine mlx-lm, or name the URL of a server",
            target=subject.target,
        )


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came back, and from whom."""

    label: str
    model: str | None
    engine: str
    """The name of its view, where there is one."""
    version: str
    shows_tokens: bool
    outcome: AnswerRun
    sampling: Sampling


def _run(
    subject: Subject,
    prompts: tuple[Prompt, ...],
    limits: Limits,
    temperature: float | None,
    progress: OnAnswer,
    notes: list[Message],
) -> ProbeRun:
    if not prompts:
        sampling = Sampling(temperature, None)
        return ProbeRun(
            subject.target, subject.model, "", (), summarize(()), (), False, False, None, sampling
        )
    folder = subject.folder if is_url(subject.target) else subject.target
    model = Model(open_target(folder)) if folder is not None else None
    markers = markers_of(model)
    by_id = {prompt.id: prompt for prompt in prompts}
    measured: dict[str, Measure] = {}

    def take(answer: Answer) -> None:
        # Measured as it comes, in the time of the run: what a server sends can be much to look through.
        if answer.prompt in by_id:
            measured[answer.prompt] = measure(by_id[answer.prompt], answer, markers)
        progress(answer)

    if is_url(subject.target):
        heard = _ask_server(subject, prompts, limits, temperature, take, notes)
    else:
        heard = _run_folder(subject, prompts, limits, temperature, take)
    if heard.outcome.out_of_time and all(answer.failure is not None for answer in heard.outcome.answers):
        seconds = round(limits.total_seconds, 1)
        raise ProbeError(
            text(
                "{heard} answered nothing in {count:g} second",
                "{heard} answered nothing in {count:g} seconds",
                heard=heard.label,
                count=int(seconds) if seconds.is_integer() else seconds,
            ),
            "raise --time-limit",
        )
    measures = tuple(
        measured.get(prompt.id) or measure(prompt, answer, markers)
        for prompt, answer in zip(prompts, heard.outcome.answers, strict=True)
    )
    judged = _judged(heard, measures, markers, files_of(model, heard.engine) if model is not None else None)
    if not any(prompt.check is not None for prompt in prompts):
        return judged
    setting = setting_of(model, on_server=is_url(subject.target))
    return replace(judged, passes=rate_answers(measures, markers, setting))


def _ask_server(
    subject: Subject,
    prompts: tuple[Prompt, ...],
    limits: Limits,
    temperature: float | None,
    progress: OnAnswer,
    notes: list[Message],
) -> _Heard:
    server = Server(subject.target, subject.model, limits, key=api_key(), temperature=temperature)
    if server.place.sends_key_in_the_open:
        notes.append(text("the API key goes to {server} without encryption", server=server.place.label))
    until = time.monotonic() + limits.total_seconds
    outcome = ask_all(server, prompts, limits, progress)
    if outcome.gave_up is not None and all(answer.failure is not None for answer in outcome.answers):
        raise server.explained(outcome.gave_up)
    sampling = Sampling(temperature, server.seed)
    is_asked = temperature is not None or any(prompt.check is not None for prompt in prompts)
    if is_asked and not outcome.ended_early:
        left = replace(limits, total_seconds=until - time.monotonic())
        sampling, is_interrupted = ask_about_sampling(server, left, temperature)
        outcome = replace(outcome, interrupted=is_interrupted)
        notes += sampling_remarks(server.place.label, sampling)
    return _Heard(server.place.label, server.model, server.engine, "", server.shows_tokens, outcome, sampling)


def _run_folder(
    subject: Subject,
    prompts: tuple[Prompt, ...],
    limits: Limits,
    temperature: float | None,
    progress: OnAnswer,
) -> _Heard:
    engine = LocalEngine(subject.engine or "", subject.python, temperature)
    outcome, version = run_folder(engine, open_target(subject.target).root, prompts, limits, progress)
    sampling = Sampling(temperature, LOCAL_SEED)
    return _Heard(subject.target, None, engine.name, version, True, outcome, sampling)


def _judged(heard: _Heard, measures: tuple[Measure, ...], markers: Markers, files: Files | None) -> ProbeRun:
    summary = summarize(measures)
    shows_tokens = heard.shows_tokens or any(
        leak.kind is LeakKind.TOKEN for one in measures for leak in one.leaks
    )
    failures = (one.answer.failure for one in measures if one.answer.failure is not None)
    return ProbeRun(
        label=heard.label,
        model=heard.model,
        engine=f"{heard.engine} {heard.version}".strip(),
        measures=measures,
        summary=summary,
        diagnosis=diagnose(measures, summary, markers, files, shows_tokens=shows_tokens),
        interrupted=heard.outcome.interrupted,
        out_of_time=heard.outcome.out_of_time,
        failure=next((failure for failure in failures if failure.kind.counts), None),
        sampling=heard.sampling,
        passes=None,
    )
