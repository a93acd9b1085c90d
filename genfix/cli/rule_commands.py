"""The commands that tell about rules, as the command line calls them: see `genfix.cli.commands`."""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt
from genfix.cli.completing import complete_rule
from genfix.known_names import RULE_NAMES


def explain(
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE",
            help="A rule's code or name, such as GF101.",
            show_default=False,
            autocompletion=complete_rule,
        ),
    ],
    *,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    look: opt.Look,
) -> int:
    """Explain a rule.

    What it means, whom it hurts, how it is fixed, and why that is safe or not.
    """
    from genfix.spelling import code_of, unknown_rule

    known = code_of(code)
    if known is None or known not in RULE_NAMES:  # the rules themselves take half a second to load
        raise unknown_rule(code)
    from genfix.cli.explaining import run_explain
    from genfix.cli.output import Output

    return run_explain(known, Output(look, output_format=output_format))


def rules(*, output_format: opt.OutputShape = choices.Shape.TEXT, look: opt.Look) -> int:
    """List all rules."""
    from genfix.cli.explaining import run_rules
    from genfix.cli.output import Output

    return run_rules(Output(look, output_format=output_format))
