"""Untrusted text made fit for a terminal."""

import json

from genfix.json_types import JsonValue


def show(text: str) -> str:
    """``text`` with every character a terminal could act on, or that hides, written as an escape.

    File names, values and Hub messages are not ours: C0, DEL, C1 and bidirectional controls are not
    printable.
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def show_value(value: JsonValue, limit: int = 120) -> str:
    """A JSON value on one line, cut after ``limit`` characters."""
    text = show(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
