"""How the ``eos_token_id`` of a JSON file reads, in all the forms people write it."""

from typing import NamedTuple

from genfix.json_types import JsonObject, JsonValue


class EosValue(NamedTuple):
    """The ids of one ``eos_token_id``, and what in it is no id."""

    ids: tuple[int, ...] = ()
    """Each id once, in file order."""
    invalid: tuple[JsonValue, ...] = ()
    """Entries that are no token id: strings, floats, booleans, negative numbers."""


def read_eos(config: JsonObject, key: str = "eos_token_id") -> EosValue:
    """Read an int, a list of ints, `None` or an absent key; other things are `invalid`."""
    value = config.get(key)
    if value is None:
        return EosValue()
    entries = value if isinstance(value, list) else [value]
    ids = tuple(dict.fromkeys(entry for entry in entries if type(entry) is int and entry >= 0))
    return EosValue(ids, tuple(entry for entry in entries if type(entry) is not int or entry < 0))


def ids_of_set(value: JsonValue) -> tuple[int, ...] | None:
    """The whole numbers of a Python set made of ``value``, however they are written; `None` where none is
    made.

    That is what SGLang, LMDeploy and MLX-LM keep: there ``258.0`` is 258, and ``true`` is 1.
    """
    if value is None or isinstance(value, str | dict):
        return ()  # of letters, or of keys
    if isinstance(value, int):
        value = [value]
    if not isinstance(value, list) or any(isinstance(entry, dict | list) for entry in value):
        return None
    numbers = (entry for entry in value if isinstance(entry, int | float) and entry >= 0)
    return tuple(dict.fromkeys(int(n) for n in numbers if isinstance(n, int) or n.is_integer()))
