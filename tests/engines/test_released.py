"""The table of released transformers: its versions, its size, and what it tells of names."""

import gzip
from pathlib import Path

import pytest

import genfix.engines
from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.released import is_newer, released_class, releases, setting_like
from genfix.engines.transformers4 import ENGINE as OLD
from genfix.engines.transformers5 import ENGINE as NEW

DATA = Path(genfix.engines.__file__).parent / "data" / "released.jsonl"
MOST = 300_000


def test_it_is_of_the_versions_that_the_views_claim() -> None:
    assert {OLD.version, NEW.version} <= {*releases()}
    assert releases()[-1] >= NEW.version


def test_it_is_small_in_the_wheel() -> None:
    assert len(gzip.compress(DATA.read_bytes())) < MOST


@pytest.mark.parametrize(
    ("name", "kind", "model_type"),
    [
        ("LlamaForCausalLM", "model", "llama"),
        ("Gemma3ForCausalLM", "model", "gemma3_text"),
        ("CLIPImageProcessorFast", "image", "clip"),
        ("Qwen2VLVideoProcessor", "video", "qwen2_5_vl"),
        ("WhisperFeatureExtractor", "audio", "whisper"),
        ("LlavaProcessor", "processor", "llava"),
        ("Qwen2TokenizerFast", "tokenizer", "qwen2"),
    ],
)
def test_it_knows_classes_of_any_release(name: str, kind: str, model_type: str) -> None:
    found = released_class(name)
    assert found is not None
    assert found.kind == kind
    assert model_type in found.types


def test_it_knows_what_a_processor_computes_with() -> None:
    found = released_class("LlavaProcessor")
    assert found is not None
    assert found.needed == {"patch_size": None, "vision_feature_select_strategy": "default"}


@pytest.mark.parametrize("name", ["", "llama", "LlamaMLP", "LlamaPreTrainedModel", 'Llama"', "ChatGLMModel"])
def test_other_names_are_unknown(name: str) -> None:
    assert released_class(name) is None


def test_a_type_has_its_processors() -> None:
    found = config_class("qwen2_5_vl")
    assert found is not None
    assert found.names["processor"] == ("Qwen2_5_VLProcessor",)
    assert found.names["video"] == ("Qwen2VLVideoProcessor",)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("max_new_token", "max_new_tokens"),
        ("eos_token_ids", "eos_token_id"),
        ("tmeperature", "temperature"),
        ("top_p", None),
        ("chat_format", None),
        ("", None),
    ],
)
def test_a_key_one_edit_from_a_real_one(key: str, meant: str | None) -> None:
    assert setting_like(key) == meant


@pytest.mark.parametrize(
    ("version", "newer"), [("4.40.0", False), ("5.24.1", False), ("6.0.0", True), ("main", False), (5, False)]
)
def test_what_was_written_after_the_newest_release(version: str | int, *, newer: bool) -> None:
    assert is_newer(version) is newer
