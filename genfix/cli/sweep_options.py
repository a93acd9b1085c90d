"""The options that the commands over a zoo alone have."""

from enum import StrEnum
from typing import Annotated, NamedTuple, TypeAlias

import typer

from genfix.cli import options as opt
from genfix.cli.choices import FORMAT_VARIABLE
from genfix.cli.rule_options import Ignore, RunsIn, Select


class StoreShape(StrEnum):
    """How the report of a sweep is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    PARQUET = "parquet"


OutputStore: TypeAlias = Annotated[
    StoreShape,
    typer.Option(
        "--output-format", envvar=FORMAT_VARIABLE, help="How to write the answer.", rich_help_panel=opt.REPORT
    ),
]


class ZooJudged(NamedTuple):
    """Against what all folders of a sweep are judged, and by which rules."""

    base: opt.Base = None
    offline: opt.Offline = False
    allow_base_mismatch: opt.AllowMismatch = False
    select: Select = None
    ignore: Ignore = None
    engine: RunsIn = None
    state_dir: opt.StateDir = None
