"""The options of ``genfix probe`` that put tasks of lm-evaluation-harness to the server."""

from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from genfix.message import text

_PANEL: Final = text("Tasks of lm-evaluation-harness").template


class TaskOptions(NamedTuple):
    """Which tasks, and from where."""

    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks",
            envvar="GENFIX_TASKS",
            metavar="TASKS",
            help="Also put these tasks to the server (ifeval,gsm8k); needs genfix[lm-eval].",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    include_tasks: Annotated[
        Path | None,
        typer.Option(
            "--include-tasks",
            envvar="GENFIX_INCLUDE_TASKS",
            metavar="DIR",
            help="A folder with tasks of your own; their code is run.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    task_limit: Annotated[
        int | None,
        typer.Option(
            "--task-limit",
            envvar="GENFIX_TASK_LIMIT",
            metavar="N",
            min=1,
            help="Only so many questions a task.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    download_tasks: Annotated[
        bool,
        typer.Option(
            "--download-tasks", help="Let it fetch the data of tasks from the Hub.", rich_help_panel=_PANEL
        ),
    ] = False


NO_TASKS: Final = TaskOptions()
