"""The part of ``genfix probe`` that puts tasks of lm-evaluation-harness to a server."""

import os

from genfix.api.probing import Subject
from genfix.api.tasks import TaskReport, run_benchmarks
from genfix.cli.task_options import TaskOptions
from genfix.probe.benchmarks import Tasks, named_tasks
from genfix.probe.probe_values import Limits


def run_task_options(
    asked: TaskOptions, subject: Subject, against: Subject | None, limits: Limits
) -> TaskReport:
    """Put the tasks to the server; its interpreter is that of ``--python``."""
    include = os.path.abspath(asked.include_tasks) if asked.include_tasks is not None else None  # noqa: PTH100
    tasks = Tasks(
        named_tasks(asked.tasks or ()), include, asked.task_limit, asked.download_tasks, subject.python
    )
    return run_benchmarks(subject, against, tasks, limits)
