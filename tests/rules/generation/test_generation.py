"""GF6xx: what genfix says about generation_config.json beyond stop tokens."""

import json

import pytest

from genfix.rules import Applicability, CopyField, Finding, RemoveField, RestoreFile, SetField, Severity
from tests.support.folders import (
    CHATML,
    Files,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    with_json,
    without,
)
from tests.support.judging import find, only, repaired
from tests.support.weight_files import SINGLE, causal, weight_file

GEN = "generation_config.json"


def gen(files: Files, **values: object) -> Files:
    return with_json(files, GEN, **values)


def applicability(finding: Finding) -> Applicability:
    assert finding.fix is not None
    return finding.fix.applicability


@pytest.mark.parametrize(
    ("eos", "severity"),
    [(151329, Severity.ERROR), (..., Severity.ERROR), ([151329, 151336, 151338], Severity.WARNING)],
)
def test_a_lost_file_is_an_error_where_the_model_no_longer_stops(eos: object, severity: Severity) -> None:
    base = glm_files()
    merged = with_json(without(base, GEN), "config.json", eos_token_id=eos)
    [finding] = find(merged, base, "GF601")
    assert finding.severity is severity
    assert applicability(finding) is Applicability.SAFE
    assert finding.fix is not None
    assert finding.fix.operations == (RestoreFile(GEN),)


def test_an_id_that_only_the_folders_own_config_stops_at_is_kept() -> None:
    base = glm_files()
    merged = with_json(without(base, GEN), "config.json", eos_token_id=[151329, 151337])
    [finding] = find(merged, base, "GF601")
    assert finding.fix is not None
    restore, edit = finding.fix.operations
    assert restore == RestoreFile(GEN)
    assert isinstance(edit, SetField)
    assert edit.value == [151329, 151336, 151338, 151337]


def test_a_file_the_base_lacks_too_is_not_missed() -> None:
    neither = without(chatml_files(), GEN)
    assert find(neither, neither, "GF6") == []


PARTS = causal(head=False)
SCORED_BY_NAME = with_json(chatml_files(), "config.json", architectures=["Qwen2ForSequenceClassification"])


@pytest.mark.parametrize(
    "merged",
    [
        SCORED_BY_NAME,
        with_json(chatml_files(), "config.json", architectures=["Qwen2ForTokenClassification"]),
        with_json(chatml_files(), "config.json", architectures=["Qwen2ForProcessRewardModel"]),
        with_json(chatml_files(), "config.json", architectures=["BertForMaskedLM"]),
        with_json(chatml_files(), "config.json", architectures=["T5EncoderModel"]),
        chatml_files() | {SINGLE: weight_file(PARTS | {"score.weight": (1, 4)})},
        with_json(chatml_files(), "config.json", architectures=["Qwen2Model"])
        | {SINGLE: weight_file(causal(head=False, prefix=""))},
        chatml_files() | {"modules.json": b"[]"},
        chatml_files() | {"1_Pooling/config.json": b"{}"},
    ],
    ids=["sequences", "tokens", "rewards", "encoder", "half", "head", "trunk", "modules", "pooling"],
)
def test_a_model_that_generates_nothing_misses_no_setting_stop_or_template(merged: Files) -> None:
    """A reward model, a classifier or an embedding model made from a generating base."""
    bare = with_json(
        without(merged, GEN), "tokenizer_config.json", chat_template=..., eos_token="<|endoftext|>"
    )
    bare = with_json(bare, "config.json", eos_token_id=1000, use_cache=False)
    found = {finding.code for finding in find(bare, chatml_files())}
    assert found.isdisjoint({"GF101", "GF102", "GF103", "GF106", "GF201", "GF403", "GF601"})
    assert not any(code.startswith(("GF1", "GF2", "GF6")) for code in found)


@pytest.mark.parametrize(
    "names",
    [
        ["GPT2LMHeadModel"],
        ["Qwen2VLForConditionalGeneration"],
        ["WhisperForConditionalGeneration"],
        ["MarianMTModel"],
        ["IdeficsForVisionText2Text"],
        ["BertGenerationDecoder"],
        ["LlamaForCausalLM", "Other"],
        ["MiniCPMV"],
        ["ChatGLMModel"],
        [],
    ],
)
def test_a_generating_class_or_an_unknown_one_misses_its_file(names: list[str]) -> None:
    base = with_json(chatml_files(), "config.json", architectures=names)
    assert [finding.code for finding in find(without(base, GEN), base, "GF6")] == ["GF601"]


def test_a_trunk_over_tensors_with_a_head_misses_its_file() -> None:
    """Its class is put right by another rule, and then it generates."""
    base = chatml_files() | {SINGLE: weight_file(causal())}
    merged = with_json(without(base, GEN), "config.json", architectures=["Qwen2Model"])
    assert [finding.code for finding in find(merged, base, "GF6")] == ["GF601"]


def test_an_id_that_is_another_token_here_does_not_come_back_with_its_file() -> None:
    base = chatml_files()
    swapped = [{"id": 1001, "content": "<|im_end|>"}, {"id": 1002, "content": "<|im_start|>"}]
    merged = with_json(without(base, GEN), "tokenizer.json", added_tokens=swapped)
    [finding] = find(with_json(merged, "config.json", eos_token_id=...), base, "GF601")
    assert finding.fix is not None
    edits = [operation.value for operation in finding.fix.operations if isinstance(operation, SetField)]
    assert applicability(finding) is Applicability.UNSAFE or edits == [[1000]]


def test_the_bases_ids_are_not_added_beside_another_template() -> None:
    """As for a file that is there: ids only the base has are unsafe to add."""
    base = glm_files()
    tokens = json.loads(base["tokenizer_config.json"])["added_tokens_decoder"] | added_tokens(
        {"<|im_end|>": 151400}
    )
    merged = with_json(base, "tokenizer_config.json", chat_template=CHATML, added_tokens_decoder=tokens)
    [finding] = find(without(merged, GEN), base, "GF601")
    assert finding.fix is not None
    assert finding.fix.operations != (RestoreFile(GEN),)


RESYNTHESISED = {"_from_model_config": True, "eos_token_id": 1002, "transformers_version": "5.0.0"}


def test_a_file_written_anew_from_config_gets_the_bases_settings_back() -> None:
    base = chatml_files()
    [finding] = find(base | {GEN: dump(RESYNTHESISED)}, base, "GF602")
    assert finding.severity is Severity.WARNING
    assert applicability(finding) is Applicability.SAFE
    assert finding.fix is not None
    keys = ["bos_token_id", "do_sample", "repetition_penalty", "temperature", "top_k"]
    assert finding.fix.operations == (
        *(CopyField(GEN, f"/{key}") for key in keys),
        RemoveField(GEN, "/_from_model_config"),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (RESYNTHESISED | {"temperature": 0.3}, {}),
        (RESYNTHESISED | {"eos_token_id": 1000}, {}),
        (RESYNTHESISED | {"_from_model_config": False}, {}),
        (RESYNTHESISED, {"_from_model_config": True}),
        (RESYNTHESISED, {"do_sample": ..., "repetition_penalty": ..., "temperature": ..., "top_k": ...}),
    ],
    ids=["own temperature", "own eos", "not said", "base too", "base has no settings"],
)
def test_a_file_somebody_chose_a_value_of_is_not_written_anew(
    ours: dict[str, object], theirs: dict[str, object]
) -> None:
    base = gen(chatml_files(), **theirs)
    assert find(base | {GEN: dump(ours)}, base, "GF602") == []


CONTEXT: Files = with_json(chatml_files(), "config.json", max_position_embeddings=4096)


@pytest.mark.parametrize("length", [64, 4096])
def test_a_limit_of_new_tokens_that_the_base_does_not_set_is_taken_out(length: int) -> None:
    finding = only(find(gen(CONTEXT, max_new_tokens=length), CONTEXT, "GF6"), Applicability.SAFE)
    assert (finding.code, finding.severity, finding.pointer) == ("GF603", Severity.WARNING, "/max_new_tokens")
    assert repaired(gen(CONTEXT, max_new_tokens=length), CONTEXT) == CONTEXT


@pytest.mark.parametrize("length", [64, 4095])
def test_a_length_shorter_than_the_context_becomes_the_context(length: int) -> None:
    """Without any transformers would stop after 20 new tokens."""
    merged = gen(CONTEXT, max_length=length)
    finding = only(find(merged, CONTEXT, "GF6"), Applicability.SAFE)
    assert (finding.code, finding.severity, finding.pointer) == ("GF603", Severity.WARNING, "/max_length")
    assert json.loads(repaired(merged, CONTEXT)[GEN])["max_length"] == 4096


def test_both_limits_of_a_run_are_lifted() -> None:
    merged = gen(CONTEXT, max_new_tokens=64, max_length=512)
    assert [finding.pointer for finding in find(merged, CONTEXT, "GF6")] == ["/max_length", "/max_new_tokens"]
    settings = json.loads(repaired(merged, CONTEXT)[GEN])
    assert (settings["max_length"], settings.get("max_new_tokens")) == (4096, None)


@pytest.mark.parametrize("length", [4096, 1000000])
def test_a_length_at_the_end_of_the_context_cuts_nothing(length: int) -> None:
    """unsloth writes max_length = max_position_embeddings into every merge."""
    assert find(gen(CONTEXT, max_length=length), CONTEXT, "GF6") == []
    in_part = with_json(
        CONTEXT, "config.json", max_position_embeddings=..., text_config={"max_position_embeddings": 4096}
    )
    assert find(gen(in_part, max_length=length), in_part, "GF6") == []
    of_class = with_json(CONTEXT, "config.json", max_position_embeddings=...)  # Qwen2's own 32768
    assert len(find(gen(of_class, max_length=length), of_class, "GF6")) == (length < 32768)


def test_the_tokenizers_limit_tells_too_that_nothing_is_cut() -> None:
    limited = with_json(without(CONTEXT, "config.json"), "tokenizer_config.json", model_max_length=4096)
    assert find(gen(limited, max_length=4096), limited, "GF603") == []
    assert find(gen(limited, max_length=2048), limited, "GF603") != []


def test_a_length_is_unsafe_to_lift_where_no_file_tells_the_context() -> None:
    unknown = with_json(CONTEXT, "config.json", max_position_embeddings=..., model_type="mine")
    finding = only(find(gen(unknown, max_length=64), unknown, "GF603"), Applicability.UNSAFE)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("key", ["max_new_tokens", "max_length"])
def test_a_limit_is_information_where_the_base_has_no_such_file(key: str) -> None:
    finding = only(find(gen(CONTEXT, **{key: 64}), without(CONTEXT, GEN), "GF6"), Applicability.UNSAFE)
    assert (finding.code, finding.severity) == ("GF603", Severity.INFO)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"max_length": 20}, {}),
        ({"max_length": None}, {}),
        ({"max_length": 8}, {"max_length": 8}),
        ({"max_length": 8, "max_new_tokens": 512}, {"max_new_tokens": 512}),
    ],
)
def test_a_length_limit_that_is_the_default_or_the_bases_is_nothing(
    ours: dict[str, object], theirs: dict[str, object]
) -> None:
    assert find(gen(chatml_files(), **ours), gen(chatml_files(), **theirs), "GF6") == []


def test_another_limit_than_the_bases_is_information() -> None:
    [finding] = find(gen(glm_files(), max_length=512), glm_files(), "GF6")
    assert (finding.code, finding.severity) == ("GF605", Severity.INFO)
    assert applicability(finding) is Applicability.UNSAFE


BAD = [
    ("temperature", -0.1),
    ("top_p", 0),
    ("top_p", 1.5),
    ("top_p", "0.8"),
    ("min_p", -1),
    ("top_k", -2),
    ("repetition_penalty", 0),
    ("max_new_tokens", 0),
    ("num_beams", 0),
    ("temperature", True),
]
GOOD = [
    ("temperature", 0), ("top_p", 1), ("min_p", 0.0), ("top_k", -1), ("top_k", 0),
    ("repetition_penalty", 0.9),
    ("num_beams", 1), ("temperature", None), ("max_new_tokens", 1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_value_engines_refuse_is_an_error_and_goes(key: str, value: object) -> None:
    alone = gen(chatml_files(), **{key: value})
    [finding] = find(alone, None, "GF604")
    assert (finding.severity, finding.pointer) == (Severity.ERROR, f"/{key}")
    assert applicability(finding) is Applicability.SAFE
    assert finding.fix is not None
    assert finding.fix.operations == (RemoveField(GEN, f"/{key}"),)


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_a_value_engines_take_is_nothing(key: str, value: object) -> None:
    assert find(gen(chatml_files(), **{key: value}), None, "GF604") == []


def test_a_refused_value_is_replaced_by_the_bases_good_one() -> None:
    base = chatml_files()
    [finding] = find(gen(base, temperature=-1), base, "GF604")
    assert finding.fix is not None
    assert finding.fix.operations == (CopyField(GEN, "/temperature"),)
    assert finding.expected == 0.7


def test_a_refused_value_the_base_has_too_is_information() -> None:
    both = gen(chatml_files(), top_p=0)
    [finding] = find(both, both, "GF6")
    assert finding.severity is Severity.INFO
    assert applicability(finding) is Applicability.MANUAL


@pytest.mark.parametrize("do_sample", [..., False, None])
def test_sampling_values_without_do_sample_are_information(do_sample: object) -> None:
    """Llama-2-chat and Vicuna ship such a file: every engine loads it."""
    [finding] = find(gen(chatml_files(), do_sample=do_sample), None, "GF6")
    assert (finding.code, finding.severity, finding.pointer) == ("GF604", Severity.INFO, "/do_sample")
    assert applicability(finding) is Applicability.UNSAFE


@pytest.mark.parametrize("do_sample", [..., False, None])
def test_they_are_a_warning_where_the_base_samples(do_sample: object) -> None:
    [finding] = find(gen(chatml_files(), do_sample=do_sample), chatml_files(), "GF604")
    assert finding.severity is Severity.WARNING
    assert applicability(finding) is Applicability.UNSAFE
    assert finding.fix is not None
    [operation] = finding.fix.operations
    assert isinstance(operation, SetField)
    assert (operation.pointer, operation.value) == ("/do_sample", True)


def test_they_are_information_where_the_base_says_nothing() -> None:
    [finding] = find(gen(chatml_files(), do_sample=...), without(chatml_files(), GEN), "GF604")
    assert finding.severity is Severity.INFO


def test_they_are_information_where_the_base_does_not_sample_either() -> None:
    both = gen(chatml_files(), do_sample=False)
    [finding] = find(gen(both, temperature=0.2), both, "GF604")
    assert finding.severity is Severity.INFO
    assert applicability(finding) is Applicability.MANUAL


@pytest.mark.parametrize("value", [1.0, None, ...])
def test_a_default_without_do_sample_is_nothing(value: object) -> None:
    files = gen(chatml_files(), do_sample=..., temperature=value, top_k=50)
    assert find(files, None, "GF6") == []


@pytest.mark.parametrize(
    ("ours", "operation"),
    [
        ({"temperature": 0.3}, CopyField(GEN, "/temperature")),
        ({"temperature": ...}, CopyField(GEN, "/temperature")),
        ({"top_p": 0.5}, RemoveField(GEN, "/top_p")),
        ({"top_k": 50}, CopyField(GEN, "/top_k")),
    ],
)
def test_a_sampling_setting_that_is_not_the_bases_is_information(
    ours: dict[str, object], operation: CopyField | RemoveField
) -> None:
    [finding] = find(gen(chatml_files(), **ours), chatml_files(), "GF6")
    assert (finding.code, finding.severity) == ("GF605", Severity.INFO)
    assert applicability(finding) is Applicability.UNSAFE
    assert finding.fix is not None
    assert finding.fix.operations == (operation,)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"repetition_penalty": ...}, {"repetition_penalty": 1.0}),
        ({"top_p": 1.0}, {}),
        ({"transformers_version": "5.0.0"}, {"transformers_version": "4.0.0"}),
        ({"pad_token_id": 1000, "bos_token_id": None}, {}),
        ({"top_k": 20.0}, {}),
        ({"top_p": None}, {}),
    ],
)
def test_a_default_written_out_a_version_or_a_token_id_is_nothing(
    ours: dict[str, object], theirs: dict[str, object]
) -> None:
    assert find(gen(chatml_files(), **ours), gen(chatml_files(), **theirs), "GF6") == []


@pytest.mark.parametrize("key", ["use_cache", "num_return_sequences", "output_scores"])
def test_a_default_that_a_file_writes_out_was_not_chosen(key: str) -> None:
    base = chatml_files()
    written = {"use_cache": True, "num_return_sequences": 1, "output_scores": False}[key]
    assert find(with_json(base, GEN, **{key: written}), base) == []
    anew = {"_from_model_config": True, "eos_token_id": 1002, key: written}
    assert find(base | {GEN: dump(anew)}, base, "GF602") != []


def test_settings_written_anew_with_all_defaults_are_put_back_too() -> None:
    base = chatml_files()
    anew = {"_from_model_config": True, "eos_token_id": 1002, "temperature": 1.0, "top_k": 50}
    back = json.loads(repaired(base | {GEN: dump(anew)}, base)[GEN])
    assert (back["temperature"], back["top_k"], back["do_sample"]) == (0.7, 20, True)


# -- sampling at temperature 0, and keys that nobody reads ----------------------------------------


@pytest.mark.parametrize("zero", [0, 0.0])
def test_sampling_at_temperature_zero(zero: float) -> None:
    merged = gen(chatml_files(), do_sample=True, temperature=zero)
    [alone] = find(merged, None, "GF606")
    assert (alone.severity, applicability(alone)) == (Severity.ERROR, Applicability.UNSAFE)
    [against] = find(merged, chatml_files(), "GF606")
    assert against.fix is not None
    assert against.fix.operations == (CopyField(GEN, "/temperature"),)
    assert [f.severity for f in find(merged, merged, "GF606")] == [Severity.INFO]


@pytest.mark.parametrize("values", [{"do_sample": False}, {"temperature": 0.1}, {"temperature": False}])
def test_what_generate_takes(values: dict[str, object]) -> None:
    assert find(gen(chatml_files(), **({"do_sample": True, "temperature": 0} | values)), None, "GF606") == []


@pytest.mark.parametrize(
    ("key", "found"), [("temprature", 1), ("top_kk", 1), ("top_k", 0), ("chat_format", 0)]
)
def test_a_key_one_letter_from_a_real_one(key: str, found: int) -> None:
    assert len(find(gen(chatml_files(), **{key: 1}), None, "GF607")) == found


# -- keys that only the model's own generate() reads ---------------------------------------------------------

WHISPER = {
    "config.json": dump({"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}),
    GEN: dump({"eos_token_id": 1002, "no_timestamps_token_id": 1001, "lang_to_id": {"<|en|>": 1000}}),
    SINGLE: weight_file(causal()),
}


def test_keys_that_generate_reads_are_missed_without_a_base() -> None:
    for merged in (without(WHISPER, GEN), gen(WHISPER, no_timestamps_token_id=..., lang_to_id=...)):
        found = only(find(merged, None, "GF608"), Applicability.MANUAL)
        assert (found.severity, found.engines) == (Severity.WARNING, ("transformers5",))
        assert find(without(merged, SINGLE), None, "GF608")[0].severity is Severity.INFO


def test_keys_that_generate_reads_come_back_from_the_base() -> None:
    merged = gen(WHISPER, no_timestamps_token_id=..., lang_to_id=...)
    assert json.loads(repaired(merged, WHISPER)[GEN]) == json.loads(WHISPER[GEN])
    assert [f.code for f in find(without(WHISPER, GEN), WHISPER, "GF60")] == ["GF601"]
    assert [f.severity for f in find(merged, merged, "GF608")] == [Severity.INFO]


def test_some_of_the_keys_are_enough() -> None:
    """An English Whisper has no languages, and no other model has any of these."""
    assert find(gen(WHISPER, lang_to_id=...), None, "GF608") == []
    assert find(without(chatml_files(), GEN), None, "GF608") == []
