"""The options of the commands, each described once, and those that go together as groups.

A group is a parameter of a command: `genfix.cli.command` gives the command line its fields one by one.
"""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeAlias

import typer

from genfix.cli.choices import FORMAT_VARIABLE, ColorMode, Format, PageShape, Shape
from genfix.cli.completing import complete_engine
from genfix.cli.rule_options import (
    RULES,
    Baseline,
    ConfigFile,
    Ignore,
    Isolated,
    RunsIn,
    Select,
    WriteBaseline,
)
from genfix.language import Language
from genfix.message import text

BASE: Final = text("Base and adapter").template
"""The section of the help texts that has the options of bases."""
REPORT: Final = text("Report").template
"""The section of the help texts that has the options of reports."""


class Level(StrEnum):
    """The severity from which on findings make a command fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def codes(words: list[str] | None) -> tuple[str, ...]:
    """Rule codes as people give them: an option each, or several with commas."""
    return tuple(code.strip() for word in words or [] for code in word.split(","))


# -- options ---------------------------------------------------------------------------------

Target: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="DIR", help="The merged model's folder, or hf://org/name; or a GGUF.", show_default=False
    ),
]
Targets: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DIR",
        help="Merged models' folders, parents of such, GGUFs or hf://org/name; default: the folder you "
        "stand in.",
        show_default=False,
    ),
]
Folders: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DIR",
        help="Merged models' folders, or parents of such; default: the folder you stand in.",
        show_default=False,
    ),
]
Folder: TypeAlias = Annotated[
    str, typer.Argument(metavar="DIR", help="The merged model's folder.", show_default=False)
]
_base = partial(typer.Option, "--base", metavar="SPEC", show_default=False, rich_help_panel=BASE)
Base: TypeAlias = Annotated[
    str | None,
    _base(
        envvar="GENFIX_BASE",
        help="The model it was made from: a folder, a capsule, org/name[@revision], "
        "ms://org/name (ModelScope), or auto: what DIR names, or this machine has.",
    ),
]
PlansBase: TypeAlias = Annotated[
    str | None, _base(help="Another copy of the base that the plan was made from.")
]
"""Of a plan file, which has its base: no variable of the environment speaks for another one."""
Adapter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="DIR",
        envvar="GENFIX_ADAPTER",
        help="The adapter that was merged, a folder or org/name; default: one beside DIR.",
        show_default=False,
        rich_help_panel=BASE,
    ),
]
Offline: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar="GENFIX_OFFLINE",
        help="Take what is not on this machine from the caches only.",
        rich_help_panel=BASE,
    ),
]
AllowMismatch: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-base-mismatch",
        envvar="GENFIX_ALLOW_BASE_MISMATCH",
        help="Use the base even if architecture or token ids disagree.",
        rich_help_panel=BASE,
    ),
]
UnsafeFixes: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--unsafe-fixes/--no-unsafe-fixes",
        envvar="GENFIX_UNSAFE_FIXES",
        help="Also fixes that could override a training choice.",
        show_default=False,
        rich_help_panel=RULES,
    ),
]
StateDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        envvar="GENFIX_STATE_DIR",
        help="Keep backups here instead of DIR/.cache/huggingface/genfix.",
        show_default=False,
    ),
]
FailOn: TypeAlias = Annotated[
    Level | None,
    typer.Option(
        "--fail-on",
        envvar="GENFIX_FAIL_ON",
        help="Exit with 1 from this severity on; default: error.",
        show_default=False,
    ),
]
Engines: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="NAME[@VERSION]",
        envvar="GENFIX_ENGINE",
        help="Only this engine; repeatable.",
        show_default=False,
        autocompletion=complete_engine,
    ),
]
AllEngines: TypeAlias = Annotated[
    bool, typer.Option("--all", help="Also engines that are else asked by name.", show_default=False)
]
OutputFormat: TypeAlias = Annotated[
    Format,
    typer.Option(
        "--output-format",
        metavar="FORMAT",
        envvar=FORMAT_VARIABLE,
        help="How to write the report: text, concise, json, sarif, github, gitlab, junit, markdown, html or "
        "patch.",
        rich_help_panel=REPORT,
    ),
]
OutputShape: TypeAlias = Annotated[
    Shape,
    typer.Option(
        "--output-format", envvar=FORMAT_VARIABLE, help="How to write the answer.", rich_help_panel=REPORT
    ),
]
OutputPage: TypeAlias = Annotated[
    PageShape,
    typer.Option(
        "--output-format", envvar=FORMAT_VARIABLE, help="How to write the answer.", rich_help_panel=REPORT
    ),
]
OutputFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output-file",
        "-o",
        metavar="FILE",
        help="Write the report to this file.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
PlanOutput: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output-file",
        "-o",
        metavar="FILE",
        help="Keep the plan in a file, for `genfix apply FILE`.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
PlanReport: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write the report to this file.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
Quiet: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        envvar="GENFIX_QUIET",
        help="Print the report only, or nothing.",
        rich_help_panel=REPORT,
    ),
]
Verbose: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", envvar="GENFIX_VERBOSE", help="Show information too.", rich_help_panel=REPORT
    ),
]
_Color: TypeAlias = Annotated[
    ColorMode,
    typer.Option("--color", envvar="GENFIX_COLOR", help="When to use color.", rich_help_panel=REPORT),
]
_Lang: TypeAlias = Annotated[
    Language | None,
    typer.Option(
        "--lang",
        help="The report's language; default: GENFIX_LANG, else the locale's.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]


# -- groups ---------------------------------------------------------------------------------


class Look(NamedTuple):
    """How words are shown."""

    color: _Color = ColorMode.AUTO
    lang: _Lang = None


class Here(NamedTuple):
    """A folder on this machine, and where its backups are."""

    target: Folder
    state_dir: StateDir = None


class SettingsFrom(NamedTuple):
    """Where the project's settings come from."""

    config: ConfigFile = None
    isolated: Isolated = False


class Compared(NamedTuple):
    """What a folder is compared with."""

    base: Base = None
    offline: Offline = False
    allow_base_mismatch: AllowMismatch = False
    state_dir: StateDir = None


class Weighed(NamedTuple):
    """What weights are compared with."""

    base: Base = None
    adapter: Adapter = None
    offline: Offline = False
    allow_base_mismatch: AllowMismatch = False
    state_dir: StateDir = None


class Judged(NamedTuple):
    """Against what a folder is judged, and by which rules; what is not given may stand in the settings."""

    base: Base = None
    adapter: Adapter = None
    offline: Offline = False
    allow_base_mismatch: AllowMismatch = False
    select: Select = None
    ignore: Ignore = None
    engine: RunsIn = None
    baseline: Baseline = None
    write_baseline: WriteBaseline = None
    state_dir: StateDir = None
