"""The options commands share, each described once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

import typer

from genfix.language import Language


class Format(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


class Shape(StrEnum):
    """How an answer that is no verdict is written."""

    TEXT = "text"
    JSON = "json"


class ColorMode(StrEnum):
    """When to use color."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Level(StrEnum):
    """The severity from which on findings make a command fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Ending(NamedTuple):
    """What makes a repair end with 1."""

    fail_on: Level
    fail_on_fix: bool = False


class Case(NamedTuple):
    """What the commands that judge have in common, as the user gave it."""

    target: str
    base: str | None
    adapter: str | None
    select: list[str]
    ignore: list[str]
    offline: bool
    allow_base_mismatch: bool
    state_dir: Path | None
    baseline: Path | None = None
    write_baseline: Path | None = None


class Saved(NamedTuple):
    """A plan file, and where what it is about is now."""

    path: Path
    target: str | None
    base: str | None
    adapter: str | None
    offline: bool
    state_dir: Path | None


def codes(words: list[str] | None) -> list[str]:
    """Rule codes as people give them: an option each, or several with commas."""
    return [code.strip() for word in words or [] for code in word.split(",")]


Target: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="DIR", help="The merged model's folder; to look at, also hf://org/name.", show_default=False
    ),
]
Base: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="SPEC",
        help="The model it was made from: a folder, a capsule, org/name[@revision], ms://org/name (ModelScope), or auto: what DIR names.",
        show_default=False,
    ),
]
AdapterFolder: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="DIR",
        help="The adapter that was merged, a folder or org/name; default: one beside DIR.",
        show_default=False,
    ),
]
Select: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="CODE",
        help="Only these rules (GF101, or GF1 for a family); repeatable.",
        show_default=False,
    ),
]
Ignore: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODE", help="Not these rules; repeatable.", show_default=False),
]
UnsafeFixes: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--unsafe-fixes/--no-unsafe-fixes",
        help="Also fixes that could override a training choice.",
        show_default=False,
    ),
]
Engines: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--engine", metavar="NAME[@VERSION]", help="Only this engine; repeatable.", show_default=False
    ),
]
OutputFormat: TypeAlias = Annotated[Format, typer.Option("--output-format", help="How to write the report.")]
OutputShape: TypeAlias = Annotated[Shape, typer.Option("--output-format", help="How to write the answer.")]
OutputFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output-file", "-o", metavar="FILE", help="Write the report to this file.", show_default=False
    ),
]
FailOn: TypeAlias = Annotated[
    Level | None,
    typer.Option("--fail-on", help="Exit with 1 from this severity on; default: error.", show_default=False),
]
Baseline: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--baseline", metavar="FILE", help="Findings that are in it do not count.", show_default=False
    ),
]
WriteBaseline: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--write-baseline",
        metavar="FILE",
        help="Write what is found, or left, to a baseline.",
        show_default=False,
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings; default: the nearest genfix.toml or pyproject.toml above the working directory.",
        show_default=False,
    ),
]
Isolated: TypeAlias = Annotated[bool, typer.Option("--isolated", help="Read no file with settings.")]
Offline: TypeAlias = Annotated[
    bool, typer.Option("--offline", help="Take what is not on this machine from the caches only.")
]
AllowMismatch: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-base-mismatch", help="Use the base even if architecture or token ids disagree."),
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
PlanOutput: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output-file",
        "-o",
        metavar="FILE",
        help="Keep the plan in a file, for `genfix apply FILE`; with html, sarif, github or markdown: the report.",
        show_default=False,
    ),
]
PlanFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="From `genfix plan DIR -o FILE`.", show_default=False)
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="Print the report only, or nothing.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Show information too.")]
Lang: TypeAlias = Annotated[
    Language | None,
    typer.Option(
        "--lang", help="The report's language; default: GENFIX_LANG, else the locale's.", show_default=False
    ),
]
Color: TypeAlias = Annotated[ColorMode, typer.Option("--color", help="When to use color.")]
