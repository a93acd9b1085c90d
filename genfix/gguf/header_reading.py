"""The header of a GGUF, read from its first bytes and checked as llama.cpp checks it.

A file may be anybody's: no count or length in it is believed before the bytes are there, and there is a most
of everything. What llama.cpp refuses (b11312, ggml/src/gguf.cpp) is refused here as well, in one sentence.
"""

import struct
from collections.abc import Callable
from typing import Final

from genfix.errors import InputError
from genfix.folder.folder import Folder
from genfix.gguf.header import (
    ALIGNMENT,
    FORMATS,
    MAGIC,
    TENSOR_SIZES,
    Entry,
    GgufType,
    Header,
    TensorInfo,
    padded,
)
from genfix.message import Message, text

_FIRST: Final = 1024 * 1024
_MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a header: a vocabulary of a million tokens with its merges has a tenth."""
_MOST_KEYS: Final = 65_536
_MOST_TENSORS: Final = 1_000_000
_MOST_TEXTS: Final = 8_000_000
"""Of all lists of texts together."""
_MOST_DIMENSIONS: Final = 4
_LONGEST_NAME: Final = 64
_LONGEST_KEY: Final = 65_535
_VERSIONS: Final = (2, 3)


class GgufError(InputError):
    """A file is no GGUF that can be read (exit 2)."""


def read_header(folder: Folder, name: str) -> Header:
    """The header of the file ``name``. Raises `GgufError` where it is none; nothing beyond it is read."""
    return parse_header(
        lambda start, length: folder.read_range(name, start, length), folder.stat(name).size, name
    )


def parse_header(read: Callable[[int, int], bytes], size: int, name: str) -> Header:
    """The header of a file of ``size`` bytes, of which ``read`` gives ranges. Raises `GgufError`."""
    return _Parser(read, size, name).header()


class _Parser:
    """The bytes that are here so far, and how far they are understood."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, name: str) -> None:
        self._read = read
        self._size = size
        self._name = name
        self._data = bytearray()
        self._at = 0
        self._texts = 0

    def header(self) -> Header:
        """All of it."""
        version = self._version()
        tensors, keys = self._number("Q"), self._number("Q")
        self._limit(keys, _MOST_KEYS, 13)
        self._limit(tensors, _MOST_TENSORS, 24)
        entries: dict[str, Entry] = {}
        for _ in range(keys):
            begin, key = self._at, self._key()
            if not key or key in entries:
                raise self._refused(
                    text("it has the key {key} twice", key=key)
                    if key
                    else text("it has a key without a name")
                )
            entries[key] = self._entry(begin)
        alignment = self._alignment(entries.get(ALIGNMENT))
        listed = self._at
        found = self._tensors(tensors, alignment)
        return Header(bytes(self._data[: self._at]), version, entries, found, listed, alignment, self._size)

    def _version(self) -> int:
        magic = self._take(4)
        if magic != MAGIC:
            raise self._refused(text("it does not begin with GGUF"))
        version = self._number("I")
        if version & 0xFFFF == 0 and version:
            raise self._refused(text("it is big-endian, for other machines than those that run it today"))
        if version not in _VERSIONS:
            raise self._refused(
                text("it is of version {version}, and llama.cpp reads 2 and 3", version=version)
            )
        return version

    def _entry(self, begin: int) -> Entry:
        kind, item, count = self._type(), None, 1
        if kind is GgufType.ARRAY:
            item, count = self._type(), self._number("Q")
            if item is GgufType.ARRAY:
                raise self._refused(text("a value of it is a list of lists"))
        start, one = self._at, kind if item is None else item  # a list of UINT8 has 0 here
        if one is GgufType.STRING:
            self._skip_texts(count)
        else:
            width = struct.calcsize(FORMATS[one])
            self._limit(count, self._size, width)
            self._need(count * width)
            self._at += count * width
        return Entry(kind, item, count, begin, start, self._at)

    def _type(self) -> GgufType:
        number = self._number("I")
        try:
            return GgufType(number)
        except ValueError:
            raise self._refused(text("a value of it has the unknown type {number}", number=number)) from None

    def _skip_texts(self, count: int) -> None:
        self._limit(count, _MOST_TEXTS - self._texts, 8)
        self._texts += count
        at = self._at
        for _ in range(count):  # written out: there may be millions
            if at + 8 > len(self._data):
                self._at = at
                self._need(8)
            end = at + 8 + int.from_bytes(self._data[at : at + 8], "little")
            if end > len(self._data):
                self._at = at
                self._need(end - at)
            at = end
        self._at = at

    def _alignment(self, entry: Entry | None) -> int:
        if entry is None:
            return 32
        if entry.type is not GgufType.UINT32:
            raise self._refused(text("its alignment is no number"))
        (found,) = struct.unpack_from("<I", self._data, entry.start)
        alignment = int(found)
        if alignment == 0 or alignment & (alignment - 1):
            raise self._refused(text("its alignment {number} is no power of two", number=alignment))
        return alignment

    def _tensors(self, count: int, alignment: int) -> dict[str, TensorInfo]:
        found: dict[str, TensorInfo] = {}
        place: int | None = 0
        for _ in range(count):
            name = self._text(_LONGEST_NAME - 1)
            dimensions = self._number("I")
            if dimensions > _MOST_DIMENSIONS:
                raise self._refused(
                    text("the tensor {tensor} has {count} dimensions", tensor=name, count=dimensions)
                )
            shape = struct.unpack(f"<{dimensions}q", self._take(8 * dimensions))
            kind, offset = self._number("I"), self._number("Q")
            if name in found:
                raise self._refused(text("it has the tensor {tensor} twice", tensor=name))
            size = self._tensor_size(name, shape, kind)
            if offset != (offset if place is None else place):
                raise self._refused(
                    text(
                        "the data of {tensor} begins at {offset}, and not at {place}, where it should",
                        tensor=name,
                        offset=offset,
                        place=place,
                    )
                )
            place = None if size is None else padded(offset + size, alignment)
            found[name] = TensorInfo(shape, kind, offset, size)
        return found

    def _tensor_size(self, name: str, shape: tuple[int, ...], kind: int) -> int | None:
        elements = 1
        for length in shape:
            elements *= length
        block, width = TENSOR_SIZES.get(kind, (1, 0))
        if min(shape, default=0) < 0 or elements > 2**63 - 1 or (shape[0] if shape else 1) % block:
            raise self._refused(
                text("the tensor {tensor} cannot have the shape {shape}", tensor=name, shape=[*shape])
            )
        return elements // block * width if width else None

    def _key(self) -> str:
        return self._text(_LONGEST_KEY)

    def _text(self, most: int) -> str:
        length = self._number("Q")
        if length > most:
            raise self._refused(text("it has a name of {length:,} bytes", length=length))
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise self._refused(text("it has a name that is not UTF-8")) from None

    def _number(self, kind: str) -> int:
        (found,) = struct.unpack(f"<{kind}", self._take(struct.calcsize(f"<{kind}")))
        return int(found)

    def _take(self, length: int) -> bytes:
        self._need(length)
        self._at += length
        return bytes(self._data[self._at - length : self._at])

    def _limit(self, count: int, most: int, width: int) -> None:
        """Raise where so many things, of at least ``width`` bytes each, are too many or cannot be there."""
        if count * width > self._size - self._at:
            raise self._cut_off()
        if count > most:
            raise self._refused(text("it counts {count:,} of what no model has so many", count=count))

    def _need(self, length: int) -> None:
        """Have the next ``length`` bytes here."""
        end = self._at + length
        if end <= len(self._data):
            return
        if end > self._size:
            raise self._cut_off()
        if end > _MOST_BYTES:
            raise self._refused(text("its header has more than {most:.3g} MiB", most=_MOST_BYTES / 2**20))
        wanted = min(max(end, 2 * len(self._data), _FIRST), self._size, _MOST_BYTES)
        self._data += self._read(len(self._data), wanted - len(self._data))
        if end > len(self._data):
            raise self._cut_off()

    def _cut_off(self) -> GgufError:
        return self._refused(text("it ends, after {size:,} bytes, before its header does", size=self._size))

    def _refused(self, why: Message) -> GgufError:
        return GgufError(
            "{file} is no GGUF that llama.cpp opens: {why}",
            "download it again, or convert it again",
            file=self._name,
            why=why,
        )
