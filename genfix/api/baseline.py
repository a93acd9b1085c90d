"""Findings that are known and shall not count: a file that names them by rule, file and pointer."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from genfix.errors import InputError
from genfix.folder.user_file import read_user_file
from genfix.json_types import JsonValue
from genfix.jsontext.json_read import JsonError, read_json_object
from genfix.message import Message, text
from genfix.resolver.case import ModelLocation
from genfix.rules import Finding

Key = tuple[str, str, str]
"""`Finding.key`: code, file and JSON pointer."""

_VERSION: Final = 1
_LARGEST: Final = 4 * 1024 * 1024
_ENTRY: Final = frozenset({"code", "file", "pointer"})
_MOST_NAMED: Final = 5


def write_baseline(
    path: ModelLocation, findings: Iterable[Finding], *, outside: ModelLocation | None = None
) -> int:
    """Write ``findings`` to a baseline, which must not lie in the folder ``outside``; how many they are.

    The same findings give the same bytes. Raises `GenfixError` where the file cannot be written.
    """
    from genfix.applier import write_report  # noqa: PLC0415 - `check` alone does without the applier

    keys = sorted({finding.key for finding in findings})
    entries: list[JsonValue] = [
        {"code": code, "file": file, "pointer": pointer or None} for code, file, pointer in keys
    ]
    document: JsonValue = {"genfix_baseline": _VERSION, "findings": entries}
    content = json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"
    write_report(Path(path), content, outside=Path(outside) if outside is not None else None)
    return len(keys)


def read_baseline(path: ModelLocation) -> frozenset[Key]:
    """The keys of the findings in a baseline. Raises `InputError` where the file is none."""
    try:
        document = read_json_object(read_user_file(Path(path), text("the baseline"), _LARGEST))
    except JsonError as error:
        raise _no_baseline(path, error.said) from error
    if document.keys() != {"genfix_baseline", "findings"}:
        raise _no_baseline(path, text("it does not have the keys of one"))
    version = document["genfix_baseline"]
    if type(version) is not int or version != _VERSION:
        raise _no_baseline(path, text("this genfix knows format {version} only", version=_VERSION))
    entries = document["findings"]
    if not isinstance(entries, list):
        raise _no_baseline(path, text("findings is not a list"))
    return frozenset(_key(entry, path) for entry in entries)


def unmatched(path: ModelLocation, baseline: frozenset[Key], known: Iterable[Finding]) -> tuple[Message, ...]:
    """What to say of entries that match nothing any more: one sentence, or none."""
    left = sorted(baseline - {finding.key for finding in known})
    if not left:
        return ()
    named = ["{} {} {}".format(*key).rstrip() for key in left[:_MOST_NAMED]]
    more = len(left) - len(named)
    entries: list[JsonValue] = [*named]
    return (
        text(
            "{count} entry of the baseline {path} found no more: {entries}",
            "{count} entries of the baseline {path} found no more: {entries}",
            count=len(left),
            path=os.fspath(path),
            entries=text("{entries} and {count} more", entries=entries, count=more) if more else entries,
        ),
    )


def _key(entry: JsonValue, path: ModelLocation) -> Key:
    if not isinstance(entry, dict) or entry.keys() != _ENTRY:
        raise _no_baseline(path, text("an entry does not have code, file and pointer"))
    code, file, pointer = entry["code"], entry["file"], entry["pointer"]
    if not isinstance(code, str) or not isinstance(file, str) or not isinstance(pointer, str | None):
        raise _no_baseline(path, text("an entry has something that is no text"))
    return code, file, pointer or ""


def _no_baseline(path: ModelLocation, why: Message) -> InputError:
    return InputError(
        "{path} is no baseline of genfix: {why}", "write it anew with --write-baseline", path=path, why=why
    )
