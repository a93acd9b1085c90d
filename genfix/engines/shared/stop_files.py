"""The stop ids an engine gets from generation_config.json, or from the config object where that cannot be
read.
"""

from typing import NamedTuple

from genfix.engines.shared.config_object import object_value
from genfix.engines.shared.eos import EosValue, read_eos
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject
from genfix.message import Message, message
from genfix.model import Model


class FileStop(NamedTuple):
    """What a file gives, and how that is reported."""

    eos: EosValue
    trace: tuple[Message, ...]
    settings: JsonObject
    """The settings that were read from the same place; empty where the file was not."""


def object_eos(model: Model, major: int) -> tuple[EosValue, Message]:
    """``eos_token_id`` of the config object, class defaults included."""
    found = object_value(model, "eos_token_id", major)
    eos = read_eos({"eos_token_id": found.value})
    if found.is_default:
        return eos, message(
            "trace-class-default",
            "no file gives an eos_token_id; the config class has {ids}",
            ids=list(eos.ids),
        )
    return eos, message("trace-stop-from", "{file} gives {ids}", file=CONFIG, ids=list(eos.ids))


def generation_stop(model: Model, major: int) -> FileStop:
    """As transformers' ``GenerationConfig.from_pretrained`` with a fall back to the config object."""
    file = model.generation_config
    if file.value is not None:
        eos = read_eos(file.value)
        trace = [message("trace-stop-from", "{file} gives {ids}", file=file.name, ids=list(eos.ids))]
        hidden = read_eos({"eos_token_id": object_value(model, "eos_token_id", major).value})
        if set(hidden.ids) - set(eos.ids):
            trace.append(
                message(
                    "trace-config-eos-hidden",
                    "config.json's {ids} are not asked, because generation_config.json is there",
                    ids=list(hidden.ids),
                )
            )
        return FileStop(eos, tuple(trace), file.value)
    eos, origin = object_eos(model, major)
    if origin.id == "trace-stop-from":
        origin = (
            message(
                "trace-stop-fallback-unreadable",
                "generation_config.json cannot be read, so config.json gives {ids}",
                ids=list(eos.ids),
            )
            if file.unreadable
            else message(
                "trace-stop-fallback-missing",
                "generation_config.json is missing, so config.json gives {ids}",
                ids=list(eos.ids),
            )
        )
    return FileStop(eos, (origin,), {})
