"""The JSON form of a check, as it stands behind a prompt.

Read with pydantic, as plan files are: each check is its own dataclass, and ``kind`` says which.
"""

import json
from functools import cache
from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from genfix.json_types import JsonValue
from genfix.probe.quality.answer_checks import AnswerCheck, ContainsCheck, NumberCheck, SequenceCheck
from genfix.probe.quality.given import Check
from genfix.probe.quality.language_check import LanguageCheck
from genfix.probe.quality.object_checks import JsonCheck, ThinkingCheck, ToolCheck
from genfix.probe.quality.shape_checks import CopyCheck, LengthCheck, ListCheck

_AnyCheck: TypeAlias = Annotated[
    NumberCheck
    | AnswerCheck
    | ContainsCheck
    | SequenceCheck
    | ListCheck
    | LengthCheck
    | LanguageCheck
    | CopyCheck
    | JsonCheck
    | ToolCheck
    | ThinkingCheck,
    Field(discriminator="kind"),
]


class CheckError(ValueError):
    """A check that is none; the text says where and why."""


@cache
def _adapter() -> TypeAdapter[_AnyCheck]:
    return TypeAdapter(_AnyCheck, config=ConfigDict(extra="forbid"))


def read_check(value: JsonValue) -> Check:
    """The check in a JSON value. Raises `CheckError` for one that is none."""
    try:
        return _adapter().validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise CheckError(f"{where}: {first['msg']}" if where else first["msg"]) from error
