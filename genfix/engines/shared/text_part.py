"""The language model's part of config.json as an object of transformers 5: what its keys give, and its RoPE.

Read in transformers 5.19.0 and 5.23.0: configuration_utils.py, modeling_rope_utils.py
(``standardize_rope_params``, ``validate_rope``), models/phi3/configuration_phi3.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.shared.config_object import FLAT, NULL_IS_ABSENT, OTHER_NAME, class_defaults, flat_text
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_MAIN: Final = "max_position_embeddings"
LAYER_TYPES: Final = frozenset(
    [
        *("full_attention", "sliding_attention", "chunked_attention", "window_attention", "linear_attention"),
        *("indexed_attention", "compressed_sparse_attention", "heavily_compressed_attention"),
        *("minimax_m3_sparse", "sparse", "dense", "hybrid", "hybrid_sliding", "conv", "moe"),
    ]
)
"""The keys of a RoPE that is given for each type of layer."""
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "linear": frozenset(["factor"]),
    "dynamic": frozenset(["factor"]),
    "yarn": frozenset(["factor"]),
    "longrope": frozenset(["short_factor", "long_factor"]),
    "llama3": frozenset(["factor", "low_freq_factor", "high_freq_factor"]),
}
"""By type of RoPE, what it cannot do without."""
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
    def ropes(self) -> tuple[JsonObject, ...] | None:
        """How positions are scaled, once or for each type of layer; `None` where the class does not
        take it.
        """
        old, new = (self.values.get(key) for key in ("rope_scaling", "rope_parameters"))
        if self.major < 5:
            return () if not old else (old,) if isinstance(old, dict) else None
        if not isinstance(old, dict | None) or not isinstance(new, dict | None):
            return None
        if self._of_gemma3 and old is not None and new is not None and "full_attention" not in new:
            return None
        found = _by_layer(old, self.kind) or _by_layer(new, self.kind)
        return tuple(found) if all(_is_taken(rope, self.kind) for rope in found) else None

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


def takes_top_rope(model: Model) -> bool:
    """Whether a composite class takes the RoPE that stands beside the parts, where nothing reads it."""
    for key in ("rope_scaling", "rope_parameters"):
        rope = model.config.get(key)
        if rope is not None and not isinstance(rope, dict):
            return False
        if not rope:
            continue
        name = str(rope.get("rope_type", rope.get("type")))
        theta = "rope_theta" in rope or (key == "rope_scaling" and "rope_theta" in model.config)
        if name in {"longrope", "su"} or (name == "llama3" and not theta) or not _is_taken(rope, ""):
            return False
    return True


def _by_layer(rope: JsonObject | None, kind: str) -> Sequence[JsonObject]:
    if not rope:
        return ()
    if kind == "phi3" or not rope.keys() <= LAYER_TYPES:
        return (rope,)
    return [layer for layer in rope.values() if isinstance(layer, dict)]


def _is_taken(rope: JsonObject, kind: str) -> bool:
    name = rope.get("rope_type", rope.get("type", "default"))
    if not isinstance(name, str):
        return True
    if kind == "phi3":
        # Any other name fails, and the two old ones mean the third.
        name = "longrope" if name in {"su", "yarn"} else name
        old = (
            rope.get("rope_type", rope.get("type")) != name and "original_max_position_embeddings" not in rope
        )
        return name == "default" or (name == "longrope" and rope.keys() >= NEEDED[name] and not old)
    return NEEDED.get(name, frozenset()) <= rope.keys()
