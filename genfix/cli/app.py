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
_LOOKING: Final = "genfix.cli.looking_commands"
_KEEPING: Final = "genfix.cli.keeping_commands"
_RULES: Final = "genfix.cli.rule_commands"
_BASES: Final = "genfix.cli.base_commands"
_SWEEP: Final = "genfix.cli.sweep_commands"

_REPAIR: Final = text("Find and repair").template
_LOOK: Final = text("Look closer").template
_BASE: Final = text("Bases").template
_KEEP: Final = text("Take back and keep").template
_RULE: Final = text("Rules").template

COMMANDS: Final[Mapping[str, Entry]] = {
    "check": Entry(
        _LOOKING,
        _REPAIR,
        help="Check a folder, or several.",
        examples=(
            "genfix check merged --base org/name",
            "genfix check merges/* --base auto",
            "genfix check merged --select GF1 --output-format json",
        ),
    ),
    "plan": Entry(
        _COMMANDS,
        _REPAIR,
        help="Show what repair would write.",
        examples=("genfix plan merged --base org/name", "genfix plan merged --base org/name -o plan.json"),
        page="plan-files",
    ),
    "apply": Entry(
        _COMMANDS,
        _REPAIR,
        help="Make the changes of a plan file, exactly, or refuse.",
        examples=("genfix apply plan.json", "genfix apply plan.json --target elsewhere/merged"),
        page="plan-files",
    ),
    "repair": Entry(
        _COMMANDS,
        _REPAIR,
        help="Make the safe fixes, all or none, with a backup.",
        examples=(
            "genfix repair merged --base org/name",
            "genfix repair merged --base org/name --output repaired",
        ),
        page="safety",
    ),
    "fix": Entry(
        _COMMANDS,
        _REPAIR,
        help="Make the safe fixes, all or none, with a backup.",
        examples=("genfix repair merged --base org/name",),
        page="safety",
    ),
    "run": Entry(
        _COMMANDS,
        _REPAIR,
        help="Run a merge command, then repair what it wrote.",
        examples=("genfix run --output merged --base org/name -- python merge.py",),
        page="hooks",
        is_last=True,
    ),
    "sweep": Entry(
        "genfix.cli.app",
        _REPAIR,
        help="Judge all model folders below, and keep what was found.",
        examples=("genfix sweep merges --base auto", "genfix sweep report"),
        page="sweep",
    ),
    "engines": Entry(
        _LOOKING,
        _LOOK,
        help="Say what each engine will do with a folder.",
        examples=("genfix engines merged --engine vllm", "genfix engines merged --engine vllm@0.6"),
        page="engines",
    ),
    "workarounds": Entry(
        "genfix.cli.workaround_command",
        _LOOK,
        help="Say what helps an engine without changing the folder.",
        examples=("genfix workarounds merged --base org/name --engine vllm",),
        page="workarounds",
    ),
    "weights": Entry(
        _LOOKING,
        _LOOK,
        help="Say which tensors there are, and whether the adapter was merged.",
        examples=("genfix weights merged --base org/name --adapter adapter",),
        page="merge-proof",
    ),
    "diff": Entry(
        _LOOKING,
        _LOOK,
        help="Compare the config files with the base's, a snapshot's or another stage's.",
        examples=("genfix diff merged --base org/name", "genfix diff merged --with other-merge"),
    ),
    "probe": Entry(
        "genfix.cli.probe_command",
        _LOOK,
        help="Ask a running model whether it stops.",
        examples=("genfix probe http://localhost:8000 --folder merged",),
        page="probe",
    ),
    "modelfile": Entry(
        _KEEPING,
        _LOOK,
        help="Print the Ollama Modelfile of a folder or a GGUF.",
        examples=("genfix modelfile model.gguf",),
        page="gguf",
    ),
    "base": Entry(
        _BASES, _BASE, help="Look for the base of a folder.", examples=("genfix base merged",), page="base"
    ),
    "bases": Entry(
        _BASES,
        _BASE,
        help="List the official models that genfix knows.",
        examples=("genfix bases qwen2.5 7b",),
        page="base",
    ),
    "capsule": Entry(
        _KEEPING,
        _BASE,
        help="Save the config files of a base.",
        examples=("genfix capsule org/name base-capsule",),
        page="base",
    ),
    "undo": Entry(
        _KEEPING,
        _KEEP,
        help="Take back a repair, byte for byte.",
        examples=("genfix undo merged",),
        page="safety",
    ),
    "log": Entry(
        _KEEPING,
        _KEEP,
        help="List the repairs, undos and snapshots of a folder, oldest first.",
        examples=("genfix log merged",),
        page="safety",
    ),
    "snapshot": Entry(
        _KEEPING,
        _KEEP,
        help="Keep the config files as they are now.",
        examples=("genfix snapshot merged -m 'before the repair'",),
        page="safety",
    ),
    "restore": Entry(
        _KEEPING,
        _KEEP,
        help="Bring the config files back to a snapshot, all or none.",
        examples=("genfix restore merged 20261130T081500Z-a1b2c3",),
        page="safety",
    ),
    "backups": Entry(
        "genfix.cli.app",
        _KEEP,
        help="Manage the backups of a folder.",
        examples=("genfix backups prune merged --keep 2",),
        page="safety",
    ),
    "explain": Entry(
        _RULES,
        _RULE,
        help="Explain a rule.",
        examples=("genfix explain GF101", "genfix explain stop-tokens-narrowed"),
    ),
    "rules": Entry(_RULES, _RULE, help="List all rules.", examples=("genfix rules",)),
}


class _Root(Commands):
    entries: ClassVar[Mapping[str, Entry]] = COMMANDS
    examples: ClassVar[tuple[str, ...]] = (
        "genfix check merged --base org/name",
        "genfix repair merged --base org/name",
        "genfix undo merged",
        "genfix explain GF101",
    )


class _Backups(Commands):
    entries: ClassVar[Mapping[str, Entry]] = {
        "prune": Entry(
            _KEEPING,
            _KEEP,
            help="Remove the backups of old repairs.",
            examples=("genfix backups prune merged --keep 2",),
            page="safety",
        )
    }


class _Sweep(Commands):
    entries: ClassVar[Mapping[str, Entry]] = {
        "folders": Entry(
            _SWEEP,
            _REPAIR,
            help="Judge all model folders below, and keep what was found.",
            examples=("genfix sweep merges --base auto",),
            page="sweep",
        ),
        "report": Entry(
            _SWEEP,
            _REPAIR,
            help="Say what a sweep found: worst first, by rule, by tool and by base.",
            examples=("genfix sweep report --output-format html -o zoo.html",),
            page="sweep",
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
