"""JSON as a C++ engine reads it: other bytes are JSON than in Python, and a value of another type is an
error.
"""

from enum import StrEnum

from genfix.folder.folder import FolderFileError
from genfix.json_types import JsonObject, JsonValue, all_finite, is_finite
from genfix.jsontext.json_read import JsonError, JsonProblem, JsonProblemKind, read_json_object
from genfix.model import Model

_MARK_BYTES = 3
_WORD = 2**64
_SIGN = 2**63


class CppType(StrEnum):
    """What a value is read into."""

    INTEGER = "int64"
    SIZE = "size"
    FLOAT = "float"
    BOOLEAN = "bool"
    TEXT = "text"


def cpp_object(model: Model, name: str) -> JsonObject | None:
    """The object in the file called ``name``, empty where there is none; `None` where nlohmann's parser gives
    up.

    It skips a byte order mark, and JSON that is no object merely has no keys.
    """
    file = model.json(name)
    if file.value is not None:
        return file.value if all_finite(file.value) else None
    if not file.present or not isinstance(file.problem, JsonProblem):
        return None if file.present else {}
    if file.problem.kind is JsonProblemKind.NOT_AN_OBJECT:
        return {}
    if file.problem.kind is not JsonProblemKind.BOM:
        return None
    try:
        return read_json_object(model.folder.read(name)[_MARK_BYTES:])
    except JsonError as error:
        return {} if error.problem.kind is JsonProblemKind.NOT_AN_OBJECT else None
    except FolderFileError:
        return None


def cpp_value(value: JsonValue, kind: CppType) -> JsonValue:
    """``value`` as the C++ type; `None` for null and lists, which leave a setting alone.

    Raises:
        TypeError: Where the engine raises.

    """
    if value is None or isinstance(value, list):
        return None
    if kind is CppType.TEXT and isinstance(value, str):
        return value
    if isinstance(value, bool):
        if kind is CppType.BOOLEAN:
            return value
        if kind is CppType.FLOAT:
            return float(value)
    elif isinstance(value, int | float) and kind not in {CppType.BOOLEAN, CppType.TEXT}:
        return _number(value, kind)
    raise TypeError(kind)


def _number(value: float, kind: CppType) -> float:
    if kind is CppType.FLOAT:
        return value
    whole = int(value) if is_finite(value) else 0
    if kind is CppType.SIZE:
        return whole % _WORD
    if not -_SIGN <= whole < _WORD:  # it was read as a floating point number, too great to be cast
        return -_SIGN
    return whole - _WORD if whole >= _SIGN else whole
