"""The options about rules and settings."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from genfix.cli.completing import complete_engine, complete_rule
from genfix.message import text

RULES: Final = text("Rules and settings").template
"""Their section of the help texts."""

Select: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        envvar="GENFIX_SELECT",
        metavar="RULE",
        help="Only these rules (GF101 or its name, or GF1 for a family); repeatable.",
        autocompletion=complete_rule,
        show_default=False,
        rich_help_panel=RULES,
    ),
]
Ignore: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        envvar="GENFIX_IGNORE",
        metavar="RULE",
        help="Not these rules; repeatable.",
        autocompletion=complete_rule,
        show_default=False,
        rich_help_panel=RULES,
    ),
]
Baseline: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        envvar="GENFIX_BASELINE",
        help="Findings that are in it do not count.",
        show_default=False,
        rich_help_panel=RULES,
    ),
]
RunsIn: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="NAME[@VERSION]",
        envvar="GENFIX_ENGINE",
        autocompletion=complete_engine,
        help="Judge for this engine: what harms only others is information; repeatable.",
        show_default=False,
        rich_help_panel=RULES,
    ),
]
WriteBaseline: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--write-baseline",
        metavar="FILE",
        help="Write what is found, or left, to a baseline.",
        show_default=False,
        rich_help_panel=RULES,
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="GENFIX_CONFIG",
        help="Settings; default: the nearest genfix.toml or pyproject.toml above the working directory.",
        show_default=False,
        rich_help_panel=RULES,
    ),
]
Isolated: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--isolated", envvar="GENFIX_ISOLATED", help="Read no file with settings.", rich_help_panel=RULES
    ),
]
