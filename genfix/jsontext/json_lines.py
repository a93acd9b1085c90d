"""At which line of a JSON file something stands."""

from genfix.jsontext.json_diff import pointer_keys
from genfix.jsontext.json_read import JsonError, decoded, line_and_column, read_json_object
from genfix.jsontext.json_spans import object_at


def line_of(content: bytes, pointer: str | None) -> int:
    """The line, counted from 1, of the key at ``pointer`` (RFC 6901), or of the nearest key above it.

    In a file that does not parse it is the line of the problem.
    """
    try:
        value = read_json_object(content)
    except JsonError as error:
        return error.problem.line
    keys = pointer_keys(pointer or "")
    text, line = decoded(content), 1
    for depth, key in enumerate(keys):
        if key not in value:
            break
        (member,) = (member for member in object_at(text, keys[:depth]).members if member.key == key)
        line = line_and_column(text, member.key_start)[0]
        inner = value[key]
        if not isinstance(inner, dict):
            break
        value = inner
    return line
