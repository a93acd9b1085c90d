"""The commands that keep files for later: snapshot, restore, backups prune, capsule."""

from pathlib import Path

from genfix.api.capsules import capsule
from genfix.api.keeping import prune_backups, restore, snapshot
from genfix.cli.output import Output, quoted, undo_line
from genfix.report.show import show

__all__ = ["run_capsule", "run_prune", "run_restore", "run_snapshot"]


def run_snapshot(target: str, message: str, state_dir: Path | None, out: Output) -> int:
    """Keep the config files; the id alone is on stdout, for scripts."""
    receipt = snapshot(target, message, state_dir=state_dir)
    out.report(receipt.id)
    out.tell("kept", count=len(receipt.files), target=target, path=str(receipt.backup))
    out.tell("next-restore", command=f"genfix restore {quoted(target)} {receipt.id}")
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
        out.tell("as-in-snapshot", target=target, snapshot=transaction)
    else:
        out.tell("restored", snapshot=transaction, command=undo_line(target, state_dir, receipt.id))
        out.tell("restart")
    return 0


def run_prune(
    target: str, keep: int, state_dir: Path | None, out: Output, *, snapshots: bool, dry_run: bool
) -> int:
    """Remove old backups."""
    gone = prune_backups(target, keep=keep, snapshots=snapshots, dry_run=dry_run, state_dir=state_dir)
    out.report("\n".join(gone))
    out.tell("would-prune" if dry_run else "pruned", count=len(gone), target=target)
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
