"""The command line: its commands, and what is known of each before it is imported."""

import sys
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

import typer

from genfix.cli.command import Commands
from genfix.cli.entry import Entry
from genfix.cli.streams import write
from genfix.message import text
from genfix.version import __version__

EPILOG: Final = text(
    "Exit codes: 0 nothing to do, or done; 1 findings at or above --fail-on remain (plan and --dry-run: "
    "there is something to change); 2 could not do the job; 3 refused for safety, nothing written; "
    "130/143 interrupted."
).template

_COMMANDS: Final = "genfix.cli.commands"
_KEEPING: Final = "genfix.cli.keeping_commands"
_RULES: Final = "genfix.cli.rule_commands"
_BASES: Final = "genfix.cli.base_commands"
_SWEEP: Final = "genfix.cli.sweep_commands"

COMMANDS: Final[Mapping[str, Entry]] = {
    "check": Entry(
        _COMMANDS, help="Check a folder, or several.", example="genfix check merged --base org/name"
    ),
    "plan": Entry(
        _COMMANDS,
        help="Show what repair would write.",
        example="genfix plan merged --base org/name -o plan.json",
    ),
    "apply": Entry(
        _COMMANDS,
        help="Make the changes of a plan file, exactly, or refuse.",
        example="genfix apply plan.json",
    ),
    "repair": Entry(
        _COMMANDS,
        help="Make the safe fixes, all or none, with a backup.",
        example="genfix repair merged --base org/name",
    ),
    "fix": Entry(
        _COMMANDS,
        help="Make the safe fixes, all or none, with a backup.",
        example="genfix repair merged --base org/name",
    ),
    "run": Entry(
        _COMMANDS,
        help="Run a merge command, then repair what it wrote.",
        example="genfix run --output merged --base org/name -- python merge.py",
        is_last=True,
    ),
    "engines": Entry(
        _COMMANDS,
        help="Say what each engine will do with a folder.",
        example="genfix engines merged --engine vllm",
    ),
    "workarounds": Entry(
        "genfix.cli.workaround_command",
        help="Say what helps an engine without changing the folder.",
        example="genfix workarounds merged --base org/name --engine vllm",
    ),
    "sweep": Entry("genfix.cli.app", help="Judge all model folders below, and keep what was found."),
    "weights": Entry(
        _COMMANDS,
        help="Say which tensors there are, and whether the adapter was merged.",
        example="genfix weights merged --base org/name --adapter adapter",
    ),
    "diff": Entry(
        _COMMANDS,
        help="Compare the config files with the base's, a snapshot's or another stage's.",
        example="genfix diff merged --base org/name",
    ),
    "modelfile": Entry(
        _KEEPING,
        help="Print the Ollama Modelfile of a folder or a GGUF.",
        example="genfix modelfile model.gguf",
    ),
    "undo": Entry(_KEEPING, help="Take back a repair, byte for byte.", example="genfix undo merged"),
    "log": Entry(_KEEPING, help="List the repairs, undos and snapshots of a folder, oldest first."),
    "snapshot": Entry(
        _KEEPING,
        help="Keep the config files as they are now.",
        example="genfix snapshot merged -m 'before the repair'",
    ),
    "restore": Entry(_KEEPING, help="Bring the config files back to a snapshot, all or none."),
    "probe": Entry(
        "genfix.cli.probe_command",
        help="Ask a running model whether it stops.",
        example="genfix probe http://localhost:8000 --folder merged",
    ),
    "base": Entry(_BASES, help="Look for the base of a folder.", example="genfix base merged"),
    "bases": Entry(
        _BASES, help="List the official models that genfix knows.", example="genfix bases qwen2.5 7b"
    ),
    "capsule": Entry(
        _KEEPING, help="Save the config files of a base.", example="genfix capsule org/name base-capsule"
    ),
    "explain": Entry(_RULES, help="Explain a rule.", example="genfix explain GF101"),
    "rules": Entry(_RULES, help="List all rules."),
    "backups": Entry("genfix.cli.app", help="Manage the backups of a folder."),
}


class _Root(Commands):
    entries: ClassVar[Mapping[str, Entry]] = COMMANDS


class _Backups(Commands):
    entries: ClassVar[Mapping[str, Entry]] = {
        "prune": Entry(
            _KEEPING,
            help="Remove the backups of old repairs.",
            example="genfix backups prune merged --keep 2",
        )
    }


class _Sweep(Commands):
    entries: ClassVar[Mapping[str, Entry]] = {
        "folders": Entry(
            _SWEEP,
            help="Judge all model folders below, and keep what was found.",
            example="genfix sweep merges --base auto",
        ),
        "report": Entry(
            _SWEEP,
            help="Say what a sweep found: worst first, by rule, by tool and by base.",
            example="genfix sweep report --output-format html -o zoo.html",
        ),
    }
    unnamed: ClassVar[str] = "folders"


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

sweep = typer.Typer(
    name="sweep",
    cls=_Sweep,
    help=COMMANDS["sweep"].help,
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
