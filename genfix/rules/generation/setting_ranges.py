"""Which values of generation settings engines take at all."""

from typing import Final

from genfix.engines.shared.generating import DEFAULTS
from genfix.json_types import JsonObject, JsonValue

RANGES: Final = {
    # key: (lowest, is the lowest allowed, highest); what vLLM 0.32 (sampling_params.py) and transformers 5.23
    # (generation/configuration_utils.py, logits_process.py) refuse at every request.
    "temperature": (0.0, True, None),
    "top_p": (0.0, False, 1.0),
    "min_p": (0.0, True, 1.0),
    "top_k": (-1.0, True, None),
    "repetition_penalty": (0.0, False, None),
    "max_new_tokens": (1.0, True, None),
    "num_beams": (1.0, True, None),
}


def refused(settings: JsonObject) -> tuple[str, ...]:
    """The keys of ``settings`` whose value no engine takes, in the order of `RANGES`."""
    return tuple(key for key in RANGES if settings.get(key) is not None and not in_range(key, settings[key]))


def in_range(key: str, value: JsonValue) -> bool:
    """Whether an engine takes ``value`` for ``key``, one of `RANGES`."""
    lowest, allowed, highest = RANGES[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if value < lowest or (value == lowest and not allowed):
        return False
    return highest is None or value <= highest


def same_setting(key: str, left: JsonValue, right: JsonValue) -> bool:
    """Whether two values for ``key`` mean the same: `None` and its default do."""
    default = DEFAULTS.get(key)
    left = default if left is None else left
    right = default if right is None else right
    return left == right and isinstance(left, bool) == isinstance(right, bool)
