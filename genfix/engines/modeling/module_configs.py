"""config.json as the code of a model class asks it: fields, their other names, parts and class defaults."""

from collections.abc import Collection
from typing import Final

from genfix.engines.modeling.module_lines import ConfigFacts, config_facts, layer_types
from genfix.engines.modeling.module_nodes import UNKNOWN
from genfix.engines.shared.config_classes import ConfigClass, config_class
from genfix.engines.shared.config_object import FLAT
from genfix.json_types import JsonObject, JsonValue

__all__ = ["ConfigView"]

_MAJOR: Final = 5
_GENERAL: Final = {
    "add_cross_attention": False,
    "chunk_size_feed_forward": 0,
    "is_decoder": False,
    "is_encoder_decoder": False,
    "tie_encoder_decoder": False,
    "tie_word_embeddings": True,
    "problem_type": None,
}
"""What the class of all configs has."""
_KINDS_OF_LAYERS: Final = ("layer_types", "mtp_layer_types")
"""Lists whose entries have older names."""
_TEXT_PARTS: Final = ("decoder", "generator", "text_config")


class ConfigView:
    """One level of config.json with the class of its type."""

    def __init__(self, values: JsonObject, model_type: str) -> None:
        self.values = values
        self.model_type = model_type
        self._class: ConfigClass | None = config_class(model_type)
        self._facts: ConfigFacts = config_facts(model_type)
        self._parts: dict[str, object] = {}
        self._set: dict[str, object] = {}

    def get(  # noqa: PLR0911 - one step after the other, as Python looks
        self, field: str, default: object = UNKNOWN
    ) -> object:
        """What the field holds; ``default`` where the class has no such field."""
        if field == "model_type":
            return self.model_type
        if field == "_attn_implementation":
            return "eager"  # all build the same
        if field == "num_labels":
            return self._labels()
        field = self._facts.names.get(field, field)
        if field in self._set:
            return self._set[field]
        if field in self._facts.forced:
            return self._facts.forced[field]
        if field in self._facts.parts or isinstance(self.values.get(field), dict):
            return self._part(field)
        value = self._stated(field)
        if value is not None:
            return value
        if field in self._facts.computed:
            return self._implied(field)
        if field in self.values:
            return None
        return self._default(field, default)

    def changed(self, field: str, value: object) -> "ConfigView":
        """The same with another value, as code sets it."""
        other = ConfigView(self.values, self.model_type)
        other._set = {**self._set, self._facts.names.get(field, field): value}
        return other

    def for_class(self, types: Collection[str]) -> "ConfigView":
        """The part that a class reads which is made for other types than the whole's."""
        if not types or self.model_type in types:
            return self
        parts = (self._part(field) for field in self._facts.parts)
        return next(
            (part for part in parts if isinstance(part, ConfigView) and part.model_type in types), self
        )

    def may_tie(self) -> bool:
        """Whether the head may be the embedding: the file says so, at either level, or says nothing."""
        own = self._facts.forced.get("tie_word_embeddings", self.values.get("tie_word_embeddings"))
        if own is not None:
            return bool(own)
        text = self.text()
        if isinstance(text, ConfigView) and text is not self:
            return text.may_tie()
        return self.get("tie_word_embeddings") is not False

    def text(self) -> "ConfigView | object":
        """The part of the language model, or all of it."""
        for field in _TEXT_PARTS:
            if field in self._facts.parts or isinstance(self.values.get(field), dict):
                return self._part(field)
        return self

    def _stated(self, field: str) -> JsonValue:
        """What the file has, under any name of the field."""
        others = (name for name, of in self._facts.names.items() if of == field)
        found = (self.values.get(name) for name in (field, *others))
        stated = next((value for value in found if value is not None), None)
        if field in _KINDS_OF_LAYERS and isinstance(stated, list):
            return [layer_types().get(str(kind), kind) for kind in stated]
        return stated

    def _labels(self) -> object:
        labels, number = self.values.get("id2label"), self.values.get("num_labels")
        if isinstance(labels, dict):
            return len(labels)
        return number if isinstance(number, int) else 2

    def _part(self, field: str) -> object:
        if field not in self._parts:
            self._parts[field] = self._made(field)
        return self._parts[field]

    def _made(self, field: str) -> object:
        value = self.values.get(field)
        stated = self._facts.parts.get(field, "")
        kind = stated.removeprefix("*")
        if isinstance(value, dict):
            own = value.get("model_type")
            if isinstance(own, str) and (not kind or stated.startswith("*")):
                kind = own  # the class of the whole takes any type there
            return ConfigView(value, kind) if kind else value
        if value is None and field == "text_config" and self.model_type in FLAT:
            rest = {
                key: each
                for key, each in self.values.items()
                if key not in ("model_type", *self._facts.parts)
            }
            return ConfigView(rest, kind)
        if value is None and field == "text_config" and kind:
            return ConfigView({}, kind)  # the class makes one of defaults
        return UNKNOWN

    def _default(self, field: str, default: object) -> object:
        if self._class is None:
            return UNKNOWN
        if not self._class.has(field, _MAJOR):
            return _GENERAL.get(field, default) if default is UNKNOWN or field in _GENERAL else default
        value = self._class.newest(field, _MAJOR)
        if isinstance(value, dict):
            return self._implied(field)
        return value

    def _implied(self, field: str) -> object:
        """What a class makes of a field that is not stated, where all do the same."""
        kinds = self._stated(self._facts.names.get("layer_types", "layer_types"))
        if field == "num_hidden_layers" and isinstance(kinds, list):
            return len(kinds)
        if self._class is None:
            return UNKNOWN
        value = self._class.newest(field, _MAJOR)
        if value is not None and not isinstance(value, dict):
            return value
        found = self._class.taken(field, self.values.get)
        one = found[-1] if found else None
        return one if isinstance(one, int) and not isinstance(one, bool) else UNKNOWN
