"""The table of what released versions of transformers know, one entry at a time.

Data, written by ``dev/tools/transformers_table.py`` from the wheels, whose code never runs. One line is one
entry: only the lines that a folder asks for are parsed.
"""

import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.engines.shared import table_lines
from genfix.engines.shared.release import Release, release
from genfix.json_types import JsonObject, JsonValue

_DATA: Final = Path(__file__).parents[1] / "data" / "released.jsonl"


@cache
def _table() -> tuple[tuple[str, ...], bytes]:
    """The releases, and the lines; as bytes, which are searched several times as fast as text."""
    with _DATA.open("rb") as file:
        head = file.readline()
        file.seek(-1, os.SEEK_CUR)  # each line is found by the end of that before it
        return tuple(json.loads(head)), file.read()


def releases() -> tuple[str, ...]:
    """The versions of transformers that were read, the oldest first."""
    return _table()[0]


def majors() -> tuple[int, ...]:
    """The major version of each release."""
    return tuple(int(version.partition(".")[0]) for version in releases())


def entry(name: str) -> Sequence[JsonValue] | None:
    """What stands behind ``name`` in its line; `None` where there is none."""
    return table_lines.entry(_table()[1], name)


class ReleasedClass(NamedTuple):
    """A class of transformers that files of a model folder can name."""

    kind: str
    """``model``, ``processor``, ``image``, ``video``, ``audio`` or ``tokenizer``."""
    types: frozenset[str]
    """The model types it is made for; empty where the code does not say."""
    needed: JsonObject
    """Arguments of a processor that are none by default, and that it uses all the same: null where it
    computes with them, else the text that it compares them to."""


@cache
def released_class(name: str) -> ReleasedClass | None:
    """The class called ``name``; `None` where no release has one."""
    found = entry(f"class {name}")
    match found:
        case [int(), int(), str(kind), list(types), dict(needed)]:
            return ReleasedClass(kind, frozenset(map(str, types)), needed)
        case _:
            return None


@cache
def _settings() -> tuple[str, ...]:
    """The keys of ``GenerationConfig``."""
    match entry("settings"):
        case [list(keys)]:
            return tuple(map(str, keys))
        case _:
            return ()


def setting_like(key: str) -> str | None:
    """The key of ``GenerationConfig`` that ``key`` is one edit from, where it is none itself."""
    if key in _settings():
        return None
    return next((name for name in _settings() if _is_one_edit(key, name)), None)


def _is_one_edit(left: str, right: str) -> bool:
    """Whether one letter was put in, left out or replaced, or two neighbors swapped."""
    start = next((i for i, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(left) - len(right)) == 1
    one, other = left[start:], right[start:]
    swapped = one[:2] == other[1::-1] and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]


def is_newer(version: JsonValue) -> bool:
    """Whether a file was written by a transformers that came after the newest release of the table."""
    if not isinstance(version, str):
        return False
    try:
        written: Release = release(version)
    except ValueError:
        return False
    return written[:2] > release(releases()[-1])[:2]
