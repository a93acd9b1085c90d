"""What the weights say about themselves: safetensors headers, read by range and never further."""

import json
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import FileKind, kind_of
from genfix.json_types import JsonValue

__all__ = ["Tensor", "Weights"]

_MAX_HEADER: Final = 100 * 1024 * 1024
"""The format's own limit on a header (safetensors, src/tensor.rs)."""

_EMBEDDINGS: Final = (
    "embed_tokens.weight",
    "word_embeddings.weight",
    "wte.weight",
    "tok_embeddings.weight",
    "embed_in.weight",
)
"""Last parts of the names that input embeddings have in the architectures transformers ships."""


_ADAPTER: Final = "adapter_model.safetensors"


class Tensor(NamedTuple):
    """One tensor as a header describes it."""

    dtype: str
    shape: tuple[int, ...]
    file: str
    start: int = 0
    """Where its data begins in the file, in bytes."""
    size: int = 0
    """Bytes of data; 0 where the header does not tell."""


class Weights:
    """The tensors of a folder, by name; empty where there are no safetensors, or none that can be read."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Weight files at the top of the folder, of any format, sorted."""
        return tuple(
            sorted(name for name in self._folder.names() if "/" not in name and _is_full_weights(name))
        )

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """All tensors that the headers of the ``*.safetensors`` files name."""
        found: dict[str, Tensor] = {}
        for file in self.files:
            if file.endswith(".safetensors"):
                found.update(_read_header(self._folder, file))
        return found

    @cached_property
    def adapter_tensors(self) -> Mapping[str, Tensor]:
        """The tensors of ``adapter_model.safetensors``."""
        return (
            _read_header(self._folder, _ADAPTER) if _ADAPTER in self._folder.names() else dict[str, Tensor]()
        )

    def sample(self, name: str, length: int) -> bytes:
        """At most the first ``length`` bytes of a tensor's data.

        Raises `KeyError` for an unknown tensor, `FolderFileError` where the file cannot be read in parts.
        """
        tensor = self.tensors[name]
        return self._folder.read_range(tensor.file, tensor.start, min(length, tensor.size))

    @property
    def embedding_rows(self) -> int | None:
        """Rows of the input embedding, the largest token id plus one the model can take; `None` where unknown."""
        rows = [
            tensor.shape[0]
            for name, tensor in self.tensors.items()
            if name.endswith(_EMBEDDINGS)
            and len(tensor.shape) == 2
            and "vision" not in name
            and "visual" not in name
        ]
        return max(rows) if rows else None


def _is_full_weights(name: str) -> bool:
    if kind_of(name) is not FileKind.WEIGHTS:
        return False
    return name.endswith(".safetensors") or name.startswith(("pytorch_model", "model", "consolidated"))


def _read_header(folder: Folder, file: str) -> Mapping[str, Tensor]:
    try:
        prefix = folder.read_range(file, 0, 8)
        if len(prefix) != 8:
            return {}
        (length,) = struct.unpack("<Q", prefix)
        if length > min(_MAX_HEADER, folder.stat(file).size):
            return {}
        header: JsonValue = json.loads(folder.read_range(file, 8, length))
    except (FolderFileError, ValueError, RecursionError):
        return {}
    return dict(_tensors(header, file, 8 + length)) if isinstance(header, dict) else {}


def _tensors(header: Mapping[str, JsonValue], file: str, data: int) -> Iterator[tuple[str, Tensor]]:
    for name, entry in header.items():
        if name == "__metadata__" or not isinstance(entry, dict):
            continue
        dtype, shape = entry.get("dtype"), entry.get("shape")
        if isinstance(dtype, str) and isinstance(shape, list):
            sizes = [size for size in shape if type(size) is int]
            if len(sizes) == len(shape):
                yield name, Tensor(dtype, tuple(sizes), file, *_extent(entry.get("data_offsets"), data))


def _extent(offsets: JsonValue, data: int) -> tuple[int, int]:
    match offsets:
        case [int(start), int(end)] if 0 <= start <= end:
            return data + start, end - start
        case _:
            return 0, 0
