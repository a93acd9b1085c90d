"""The header of a safetensors file: names, shapes and places of its tensors, and no byte of their data."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.json_types import JsonValue

_MAX_HEADER: Final = 100 * 1024 * 1024
"""The format's own limit on a header (safetensors, src/tensor.rs)."""


class Tensor(NamedTuple):
    """One tensor as a header describes it."""

    dtype: str
    shape: tuple[int, ...]
    file: str
    start: int = 0
    """Where its data begins in the file, in bytes."""
    size: int = 0
    """Bytes of data; 0 where the header does not tell."""


class Header(NamedTuple):
    """What the first bytes of one file say."""

    tensors: Mapping[str, Tensor] = {}
    format: str | None = None
    """``pt``, ``mlx`` ..., where the file's metadata tells."""
    has_metadata: bool = False
    problem: str | None = None
    """``header`` where it cannot be read, ``size`` where data is missing at the file's end."""


def read_header(folder: Folder, file: str) -> Header:
    """Read the header of ``file``; one that cannot be read has a problem and no tensors."""
    try:
        size = folder.stat(file).size
        prefix = folder.read_range(file, 0, 8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) != 8 or length > min(_MAX_HEADER, size):
            return Header(problem="header")
        header: JsonValue = json.loads(folder.read_range(file, 8, length))
    except (FolderFileError, ValueError, RecursionError):
        return Header(problem="header")
    if not isinstance(header, dict):
        return Header(problem="header")
    metadata = header.get("__metadata__")
    kind = metadata.get("format") if isinstance(metadata, dict) else None
    tensors = _tensors(header, file, 8 + length)
    end = max([tensor[3] + tensor[4] for tensor in tensors.values()], default=0)
    return Header(
        tensors,
        kind if isinstance(kind, str) else None,
        has_metadata=isinstance(metadata, dict),
        problem="size" if end > size else None,
    )


def _tensors(header: Mapping[str, JsonValue], file: str, data: int) -> dict[str, Tensor]:
    """Entries of another form are no tensors. Plain loops: a model has tens of thousands."""
    found: dict[str, Tensor] = {}
    # Few dtypes and shapes are many objects in the JSON: each is kept once.
    dtypes: dict[str, str] = {}
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
    for name, entry in header.items():
        if not isinstance(entry, dict) or name == "__metadata__":
            continue
        dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if not isinstance(dtype, str) or not isinstance(shape, list):
            continue
        sizes: list[int] = []
        for size in shape:
            if type(size) is not int:
                break
            sizes.append(size)
        else:
            start = end = 0
            if isinstance(offsets, list) and len(offsets) == 2:
                first, last = offsets
                if type(first) is int and type(last) is int and 0 <= first <= last:
                    start, end = data + first, data + last
            whole = tuple(sizes)
            dtype, whole = dtypes.setdefault(dtype, dtype), shapes.setdefault(whole, whole)
            found[name] = Tensor(dtype, whole, file, start, end - start)
    return found
