"""JSON values as types, so that nothing in the package is ``Any``."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

# The quotes are inside, so that ``JsonValue | Missing`` also works at run time.
JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = Mapping[str, JsonValue]


class Missing(Enum):
    """The value of a key that is not there, as distinct from ``null``."""

    MISSING = "missing"
