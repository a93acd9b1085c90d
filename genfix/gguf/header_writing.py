"""The header of a GGUF with other values: what does not change keeps its bytes and its place."""

import struct
from collections.abc import Mapping
from typing import Final

from genfix.gguf.header import FORMATS, MAGIC, GgufType, Header, TypedValue

PADDING: Final = "genfix.padding"
"""A key that nobody reads, of spaces: with it the data of a large file stays at the same place in its block
of the disk, without which no file system lets two files share blocks.
"""
_BLOCK: Final = 4096
_LARGE: Final = 64 * 1024 * 1024
"""Bytes of data from which on sharing is worth a key."""


def edited_header(header: Header, edits: Mapping[str, TypedValue]) -> bytes:
    """All bytes before the tensors' data, padding included, with the values of ``edits`` in place.

    A key that is new comes last. The list of tensors stays as it is: their places count from the first byte
    of all data. Raises `ValueError` where a value does not fit its type.
    """
    if not edits:
        return header.data + bytes(header.data_start - len(header.data))
    whole = _assembled(header, edits)
    if header.file_size - header.data_start < _LARGE or (header.data_start - len(whole)) % _BLOCK == 0:
        return whole
    bare = _assembled(header, {**edits, PADDING: TypedValue(GgufType.STRING, "")}, fill=False)
    spaces = " " * ((header.data_start - len(bare)) % _BLOCK)
    return _assembled(header, {**edits, PADDING: TypedValue(GgufType.STRING, spaces)})


def _assembled(header: Header, edits: Mapping[str, TypedValue], *, fill: bool = True) -> bytes:
    parts = [
        entry_bytes(key, edits[key]) if key in edits else header.data[entry.begin : entry.end]
        for key, entry in header.entries.items()
    ]
    parts += [entry_bytes(key, value) for key, value in edits.items() if key not in header.entries]
    head = MAGIC + struct.pack("<IQQ", header.version, len(header.tensors), len(parts))
    whole = b"".join([head, *parts, header.data[header.listed :]])
    return whole + bytes(-len(whole) % header.alignment if fill else 0)


def entry_bytes(key: str, typed: TypedValue) -> bytes:
    """One key and its value. Raises `ValueError` where it does not fit its type."""
    head = _text(key) + struct.pack("<I", typed.type)
    if typed.type is not GgufType.ARRAY:
        return head + _value(typed.type, typed.value)
    if typed.item is None or not isinstance(typed.value, list):
        raise ValueError(f"{key} is no list")
    item = typed.item
    head += struct.pack("<IQ", item, len(typed.value))
    return head + b"".join(_value(item, value) for value in typed.value)


def _value(kind: GgufType, value: object) -> bytes:
    if kind is GgufType.STRING:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
        return _text(value)
    try:
        return struct.pack(f"<{FORMATS[kind]}", value)
    except (struct.error, KeyError) as error:
        raise ValueError(f"{value!r} is no {kind.name}") from error


def _text(value: str) -> bytes:
    content = value.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(content)) + content
