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
_FULL, _SLIDING = "full_attention", "sliding_attention"
_NAMES: Final = {"mrope": "default", "su": "longrope"}
"""Older names of a ``rope_type``, as transformers 5 and vLLM 0.32 read them."""
_WITH_ORIGINAL: Final = frozenset(["llama3", "yarn", "longrope"])

_USUAL_THETA: Final = 10_000.0
_THETA: Final[Mapping[float, str]] = {
    500_000.0: "bitnet blt csm ernie4_5 ernie4_5_moe evolla flex_olmo llama4 llama4_text mllama",
    1_000_000.0: (
        "colqwen2 emu3 gemma3 gemma3_text gemma3n gemma3n_text got_ocr2 lfm2 lfm2_vl minimax mixtral phimoe "
        "qwen2_5_omni qwen2_5_vl qwen2_5_vl_text qwen2_vl qwen2_vl_text qwen3_omni_moe shieldgemma2"
    ),
    5_000_000.0: "qwen3_vl qwen3_vl_moe qwen3_vl_moe_text qwen3_vl_text",
    100_000.0: "falcon_h1 helium kyutai_speech_to_text",
    25_000.0: "fuyu persimmon",
    150_000.0: "gpt_oss",
    2_000_000.0: "smollm3",
    10_000_000.0: "longcat_flash",
    12_000_000.0: "apertus",
    100_000_000.0: "voxtral",
    1_000_000_000.0: "mistral3",
    160_000.0: "modernbert modernbert-decoder",
}
"""``rope_theta`` of a config class of transformers 4.57.6 made without arguments, where it is not 10000."""
_THETA_OF: Final = {name: theta for theta, names in _THETA.items() for name in names.split()}
_PARTIAL_OF: Final[Mapping[str, float]] = {
    **dict.fromkeys(["bamba", "fuyu", "glm", "glm4", "glm4_moe", "glm4v_moe", "glm4v_moe_text"], 0.5),
    **dict.fromkeys(["nemotron", "persimmon", "phi", "recurrent_gemma"], 0.5),
    **dict.fromkeys(["gpt_neox", "qwen3_next", "stablelm"], 0.25),
}
"""The same for ``partial_rotary_factor``, where it is not 1."""

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


def old_default(model_type: str, key: str) -> JsonValue:
    """What a class of transformers 4 takes where the key is absent; `None` for no scaling."""
    match key:
        case "rope_theta" | "rotary_emb_base":
            return _THETA_OF.get(model_type, _USUAL_THETA)
        case "partial_rotary_factor" | "rotary_pct":
            return _PARTIAL_OF.get(model_type, 1.0)
        case "rope_local_base_freq":
            return _USUAL_THETA
        case _:
            return None


def read_rope(part: RopePart) -> Rope | None:
    """The meaning, as transformers 5 reads it; `None` where no key tells."""
    scaling, new = part.values.get("rope_scaling"), part.new
    if new is not None and _is_nested(new):
        return {name: _canonical(value, part) for name, value in new.items() if isinstance(value, dict)}
    stated = scaling if isinstance(scaling, dict) and scaling else new or {}
    if not stated and not part.old:
        return None
    values = dict(stated)
    for name, keys in _ALIASES.items():
        for key in keys:
            if values.get(name) is None and part.values.get(key) is not None:
                values[name] = part.values[key]
    rope = _canonical(values, part)
    local = part.values.get("rope_local_base_freq")
    if local is None:
        return {"": rope}
    return {_FULL: rope, _SLIDING: {"rope_type": "default", "rope_theta": local}}


_ALIASES: Final = {
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


def same_rope(left: Rope, right: Rope, model_type: str) -> bool:
    """Whether both mean the same; what one does not state is what the class takes by default."""
    flat, nested = (left, right) if "" in left else (right, left)
    if ("" in left) == ("" in right):
        return left.keys() == right.keys() and all(
            _same(left[name], right[name], model_type) for name in left
        )
    everywhere = flat[""]
    theta = everywhere.get("rope_theta", old_default(model_type, "rope_theta"))
    return all(
        _same(everywhere, values, model_type)
        if name == _FULL
        else values.get("rope_type") == "default" and values.get("rope_theta") in (theta, _USUAL_THETA)
        for name, values in nested.items()
    )


def _same(left: JsonObject, right: JsonObject, model_type: str) -> bool:
    return all(
        same_value(left.get(key, old_default(model_type, key)), right.get(key, old_default(model_type, key)))
        for key in left.keys() | right.keys()
    )


def as_new(rope: Rope) -> dict[str, JsonValue]:
    """The meaning as ``rope_parameters``."""
    return dict(rope[""]) if "" in rope else {name: dict(values) for name, values in rope.items()}


def as_old(rope: Rope, part: RopePart, like: Mapping[str, JsonValue]) -> dict[str, JsonValue] | None:
    """The meaning in old keys, for ``part``, with the names that ``like`` uses.

    `None` where they cannot tell it: layers of other types, or scaling of the sliding ones.
    """
    main = rope.get("", rope.get(_FULL))
    if main is None or not rope.keys() <= {"", _FULL, _SLIDING}:
        return None
    found = dict(_flat(main, part, like))
    sliding = rope.get(_SLIDING)
    if sliding is not None:
        if sliding.get("rope_type") != "default":
            return None
        theta = sliding.get("rope_theta")
        if "rope_local_base_freq" in like or not same_value(theta, main.get("rope_theta")):
            found["rope_local_base_freq"] = theta
    return {key: value for key, value in found.items() if value is not None}


def _flat(main: JsonObject, part: RopePart, like: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    for name, keys in _ALIASES.items():
        yield next((key for key in keys if key in like), name), main.get(name)
    scaling = {key: value for key, value in main.items() if key not in (*_ALIASES, "rope_type")}
    if part.values.get("original_max_position_embeddings") is not None:
        # Phi-3 of transformers 4 refuses a fourth key here.
        scaling.pop("original_max_position_embeddings", None)
    kind = main.get("rope_type")
    if "mrope_section" in scaling and kind == "default":
        yield "rope_scaling", {"type": "mrope", **scaling}
    elif kind != "default":
        spelled = like.get("rope_scaling")
        old = kind == "longrope" or (isinstance(spelled, dict) and "rope_type" not in spelled)
        yield "rope_scaling", {"type" if old else "rope_type": kind, **scaling}
