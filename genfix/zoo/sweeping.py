"""A sweep: folders in, judgements into the store, by workers that may die.

Only this process writes to the store. A folder is added once it is judged, so that a sweep that was killed
goes on where it stopped; the tasks that are out are few, so that memory does not grow with the zoo.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from genfix.api.settings import Settings
from genfix.errors import GenfixError
from genfix.resolver import is_address
from genfix.resolver.case import ModelLocation
from genfix.zoo.executors import Pool, pool_of
from genfix.zoo.folder_digest import folder_digest
from genfix.zoo.judgement import Answer, Judgement, Setup, Task
from genfix.zoo.store import Store, open_store
from genfix.zoo.worker import judge_folders

_BATCH: Final = 16
"""Folders that a worker is given at once: what is said between processes costs as much as half a folder."""
DEFAULT: Final = Setup()
_TRIES: Final = 2
"""So many workers may die of one folder alone before it is left."""


class FailedFolders(NamedTuple):
    """Why folders could not be judged or repaired."""

    why: str
    """In English; of the folder's own path only ``…`` is left."""
    folders: int
    path: str
    """The first of them."""


class Swept(NamedTuple):
    """What a sweep did."""

    judged: int
    repaired: int
    unchanged: int
    """Folders whose judgement in the store still holds."""
    failed: int
    """Folders that could not be judged, quarantined ones included."""
    errors: int
    """Folders with findings of severity error, those included whose judgement still holds."""
    warnings: int
    """Folders with warnings and no error."""
    failures: tuple[FailedFolders, ...] = ()
    """Why those could not be judged that could not, the most common reason first; at most 1,000 reasons."""


_NUMBERS: Final = tuple(name for name in Swept._fields if name != "failures")
_MOST_REASONS: Final = 1000


class _Job(NamedTuple):
    """Tasks that are out, and how often they were lost."""

    tasks: tuple[Task, ...]
    lost: int = 0


class Sweep:
    """One run over many folders."""

    def __init__(self, store: Store, setup: Setup, pool: Pool, told: Callable[[Answer], object]) -> None:
        self._store = store
        self._setup = setup
        self._pool = pool
        self._told = told
        self._executor: Executor | None = None
        self._out: dict[Future[tuple[Answer, ...]], _Job] = {}
        self._again: deque[_Job] = deque()
        """Lost ones, each of one folder: they run alone, so that the one to blame is known."""
        self._numbers = dict.fromkeys(_NUMBERS, 0)
        self._failures: dict[str, FailedFolders] = {}

    def run(self, paths: Iterable[str], *, again: bool = False) -> Swept:
        """Judge all folders; with ``again`` also those whose judgement still holds."""
        self._store.begin(self._setup, datetime.now(UTC).isoformat(timespec="seconds"))
        tasks = (Task(path, "" if again else self._known(path)) for path in paths)
        jobs = (_Job(batch) for batch in _batches(tasks))
        try:
            while self._fill(jobs):
                self._take()
        finally:
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
        failures = sorted(self._failures.values(), key=lambda failure: -failure.folders)
        return Swept(**self._numbers, failures=tuple(failures))

    def _known(self, path: str) -> str:
        newest = self._store.newest(path)
        return newest.inputs if newest is not None else ""

    def _fill(self, jobs: Iterator[_Job]) -> bool:
        """Give the workers something to do; false where all is done."""
        if self._again:
            if not self._out:
                self._send(self._again.popleft())
            return True
        for job in islice(jobs, max(0, 2 * self._pool.jobs - len(self._out))):
            self._send(job)
        return bool(self._out)

    def _send(self, job: _Job) -> None:
        if self._executor is None:
            self._executor = self._pool.start()
        try:
            future = self._executor.submit(judge_folders, self._setup, job.tasks)
        except BrokenExecutor:  # it broke since the last answer
            self._executor = self._pool.start()
            future = self._executor.submit(judge_folders, self._setup, job.tasks)
        self._out[future] = job

    def _take(self) -> None:
        """Wait for answers, and keep them."""
        done, _ = wait(self._out, return_when=FIRST_COMPLETED)
        answers: list[Answer] = []
        broken = False
        for future in done:
            job = self._out.pop(future)
            error = _error_of(future)
            if error is None:
                answers += future.result()
            else:
                broken = broken or isinstance(error, BrokenExecutor)
                answers += self._lose(job, error)
        if broken:
            self._executor = None  # of a pool that broke nothing more is to be had
        self._keep(answers)

    def _lose(self, job: _Job, error: BaseException) -> list[Answer]:
        """The tasks of workers that died once more, each alone; those that no worker survived as answers."""
        if len(job.tasks) > 1:
            self._again += [_Job((task,), job.lost) for task in job.tasks]
            return []
        if job.lost + 1 < _TRIES:
            self._again.append(job._replace(lost=job.lost + 1))
            return []
        [task] = job.tasks
        why = f"{type(error).__name__}: {error}"
        inputs = folder_digest(task.path, self._setup.of(task.path))
        judgement = Judgement(task.path, inputs, "quarantined", message=f"no worker survived it: {why}"[:500])
        return [Answer(task, judgement)]

    def _keep(self, answers: Sequence[Answer]) -> None:
        judgements = [answer.judgement for answer in answers if answer.judgement is not None]
        self._store.add(judgements)
        for answer in answers:
            one = answer.judgement
            self._count(
                one if one is not None else self._store.newest(answer.task.path), is_new=one is not None
            )
            self._told(answer)

    def _count(self, one: Judgement | None, *, is_new: bool) -> None:
        if one is None:
            return
        is_judged = one.state in {"judged", "repaired"}
        if not is_judged:
            self._note_failure(one)
        self._numbers["failed"] += not is_judged
        self._numbers["judged"] += is_judged and is_new
        self._numbers["unchanged"] += is_judged and not is_new
        self._numbers["repaired"] += one.state == "repaired" and is_new
        self._numbers["errors"] += one.errors > 0
        self._numbers["warnings"] += one.warnings > 0 and not one.errors

    def _note_failure(self, one: Judgement) -> None:
        why = one.message.replace(one.path, "…")
        known = self._failures.get(why, FailedFolders(why, 0, one.path))
        if known.folders or len(self._failures) < _MOST_REASONS:
            self._failures[why] = known._replace(folders=known.folders + 1)


def _error_of(future: Future[tuple[Answer, ...]]) -> BaseException | None:
    """What became of a job in the place of its answers: a worker that died, of which it may be to blame.

    Raises `GenfixError` where it is the cluster that is lost: no folder is to blame for that.
    """
    error = CancelledError() if future.cancelled() else future.exception()
    if isinstance(error, CancelledError | OSError):
        raise GenfixError(
            "the workers are lost: {why}",
            "sweep again when they are there: what was judged is kept",
            why=str(error) or type(error).__name__,
        ) from error
    return error


def _batches(tasks: Iterator[Task]) -> Iterator[tuple[Task, ...]]:
    while batch := tuple(islice(tasks, _BATCH)):
        yield batch


def absolute(path: str) -> str:
    """A path as the store keeps it: the same wherever the sweep was started from."""
    return path if is_address(path) else os.path.abspath(path)  # noqa: PTH100 - links stay


def sweep(
    paths: Iterable[str],
    store: ModelLocation,
    setup: Setup = DEFAULT,
    *,
    executor: str = "process",
    jobs: int | None = None,
    again: bool = False,
    told: Callable[[Answer], object] = lambda _: None,
) -> Swept:
    """Judge, or repair, all model folders ``paths`` and keep what was found in ``store``, an SQLite file.

    Folders whose files, base and options are what they were when this genfix judged them last are not judged
    again, unless ``again``: so a sweep that was killed goes on. ``told`` is called with each answer.

    Args:
        paths: Folders, such as `folders_below` finds, or ``hf://org/name``.
        store: A file, which is made where it is not there.
        setup: How each folder is judged.
        executor: One of `genfix.zoo.executors.KINDS`.
        jobs: How many folders are judged at once; `None`: as many as there are cores.
        again: Judge all.
        told: What follows the progress.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is no such store or executor, and 3 where another sweep
            is writing to the store. What is wrong with a folder is in the store.

    """
    pool = pool_of(executor, jobs)
    with open_store(Path(store), to_write=True) as found:
        return Sweep(found, _anywhere(setup), pool, told).run(map(absolute, paths), again=again)


def _anywhere(setup: Setup) -> Setup:
    """The same with paths that do not depend on where a worker stands."""
    state_dir, baseline = setup.state_dir, setup.baseline
    return setup._replace(
        base=_absolute_base(setup.base),
        state_dir=state_dir.absolute() if state_dir is not None else None,
        baseline=baseline.absolute() if baseline is not None else None,
        settings=_settings_anywhere(setup.settings),
    )


def _settings_anywhere(settings: Settings) -> Settings:
    path, baseline = settings.path, settings.baseline
    return settings._replace(
        path=path.absolute() if path is not None else None,
        base=_absolute_base(settings.base),
        baseline=baseline.absolute() if baseline is not None else None,
        per_path=tuple((pattern, _settings_anywhere(own)) for pattern, own in settings.per_path),
        notes=(),
    )


def _absolute_base(base: str | None) -> str | None:
    """A base that is a folder, seen from anywhere; false where we may not look."""
    return absolute(base) if base is not None and os.path.isdir(base) else base  # noqa: PTH112
