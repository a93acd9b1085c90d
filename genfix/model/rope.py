"""Rotary position embeddings in config.json: one meaning for the two ways of writing them.

transformers 4 has ``rope_theta``, ``rope_scaling``, ``partial_rotary_factor`` and ``rope_local_base_freq``;
transformers 5 writes one ``rope_parameters`` and still reads the old keys. Measured by loading (4.57.6,
5.23.0; llama, qwen2, qwen2_vl, qwen3, mistral, glm4, phi3, gemma3, olmo3, deepseek_v3, gpt_neox): the older
one takes its class default for every old key that is absent, without a word; the newer one reads old keys,
new ones and both alike. Where both stand side by side and differ, the newer one takes ``rope_scaling`` over
``rope_parameters``, and the theta in ``rope_parameters`` over the one beside it.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import same_value
from genfix.model.model import TEXT_PARTS, Model

NEW_KEY: Final = "rope_parameters"
OLD_KEYS: Final = (
    "rope_theta",
    "rotary_emb_base",
    "rope_scaling",
    "partial_rotary_factor",
    "rotary_pct",
    "rope_local_base_freq",
)
FULL, _SLIDING = "full_attention", "sliding_attention"
_NAMES: Final = {"mrope": "default", "su": "longrope"}
"""Older names of a ``rope_type``, as transformers 5 and vLLM 0.32 read them."""
_OLDER_TYPES: Final = frozenset(["default", "linear", "dynamic", "yarn", "longrope", "llama3"])
"""What transformers 4.57.6 computes (modeling_rope_utils.py `ROPE_INIT_FUNCTIONS`); others are a KeyError."""
_STRICT: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    **dict.fromkeys(
        ("chameleon", "olmo", "olmo2"), (frozenset(["linear", "dynamic"]), frozenset(["type", "factor"]))
    ),
    "fuyu": (frozenset(), frozenset()),
    **dict.fromkeys(
        ("phi3", "phi4_multimodal"),
        (frozenset(["longrope"]), frozenset(["type", "short_factor", "long_factor"])),
    ),
}
"""Model types whose config class in transformers 4.57.6 refuses other types and fields of ``rope_scaling``
(`_rope_scaling_validation` of each). Fuyu's refuses all: its text class, made first, adds a field."""
_OWN_TYPES: Final[Mapping[str, frozenset[str]]] = dict.fromkeys(
    ("llama4", "llama4_text"), frozenset(["llama3"])
)
"""Model types whose layers in transformers 4.57.6 take every ``rope_scaling`` for one of this type."""
_WITH_ORIGINAL: Final = frozenset(["llama3", "yarn", "longrope"])

_KNOWN: Final = frozenset(
    [
        *("default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional", "su", "mrope"),
        *("axial", "ntk_alpha", "xdrope"),
        *("bailing_mrope", "deepseek_llama_scaling", "deepseek_yarn", "fope", "mllama4", "ntk", "openpangu"),
    ]
)
"""What transformers 4.57.6 and 5.24.0 compute, with older names; what single classes of 5.24.0 do; and what
vLLM 0.32.0 or LMDeploy 0.18.0 alone does."""

Rope: TypeAlias = Mapping[str, JsonObject]
"""Parameters per type of layer; under ``""`` where all layers have the same."""


class RopePart(NamedTuple):
    """The part of a config.json that tells the language model's RoPE."""

    pointer: str
    """``""``, or ``/text_config``."""
    values: JsonObject

    @staticmethod
    def of(model: Model) -> "RopePart":
        """The text part where it has any of the keys, else the top."""
        for key in TEXT_PARTS:
            part = model.config.get(key)
            if isinstance(part, dict) and any(part.get(name) is not None for name in (NEW_KEY, *OLD_KEYS)):
                return RopePart(f"/{key}", part)
        return RopePart("", model.config)

    @property
    def model_type(self) -> str:
        """``model_type`` of the part."""
        name = self.values.get("model_type")
        return name if isinstance(name, str) else ""

    @property
    def old(self) -> Mapping[str, JsonValue]:
        """The old keys that are there and not null."""
        return {key: self.values[key] for key in OLD_KEYS if self.values.get(key) is not None}

    @property
    def new(self) -> JsonObject | None:
        """``rope_parameters``, where there are any."""
        value = self.values.get(NEW_KEY)
        return value if isinstance(value, dict) and value else None


def read_rope(part: RopePart) -> Rope | None:
    """The meaning, as transformers 5 reads it; `None` where no key tells."""
    scaling, new = part.values.get("rope_scaling"), part.new
    if new is not None and _is_nested(new):
        return {name: _canonical(value, part) for name, value in new.items() if isinstance(value, dict)}
    stated = scaling if isinstance(scaling, dict) and scaling else new or {}
    if not stated and not part.old:
        return None
    values = dict(stated)
    for name, keys in ALIASES.items():
        for key in keys:
            if values.get(name) is None and part.values.get(key) is not None:
                values[name] = part.values[key]
    rope = _canonical(values, part)
    local = part.values.get("rope_local_base_freq")
    if local is None:
        return {"": rope}
    return {FULL: rope, _SLIDING: {"rope_type": "default", "rope_theta": local}}


ALIASES: Final = {
    "rope_theta": ("rope_theta", "rotary_emb_base"),
    "partial_rotary_factor": ("partial_rotary_factor", "rotary_pct"),
}


def _is_nested(parameters: JsonObject) -> bool:
    return "rope_type" not in parameters and any(isinstance(value, dict) for value in parameters.values())


def _canonical(parameters: JsonObject, part: RopePart) -> JsonObject:
    values = {key: value for key, value in parameters.items() if value is not None and key != "type"}
    kind = parameters.get("rope_type") or parameters.get("type") or "default"
    values["rope_type"] = _NAMES.get(kind, kind) if isinstance(kind, str) else kind
    if values["rope_type"] in _WITH_ORIGINAL:
        key = "original_max_position_embeddings"
        original = part.values.get(key) or values.get(key) or part.values.get("max_position_embeddings")
        if original is not None:
            values[key] = original
    return values


def as_new(rope: Rope) -> dict[str, JsonValue]:
    """The meaning as ``rope_parameters``."""
    return dict(rope[""]) if "" in rope else {name: dict(values) for name, values in rope.items()}


def as_old(rope: Rope, part: RopePart, like: Mapping[str, JsonValue]) -> dict[str, JsonValue] | None:
    """The meaning in old keys, for ``part``, with the names that ``like`` uses.

    `None` where they cannot tell it: layers of other types, scaling of the sliding ones, or a kind of scaling
    that older readers refuse.
    """
    main = rope.get("", rope.get(FULL))
    if main is None or not rope.keys() <= {"", FULL, _SLIDING}:
        return None
    found = dict(_flat(main, part, like))
    if not _is_read(found.get("rope_scaling"), part, like.get("rope_scaling")):
        return None
    sliding = rope.get(_SLIDING)
    if sliding is not None:
        if sliding.get("rope_type") != "default":
            return None
        theta = sliding.get("rope_theta")
        if "rope_local_base_freq" in like or not same_value(theta, main.get("rope_theta")):
            found["rope_local_base_freq"] = theta
    return {key: value for key, value in found.items() if value is not None}


def _flat(main: JsonObject, part: RopePart, like: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    for name, keys in ALIASES.items():
        yield next((key for key in keys if key in like), name), main.get(name)
    scaling = {key: value for key, value in main.items() if key not in (*ALIASES, "rope_type")}
    if part.values.get("original_max_position_embeddings") is not None:
        # Phi-3 of transformers 4 refuses a fourth key here.
        scaling.pop("original_max_position_embeddings", None)
    kind = main.get("rope_type")
    if kind != "default" or "mrope_section" in scaling:
        own = like.get("rope_scaling") or ({"type": kind} if part.model_type in _STRICT else None)
        yield "rope_scaling", {**_spelled(kind, own), **scaling}


def _spelled(kind: JsonValue, like: JsonValue) -> JsonObject:
    """The type as ``like`` has it, where that is the same one under an older name; else by its own name."""
    theirs: JsonObject = (
        {key: like[key] for key in ("rope_type", "type") if key in like} if isinstance(like, dict) else {}
    )
    names = [_NAMES.get(name, name) if isinstance(name, str) else name for name in theirs.values()]
    if names and all(name == kind for name in names):
        return theirs
    return {"type" if kind == "longrope" or [*theirs] == ["type"] else "rope_type": kind}


def _is_read(scaling: JsonValue, part: RopePart, like: JsonValue) -> bool:
    """Whether older readers take the scaling; they take what ``like``, the base's, has of the same kind."""
    if not isinstance(scaling, dict):
        return True
    kind = scaling.get("rope_type", scaling.get("type"))
    if isinstance(like, dict) and kind in (like.get("rope_type"), like.get("type")):
        return True
    if part.model_type in _STRICT:
        kinds, fields = _STRICT[part.model_type]
        return kind in kinds and scaling.keys() == fields
    return kind in _OWN_TYPES.get(part.model_type, _OLDER_TYPES)


def unknown_types(model: Model) -> tuple[str, ...]:
    """The kinds of RoPE that a config names and no reader has, each once; none beside code of its own."""
    rope = read_rope(RopePart.of(model))
    if rope is None or "auto_map" in model.config:
        return ()
    named = [kind for values in rope.values() if isinstance(kind := values.get("rope_type"), str)]
    return tuple(dict.fromkeys(kind for kind in named if kind not in _KNOWN))
