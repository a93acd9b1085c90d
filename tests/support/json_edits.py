"""One edit of a JSON file."""

from collections.abc import Sequence

from genfix.json_types import JsonValue
from genfix.jsontext.json_edit import JsonEditor, Raw


def set_value(data: bytes, pointer: str, value: JsonValue | Raw, *, key_order: Sequence[str] = ()) -> bytes:
    """Return the file with one value set. Raises as `JsonEditor` and its methods."""
    editor = JsonEditor(data)
    editor.set(pointer, value, key_order=key_order)
    return editor.content()


def remove_value(data: bytes, pointer: str) -> bytes:
    """Return the file without one key. Raises as `JsonEditor` and its methods."""
    editor = JsonEditor(data)
    editor.remove(pointer)
    return editor.content()
