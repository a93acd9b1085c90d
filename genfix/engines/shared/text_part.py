"""The language model's part of config.json as an object of transformers 5: what its keys give, and its RoPE.

Read in transformers 5.19.0 and 5.23.0: configuration_utils.py, modeling_rope_utils.py
(``standardize_rope_params``, ``validate_rope``), models/phi3/configuration_phi3.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.shared.config_object import FLAT, NULL_IS_ABSENT, OTHER_NAME, class_defaults, flat_text
from genfix.engines.shared.rope_loading import LAYER_TYPES, NEW, OLD, RopeTraits, refused_rope, rope_traits
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_MAIN: Final = "max_position_embeddings"
_USUAL: Final = RopeTraits(has_field=True, has_length=True, has_sizes=True)
"""Of classes that are not known."""
_THINKERS: Final[Mapping[str, str]] = {"qwen3_asr": "qwen3_asr_text"}
"""Model types whose released config has its text part in a thinker, which transformers' own class has not."""


class TextPart(NamedTuple):
    """One level of config.json, and the model type whose class reads it."""

    values: JsonObject
    kind: str
    major: int
    """Of the transformers that reads it."""

    def get(self, key: str) -> JsonValue:
        """``config.<key>``: the file's value, else the default of the class."""
        other = OTHER_NAME.get(self.kind)
        if other is not None and key in {_MAIN, other} and key not in self.values:
            key = other if other in self.values else _MAIN
        value = self.values.get(key)
        if key in self.values and not (value is None and self.major > 4 and self.kind in NULL_IS_ABSENT):
            return value
        return class_defaults(self.major).get(self.kind, {}).get(key)

    @property
    def refused_rope(self) -> str | None:
        """The key whose value the class does not take; of transformers 4 the type of that value alone."""
        if self.major < 5:
            old = self.values.get(OLD)
            return OLD if old and not isinstance(old, dict) else None
        return refused_rope(self.values, rope_traits(self.kind, self.major) or _USUAL)

    @property
    def ropes(self) -> tuple[JsonObject, ...] | None:
        """How positions are scaled, once or for each type of layer; `None` where the class does not
        take it.
        """
        if self.refused_rope is not None:
            return None
        old, new = self.values.get(OLD), self.values.get(NEW) if self.major > 4 else None
        return tuple(_by_layer(old, self.kind) or _by_layer(new, self.kind))

    @property
    def rope_by_layer(self) -> bool:
        """Whether each type of layer has its own; Gemma 3 gives the older spelling to one of its two."""
        if self.major < 5:
            return False
        if self._of_gemma3 and self.values.get("rope_scaling"):
            return True
        value = self.values.get("rope_scaling") or self.values.get("rope_parameters")
        return isinstance(value, dict) and bool(value) and value.keys() <= LAYER_TYPES

    @property
    def completes_rope(self) -> bool:
        """Whether the class adds the original length to a RoPE that is scaled from one."""
        return self.major >= 5 and not self._of_gemma3

    @property
    def _of_gemma3(self) -> bool:
        return self.kind == "gemma3_text"


def is_composite(model: Model, major: int = 5) -> bool:
    """Whether the class has the language model as one part among others."""
    known = class_defaults(major).get(model.model_type)
    return bool(model.text_config) if known is None else "text" in known


def text_part(model: Model, major: int = 5) -> TextPart:
    """The language model's part; all of config.json where it is not divided."""
    config, kind = model.config, model.model_type
    known = class_defaults(major).get(kind)
    if known is None:  # a class of the folder's own
        return TextPart(model.text_config or config, kind, major)
    text = known.get("text")
    if not isinstance(text, str) or text == kind:
        return TextPart(config, kind, major)
    thinker = config.get("thinker_config")  # of models that hear and speak, whose text part lies deeper
    if isinstance(thinker, dict):
        config, text = thinker, _THINKERS.get(kind, text)
    part = config.get("text_config")
    if isinstance(part, dict):
        own = part.get("model_type")
        return TextPart(part, own if isinstance(own, str) else text, major)
    return TextPart(flat_text(config) if kind in FLAT else {}, text, major)


def _by_layer(rope: JsonValue, kind: str) -> Sequence[JsonObject]:
    if not rope or not isinstance(rope, dict):
        return ()
    if kind == "phi3" or not rope.keys() <= LAYER_TYPES:
        return (rope,)
    return [layer for layer in rope.values() if isinstance(layer, dict)]
