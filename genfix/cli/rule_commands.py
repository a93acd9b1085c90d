"""The commands that tell about rules, as the command line calls them: see `genfix.cli.commands`."""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt


def explain(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="A rule's code or name, such as GF101.", show_default=False)
    ],
    *,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    look: opt.Look,
) -> int:
    """Explain a rule.

    What it means, whom it hurts, how it is fixed, and why that is safe or not.
    """
    from genfix.cli.explaining import run_explain
    from genfix.cli.output import Output

    return run_explain(code, Output(look, output_format=output_format))


def rules(*, output_format: opt.OutputShape = choices.Shape.TEXT, look: opt.Look) -> int:
    """List all rules."""
    from genfix.cli.explaining import run_rules
    from genfix.cli.output import Output

    return run_rules(Output(look, output_format=output_format))
