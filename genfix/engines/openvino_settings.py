"""generation_config.json as OpenVINO GenAI reads it: which settings, of which type, and what it refuses."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.cpp_json import CppType, cpp_value
from genfix.engines.shared.release import Release
from genfix.json_types import JsonObject, JsonValue

_TYPES: Final[Mapping[str, CppType]] = {
    "do_sample": CppType.BOOLEAN,
    "temperature": CppType.FLOAT,
    "top_k": CppType.SIZE,
    "top_p": CppType.FLOAT,
    "min_p": CppType.FLOAT,
    "repetition_penalty": CppType.FLOAT,
    "presence_penalty": CppType.FLOAT,
    "frequency_penalty": CppType.FLOAT,
    "num_beams": CppType.SIZE,
    "num_beam_groups": CppType.SIZE,
    "num_return_sequences": CppType.SIZE,
    "diversity_penalty": CppType.FLOAT,
    "length_penalty": CppType.FLOAT,
    "no_repeat_ngram_size": CppType.SIZE,
    "max_length": CppType.SIZE,
    "max_new_tokens": CppType.SIZE,
    "min_new_tokens": CppType.SIZE,
    "ignore_eos": CppType.BOOLEAN,
    "include_stop_str_in_output": CppType.BOOLEAN,
    "echo": CppType.BOOLEAN,
    "logprobs": CppType.SIZE,
    "assistant_confidence_threshold": CppType.FLOAT,
    "num_assistant_tokens": CppType.SIZE,
    "max_ngram_size": CppType.SIZE,
}
SAMPLING: Final = (*_TYPES,)[:17]
"""Those that make a difference to what is sampled."""
_MIN_P: Final = (2026, 2)
"""First with ``min_p``."""
_UNSET: Final = -1
_LIMIT: Final = 2.0
_NO_LIMIT: Final = 2**64 - 1


class OpenvinoSettings(NamedTuple):
    """What the file gives."""

    values: JsonObject
    """Settings, each of its type."""
    eos: int
    """The one EOS; -1 where none is set."""
    stops: tuple[int, ...]
    """All ids, that one included."""
    stop_strings: tuple[str, ...]
    unreadable: str | None
    """The key at whose value reading ends."""


def read_settings(settings: JsonObject, version: Release) -> OpenvinoSettings:
    """Read the parsed file; its eos_token_id as a number or as a list of numbers."""
    values: dict[str, JsonValue] = {}
    stops: list[int] = []
    strings: list[str] = []
    eos = _UNSET
    key = "eos_token_id"
    try:
        stops += _ids(settings.get(key))
        eos = stops[0] if stops else _UNSET
        key = "stop_strings"
        found = settings.get(key)
        strings += map(_text, found if isinstance(found, list) else [])
        for key, kind in _TYPES.items():
            if key == "min_p" and version < _MIN_P:
                continue
            value = cpp_value(settings.get(key), kind)
            if value is not None:
                values[key] = value
    except TypeError:
        return OpenvinoSettings({}, _UNSET, (), (), key)
    if eos == _UNSET and not isinstance(settings.get("eos_token_id"), list):
        stops = []
    return OpenvinoSettings(values, eos, tuple(dict.fromkeys(stops)), tuple(strings), None)


def _ids(value: JsonValue) -> list[int]:
    entries = value if isinstance(value, list) else [] if value is None else [value]
    ids: list[int] = []
    for entry in entries:
        number = cpp_value(entry, CppType.INTEGER)
        if not isinstance(number, int):  # a list or null inside the list
            raise TypeError
        ids.append(number)
    return ids


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def refused_setting(values: JsonObject) -> str | None:
    """The first setting for which every request is refused (``GenerationConfig::validate``)."""
    sampled, beams = values.get("do_sample") is True, _number(values, "num_beams", 1)
    sequences = _number(values, "num_return_sequences", 1)
    checks = {"num_return_sequences": sequences == 1 or (sequences > 0 and (sampled or beams > 1))}
    checks |= _length_checks(values) | _assistant_checks(values, single=beams <= 1 and sequences == 1)
    checks |= _beam_checks(values, beams) if beams > 1 else _penalty_checks(values)
    if sampled:
        checks |= {
            "top_p": 0 < _number(values, "top_p", 1) <= 1,
            "temperature": _number(values, "temperature", 1) > 0,
            "min_p": 0 <= _number(values, "min_p", 0) < 1,
            "num_beams": beams <= 1,
        }
    return next((key for key, holds in checks.items() if not holds), None)


def _length_checks(values: JsonObject) -> dict[str, bool]:
    longest = _number(values, "max_new_tokens", _NO_LIMIT)
    limited = longest != _NO_LIMIT or _number(values, "max_length", _NO_LIMIT) != _NO_LIMIT
    return {
        "ignore_eos": limited or values.get("ignore_eos") is not True,
        "max_new_tokens": longest > 0 or values.get("echo") is True,
        "min_new_tokens": _number(values, "min_new_tokens", 0) <= longest,
    }


def _assistant_checks(values: JsonObject, *, single: bool) -> dict[str, bool]:
    tokens = _number(values, "num_assistant_tokens", 0)
    threshold = _number(values, "assistant_confidence_threshold", 0)
    return {
        "assistant_confidence_threshold": not (threshold and tokens),
        "max_ngram_size": bool(tokens) or not _number(values, "max_ngram_size", 0),
        "num_assistant_tokens": single or not (tokens or threshold > 0),
    }


def _penalty_checks(values: JsonObject) -> dict[str, bool]:
    return {
        "frequency_penalty": -_LIMIT <= _number(values, "frequency_penalty", 0) <= _LIMIT,
        "presence_penalty": -_LIMIT <= _number(values, "presence_penalty", 0) <= _LIMIT,
        "repetition_penalty": _number(values, "repetition_penalty", 1) > 0,
    }


def _beam_checks(values: JsonObject, beams: float) -> dict[str, bool]:
    groups = _number(values, "num_beam_groups", 1)
    return {
        "frequency_penalty": _number(values, "frequency_penalty", 0) == 0,
        "presence_penalty": _number(values, "presence_penalty", 0) == 0,
        "repetition_penalty": _number(values, "repetition_penalty", 1) == 1,
        "num_beam_groups": groups > 0 and beams % groups == 0,
        "num_beams": beams >= _number(values, "num_return_sequences", 1),
        "no_repeat_ngram_size": _number(values, "no_repeat_ngram_size", 1) > 0,
        "diversity_penalty": (_number(values, "diversity_penalty", 0) != 0) is (groups > 1),
    }


def _number(values: JsonObject, key: str, usual: float) -> float:
    value = values.get(key)
    return value if isinstance(value, int | float) else usual
