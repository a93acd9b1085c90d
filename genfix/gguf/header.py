"""The header of a GGUF as a value: keys with their values, and the list of tensors.

The form is that of llama.cpp b11312 (ggml/src/gguf.cpp, ``gguf_init_from_reader``), versions 2 and 3, little
endian. Values are decoded when they are asked for: a vocabulary has hundreds of thousands.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from genfix.json_types import JsonValue

MAGIC: Final = b"GGUF"
ALIGNMENT: Final = "general.alignment"


class GgufType(IntEnum):
    """The type of a value."""

    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3
    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9
    UINT64 = 10
    INT64 = 11
    FLOAT64 = 12


FORMATS: Final[Mapping[GgufType, str]] = {
    GgufType.UINT8: "B",
    GgufType.INT8: "b",
    GgufType.UINT16: "H",
    GgufType.INT16: "h",
    GgufType.UINT32: "I",
    GgufType.INT32: "i",
    GgufType.FLOAT32: "f",
    GgufType.BOOL: "?",
    GgufType.UINT64: "Q",
    GgufType.INT64: "q",
    GgufType.FLOAT64: "d",
}
"""How `struct` calls what has a size of its own."""

TENSOR_SIZES: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
    40: (64, 36),
    41: (128, 18),
    42: (64, 18),
}
"""By the number of a tensor's type: elements of a block, and the bytes of one (gguf-py 0.19, constants.py
``GGML_QUANT_SIZES``)."""


class TypedValue(NamedTuple):
    """A value to write."""

    type: GgufType
    value: JsonValue
    item: GgufType | None = None
    """The type of an array's items."""


class Entry(NamedTuple):
    """One key, and where its value stands in the header."""

    type: GgufType
    item: GgufType | None
    """The type of an array's items."""
    items: int
    """Items of an array; 1 otherwise."""
    begin: int
    """Where the entry begins, with the key."""
    start: int
    """Where the value begins; of an array, its first item."""
    end: int


class TensorInfo(NamedTuple):
    """One tensor as the header lists it."""

    shape: tuple[int, ...]
    """The fastest dimension first, the other way round than in other libraries."""
    type: int
    offset: int
    """Where its data begins, from the first byte of all data."""
    size: int | None
    """Bytes of data; `None` for a type that is not known."""


class Header(NamedTuple):
    """All of a GGUF but the data of its tensors."""

    data: bytes
    """The bytes up to the end of the list of tensors."""
    version: int
    entries: Mapping[str, Entry]
    """In the order of the file."""
    tensors: Mapping[str, TensorInfo]
    listed: int
    """Where the list of tensors begins."""
    alignment: int
    file_size: int

    @property
    def data_start(self) -> int:
        """Where the tensors' data begins in the file."""
        return padded(len(self.data), self.alignment)

    @property
    def data_end(self) -> int:
        """Where the data ends by what the header says, as far as all types are known; a file of a vocabulary
        alone ends with the header.
        """
        ends = [tensor.offset + (tensor.size or 0) for tensor in self.tensors.values()]
        return self.data_start + max(ends) if ends else len(self.data)

    def value(self, key: str) -> JsonValue:
        """The value of ``key``; `None` where it is not there. A text that is no UTF-8 keeps its bytes as lone
        surrogates.
        """
        entry = self.entries.get(key)
        if entry is None:
            return None
        kind = entry.item if entry.type is GgufType.ARRAY else entry.type
        if kind is GgufType.STRING or kind is None:
            texts: list[JsonValue] = [*self._texts(entry)]
            return texts if entry.type is GgufType.ARRAY else texts[0]
        numbers = [*struct.unpack_from(f"<{entry.items}{FORMATS[kind]}", self.data, entry.start)]
        return numbers if entry.type is GgufType.ARRAY else numbers[0]

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The texts of the array ``key``; `None` where there is none of texts."""
        entry = self.entries.get(key)
        is_list = entry is not None and entry.type is GgufType.ARRAY and entry.item is GgufType.STRING
        return self._texts(entry) if entry is not None and is_list else None

    def _texts(self, entry: Entry) -> tuple[str, ...]:
        data, at, found = self.data, entry.start, []
        for _ in range(entry.items):
            end = at + 8 + int.from_bytes(data[at : at + 8], "little")
            found.append(data[at + 8 : end].decode("utf-8", "surrogateescape"))
            at = end
        return tuple(found)


def padded(position: int, alignment: int) -> int:
    """The first multiple of ``alignment`` from ``position`` on."""
    return -(-position // alignment) * alignment
