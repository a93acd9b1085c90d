"""`run_benchmarks`: tasks of lm-evaluation-harness put to a server, alone or beside another one."""

import time
from dataclasses import dataclass, replace

from genfix.api.probing import Subject
from genfix.errors import InputError
from genfix.probe.benchmarks import TaskDifference, TaskRun, Tasks, compare_tasks, run_tasks
from genfix.probe.endpoint import is_url
from genfix.probe.probe_run import find_model
from genfix.probe.probe_values import Limits
from genfix.probe.server import Server, api_key
from genfix.probe.watch import Watch


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What the tasks gave."""

    run: TaskRun
    against: TaskRun | None
    differences: tuple[TaskDifference, ...]


def run_benchmarks(subject: Subject, against: Subject | None, tasks: Tasks, limits: Limits) -> TaskReport:
    """Put tasks to one server, or to two. The time of the limits is for both together.

    Raises `InputError` for what is no server, `ProbeError` where the harness is not there, lacks the data of
    a task, or cannot do it.
    """
    subjects = [one for one in (subject, against) if one is not None]
    refuse_tasks(subjects)
    until = time.monotonic() + limits.total_seconds
    runs: list[TaskRun] = []
    for left, one in zip(range(len(subjects), 0, -1), subjects, strict=True):
        server = Server(one.target, one.model, limits, key=api_key())
        share = max(0.1, until - time.monotonic()) / left
        with Watch(time.monotonic() + share) as watch:
            find_model(server, watch)
        runs.append(run_tasks(tasks, server.place, server.model or "", replace(limits, total_seconds=share)))
    other = runs[1] if len(runs) > 1 else None
    return compare_reports(TaskReport(runs[0], None, ()), other)


def compare_reports(report: TaskReport, against: TaskRun | None) -> TaskReport:
    """The report beside another model's tasks."""
    differences = compare_tasks(against, report.run) if against is not None else ()
    return TaskReport(report.run, against, differences)


def refuse_tasks(subjects: list[Subject]) -> None:
    """Raise `InputError` where a target is no server."""
    for one in subjects:
        if not is_url(one.target):
            raise InputError(
                "{target} is a folder, and tasks are put to a server",
                "start a server with it, and name its URL",
                target=one.target,
            )
