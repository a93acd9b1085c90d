"""The commands that keep files for later: snapshot, restore, backups prune, capsule."""

from genfix.api.capsules import capsule
from genfix.api.keeping import prune_backups, restore, snapshot
from genfix.cli.next_lines import quoted, restore_line, undo_line
from genfix.cli.options import Here
from genfix.cli.output import Output
from genfix.message import text
from genfix.show import show


def run_snapshot(place: Here, message: str, out: Output) -> int:
    """Keep the config files; the id alone is on stdout, for scripts."""
    receipt = snapshot(place.target, message, state_dir=place.state_dir)
    out.report(receipt.id)
    out.tell(
        text(
            "kept {count} config file of {target} in {path}",
            "kept {count} config files of {target} in {path}",
            count=len(receipt.files),
            target=place.target,
            path=str(receipt.backup),
        )
    )
    out.tell(text("to have them back: {command}", command=restore_line(place, receipt.id)))
    return 0


def run_restore(place: Here, transaction: str, out: Output) -> int:
    """Bring a snapshot back."""
    receipt = restore(place.target, transaction, state_dir=place.state_dir)
    marks = {(True, False): "+", (False, True): "-"}
    out.report(
        "\n".join(
            f"{marks.get((change.before is None, change.after is None), '~')} {show(change.name)}"
            for change in receipt.changes
        )
    )
    if not receipt.changes:
        out.tell(
            text(
                "{target}: all config files are as the snapshot {snapshot} has them",
                target=place.target,
                snapshot=transaction,
            )
        )
    else:
        out.tell(
            text(
                "restored {snapshot}; to take it back: {command}",
                snapshot=transaction,
                command=undo_line(place, receipt.id),
            )
        )
        out.tell(text("restart the server: engines read these files only when they start"))
    return 0


def run_prune(place: Here, keep: int, out: Output, *, snapshots: bool, dry_run: bool) -> int:
    """Remove old backups."""
    old = prune_backups(
        place.target, keep=keep, snapshots=snapshots, dry_run=dry_run, state_dir=place.state_dir
    )
    out.report("\n".join(old))
    if dry_run:
        out.tell(
            text(
                "{count} backup of {target} would go",
                "{count} backups of {target} would go",
                count=len(old),
                target=place.target,
            )
        )
    else:
        out.tell(
            text(
                "removed {count} backup of {target}",
                "removed {count} backups of {target}",
                count=len(old),
                target=place.target,
            )
        )
    return 0


def run_capsule(base: str, out_folder: str, out: Output, *, register: bool, offline: bool) -> int:
    """Save a base's config files; what they are of alone is on stdout, for scripts."""
    made = capsule(base, out_folder, register=register, offline=offline)
    out.notes(made.notes)
    out.report(show(made.base))
    out.tell(
        text(
            "saved {count} file of {base} in {path} ({size} bytes)",
            "saved {count} files of {base} in {path} ({size} bytes)",
            count=len(made.files),
            base=made.base,
            path=out_folder,
            size=made.size,
        )
    )
    command = f"--base {quoted(_as_path(out_folder))}"
    out.tell(text("to use it, without network: {command}", command=command))
    return 0


def _as_path(text: str) -> str:
    """``text`` so that no command takes it for a model's id."""
    return text if text.startswith(("/", ".", "~")) else f"./{text}"
