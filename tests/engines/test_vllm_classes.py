"""Which class vLLM builds of a folder, whether that writes text, and which quantization it starts with."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import toy
from tests.support.folders import Files, MemoryFolder, dump, with_json


def of(files: Files, version: str = "") -> EngineView:
    return engine_view("vllm", Model(MemoryFolder(files)), version)


def told(files: Files, version: str = "") -> list[str]:
    return [problem.id for problem in of(files, version).problems]


def named(kind: str, *names: str, **config: JsonValue) -> Files:
    """A folder of that type whose config.json names these classes."""
    return with_json(toy(257), "config.json", model_type=kind, architectures=[*names], **config)


CODE: dict[str, JsonValue] = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (named("qwen2", "Qwen2ForCausalLM"), []),
        (named("qwen2", "OwnForCausalLM"), ["engine-cannot-know-architecture"]),
        (named("qwen2", "OwnForCausalLM", "Qwen2ForCausalLM"), []),
        # Its own class went with 0.28, and that of transformers is of too old a kind for the backend.
        (named("mpt", "MPTForCausalLM"), ["engine-cannot-know-architecture"]),
        (named("xglm", "XGLMForCausalLM"), ["engine-cannot-know-architecture"]),
        # These it does not have either, and builds those of transformers.
        (named("dots1", "Dots1ForCausalLM"), []),
        (named("cohere_asr", "OlmoForCausalLM"), []),
        # What stands upon a trunk may be another: of the class for text it makes one for labels.
        (named("deepseek", "DeepseekForSequenceClassification"), ["engine-fails-on-pooling"]),
        (named("own", "MPTForCausalLM", auto_map=CODE) | {"modeling_own.py": b""}, []),
        (named("qwen2", "MPTForCausalLM", auto_map=CODE), ["engine-cannot-know-architecture"]),
    ],
)
def test_a_class_that_neither_vllm_nor_its_backend_has_stops_the_start(
    files: Files, found: list[str]
) -> None:
    assert [name for name in told(files) if "model-type" not in name] == found
    assert told(files, "0.32.0") == [name for name in told(files) if "model-type" in name]


@pytest.mark.parametrize(
    ("kind", "writes"),
    [("qwen2", True), ("llama", True), ("mistral", True), ("qwen3", False), ("gemma3", False)],
)
@pytest.mark.parametrize("names", [..., []])
def test_where_no_class_is_named_the_trunk_is_taken_and_few_trunks_write(
    kind: str, *, writes: bool, names: object
) -> None:
    files = with_json(toy(257), "config.json", model_type=kind, architectures=names)
    assert told(files) == ([] if writes else ["engine-fails-on-pooling"])
    assert of(files).loads


def test_a_type_of_vllms_own_has_no_trunk_to_take() -> None:
    assert told(with_json(toy(257), "config.json", model_type="chatglm", architectures=...)) == [
        "engine-cannot-tell-architecture"
    ]


POOLING = dump([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}])
DENSE = dump([{"type": "sentence_transformers.models.Dense", "path": "1_Dense"}])


@pytest.mark.parametrize(
    ("name", "modules", "pools"),
    [
        ("Qwen2ForCausalLM", POOLING, True),
        ("Qwen2ForCausalLM", DENSE, False),
        ("Qwen2ForSequenceClassification", None, True),
        ("Qwen2ForRewardModel", None, True),
        ("Qwen2Model", None, False),
        ("Qwen3Model", None, True),
    ],
)
def test_a_model_that_pools_answers_no_chat(name: str, modules: bytes | None, *, pools: bool) -> None:
    files = named("qwen2", name) | ({} if modules is None else {"modules.json": modules})
    assert told(files) == (["engine-fails-on-pooling"] if pools else [])


@pytest.mark.parametrize(
    ("name", "positions", "length"),
    [
        ("XLMRobertaForSequenceClassification", "absolute", 512),
        ("XLMRobertaForSequenceClassification", "rotary", 514),
        ("OlmoForCausalLM", "absolute", 514),
    ],
)
def test_the_tokenizers_limit_counts_where_a_model_pools_over_absolute_positions(
    name: str, positions: str, length: int
) -> None:
    files = named("xlm-roberta", name, max_position_embeddings=514, position_embedding_type=positions)
    assert of(with_json(files, "tokenizer_config.json", model_max_length=512)).context_length == length
    assert of(with_json(files, "tokenizer_config.json", model_max_length=9000)).context_length == 514


@pytest.mark.parametrize(
    ("files", "fails"),
    [
        (named("t5", "T5ForConditionalGeneration"), True),
        (named("m2m_100", "M2M100ForConditionalGeneration", is_encoder_decoder=True), True),
        (named("m2m_100", "M2M100ForConditionalGeneration", is_encoder_decoder=False), False),
        (named("whisper", "WhisperForConditionalGeneration", is_encoder_decoder=True), False),
    ],
)
def test_text_for_an_encoder_has_no_room(files: Files, *, fails: bool) -> None:
    assert ("engine-fails-on-encoder" in told(files)) == fails


GPTQ: dict[str, JsonValue] = {
    "quant_method": "gptq",
    "bits": 4,
    "group_size": 128,
    "desc_act": False,
    "sym": True,
}
AWQ: dict[str, JsonValue] = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}


@pytest.mark.parametrize(
    ("declared", "starts"),
    [
        (GPTQ, True),
        (GPTQ | {"bits": 8}, True),
        (GPTQ | {"bits": 3}, False),
        (GPTQ | {"sym": False}, False),
        (GPTQ | {"desc_act": True}, False),
        (GPTQ | {"desc_act": True, "group_size": -1}, True),
        ({key: value for key, value in GPTQ.items() if key != "sym"}, False),
        (AWQ, True),
        (AWQ | {"bits": 3}, False),
        ({"quant_method": "FP8", "activation_scheme": "dynamic"}, True),
        ({"quant_method": "fp8"}, False),
        ({"quant_method": "compressed_tensors"}, True),
        ({"quant_method": "auto-round", "bits": 2}, True),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, False),
        ({"quant_method": "fbgemm_fp8"}, False),
        # MLX's, which names no method; and ModelOpt's, which names it in another place.
        ({"bits": 3, "group_size": 64}, True),
        ({"quant_method": "x", "producer": {"name": "modelopt"}}, True),
    ],
)
@pytest.mark.parametrize("inner", [False, True])
def test_a_quantization_that_there_is_no_code_for_stops_the_start(
    declared: dict[str, JsonValue], *, starts: bool, inner: bool
) -> None:
    config: dict[str, JsonValue] = {"quantization_config": declared}
    files = named("qwen2", "Qwen2ForCausalLM", **({"text_config": config} if inner else config))
    assert told(files) == ([] if starts else ["engine-cannot-know-quantization"])
    assert told(files, "0.32.0") == []
