"""transformers 5 and 4: what their own code did with odd folders, value by value (``python -m
conformance``).
"""

import hashlib

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model
from tests.support.engine_folders import toy
from tests.support.folders import CHATML, Files, MemoryFolder, dump, with_json, without

BOTH = pytest.mark.parametrize("engine", ["transformers5", "transformers4"])


def read(engine: str, files: Files, version: str = "") -> EngineView:
    return engine_view(engine, Model(MemoryFolder(files)), version)


def problems(engine: str, files: Files, version: str = "") -> list[str]:
    return [problem.id for problem in read(engine, files, version).problems]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@BOTH
@pytest.mark.parametrize(
    ("value", "stops", "failure"),
    [
        (258.0, (258,), None),
        ([258.5, 257], (258, 257), None),
        (True, (1,), None),
        (-1, (), None),
        ([-1, 257, 257], (257,), None),
        ([[257], [258]], (257, 258), None),
        ([[257, 258]], (257, 258), "engine-fails-on-eos-for-pad"),
        ([[[257]]], (257,), "engine-fails-on-eos-for-pad"),
        ([], (), "engine-fails-on-eos-for-pad"),
        ([[]], (), "engine-fails-on-eos-for-pad"),
        ([257, [258]], (), "engine-fails-on-eos"),
        ([257, None], (), "engine-fails-on-eos"),
        ({"id": 257}, (), "engine-fails-on-eos"),
        (2**63, (), "engine-fails-on-eos"),
        ("257", (), "engine-fails-on-text-eos"),
        ([257, "<|user|>"], (), "engine-fails-on-text-eos"),
    ],
)
def test_ids_are_what_torch_makes_of_them(
    engine: str, value: JsonValue, stops: tuple[int, ...], failure: str | None
) -> None:
    view = read(engine, toy(value))
    assert view.loads
    assert view.stop_token_ids == stops
    assert [problem.id for problem in view.problems] == ([failure] if failure else [])


@BOTH
@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({"eos_token_id": [], "pad_token_id": 0}, None),
        ({"eos_token_id": [[257, 258]], "pad_token_id": 0}, None),
        ({"pad_token_id": -1}, None),
        ({"bos_token_id": [1]}, None),
        ({"bos_token_id": "<s>"}, "engine-fails-on-id"),
        ({"pad_token_id": "<pad>"}, "engine-cannot-take-setting"),
        ({"pad_token_id": [0]}, "engine-cannot-take-setting"),
        ({"max_new_tokens": 0}, "engine-cannot-take-setting"),
        ({"max_new_tokens": 1}, None),
        ({"num_return_sequences": 2}, "engine-cannot-take-setting"),
        ({"num_return_sequences": 2, "do_sample": True}, None),
        ({"num_return_sequences": 2, "num_beams": 2}, None),
        ({"num_return_sequences": 3, "num_beams": 2, "do_sample": True}, "engine-cannot-take-setting"),
        ({"num_return_sequences": 1}, None),
    ],
)
def test_other_values_of_the_generation_config(
    engine: str, values: dict[str, JsonValue], failure: str | None
) -> None:
    found = problems(engine, with_json(toy(257), "generation_config.json", **values))
    assert (failure in found) if failure else found == []


@BOTH
@pytest.mark.parametrize("content", [b"null", b"[]", b"257", b'"text"'])
def test_a_generation_config_that_is_json_but_no_object_does_not_load(engine: str, content: bytes) -> None:
    assert problems(engine, toy(content, 257)) == ["engine-cannot-read-generation-config"]


def test_a_null_switches_a_setting_off_in_4_where_settings_have_defaults() -> None:
    files = with_json(toy(257), "generation_config.json", top_p=None, top_k=None)
    assert read("transformers4", files).sampling == {"top_p": None, "top_k": None}
    assert read("transformers5", files).sampling == {}


@pytest.mark.parametrize(
    ("config", "in_5", "in_4"),
    [
        ({"temperature": 0.7, "text_config": {"temperature": 0.5}}, 0.7, 0.7),
        ({"text_config": {"temperature": 0.5}}, 0.5, 0.5),
        ({"temperature": 1.0, "text_config": {"temperature": 0.5}}, 1.0, 0.5),
    ],
)
def test_settings_in_the_text_part_count_where_the_top_has_none(
    config: dict[str, JsonValue], in_5: float, in_4: float
) -> None:
    files = toy(...) | {"config.json": dump({"model_type": "gemma3"} | config)}
    temperatures = [
        read(engine, files).sampling["temperature"] for engine in ("transformers5", "transformers4")
    ]
    assert temperatures == [in_5, in_4]


@pytest.mark.parametrize(
    ("values", "in_5", "in_4"),
    [
        ({"eos_token_id": "x"}, ["engine-cannot-take-value"], []),
        ({"eos_token_id": [257.0]}, ["engine-cannot-take-value"], []),
        ({"eos_token_id": True}, ["engine-cannot-take-value"], []),
        ({"max_position_embeddings": None}, ["engine-cannot-take-value"], []),
        ({"pad_token_id": [0]}, ["engine-cannot-take-value"], ["engine-cannot-take-setting"]),
        ({"model_type": "of-my-own"}, ["engine-cannot-know-model-type"], ["engine-cannot-know-model-type"]),
        ({"model_type": "of-my-own", "auto_map": {"AutoConfig": "other--code.Own"}}, [], []),
        ({"auto_map": {"AutoConfig": "configuration_own.Own"}}, [], []),
        ({"decoder": {}, "text_config": {}}, ["engine-cannot-choose-part"], ["engine-cannot-choose-part"]),
        ({"text_config": True}, ["engine-cannot-take-value"], ["engine-cannot-take-value"]),
        ({"auto_map": 7}, ["engine-cannot-read-value"], ["engine-cannot-read-value"]),
        ({"auto_map": None}, ["engine-cannot-read-value"], ["engine-cannot-read-value"]),
        ({"auto_map": "text"}, [], []),
    ],
)
def test_what_the_config_class_does_not_take(
    values: dict[str, JsonValue], in_5: list[str], in_4: list[str]
) -> None:
    files = with_json(toy(257), "config.json", **values)
    assert [problems(engine, files) for engine in ("transformers5", "transformers4")] == [in_5, in_4]


@BOTH
@pytest.mark.parametrize(
    ("value", "loads"),
    [
        ("<|user|>", True),
        (None, True),
        ({"__type": "AddedToken", "content": "<|user|>"}, True),
        ({"content": "<|user|>"}, False),
        (257, False),
    ],
)
def test_named_tokens_are_text_or_say_what_they_are(engine: str, value: JsonValue, *, loads: bool) -> None:
    files = with_json(toy(257), "tokenizer_config.json", eos_token=value)
    assert read(engine, files).loads is loads
    mapped = with_json(files, "tokenizer_config.json", added_tokens_decoder=...)
    mapped |= {"special_tokens_map.json": dump({"eos_token": "<|user|>"})}
    assert read(engine, mapped).loads


@BOTH
@pytest.mark.parametrize(
    "values", [{"tokenizer_class": ["Qwen2Tokenizer"]}, {"auto_map": "text"}, {"auto_map": None}]
)
def test_values_of_tokenizer_config_that_end_the_start(engine: str, values: dict[str, JsonValue]) -> None:
    files = with_json(toy(257), "tokenizer_config.json", **values)
    assert problems(engine, files) == ["engine-cannot-read-value"]


def test_tokenizer_classes_that_only_one_of_the_two_can_do_without() -> None:
    files = with_json(toy(257), "tokenizer_config.json", tokenizer_class="TokenizerOfMyOwn")
    assert problems("transformers5", files) == []
    assert problems("transformers4", files) == ["engine-cannot-find-class"]


@pytest.mark.parametrize(
    ("kind", "names", "in_5"),
    [
        ("qwen2", [], "engine-has-no-vocabulary"),
        ("qwen2", ["vocab.json"], "engine-cannot-find-tokenizer"),
        ("glm4", [], "engine-cannot-find-tokenizer"),
    ],
)
def test_without_a_vocabulary_some_classes_of_5_make_an_empty_tokenizer(
    kind: str, names: list[str], in_5: str
) -> None:
    files = with_json(without(toy(257), "tokenizer.json"), "config.json", model_type=kind)
    files |= dict.fromkeys(names, b"{}")
    assert problems("transformers5", files) == [in_5]
    assert problems("transformers4", files) == ["engine-cannot-find-tokenizer"]


@BOTH
@pytest.mark.parametrize("content", [b"{}", b'{"version": "1.0", "added_tok'])
def test_a_tokenizer_that_is_cut_off_or_empty_does_not_load(engine: str, content: bytes) -> None:
    assert problems(engine, toy(257) | {"tokenizer.json": content}) == ["engine-cannot-read-tokenizer"]


@BOTH
@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({"chat_template.jinja": b"one\r\ntwo\rthree"}, "one\ntwo\nthree"),
        ({"additional_chat_templates/default.jinja": b"d"}, "d"),
        ({"additional_chat_templates/default.jinja": b"d", "chat_template.jinja": b"j"}, "d"),
        ({"additional_chat_templates/rag.jinja": b"r", "chat_template.jinja": b"j"}, "j"),
        ({"additional_chat_templates/rag.jinja": b"r"}, None),
        ({"chat_template.json": dump({"chat_template": "p"})}, CHATML),
    ],
)
def test_which_template_is_rendered(engine: str, files: Files, template: str | None) -> None:
    found = read(engine, toy(257) | files).chat_template
    assert (found and found.sha256) == (template and digest(template))


@pytest.mark.parametrize(
    ("config", "generation", "stops", "temperature"),
    [
        ({"temperature": 0.5}, {"_from_model_config": True, "temperature": 0.9}, (258,), 0.5),
        ({"temperature": 0.5}, {"temperature": 0.9}, (257,), 0.9),
        ({"temperature": 1.0}, {"_from_model_config": True}, (257,), None),  # which is the default
        ({"temperature": None}, {"_from_model_config": True}, (257,), None),
        ({"suppress_tokens": []}, {"_from_model_config": True, "temperature": 0.9}, (258,), None),
    ],
)
def test_4_makes_it_again_of_config_json_where_both_say_so(
    config: JsonObject, generation: JsonObject, stops: tuple[int, ...], temperature: float | None
) -> None:
    files = with_json(toy(257, 258), "config.json", **config)
    files = with_json(files, "generation_config.json", **generation)
    view = read("transformers4", files)
    assert (view.stop_token_ids, view.sampling.get("temperature")) == (stops, temperature)
    of_file = generation.get("temperature")
    newer = read("transformers5", files)
    assert (newer.stop_token_ids, newer.sampling.get("temperature")) == ((257,), of_file)


@BOTH
@pytest.mark.parametrize(("kind", "has"), [("qwen2", False), ("qwen2_vl", True)])
def test_chat_template_json_is_for_models_with_a_processor(engine: str, kind: str, *, has: bool) -> None:
    files = with_json(toy(257), "tokenizer_config.json", chat_template=...)
    files = with_json(files, "config.json", model_type=kind)
    files |= {"chat_template.json": dump({"chat_template": "p"}), "preprocessor_config.json": b"{}"}
    assert (read(engine, files).chat_template is not None) is has


@BOTH
def test_a_template_that_is_not_utf8_stops_the_tokenizer(engine: str) -> None:
    assert problems(engine, toy(257) | {"chat_template.jinja": b"\xff"}) == ["engine-cannot-read-template"]


@pytest.mark.parametrize(
    ("version", "source"),
    [
        ("4.46.3", "tokenizer_config.json"),
        ("4.47.0", "chat_template.jinja"),
        ("4.51.3", "chat_template.jinja"),
        ("4.52.1", "additional_chat_templates/default.jinja"),
    ],
)
def test_files_of_templates_were_read_one_after_the_other(version: str, source: str) -> None:
    files = toy(257) | {"chat_template.jinja": b"j", "additional_chat_templates/default.jinja": b"d"}
    found = read("transformers4", files, version).chat_template
    assert found is not None
    assert found.source == source


def test_what_else_changed_between_versions() -> None:
    listed = with_json(toy(257), "tokenizer_config.json", extra_special_tokens=["<|user|>"])
    assert problems("transformers4", listed, "4.46.3") == []
    assert problems("transformers4", listed, "4.47.0") == ["engine-cannot-read-list"]
    gemma = with_json(toy(257), "config.json", model_type="gemma3")
    assert problems("transformers4", gemma, "4.49.0") == ["engine-cannot-know-model-type"]
    assert problems("transformers4", gemma, "4.50.0") == []
    text = with_json(toy(257), "config.json", eos_token_id="x")
    assert problems("transformers5", text, "5.3.0") == []
    assert problems("transformers5", text, "5.4.0") == ["engine-cannot-take-value"]
