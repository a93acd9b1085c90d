"""The options of the commands that may change a repo on the Hub."""

from typing import Annotated, Final, NamedTuple, TypeAlias

import typer

from genfix.cli.options import Folder, StateDir
from genfix.message import text

_HUB: Final = text("On the Hub").template

_CreatePr: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--create-pr",
        help="Of a model on the Hub (hf://org/name[@branch]): open a pull request with the changes.",
        rich_help_panel=_HUB,
    ),
]
_Push: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--push", help="Of a model on the Hub: commit the changes to the branch itself.", rich_help_panel=_HUB
    ),
]


class Anywhere(NamedTuple):
    """A folder or a repo on the Hub, and where its backups or receipts are."""

    target: Folder
    state_dir: StateDir = None


class OnHub(NamedTuple):
    """Whether and how a repo on the Hub is written to."""

    create_pr: _CreatePr = False
    push: _Push = False
