"""Config classes of released transformers: which releases have a model type, and what a class takes where
config.json lacks a key.

A view of the table in ``released``.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from genfix.engines.shared.released import entry, majors
from genfix.json_types import JsonValue

_IMPLIED: Final[Mapping[str, JsonValue]] = {
    "head_dim": {"=": "hidden_size // num_attention_heads"},
    "num_key_value_heads": {"=": "num_attention_heads"},
    "partial_rotary_factor": 1.0,
}
"""What modeling code, and every engine, makes of these where the class has null or no such field."""
_OWN_HEAD_SIZES: Final = frozenset(["qk_rope_head_dim", "qk_nope_head_dim"])
"""Classes with such fields have no ``head_dim`` of the usual meaning."""


class Default(NamedTuple):
    """What some releases in a row have for a field."""

    first: int
    last: int
    """Numbers of releases."""
    value: JsonValue


class ConfigClass(NamedTuple):
    """The class of one model type, over all releases read."""

    releases: Mapping[int, int]
    """The releases that have it: of each number the major version."""
    defaults: Mapping[str, tuple[Default, ...]]
    """By field."""
    names: Mapping[str, tuple[str, ...]] = {}
    """By ``config``, ``image``, ``video``, ``audio``, ``processor`` and ``tokenizer``: the classes that the
    auto classes of the newest release take for the type."""

    def is_in(self, major: int) -> bool:
        """Whether a release of that major version has it."""
        return major in self.releases.values()

    def newest(self, key: str, major: int) -> JsonValue:
        """The default of the newest release of that major version, as the table has it; `None` without
        one.
        """
        found = self._newest_run(key, major)
        return found.value if found is not None else None

    def has(self, key: str, major: int) -> bool:
        """Whether the newest release of that major version has a field ``key``."""
        return self._newest_run(key, major) is not None

    def _newest_run(self, key: str, major: int) -> Default | None:
        newest = max((number for number, of in self.releases.items() if of == major), default=-1)
        runs = self.defaults.get(key, ())
        return next((run for run in runs if run.first <= newest <= run.last), None)

    def taken(self, key: str, value_of: Callable[[str], JsonValue]) -> tuple[JsonValue, ...]:
        """What releases take where ``key`` is absent; empty where that is not known.

        ``value_of`` tells the other values of the file, for a default that follows from them.
        """
        stated = self._values(key) or ((None,) if key in _IMPLIED else ())
        if key == "head_dim" and _OWN_HEAD_SIZES & self.defaults.keys():
            return ()
        if not stated:
            return (False,)  # nobody reads it; code that asks all the same takes it for off
        found = tuple(self._computed(key, default, value_of) for default in stated)
        return () if any(isinstance(value, dict) for value in found) else found

    def _values(self, key: str) -> tuple[JsonValue, ...]:
        return tuple(default.value for default in self.defaults.get(key, ()))

    def _computed(self, key: str, default: JsonValue, value_of: Callable[[str], JsonValue]) -> JsonValue:
        """A default as a value; an object where it cannot be told."""
        implied = _IMPLIED.get(key) if default is None else default
        rule = implied.get("=") if isinstance(implied, dict) else None
        if not isinstance(rule, str):
            return implied
        numbers = [self._number(name, value_of) for name in rule.split(" // ")]
        match numbers:
            case [int(number)]:
                return number
            case [int(whole), int(part)]:
                return whole // part
            case _:
                return {"?": 1}

    def _number(self, name: str, value_of: Callable[[str], JsonValue]) -> int | None:
        """A value of the file, or the one default it has in all releases; `None` for no positive number."""
        stated, defaults = value_of(name), self._values(name)
        values = defaults if stated is None else (stated,)
        first = values[0] if values and all(value == values[0] for value in values) else None
        return first if type(first) is int and first > 0 else None


@cache
def config_class(model_type: str) -> ConfigClass | None:
    """The class of ``model_type``; `None` where no release has one."""
    match entry(model_type):
        case [int(first), int(last), dict(same), dict(changed), dict(names)]:
            pass
        case _:
            return None
    defaults: dict[str, tuple[Default, ...]] = {}
    defaults |= {name: (Default(first, last, value),) for name, value in same.items()}
    for name, runs in changed.items():
        defaults[name] = tuple(_default(run) for run in runs) if isinstance(runs, list) else ()
    return ConfigClass(
        dict(enumerate(majors()[first : last + 1], first)),
        defaults,
        {column: tuple(map(str, found)) for column, found in names.items() if isinstance(found, list)},
    )


def _default(run: JsonValue) -> Default:
    match run:
        case [int(first), int(last), value]:
            return Default(first, last, value)
        case _:
            raise ValueError(run)  # the table is our own


def is_released(model_type: JsonValue) -> bool:
    """Whether any release has the type."""
    return isinstance(model_type, str) and config_class(model_type) is not None


def types_known(model_types: Iterator[str], major: int) -> bool:
    """Whether a release of that major version has all of ``model_types``."""
    return all((found := config_class(kind)) is not None and found.is_in(major) for kind in model_types)
