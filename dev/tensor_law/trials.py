"""One folder: what genfix says of its tensors, and what the reader does with them."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dev.loading_law.reader import Reader, ReaderError
from dev.tensor_law.damages import Entry, Header
from genfix.engines.modeling.loaded_tensors import Fit, fit
from genfix.json_types import JsonValue
from genfix.model.safetensors import Tensor

__all__ = ["Trial", "headers_of", "tried", "write_damaged"]

_WIDTHS: Final = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U8": 1,
    "I8": 1,
    "BOOL": 1,
}


class Trial(NamedTuple):
    """What came of one folder."""

    kind: str
    saved_by: str
    damage: str
    verdict: str
    """``right``, ``untold`` (genfix knows nothing of the class), ``wrong alarm`` or ``wrong silence``."""
    said: Sequence[str] = ()
    """What genfix says is missing or does not fit."""
    done: Sequence[str] = ()
    """What the reader makes up, or its words where it refuses."""


def headers_of(folder: Path) -> Header:
    """All tensors of a folder."""
    return {name: Entry(str(entry["dtype"]), _shape(entry["shape"])) for name, entry in _read(folder).items()}


def _shape(value: JsonValue) -> tuple[int, ...]:
    return tuple(size for size in _list(value) if isinstance(size, int))


def _read(folder: Path) -> dict[str, dict[str, JsonValue]]:
    found: dict[str, dict[str, JsonValue]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            found |= json.loads(file.read(length))
    found.pop("__metadata__", None)
    return found


def write_damaged(folder: Path, header: Header, place: Path) -> None:
    """A copy of ``folder`` with other tensors, all zero."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("*.safetensors*"))
    entries: dict[str, JsonValue] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, entry in header.items():
        size = _WIDTHS[entry.dtype] * math.prod(entry.shape)
        entries[name] = {"dtype": entry.dtype, "shape": [*entry.shape], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    with (place / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + at)


def tried(subject: Path, damage: str, folder: Path, reader: Reader) -> Trial:
    """Judge and load one folder."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    owner = (config.get("architectures") or [""])[0]
    tensors = {name: Tensor(*entry, "") for name, entry in headers_of(folder).items()}
    found = fit(config, owner, tensors)
    try:
        answer = reader.ask("tensors", folder=folder)
        assert isinstance(answer, dict)
        done = [str(name) for key in ("missing", "mismatched") for name in _list(answer[key])]
    except ReaderError as error:
        done = [str(error)[:200]]
        if "has no attribute" in done[0] and "AttributeError: module" in done[0]:
            found = None  # the reader has no public class of that name
    said = _said(found)
    if found is None:
        verdict = "untold"
    else:
        verdict = "right" if bool(said) == bool(done) else ("wrong alarm" if said else "wrong silence")
    return Trial(subject.name, subject.parent.name, damage, verdict, said[:4], done[:4])


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _said(found: Fit | None) -> list[str]:
    if found is None:
        return []
    return [
        *found.missing,
        *found.incomplete,
        *(f"{name} {shape} {wanted}" for name, shape, wanted in found.mismatched),
    ]
