"""The commands that keep and bring back files, as the command line calls them: see `genfix.cli.commands`."""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt
from genfix.cli.completing import complete_snapshot, complete_transaction
from genfix.cli.hub_options import Anywhere, OnHub


def undo(
    here: Anywhere,
    transaction: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="From `genfix log`; default: the newest repair.",
            show_default=False,
            autocompletion=complete_transaction,
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of a model on the Hub: only show the commit.")
    ] = False,
    on_hub: OnHub,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Take back a repair, byte for byte.

    An undo can itself be undone by its id. On the Hub it is a pull request that puts the old bytes back.
    """
    from genfix.cli.output import Output
    from genfix.cli.planning import run_undo

    if any(on_hub):
        from genfix.cli.on_hub import run_undo_on_hub

        return run_undo_on_hub(here, transaction, Output(look, quiet), on_hub, dry_run=dry_run)
    if dry_run:
        from genfix.errors import InputError

        raise InputError(
            "--dry-run of an undo is for a model on the Hub", "add --create-pr, or leave --dry-run out"
        )
    return run_undo(opt.Here(*here), transaction, Output(look, quiet))


def log(
    targets: opt.Folders = None,
    *,
    state_dir: opt.StateDir = None,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """List the repairs, undos and snapshots of a folder, oldest first.

    Those of several folders stand in one order. Each is a stage that `genfix diff` takes: `--at ID`, or
    `--with DIR@ID`. Of a model on the Hub it lists what was done from this machine.
    """
    from genfix.cli.output import Output
    from genfix.cli.settled import named_in
    from genfix.cli.timeline import run_log, run_timeline
    from genfix.resolver import is_address

    out = Output(look, quiet, output_format=output_format)
    named = named_in(targets, "log")
    if not isinstance(named, str):
        return run_timeline(named.targets, state_dir, out, named.notes)
    if is_address(named):
        from genfix.cli.on_hub import run_log_of_hub

        return run_log_of_hub(Anywhere(named, state_dir), out)
    return run_log(named, state_dir, out)


def modelfile(
    target: Annotated[
        str,
        typer.Argument(
            metavar="DIR", help="The merged model's folder, or hf://org/name; or a GGUF.", show_default=False
        ),
    ],
    *,
    offline: opt.Offline = False,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Print the Ollama Modelfile of a folder or a GGUF.

    FROM, PARAMETER stop for each turn end, and a TEMPLATE where the chat template has an exact form in
    Ollama's language.
    """
    from genfix.api.modelfiles import modelfile_of
    from genfix.cli.output import Output
    from genfix.resolver.case import Case

    out = Output(look, quiet)
    found = modelfile_of(Case(target, offline=offline, progress=out.progress))
    out.report(found.content.rstrip("\n"))
    out.notes(found.notes)
    return 0


def snapshot(
    here: opt.Here,
    *,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What it is for.")] = "",
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Keep the config files as they are now.

    `genfix log` lists snapshots, `genfix diff --at` compares with one, `genfix restore` brings one back.
    """
    from genfix.cli.backups import run_snapshot
    from genfix.cli.output import Output

    return run_snapshot(here, message, Output(look, quiet))


def restore(
    here: opt.Here,
    snapshot: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="From `genfix log`.", show_default=False, autocompletion=complete_snapshot
        ),
    ],
    *,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Bring the config files back to a snapshot, all or none.

    Config files that came since go into the backup; `genfix undo` takes it all back.
    """
    from genfix.cli.backups import run_restore
    from genfix.cli.output import Output

    return run_restore(here, snapshot, Output(look, quiet))


def prune(
    here: opt.Here,
    *,
    keep: Annotated[int, typer.Option("--keep", metavar="N", min=0, help="How many of the newest stay.")] = 5,
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Snapshots count, and go, as well.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which backups would go.")] = False,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Remove the backups of old repairs.

    What they did stays in the log, but they cannot be undone any more. Files that a repair moved out of the
    folder are never removed.
    """
    from genfix.cli.backups import run_prune
    from genfix.cli.output import Output

    return run_prune(here, keep, Output(look, quiet), snapshots=snapshots, dry_run=dry_run)


def capsule(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE", help="A folder, org/name[@revision], or ms://org/name.", show_default=False
        ),
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="The folder to make; new, or empty.", show_default=False)
    ],
    *,
    register: Annotated[
        bool, typer.Option("--register", help="Let `genfix base` and `--base auto` find it.")
    ] = False,
    offline: opt.Offline = False,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Save the config files of a base.

    `--base OUT` then works without network, and checks that nothing in it has changed.
    """
    from genfix.cli.backups import run_capsule
    from genfix.cli.output import Output

    return run_capsule(base, out, Output(look, quiet), register=register, offline=offline)
