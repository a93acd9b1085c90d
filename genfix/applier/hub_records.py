"""Receipts of commits on the Hub, on this machine: what `genfix log` and `genfix undo` know of them.

One JSON file each, in a folder of the repo's below ``--state-dir``, or else below ``$XDG_STATE_HOME/genfix``
(``~/.local/state/genfix``; the XDG base directory specification, for what an application did). It is written
before the commit is sent and once more when the Hub has answered, so that a run that dies in between leaves
no commit that nobody knows of. The old bytes need no backup: the Hub has them at ``parent``.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from genfix.applier.fs import DISK, FileSystem
from genfix.applier.journal import ID, is_writable_name
from genfix.applier.records import Change
from genfix.applier.reports import write_report
from genfix.applier.state import state_place
from genfix.applier.storage_errors import storage_errors
from genfix.applier.transaction import new_id
from genfix.applier.tree import is_present, make_dirs, read_all
from genfix.errors import GenfixError, InputError
from genfix.json_types import JsonValue
from genfix.message import text

HubKind: TypeAlias = Literal["repair", "undo"]
_FORMAT: Final = 1
_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HubReceipt:
    """What a commit on the Hub did; enough to take it back."""

    id: str
    """Sortable and unique, as that of a transaction on a folder."""
    kind: HubKind
    when: str
    """ISO 8601, UTC."""
    repo: str
    """``org/name``."""
    branch: str
    """The branch it is for."""
    parent: str
    """The commit it was made on, which has the old bytes."""
    title: str
    changes: tuple[Change, ...]
    note: Mapping[str, str]
    """Who, why and from which base."""
    undoes: str | None = None
    """The receipt whose changes this one takes back."""
    is_push: bool = False
    """Whether it went to the branch itself; a pull request otherwise."""
    commit: str | None = None
    """The commit; `None` where the Hub's answer never came."""
    pull_request: int | None = None


class HubLog(NamedTuple):
    """The receipts of one repo."""

    receipts: tuple[HubReceipt, ...]
    """Oldest first."""
    damaged: tuple[Path, ...] = ()
    """Files among them that are no receipt."""

    def undone_by(self, receipt: HubReceipt) -> str | None:
        """The receipt that takes ``receipt`` back, unless that one was itself taken back."""
        after = [one for one in self.receipts if one.undoes == receipt.id and one.commit is not None]
        return next((one.id for one in after if self.undone_by(one) is None), None)


def hub_place(repo: str, endpoint: str, state_dir: Path | None) -> Path:
    """Where the receipts of a repo are."""
    name = repo.casefold()  # as the Hub compares them
    key = hashlib.sha256(f"{endpoint}/{name}".encode()).hexdigest()[:16]
    return (state_place(state_dir) if state_dir else _own()) / f"hub-{name.replace('/', '--')}-{key}"


def _own() -> Path:
    named = os.environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "state"  # noqa: PTH117 - may be ""
    except RuntimeError as error:
        raise InputError(
            "there is no home directory to keep the receipt in", "name a place with --state-dir"
        ) from error
    return base / "genfix"


def next_hub_id(place: Path) -> str:
    """The id of the next receipt."""
    return new_id(max((one.id for one in hub_log(place).receipts), default=None), datetime.now(UTC))


def keep_receipt(place: Path, receipt: HubReceipt, *, fs: FileSystem = DISK) -> None:
    """Write ``receipt``, whole or not at all, in place of an earlier state of it.

    Raises `StorageError` where the disk refuses.
    """
    with storage_errors(text("cannot write in {path}", path=place)):
        near = place
        while not near.exists():
            near = near.parent
        anchor = fs.open_root(near)
        try:
            make_dirs(fs, anchor, place.relative_to(near).parts, 0o700)
        finally:
            fs.close_dir(anchor)
    body: dict[str, JsonValue] = asdict(receipt)
    content = json.dumps({"genfix_hub_receipt": _FORMAT, **body}, indent=1).encode() + b"\n"
    write_report(place / f"{receipt.id}.json", content, fs=fs)


def forget_receipt(place: Path, receipt: HubReceipt, *, fs: FileSystem = DISK) -> None:
    """Remove the receipt of a commit that the Hub did not take."""
    with storage_errors(text("cannot write in {path}", path=place)):
        directory = fs.open_root(place)
        try:
            if is_present(fs, directory, f"{receipt.id}.json"):
                fs.unlink(directory, f"{receipt.id}.json")
                fs.sync_dir(directory)
        finally:
            fs.close_dir(directory)


def hub_log(place: Path, *, fs: FileSystem = DISK) -> HubLog:
    """The receipts of the repo whose place this is."""
    receipts: list[HubReceipt] = []
    damaged: list[Path] = []
    with storage_errors(text("cannot read {path}", path=place)):
        try:
            directory = fs.open_root(place)
        except (FileNotFoundError, NotADirectoryError):
            return HubLog(())
        try:
            for name in fs.names(directory):
                if not name.endswith(".json"):
                    continue
                try:
                    receipt = _decoded(read_all(fs, directory, name, _MAX_BYTES) or b"")
                except GenfixError:
                    receipt = None
                if receipt is not None and name == f"{receipt.id}.json":
                    receipts.append(receipt)
                else:
                    damaged.append(place / name)
        finally:
            fs.close_dir(directory)
    return HubLog(tuple(sorted(receipts, key=lambda one: one.id)), tuple(damaged))


def _decoded(content: bytes) -> HubReceipt | None:
    """The receipt in a file; `None` where it is none as `keep_receipt` writes it."""
    try:
        value: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return None
    match value:
        case {
            "genfix_hub_receipt": 1,
            "id": str(own),
            "kind": "repair" | "undo" as kind,
            "when": str(when),
            "repo": str(repo),
            "branch": str(branch),
            "parent": str(parent),
            "title": str(title),
            "changes": list(rows),
            "note": dict(note),
            "undoes": (str() | None) as undoes,
            "is_push": bool(is_push),
            "commit": (str() | None) as commit,
            "pull_request": (int() | None) as number,
        } if ID.fullmatch(own):
            changes = tuple(change for row in rows if (change := _change(row)) is not None)
            if len(changes) != len(rows):
                return None
            said = {key: given for key, given in note.items() if isinstance(given, str)}
            return HubReceipt(
                own, kind, when, repo, branch, parent, title, changes, said, undoes, is_push, commit, number
            )
        case _:
            return None


def _change(row: JsonValue) -> Change | None:
    match row:
        case {"name": str(name), "before": (str() | None) as before, "after": (str() | None) as after} if (
            is_writable_name(name)
        ):
            return Change(name, before, after)
        case _:
            return None
