"""What names a plan file on the command line, and where what it is about is now."""

from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

import typer

from genfix.cli import options as opt

_PlansAdapter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="DIR",
        help="Another copy of the adapter that the plan was made from.",
        show_default=False,
        rich_help_panel=opt.BASE,
    ),
]
# Neither has a variable of the environment: a plan names its own base and adapter, and what other commands
# are to take is no copy of them.


class Saved(NamedTuple):
    """A plan file, and where what it is about is now."""

    plan_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="From `genfix plan DIR -o FILE`.", show_default=False)
    ]
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="DIR",
            help="Another copy of the folder the plan was made for.",
            show_default=False,
        ),
    ] = None
    base: opt.PlansBase = None
    adapter: _PlansAdapter = None
    offline: opt.Offline = False
    state_dir: opt.StateDir = None
