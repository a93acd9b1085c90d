"""OpenVINO GenAI: files as its C++ reads them."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST, toy
from tests.support.folders import Files, MemoryFolder, dump, with_json


def read(files: Files, version: str = "") -> EngineView:
    return engine_view("openvino-genai", Model(MemoryFolder(files)), version)


@pytest.mark.parametrize(
    ("value", "stops"),
    [
        (258.7, {258}),
        ([258.7, 264], {258, 264}),
        (True, None),
        ("264", None),
        ([None], None),
        ({}, None),
        (-1, {257}),
        ([], {257}),
    ],
)
def test_an_id_is_any_number_and_nothing_else(value: JsonValue, stops: set[int] | None) -> None:
    view = read(toy(value))
    assert view.loads is (stops is not None)
    if stops is not None:
        assert {*view.stop_token_ids} == stops


@pytest.mark.parametrize(
    ("content", "loads"),
    [(b"null", True), (b"\xef\xbb\xbf" + dump({"eos_token_id": 264}), True), (b"", False), (b"\xff", False)],
)
def test_a_mark_is_skipped_and_what_is_no_object_has_no_keys(content: bytes, *, loads: bool) -> None:
    view = read(toy(content, LIST))
    assert view.loads is loads
    if content.startswith(b"\xef"):
        assert view.stop_token_ids == (264,)


def test_the_eos_text_is_looked_for_in_tokenizer_config_alone() -> None:
    assert read(toy()).stop_token_ids == (257,)
    lost = with_json(toy(), "tokenizer_config.json", added_tokens_decoder=...)
    view = read(lost)
    assert view.loads
    assert [problem.id for problem in view.problems] == ["engine-fails-without-end"]


def test_a_token_that_is_an_object_is_an_error() -> None:
    files = with_json(toy(), "tokenizer_config.json", eos_token={"content": "<|endoftext|>"})
    assert not read(files).loads
    beside = dump({"eos_token": {"content": "<|endoftext|>"}})
    assert not read(files | {"special_tokens_map.json": b"{"}).loads
    assert read(
        with_json(toy(), "tokenizer_config.json", eos_token=...) | {"special_tokens_map.json": beside}
    ).loads


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"temperature": "0.6"}, "engine-cannot-read-value"),
        ({"do_sample": 1}, "engine-cannot-read-value"),
        ({"stop_strings": [1]}, "engine-cannot-read-value"),
        ({"do_sample": True, "temperature": 0}, "engine-fails-on-setting"),
        ({"do_sample": True, "top_p": 0.0}, "engine-fails-on-setting"),
        ({"do_sample": True, "num_beams": 2}, "engine-fails-on-setting"),
        ({"repetition_penalty": 0}, "engine-fails-on-setting"),
        ({"max_new_tokens": 0}, "engine-fails-on-setting"),
        ({"num_beams": 2, "repetition_penalty": 1.1}, "engine-fails-on-setting"),
        ({"temperature": 0.0, "top_p": None}, None),
    ],
)
def test_settings_that_are_refused(settings: dict[str, JsonValue], problem: str | None) -> None:
    view = read(with_json(toy(257), "generation_config.json", **settings))
    assert [found.id for found in view.problems] == ([] if problem is None else [problem])


def test_templates_from_version_to_version() -> None:
    files = toy(257) | {"chat_template.jinja": b"a\r\nb", "chat_template.json": dump({"chat_template": "c"})}
    found = {version: read(files, version).chat_template for version in ("", "2025.4", "2025.3")}
    sources = {version: template and template.source for version, template in found.items()}
    jinja = "chat_template.jinja"
    assert sources == {"": jinja, "2025.4": jinja, "2025.3": "chat_template.json"}
    named: JsonValue = [{"name": "default", "template": "d"}]
    files = with_json(toy(257), "tokenizer_config.json", chat_template=named)
    assert [read(files, version).chat_template is None for version in ("2025.2", "2025.3")] == [True, False]


def test_min_p_is_read_since_2026_2() -> None:
    files = with_json(toy(257), "generation_config.json", min_p=0.1)
    assert "min_p" in read(files).sampling
    assert "min_p" not in read(files, "2026.1.2").sampling


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_a_number_that_is_no_json_ends_the_start(file: str) -> None:
    files = with_json(toy(257), file, length_penalty=float("inf"))
    assert not read(files).loads
    assert read(with_json(toy(257), file, length_penalty=1.5)).loads
