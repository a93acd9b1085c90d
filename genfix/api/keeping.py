"""The verbs that keep versions of a folder's files: `snapshot`, `restore`, `prune_backups`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from genfix import applier
from genfix.api.author import author
from genfix.api.running import shown_command
from genfix.applier import Receipt
from genfix.errors import InputError
from genfix.resolver import existing_folder
from genfix.resolver.case import ModelLocation

Stage: TypeAlias = Literal["merged", "repaired"]
"""What a snapshot of `genfix run` holds: what the merge wrote, or that as it was repaired."""


def snapshot(target: ModelLocation, message: str = "", *, state_dir: Path | None = None) -> Receipt:
    """Keep the config files of ``target`` as they are now, under the id of the receipt; ``message`` says why.

    Raises `GenfixError` where there is nothing to keep, the folder is in use or the disk refuses; nothing is
    left behind then.
    """
    note = {"command": "snapshot", "message": message, "who": author()}
    return applier.snapshot(existing_folder(target), note=note, state_dir=state_dir)


def keep_stage(
    target: ModelLocation, stage: Stage, command: Sequence[str], *, state_dir: Path | None = None
) -> Receipt:
    """Keep the config files as a merge ``command`` wrote them, or as they were repaired then.

    Secrets among the words of the command are not kept. Raises as `snapshot`.
    """
    note = {"command": "run", "stage": stage, "message": shown_command(command), "who": author()}
    return applier.snapshot(existing_folder(target), note=note, state_dir=state_dir)


def restore(target: ModelLocation, snapshot: str, *, state_dir: Path | None = None) -> Receipt:
    """Bring the config files of ``target`` back to a snapshot, all or none; `undo` takes it back.

    Files that came since go into the backup. The receipt has no changes where the files are as the snapshot.
    Raises `GenfixError` where there is no such snapshot, and as `apply` does.
    """
    note = {"command": "restore", "who": author()}
    return applier.restore(existing_folder(target), snapshot, note=note, state_dir=state_dir)


def prune_backups(
    target: ModelLocation,
    *,
    keep: int = 5,
    snapshots: bool = False,
    dry_run: bool = False,
    state_dir: Path | None = None,
) -> tuple[str, ...]:
    """Remove the backups of all transactions but the newest ``keep``; returns the ids of those that went.

    Snapshots count, and go, only with ``snapshots``. A backup with a file that was moved out of the folder
    never goes. With ``dry_run`` nothing is removed.
    """
    if keep < 0:
        raise InputError("{keep} is no number of transactions to keep", "give 0 or more", keep=keep)
    root = existing_folder(target)
    return applier.prune(root, keep=keep, snapshots=snapshots, dry_run=dry_run, state_dir=state_dir)
