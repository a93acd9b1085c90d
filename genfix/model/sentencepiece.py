"""The control and user-defined symbols of a SentencePiece vocabulary (``tokenizer.model``), without its
library.

The file is a protobuf message ``ModelProto`` (google/sentencepiece, src/sentencepiece_model.proto): field 1,
repeated, is a piece with its text (1), score (2) and type (3); a piece's place in the file is its id.
"""

from typing import Final

_PIECE: Final = 0x0A
_TEXT: Final = 0x0A
_TYPE: Final = 0x18
_LENGTH: Final = 2
"""Wire type of a field with a length of its own."""
_SPECIAL: Final = frozenset([3, 4])
"""``CONTROL`` and ``USER_DEFINED``; both are matched whole and never split."""
_MAY_BE_SPECIAL: Final = tuple(bytes([_TYPE, kind]) for kind in _SPECIAL)
_MOST_PIECES: Final = 1_000_000
"""The largest vocabularies have 300,000; a file of empty pieces must not keep anybody busy."""


def special_pieces(content: bytes) -> dict[str, int]:
    """Symbol to id; empty where ``content`` is no SentencePiece model (GLM-4's file of that name is
    tiktoken's).
    """
    found: dict[str, int] = {}
    position = index = 0
    try:
        while position < len(content) and content[position] == _PIECE:
            length, start = _varint(content, position + 1)
            position = start + length
            piece = content[start:position]
            # Nearly all pieces are ordinary: their fields need not be read.
            if any(mark in piece for mark in _MAY_BE_SPECIAL):
                text = _special_text(piece)
                if text is not None:
                    found.setdefault(text, index)
            index += 1
            if not length or index > _MOST_PIECES:
                return {}  # a piece has a text
        # What follows the pieces are other fields of the message, never a line of text.
        return found if index and (position == len(content) or content[position] & 7 == _LENGTH) else {}
    except (IndexError, UnicodeDecodeError, ValueError):
        return {}


def _special_text(piece: bytes) -> str | None:
    """The text of a piece that is a control or user-defined symbol."""
    text: bytes | None = None
    special = False
    position = 0
    while position < len(piece):
        key, position = _varint(piece, position)
        match key & 7:
            case 0:
                value, position = _varint(piece, position)
                special = value in _SPECIAL if key == _TYPE else special
            case 1:
                position += 8
            case 2:
                length, position = _varint(piece, position)
                text = piece[position : position + length] if key == _TEXT else text
                position += length
            case 5:
                position += 4
            case _:
                raise ValueError("not a protobuf field")
    return text.decode() if special and text is not None else None


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A base-128 number, and where it ends. Raises `IndexError` at the end of the data."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number without end")
