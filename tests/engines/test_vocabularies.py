"""Vocabularies: which files a tokenizer's class reads, as transformers 5.24.0 and 4.57.6 did when they were
asked about a folder with each of them.
"""

import pytest

from genfix.engines.every import EVERY_ENGINE, engine_view
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.folders import Files, MemoryFolder, dump, with_json

UNREADABLE = ["engine-cannot-read-file"]
WEIGHTS = {"consolidated.safetensors": b"", "model.safetensors": b""}
FAST = {"tokenizer.json": dump({"added_tokens": [{"id": 257, "content": "</s>"}], "model": {}})}
NONE, EMPTY = ["engine-cannot-find-tokenizer"], ["engine-has-no-vocabulary"]


TEKKEN = dump(
    {
        "config": {"version": "v11"},
        "vocab": [],
        "special_tokens": [{"rank": rank, "token_str": text} for rank, text in enumerate(["<s>", "</s>"])],
    }
)


def folder(kind: str, *files: str, **tokenizer: JsonValue) -> Files:
    return {
        "config.json": dump({"model_type": kind, "architectures": ["MistralForCausalLM"]}),
        "tokenizer_config.json": dump(tokenizer),
        **{name: TEKKEN if name == "tekken.json" else b"vocabulary" for name in files},
    }


def read(files: Files) -> Model:
    return Model(MemoryFolder(files))


def problems(engine: str, files: Files, version: str = "") -> list[str]:
    view = engine_view(engine, Model(MemoryFolder(files)), version)
    return [
        problem.id for problem in view.problems if "tokenizer" in problem.id or "vocabulary" in problem.id
    ]


@pytest.mark.parametrize(
    ("files", "of_5", "of_4"),
    [
        (folder("mistral", "tekken.json"), [], []),
        (folder("mistral", "tokenizer.model.v3"), NONE, NONE),
        (folder("mistral", "tokenizer.model", tokenizer_class="LlamaTokenizer"), [], []),
        (folder("llama", "tiktoken.model"), [], NONE),
        (folder("llama", "vocab.txt", tokenizer_class="LlamaTokenizer"), EMPTY, NONE),
        (folder("llama", "vocab.json", "merges.txt"), NONE, NONE),
        (folder("phi3", tokenizer_class="LlamaTokenizer"), NONE, NONE),
        (folder("phi3", "tokenizer.model", tokenizer_class="LlamaTokenizer"), [], []),
        (folder("granite_docling", "vocab.json", "merges.txt"), NONE, []),  # 4 does not know the type
        (folder("granite_docling", "vocab.json", "merges.txt", tokenizer_class="GPT2Tokenizer"), [], []),
        (folder("glm4", "qwen.tiktoken"), NONE, NONE),
        (folder("qwen2", "vocab.json", tokenizer_class="Qwen2Tokenizer"), NONE, NONE),
        (folder("marian", "vocab.json", "source.spm", "target.spm"), [], []),
        (folder("marian", "vocab.json", "source.spm"), NONE, NONE),
        (folder("bert", "vocab.txt"), [], []),
        (folder("t5", "spiece.model"), [], []),
        (folder("t5", "vocab.txt"), EMPTY, NONE),
        (folder("xlm-roberta", "sentencepiece.bpe.model"), [], []),
        (folder("odd", "hy.tiktoken", auto_map={"AutoTokenizer": ["code.Odd", None]}), [], []),
        (folder("odd", auto_map={"AutoTokenizer": ["code.Odd", None]}), NONE, NONE),
    ],
)
def test_a_class_reads_its_own_files_and_those_that_can_be_converted(
    files: Files, of_5: list[str], of_4: list[str]
) -> None:
    assert problems("transformers5", files) == of_5
    assert problems("transformers4", files) == of_4


OWN_CODE: JsonValue = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}


@pytest.mark.parametrize(
    ("vocabulary", "of_5"), [({"a": 0}, ["engine-cannot-take-vocabulary"]), ([["a", -1.0]], [])]
)
@pytest.mark.parametrize("name", ["T5Tokenizer", "XLMRobertaTokenizerFast"])
def test_a_class_with_scores_takes_no_vocabulary_without(
    name: str, vocabulary: JsonValue, of_5: list[str]
) -> None:
    whole = {"tokenizer.json": dump({"added_tokens": [], "model": {"vocab": vocabulary}})}
    files = folder("llama", tokenizer_class=name) | whole
    assert problems("transformers5", files) == of_5
    assert problems("transformers4", files) == []
    assert problems("transformers5", folder("llama", tokenizer_class="LlamaTokenizer") | whole) == []


def test_code_that_is_not_there_is_passed_over_for_a_type_that_has_a_class() -> None:
    files = folder("qwen2", "vocab.json", "merges.txt", auto_map=OWN_CODE, tokenizer_class="OwnTokenizer")
    assert problems("transformers5", files) == NONE
    assert problems("transformers5", files | {"tokenization_own.py": b""}) == []
    assert problems("transformers5", files | FAST) == []
    assert problems("transformers5", with_json(files, "config.json", model_type="own")) == []


def test_code_of_types_that_are_known_to_name_wrong_classes_is_not_asked_for() -> None:
    files = folder("internlm2", "tokenizer.model", auto_map=OWN_CODE, tokenizer_class="OwnTokenizer")
    lacking = "engine-cannot-find-code"
    assert lacking not in [problem.id for problem in engine_view("mlx-lm", read(files)).problems]
    other = with_json(files, "config.json", model_type="plamo2")
    assert lacking in [problem.id for problem in engine_view("mlx-lm", read(other)).problems]


def test_transformers_4_converts_tekken_since_its_last_releases() -> None:
    files = folder("mistral", "tekken.json")
    assert problems("transformers4", files, "4.57.2") == []
    assert problems("transformers4", files, "4.56") == NONE


@pytest.mark.parametrize("vocabulary", ["tekken.json", "tokenizer.model.v3"])
def test_vllm_takes_mistrals_own_tokenizer_beside_mistrals_own_weights(vocabulary: str) -> None:
    files = folder("mistral", vocabulary)
    assert problems("vllm", files | {"consolidated.safetensors": b""}) == []
    assert problems(
        "transformers5", folder("mistral", "tokenizer.model.v3") | {"consolidated.safetensors": b""}
    )


@pytest.mark.parametrize(
    ("content", "of_5", "of_4"),
    [
        (b"{}", UNREADABLE, UNREADABLE),
        (b'{"config": {', UNREADABLE, UNREADABLE),
        (dump({"config": {}, "vocab": []}), [], UNREADABLE),  # 5 asks Mistral's library for their names
        (
            dump({"config": {}, "vocab": [], "special_tokens": [{"rank": 1, "token_str": "x"}]}),
            UNREADABLE,
            [],
        ),
    ],
)
def test_a_tekken_that_is_none_does_not_load_unless_there_is_another_vocabulary(
    content: bytes, of_5: list[str], of_4: list[str]
) -> None:
    files = folder("mistral") | {"tekken.json": content}
    assert [problem.id for problem in engine_view("transformers5", read(files)).problems] == of_5
    assert [problem.id for problem in engine_view("transformers4", read(files)).problems] == of_4
    assert engine_view("transformers5", read(files | {"tokenizer.json": dump({"added_tokens": []})})).loads


@pytest.mark.parametrize(
    ("more", "settings", "stop"),
    [
        ({}, {"eos_token": "</s>"}, 1),
        (FAST, {"eos_token": "</s>"}, 257),
        (FAST | WEIGHTS, {"eos_token": "</s>"}, 1),
        (FAST, {"eos_token": "</s>", "tokenizer_class": "MistralCommonBackend"}, 1),
    ],
)
def test_whose_end_vllm_takes_beside_tekken(more: Files, settings: dict[str, JsonValue], stop: int) -> None:
    files = folder("mistral", "tekken.json", **settings) | more
    view = engine_view("vllm", read(files))
    assert (view.stop_token_ids[0], view.loads) == (stop, True)


@pytest.mark.parametrize(
    ("kind", "more", "settings", "stop"),
    [
        ("llama", {}, {"eos_token": "</s>"}, 1),
        ("llama", FAST, {"eos_token": "</s>"}, 257),
        ("mistral", FAST, {"eos_token": "</s>"}, 1),
        ("llama", FAST, {"eos_token": "</s>", "tokenizer_class": "MistralCommonBackend"}, 1),
    ],
)
def test_whose_end_sglang_takes_beside_tekken(
    kind: str, more: Files, settings: dict[str, JsonValue], stop: int
) -> None:
    view = engine_view("sglang", read(folder(kind, "tekken.json", **settings) | more))
    assert (stop in view.stop_token_ids, view.loads) == (True, True)
    assert (view.chat_template is not None) == (stop == 1)  # written by the library
    assert engine_view("sglang", read(folder(kind, "tekken.json", **settings) | more), "0.5.20").loads


def test_mistrals_own_library_needs_an_end_and_its_own_files() -> None:
    endless = TEKKEN.replace(b"</s>", b"<t>")
    broken = folder("mistral", "tekken.json") | WEIGHTS | {"tekken.json": endless}
    assert [problem.id for problem in engine_view("vllm", read(broken)).problems] == UNREADABLE
    other = TEKKEN.replace(b"</s>", b"<unk>")
    named = folder("mistral", tokenizer_class="MistralCommonBackend") | {"tekken.json": other}
    assert engine_view("vllm", read(named)).stop_token_ids[0] == 1  # which the class takes for it
    none = folder("mistral", tokenizer_class="MistralCommonBackend") | FAST
    assert problems("vllm", none) == NONE
    assert problems("vllm", none, "0.10") == []  # with transformers 4


TIKTOKEN = folder(
    "kimi_k2",
    "tiktoken.model",
    auto_map={"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]},
    tokenizer_class="TikTokenTokenizer",
)
KIMI = TIKTOKEN | {
    "config.json": dump(
        {
            "model_type": "kimi_k2",
            "architectures": ["DeepseekV3ForCausalLM"],
            "auto_map": {
                "AutoConfig": "configuration_deepseek.DeepseekV3Config",
                "AutoModelForCausalLM": "modeling_deepseek.DeepseekV3ForCausalLM",
            },
        }
    )
}
CODE = {"configuration_deepseek.py", "modeling_deepseek.py", "tokenization_kimi.py"}


@pytest.mark.parametrize(
    ("engine", "needed"),
    [
        ("transformers5", CODE),
        ("vllm", {"tokenization_kimi.py"}),
        ("sglang", {"tokenization_kimi.py"}),
        ("lmdeploy", {"tokenization_kimi.py"}),
        ("mlx-lm", {"tokenization_kimi.py"}),
        ("llama.cpp", set()),
    ],
)
def test_an_engine_needs_no_code_for_what_it_brings_itself(engine: str, needed: set[str]) -> None:
    view = engine_view(engine, Model(MemoryFolder(KIMI)))
    missing = {str(p.message.args["file"]) for p in view.problems if p.id == "engine-cannot-find-code"}
    assert missing == needed
    assert "engine-cannot-know-model-type" not in {p.id for p in view.problems}


def test_a_plain_tokenizer_class_needs_no_code_where_the_engine_knows_the_type() -> None:
    files = KIMI | folder(
        "kimi_k2",
        "tokenizer.json",
        auto_map={"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]},
        tokenizer_class="PreTrainedTokenizerFast",
    )
    for engine in ("mlx-lm", "vllm"):
        view = engine_view(engine, Model(MemoryFolder(files | {"config.json": KIMI["config.json"]})))
        assert "engine-cannot-find-code" not in {problem.id for problem in view.problems}


@pytest.mark.parametrize("kind", ["exaone", "sarvam_moe", "hy_v4_vl"])
def test_types_of_the_newest_release_are_known_to_it_alone(kind: str) -> None:
    model = Model(MemoryFolder(folder(kind, "tokenizer.json")))
    unknown = "engine-cannot-know-model-type"
    assert unknown not in {problem.id for problem in engine_view("transformers5", model).problems}
    assert unknown in {problem.id for problem in engine_view("transformers5", model, "5.23").problems}


READ_BY = {
    "model.safetensors": {*EVERY_ENGINE},
    "model-00001-of-00002.safetensors model.safetensors.index.json": {*EVERY_ENGINE},
    "pytorch_model.bin": {*EVERY_ENGINE} - {"mlx-lm"},
    "model-00001-of-00002.safetensors": {"vllm", "sglang", "lmdeploy", "llama.cpp", "mlx-lm"},
    "consolidated.safetensors": {"vllm", "sglang", "lmdeploy"},
    "model.Q4_K_M.gguf": {"llama.cpp"},
    "onnx/model.onnx": set(),
    "model.onnx": set(),
    "openvino_model.xml openvino_model.bin": {"openvino-genai"},
    "training_args.bin optimizer.pt rng_state_0.pth": {*EVERY_ENGINE},
    "adapter_model.safetensors": {*EVERY_ENGINE},
    "": {*EVERY_ENGINE},
}


@pytest.mark.parametrize("names", READ_BY)
def test_weights_are_looked_for_by_their_names(names: str) -> None:
    """Where there are none at all, the folder is one of config files: no engine is asked."""
    model = Model(MemoryFolder(folder("qwen2", "tokenizer.json", *names.split())))
    lost = {
        engine
        for engine in EVERY_ENGINE
        if "engine-cannot-find-weights" in {p.id for p in engine_view(engine, model).problems}
    }
    assert {*EVERY_ENGINE} - lost == READ_BY[names]
