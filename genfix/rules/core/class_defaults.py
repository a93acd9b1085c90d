"""What readers take where ``config.json`` lacks a key: the default of the class of the model's type."""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_classes import ConfigClass, config_class
from genfix.engines.shared.config_object import class_defaults
from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import same_value
from genfix.model import Model

_MAJOR: Final = 5


def absent_values(merged: Model, pointer: str) -> tuple[JsonValue, ...]:
    """What each release of transformers takes where nothing stands at ``pointer`` of ``config.json``; empty
    where that is not known.
    """
    key = pointer.rpartition("/")[2]
    found = _owner(merged, pointer)
    if found is None:
        return ()
    if key == "layer_types":
        return _layer_types(merged) if "use_sliding_window" in found.defaults else ()
    return found.taken(key, merged.config_value)


def is_default(merged: Model, pointer: str, value: JsonValue) -> bool:
    """Whether all releases of transformers take ``value`` where nothing stands at ``pointer``.

    Where releases differ, the newest of each major version tell.
    """
    taken = absent_values(merged, pointer)
    if bool(taken) and all(same_value(default, value) for default in taken):
        return True
    found, key = _owner(merged, pointer), pointer.rpartition("/")[2]
    runs = found.defaults.get(key, ()) if found is not None else ()
    return len(runs) > 1 and found is not None and _is_newest(found, key, value)


def _is_newest(found: ConfigClass, key: str, value: JsonValue) -> bool:
    majors = [major for major in sorted({*found.releases.values()}) if found.has(key, major)]
    return bool(majors) and all(same_value(found.newest(key, major), value) for major in majors)


def is_unread(merged: Model, pointer: str) -> bool:
    """Whether no release has a field for what may stand at ``pointer``, and no code beside the config has.

    Whisper's number of layers is ``encoder_layers``: transformers 5 saves no ``num_hidden_layers`` for it.
    """
    return (
        "auto_map" not in merged.config
        and _owner(merged, pointer) is not None
        and not is_read(merged, pointer)
    )


def is_read(merged: Model, pointer: str) -> bool:
    """Whether a class that is known has a field for what may stand at ``pointer``."""
    found = _owner(merged, pointer)
    return found is not None and pointer.rpartition("/")[2] in found.defaults


def _owner(merged: Model, pointer: str) -> ConfigClass | None:
    """The class that reads ``pointer``; `None` where one of those that may is not known."""
    key = pointer.rpartition("/")[2]
    classes = [config_class(kind) for kind in _kinds(merged, pointer)]
    known = [found for found in classes if found is not None]
    if not known or len(known) < len(classes):
        return None
    return next((found for found in known if key in found.defaults), known[-1])


def _kinds(merged: Model, pointer: str) -> Iterator[str]:
    """The model types that may own ``pointer``: the whole's at the top, then that of the language model."""
    part: JsonValue = merged.text_config.get("model_type")
    if part is None and merged.text_config:
        part = class_defaults(_MAJOR).get(merged.model_type, {}).get("text")
    for kind in (part,) if pointer.count("/") > 1 else (merged.config.get("model_type"), part):
        if isinstance(kind, str):
            yield kind


def _layer_types(merged: Model) -> tuple[JsonValue, ...]:
    """The list of its layers' types that a class with ``use_sliding_window`` makes by itself."""
    layers = merged.config_value("num_hidden_layers")
    if merged.config_value("use_sliding_window") or type(layers) is not int:
        return ()
    return (["full_attention"] * layers,)
