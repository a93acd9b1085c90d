"""The command line: its commands, and what is known of each before it is imported."""

import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

from genfix import __version__
from genfix.cli.command import Commands, Entry
from genfix.cli.streams import write

__all__ = ["COMMANDS", "EPILOG", "app", "backups"]

EPILOG = """\
Exit codes: 0 nothing to do, or done; 1 findings at or above --fail-on remain (plan and --dry-run: there is \
something to change); 2 could not do the job; 3 refused for safety, nothing written; 130/143 interrupted."""

_COMMANDS = "genfix.cli.commands"

COMMANDS: Mapping[str, Entry] = {
    "check": Entry(_COMMANDS, "Check a folder.", "genfix check merged --base org/name"),
    "plan": Entry(
        _COMMANDS, "Show what repair would write.", "genfix plan merged --base org/name -o plan.json"
    ),
    "apply": Entry(
        _COMMANDS, "Make the changes of a plan file, exactly, or refuse.", "genfix apply plan.json"
    ),
    "repair": Entry(
        _COMMANDS, "Make the safe fixes, all or none, with a backup.", "genfix repair merged --base org/name"
    ),
    "run": Entry(
        _COMMANDS,
        "Run a merge command, then repair what it wrote.",
        "genfix run --output merged --base org/name -- python merge.py",
        is_last=True,
    ),
    "engines": Entry(
        _COMMANDS, "Say what each engine will do with a folder.", "genfix engines merged --engine vllm"
    ),
    "diff": Entry(
        _COMMANDS,
        "Compare the config files with the base's, or with a snapshot's.",
        "genfix diff merged --base org/name",
    ),
    "undo": Entry(_COMMANDS, "Take back a repair, byte for byte.", "genfix undo merged"),
    "log": Entry(_COMMANDS, "List the repairs, undos and snapshots of a folder, oldest first."),
    "snapshot": Entry(
        _COMMANDS, "Keep the config files as they are now.", "genfix snapshot merged -m 'before the repair'"
    ),
    "restore": Entry(_COMMANDS, "Bring the config files back to a snapshot, all or none."),
    "probe": Entry(
        "genfix.cli.probe_command",
        "Ask a running model whether it stops.",
        "genfix probe http://localhost:8000 --folder merged",
    ),
    "capsule": Entry(_COMMANDS, "Save the config files of a base.", "genfix capsule org/name base-capsule"),
    "explain": Entry(_COMMANDS, "Explain a rule.", "genfix explain GF101"),
    "rules": Entry(_COMMANDS, "List all rules."),
    "backups": Entry("genfix.cli.app", "Manage the backups of a folder."),
}


class _Root(Commands):
    entries: ClassVar[Mapping[str, Entry]] = COMMANDS


class _Backups(Commands):
    entries: ClassVar[Mapping[str, Entry]] = {
        "prune": Entry(
            _COMMANDS, "Remove the backups of old repairs.", "genfix backups prune merged --keep 2"
        )
    }


app = typer.Typer(
    name="genfix",
    cls=_Root,
    help="Find and repair missing or wrong config files of a merged model folder.",
    epilog=EPILOG,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
backups = typer.Typer(
    name="backups",
    cls=_Backups,
    help=COMMANDS["backups"].help,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        write(sys.stdout, f"genfix {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
