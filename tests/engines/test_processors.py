"""The template of a model that sees or hears: its processor looks at other places than its tokenizer."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.engine_folders import toy
from tests.support.folders import Files, MemoryFolder, dump, with_json, without

INLINE, JINJA, LEGACY, OWN = (
    *("tokenizer_config.json", "chat_template.jinja", "chat_template.json", "processor_config.json"),
)
TOOLS, DEFAULT = "additional_chat_templates/tool_use.jinja", "additional_chat_templates/default.jinja"


def seeing(*places: str, kind: str = "qwen2_vl", processor: bool = True) -> Files:
    """A folder with a text of its own in each place; ``processor``: with the settings of one."""
    files = with_json(toy(257), INLINE, chat_template=INLINE if INLINE in places else ...)
    files = with_json(files, "config.json", model_type=kind)
    for place in places:
        if place != INLINE:
            raw = place.encode() if place.endswith(".jinja") else dump({"chat_template": place})
            files[place] = raw
    return files | ({"preprocessor_config.json": b"{}"} if processor else {})


def of(engine: str, files: Files) -> EngineView:
    return engine_view(engine.partition("@")[0], Model(MemoryFolder(files)), engine.partition("@")[2])


def source(engine: str, files: Files) -> str | None:
    found = of(engine, files).chat_template
    return None if found is None else found.source


@pytest.mark.parametrize("engine", ["transformers5", "vllm", "sglang"])
@pytest.mark.parametrize(
    ("places", "taken"),
    [
        ((INLINE,), INLINE),
        ((INLINE, JINJA), JINJA),
        ((INLINE, LEGACY), LEGACY),
        ((JINJA, LEGACY), LEGACY),
        ((INLINE, JINJA, LEGACY), LEGACY),
        ((INLINE, JINJA, LEGACY, OWN), OWN),
        ((JINJA, DEFAULT), JINJA),
        ((DEFAULT,), DEFAULT),
        ((), None),
    ],
)
def test_a_processor_reads_the_file_of_its_own_before_those_of_the_tokenizer(
    engine: str, places: tuple[str, ...], taken: str | None
) -> None:
    assert source(engine, seeing(*places)) == taken


def test_transformers_4_takes_a_file_before_the_settings() -> None:
    assert source("transformers4", seeing(LEGACY, OWN)) == LEGACY
    assert source("transformers4", seeing(INLINE, OWN)) == OWN


@pytest.mark.parametrize("engine", ["transformers5", "transformers4", "vllm", "mlx-lm"])
def test_without_a_processor_its_file_is_not_read(engine: str) -> None:
    assert source(engine, seeing(INLINE, LEGACY, processor=False)) == INLINE
    assert source(engine, seeing(JINJA, LEGACY, kind="qwen2")) == JINJA


def test_engines_that_ask_the_tokenizer_do_so_beside_a_processor() -> None:
    files = seeing(JINJA, LEGACY)
    assert source("mlx-lm", files) == source("lmdeploy", files) == source("vllm@0.8.0", files) == JINJA
    assert source("lmdeploy", seeing(LEGACY)) == LEGACY


@pytest.mark.parametrize("engine", ["transformers5", "transformers4", "vllm", "sglang"])
def test_a_processor_takes_no_file_of_its_own_beside_named_templates(engine: str) -> None:
    found = of(engine, seeing(JINJA, LEGACY, TOOLS))
    assert "engine-cannot-join-templates" in [problem.id for problem in found.problems]
    assert not found.loads
    assert of(engine, seeing(JINJA, LEGACY, TOOLS, processor=False)).loads or engine == "sglang"


def test_several_templates_of_a_processor_are_none_to_vllm() -> None:
    files = seeing(JINJA, TOOLS)
    found = of("vllm", files)
    assert found.loads
    assert [problem.id for problem in found.problems] == ["engine-fails-on-several-templates"]
    assert of("transformers5", files).answers
    assert source("sglang", files) == TOOLS


def test_a_processor_without_a_text_leaves_it_to_the_tokenizer() -> None:
    blank = dump({"chat_template": ""})
    assert source("vllm", seeing(INLINE) | {LEGACY: blank}) == INLINE
    broken = of("vllm", seeing(INLINE) | {LEGACY: b"{}"})
    assert "engine-cannot-read-processor-template" in [problem.id for problem in broken.problems]


@pytest.mark.parametrize(
    ("config", "more", "taken"),
    [
        ({"model_type": "gpt_oss"}, {}, "renderer harmony"),
        ({"architectures": ["DeepseekV32ForCausalLM"]}, {}, "renderer deepseek_v32"),
        ({"architectures": ["KimiK3ForConditionalGeneration"]}, {}, "renderer kimi_k3"),
        ({}, {"tekken.json": b"{}", "consolidated.safetensors": b""}, "renderer mistral"),
        ({}, {"tekken.json": b"{}"}, INLINE),
    ],
)
def test_vllm_writes_some_chats_by_code_of_its_own(
    config: dict[str, object], more: Files, taken: str
) -> None:
    files = with_json(toy(257), "config.json", **config) | more
    assert source("vllm", files) == taken
    assert source("vllm@0.20.0", files) == INLINE


GIVEN = {"boi_token": "<b>", "eoi_token": "<e>", "image_token": "<i>"}


@pytest.mark.parametrize(
    ("tokenizer", "of_5", "of_4"),
    [
        ({"extra_special_tokens": GIVEN}, True, True),
        ({"model_specific_special_tokens": GIVEN}, True, False),
        (GIVEN, True, False),
        ({**GIVEN, "boi_token": {"__type": "AddedToken", "content": "<b>"}}, True, False),
        ({**GIVEN, "boi_token": {"content": "<b>"}}, False, False),
        ({**GIVEN, "eoi_token": None}, False, False),
        ({"extra_special_tokens": [*GIVEN.values()]}, False, False),
        ({}, False, False),
    ],
)
def test_a_processor_asks_its_tokenizer_for_tokens_by_their_names(
    tokenizer: dict[str, object], *, of_5: bool, of_4: bool
) -> None:
    files = with_json(seeing(INLINE, kind="gemma3"), INLINE, **tokenizer)
    lost = ["engine-cannot-find-named-token"]
    for engine, named in (("transformers5", of_5), ("transformers4", of_4), ("mlx-vlm", of_5)):
        told = [problem.id for problem in of(engine, files).problems]
        assert [name for name in told if name in lost] == ([] if named else lost), engine
    no_settings = without(files, "preprocessor_config.json")
    assert of("transformers5", no_settings).loads
    assert of("transformers5", with_json(files, "config.json", model_type="qwen2_vl")).loads


def test_a_processor_that_is_given_no_template_leaves_it_to_the_tokenizer() -> None:
    files = seeing(INLINE, LEGACY, kind="whisper")
    assert source("transformers5", files) == INLINE
    assert source("transformers5", seeing(LEGACY, kind="whisper")) is None
