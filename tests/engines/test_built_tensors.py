"""What a class builds, where a variable, a table or torch itself holds the class of a part."""

import re

import pytest

from genfix.engines.modeling.loaded_tensors import fit
from genfix.json_types import JsonObject

SIZES: JsonObject = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 64,
}
VISION: JsonObject = {"image_size": 28, "patch_size": 14}


def needed(owner: str, model_type: str, **config: object) -> tuple[str, ...]:
    """What the class lacks of nothing."""
    found = fit({**SIZES, "model_type": model_type, **config}, owner, {})  # type: ignore[dict-item]
    assert found is not None
    return found.missing


@pytest.mark.parametrize(
    ("owner", "model_type", "config", "names"),
    [
        ("BertForMaskedLM", "bert", {}, r"layer\.\d\.attention\.self\.(query|key|value)\.(weight|bias)"),
        ("RobertaModel", "roberta", {}, r"layer\.\d\.attention\.self\.(query|key|value)\.(weight|bias)"),
        ("FalconForCausalLM", "falcon", {}, r"h\.\d\.self_attention\.query_key_value\.weight"),
        ("SiglipVisionModel", "siglip_vision_model", VISION, r"head\.attention\.in_proj_(weight|bias)"),
        ("SiglipVisionModel", "siglip_vision_model", VISION, r"head\.attention\.out_proj\.(weight|bias)"),
        (
            "Glm4MoeForCausalLM",
            "glm4_moe",
            {"n_routed_experts": 4, "first_k_dense_replace": 1},
            r"layers\.\d\.mlp\.gate\.e_score_correction_bias",
        ),
    ],
)
def test_parts_that_are_needed(owner: str, model_type: str, config: JsonObject, names: str) -> None:
    found = [name for name in needed(owner, model_type, **config) if re.search(f"{names}$", name)]
    assert found


def test_what_is_computed_is_not_needed() -> None:
    for owner, kind in (("BertForMaskedLM", "bert"), ("BartForConditionalGeneration", "bart")):
        lacking = needed(owner, kind)
        assert not [
            name for name in lacking if re.search("position_ids|token_type_ids|final_logits_bias", name)
        ]
