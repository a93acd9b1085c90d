"""JSON files that a person broke, mended where there is one way to read them.

Comments, commas too many or forgotten at a line's end, quotes that JSON does not know, Python's own words, a
key given twice with one value, UTF-16: each has one meaning, and a few characters put it right. What could
mean two things, and whatever was cut off, is left alone.

A tolerant reader works out a value and, on the way, the edits that make the text say just that in JSON. The
edited text is then read strictly and has to give that very value.
"""

import codecs
import json
from typing import Final, NamedTuple

from genfix.jsontext.json_diff import same_json
from genfix.jsontext.json_mistakes import Edit, Mistake, MistakeKind, NoSingleReadingError, TolerantReader
from genfix.jsontext.json_read import JsonError, decoded, parsed
from genfix.message import Message, text

_LIMIT: Final = 4 * 1024 * 1024
"""The most bytes that are tried: a file that a person has edited by hand is far smaller."""


class Mended(NamedTuple):
    """A mended file, and what was wrong with it, in the order of first places."""

    content: bytes
    mistakes: tuple[Mistake, ...]


def mended(data: bytes) -> Mended | None:
    """The file as strict JSON with one object, where the text has exactly one reading and is not strict
    already.
    """
    if len(data) > _LIMIT:
        return None
    try:
        source, encoding = _text_of(data)
        reader = TolerantReader(source)
        value = reader.read()
        if encoding:
            reader.note(MistakeKind.ENCODING, 0, encoding)
        if not reader.first:
            return None
        result = _edited(source, reader.edits).encode()
        again = parsed(decoded(result))
    except (NoSingleReadingError, JsonError, RecursionError, UnicodeError):
        return None
    except ValueError:  # an integer of thousands of digits, or an escape that JSON does not know
        return None
    return Mended(result, reader.mistakes()) if same_json(value, again) else None


def _text_of(data: bytes) -> tuple[str, Message | str]:
    """The text, and the encoding's name where it is not plain UTF-8. Raises `UnicodeDecodeError`."""
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig"), text("UTF-8 with a byte order mark")
    encoding = json.detect_encoding(data)
    return data.decode(encoding), "" if encoding == "utf-8" else encoding[:6].upper()


def _edited(source: str, edits: list[Edit]) -> str:
    parts: list[str] = []
    done = 0
    # A longer edit comes first: what a removed member had to mend in itself goes with it.
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= done:
            parts += (source[done : edit.start], edit.text)
            done = edit.end
    return "".join([*parts, source[done:]])
