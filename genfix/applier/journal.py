"""The journal of a transaction, which becomes its receipt: format, checksum, and validation as hostile input.

It lies in a directory that others may have written to, so nothing in it is believed: not its size, not its
types, and above all not the names it gives.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from genfix.applier.records import Change, Kept, Kind, Receipt
from genfix.folder import FileKind, is_safe_name, kind_of
from genfix.json_types import JsonValue
from genfix.message import Arg, Message, text

ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII)
"""The id of a transaction: UTC time and a random part."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""The most a journal can have; a real one has a few kilobytes."""

_VERSION: Final = 1
MAX_FILES: Final = 1000
"""The most files one transaction has."""
_BODY: Final = frozenset({"id", "kind", "when", "note", "undoes", "ops", "broken_links", "files"})
_SHA: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NEVER_WRITTEN: Final = frozenset({FileKind.WEIGHTS, FileKind.GGUF})


class JournalError(ValueError):
    """The bytes are no journal; `said` says why."""

    def __init__(self, said: Message | str, /, **args: Arg) -> None:
        self.said = Message("", said, args) if isinstance(said, str) else said
        super().__init__(str(self.said))


@dataclass(frozen=True, slots=True)
class Op:
    """The change of one file."""

    name: str
    before: str | None
    """SHA-256 (hex) of the old bytes; `None`: there was no file."""
    after: str | None
    """SHA-256 (hex) of the new bytes; `None`: the file goes, into the backup."""
    mode: int | None
    """Permission bits of the old file; `None` where there was none."""
    mtime_ns: int | None
    """Modification time of the old file in nanoseconds since 1970; `None` where there was none."""
    new_dirs: tuple[str, ...]
    """Directories created for the new file, outermost first."""
    old_dirs: tuple[str, ...]
    """Directories that go with the old file where they are empty then, innermost first."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A transaction: complete once this is written, whatever happens next."""

    id: str
    kind: Kind
    when: str
    note: Mapping[str, str]
    undoes: str | None
    ops: tuple[Op, ...]
    """In the order they are done."""
    broken_links: tuple[str, ...]
    files: tuple[Kept, ...] = ()
    """What a snapshot holds, in order of names; a snapshot has no ops."""

    def receipt(self, home: Path, undone_by: str | None = None) -> Receipt:
        """What the transaction did, with the backup below the state folder ``home``."""
        return Receipt(
            id=self.id,
            kind=self.kind,
            changes=tuple(Change(op.name, op.before, op.after) for op in self.ops),
            when=self.when,
            note=self.note,
            undoes=self.undoes,
            undone_by=undone_by,
            backup=home / "backup" / self.id,
            broken_links=self.broken_links,
            files=self.files,
        )


def is_writable_name(name: str) -> bool:
    """Whether genfix may ever write a file called ``name``: nothing hidden (``.git``, ``.cache``), no
    weights.
    """
    return (
        is_safe_name(name)
        and not any(part.startswith(".") for part in name.split("/"))
        and kind_of(name) not in _NEVER_WRITTEN
    )


def clash(names: Collection[str]) -> str | None:
    """A name that another one of ``names`` equals, or has as its directory, on some filesystem."""
    seen: set[str] = set()
    for name in names:
        folded = fold(name)
        if folded in seen:
            return name
        seen.add(folded)
    for name in names:
        parts = fold(name).split("/")
        if any("/".join(parts[:end]) in seen for end in range(1, len(parts))):
            return name
    return None


def fold(name: str) -> str:
    """The name as a filesystem that ignores case and Unicode form compares it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def encode(journal: Journal) -> bytes:
    """The journal as a file: one JSON object with the checksum of its body, which has the fields' names."""
    body: dict[str, JsonValue] = asdict(journal)
    file: dict[str, JsonValue] = {"genfix_journal": _VERSION, "sha256": _checksum(body), "body": body}
    return json.dumps(file, indent=1).encode() + b"\n"


def decode(content: bytes) -> Journal:
    """The journal in ``content``.

    Raises `JournalError` where anything about it is not as `encode` makes it.
    """
    body = _checked_body(content)
    note = body["note"]
    if not isinstance(note, dict):
        raise JournalError("note is not an object")
    kind = _kind(body["kind"])
    ops, files = _list(body["ops"], "ops"), _list(body["files"], "files")
    if bool(ops) is (kind == "snapshot") or bool(files) is (kind != "snapshot"):
        raise JournalError("a snapshot has files, and all else has ops")
    journal = Journal(
        id=_matching(body["id"], ID, "id"),
        kind=kind,
        when=_text(body["when"], "when"),
        note={key: _text(value, "note") for key, value in note.items()},
        undoes=None if body["undoes"] is None else _matching(body["undoes"], ID, "undoes"),
        ops=tuple(_op(op) for op in ops),
        broken_links=_texts(body["broken_links"], "broken_links"),
        files=tuple(_kept(item) for item in files),
    )
    names = [op.name for op in journal.ops] or [kept.name for kept in journal.files]
    if clash(names) is not None:
        raise JournalError("two of its names are one file")
    if not set(journal.broken_links) <= set(names):
        raise JournalError("broken_links has a name that no op has")
    return journal


def _checked_body(content: bytes) -> dict[str, JsonValue]:
    if len(content) > MAX_BYTES:
        raise JournalError("it is too large")
    try:
        value: JsonValue = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JournalError("it is not JSON") from error
    file = _object(value, {"genfix_journal", "sha256", "body"}, text("the file"))
    if type(file["genfix_journal"]) is not int or file["genfix_journal"] != _VERSION:
        raise JournalError("it has a version that this genfix does not know")
    body = _object(file["body"], _BODY, text("the body"))
    if file["sha256"] != _checksum(body):
        raise JournalError("its checksum is wrong")
    return body


def _op(value: JsonValue) -> Op:
    item = _object(
        value, {"name", "before", "after", "mode", "mtime_ns", "new_dirs", "old_dirs"}, text("an op")
    )
    op = Op(
        name=_name(item["name"]),
        before=_digest(item["before"]),
        after=_digest(item["after"]),
        mode=_number(item["mode"], 0, 0o777, "mode"),
        mtime_ns=_number(item["mtime_ns"], -(2**63), 2**63 - 1, "mtime_ns"),
        new_dirs=_texts(item["new_dirs"], "new_dirs"),
        old_dirs=_texts(item["old_dirs"], "old_dirs"),
    )
    if op.before == op.after:
        raise JournalError("an op changes nothing")
    if (op.before is None) != (op.mode is None) or (op.before is None) != (op.mtime_ns is None):
        raise JournalError("an op has the metadata of no file, or a file without metadata")
    parts = op.name.split("/")
    ancestors = tuple("/".join(parts[:end]) for end in range(1, len(parts)))
    if not {*op.new_dirs, *op.old_dirs} <= set(ancestors):
        raise JournalError("an op has a directory that is not its own")
    return op


def _kept(value: JsonValue) -> Kept:
    item = _object(value, {"name", "sha256", "mode", "mtime_ns"}, text("a file"))
    mode = _number(item["mode"], 0, 0o777, "mode")
    mtime_ns = _number(item["mtime_ns"], -(2**63), 2**63 - 1, "mtime_ns")
    if mode is None or mtime_ns is None:
        raise JournalError("a file has no metadata")
    return Kept(_name(item["name"]), _matching(item["sha256"], _SHA, text("a digest")), mode, mtime_ns)


def _name(value: JsonValue) -> str:
    name = _text(value, "name")
    if not is_writable_name(name):
        raise JournalError("it names a file that genfix never writes")
    return name


def _checksum(body: Mapping[str, JsonValue]) -> str:
    try:
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise JournalError("it has a value that JSON has not") from error
    return hashlib.sha256(canonical.encode()).hexdigest()


def _object(value: JsonValue, keys: Collection[str], what: Arg) -> dict[str, JsonValue]:
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise JournalError("{what} does not have the right keys", what=what)
    return value


def _text(value: JsonValue, what: Arg) -> str:
    if not isinstance(value, str):
        raise JournalError("{what} is not text", what=what)
    return value


def _list(value: JsonValue, what: Arg) -> list[JsonValue]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise JournalError("{what} is not a list of a sensible length", what=what)
    return value


def _texts(value: JsonValue, what: Arg) -> tuple[str, ...]:
    return tuple(_text(item, what) for item in _list(value, what))


def _matching(value: JsonValue, pattern: re.Pattern[str], what: Arg) -> str:
    given = _text(value, what)
    if not pattern.fullmatch(given):
        raise JournalError("{what} is malformed", what=what)
    return given


def _digest(value: JsonValue) -> str | None:
    return None if value is None else _matching(value, _SHA, text("a digest"))


def _kind(value: JsonValue) -> Kind:
    match value:
        case "repair" | "undo" | "snapshot" | "restore":
            return value
        case _:
            raise JournalError("kind is unknown")


def _number(value: JsonValue, low: int, high: int, what: Arg) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise JournalError("{what} is out of range", what=what)
    return value
