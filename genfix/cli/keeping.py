"""The commands that keep files for later: snapshot, restore, backups prune, capsule."""

from pathlib import Path

from genfix.api.capsules import capsule
from genfix.api.keeping import prune_backups, restore, snapshot
from genfix.cli.output import RESTART, Output, quoted, undo_line
from genfix.report.show import show

__all__ = ["run_capsule", "run_prune", "run_restore", "run_snapshot"]


def run_snapshot(target: str, message: str, state_dir: Path | None, out: Output) -> int:
    """Keep the config files; the id alone is on stdout, for scripts."""
    receipt = snapshot(target, message, state_dir=state_dir)
    out.report(receipt.id)
    number = len(receipt.files)
    out.say(
        f"kept {number} config file{'' if number == 1 else 's'} of {show(target)} in {show(str(receipt.backup))}",
        f"to have them back: genfix restore {quoted(target)} {receipt.id}",
    )
    return 0


def run_restore(target: str, transaction: str, state_dir: Path | None, out: Output) -> int:
    """Bring a snapshot back."""
    receipt = restore(target, transaction, state_dir=state_dir)
    marks = {(True, False): "+", (False, True): "-"}
    out.report(
        "\n".join(
            f"{marks.get((change.before is None, change.after is None), '~')} {show(change.name)}"
            for change in receipt.changes
        )
    )
    if not receipt.changes:
        out.say(f"{show(target)}: all config files are as the snapshot {show(transaction)} has them")
    else:
        out.say(
            f"restored {show(transaction)}; to take it back: {undo_line(target, state_dir, receipt.id)}",
            RESTART,
        )
    return 0


def run_prune(
    target: str, keep: int, state_dir: Path | None, out: Output, *, snapshots: bool, dry_run: bool
) -> int:
    """Remove old backups."""
    gone = prune_backups(target, keep=keep, snapshots=snapshots, dry_run=dry_run, state_dir=state_dir)
    out.report("\n".join(gone))
    number = f"{len(gone)} backup{'' if len(gone) == 1 else 's'}"
    out.say(f"{number} of {show(target)} would go" if dry_run else f"removed {number} of {show(target)}")
    return 0


def run_capsule(base: str, out_folder: str, out: Output, *, offline: bool) -> int:
    """Save a base's config files; what they are of alone is on stdout, for scripts."""
    made = capsule(base, out_folder, offline=offline)
    out.notes(made.notes)
    out.report(show(made.base))
    number = len(made.files)
    out.say(
        f"saved {number} files of {show(made.base)} in {show(out_folder)} ({made.size} bytes)",
        f"to use it, without network: --base {show(quoted(_as_path(out_folder)))}",
    )
    return 0


def _as_path(text: str) -> str:
    """``text`` so that no command takes it for a model's id."""
    return text if text.startswith(("/", ".", "~")) else f"./{text}"
