"""The stop ids an engine gets from generation_config.json, or from the config object where that cannot be
read.
"""

from typing import Final, NamedTuple

from genfix.engines.shared.common import chosen
from genfix.engines.shared.config_object import object_value
from genfix.engines.shared.eos import EosValue, read_eos
from genfix.engines.shared.wording import (
    hidden_by_generation_config,
    stop_from_generation_config,
    stop_of_class,
)
from genfix.json_types import JsonObject
from genfix.message import Message
from genfix.model import Model

_KEPT: Final = ("min_p", "max_new_tokens")
"""Settings that a config object keeps of config.json; others of generation it drops (transformers 5)."""


class FileStop(NamedTuple):
    """What a file gives, and how that is reported."""

    eos: EosValue
    trace: tuple[Message, ...]
    settings: JsonObject
    """The settings that were read from the same place."""


def generation_stop(model: Model, major: int) -> FileStop:
    """As transformers' ``GenerationConfig.from_pretrained`` with a fall back to the config object."""
    file, found = model.generation_config, object_value(model, "eos_token_id", major)
    of_object = read_eos({"eos_token_id": found.value})
    if file.value is None:
        ids = of_object.ids
        origin = stop_of_class(ids) if found.is_default else stop_from_generation_config(file, ids)
        kept = chosen(model.config, _KEPT)
        return FileStop(of_object, (origin,), kept)
    eos = read_eos(file.value)
    trace = [stop_from_generation_config(file, eos.ids)]
    if set(of_object.ids) - set(eos.ids):
        trace.append(hidden_by_generation_config(of_object.ids))
    return FileStop(eos, tuple(trace), file.value)
