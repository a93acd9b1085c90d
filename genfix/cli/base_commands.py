"""The commands that tell about bases, as the command line calls them: see `genfix.cli.commands`."""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt


def base(
    target: opt.Target,
    *,
    offline: opt.Offline = False,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Look for the base of a folder.

    What the folder names, what lies beside it and in the caches of this machine, and what official model its
    files are like; each with what proves or refuses it. Exit 1 where none is proven, or several are.
    """
    from genfix.cli.base_output import run_base
    from genfix.cli.output import Output
    from genfix.resolver.case import Case

    out = Output(look, quiet, output_format=output_format)
    return run_base(Case(target, offline=offline, progress=out.progress), out)


def bases(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Parts of a name, a type or an id.", show_default=False),
    ] = None,
    *,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """List the official models that genfix knows.

    With the sizes and stop set that were read of each, and, in JSON, where.
    """
    from genfix.cli.base_output import run_bases
    from genfix.cli.output import Output

    return run_bases(words or [], Output(look, quiet, output_format=output_format))
