"""MLX-LM: what differs from version to version, and what Python's sets make of odd values."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST, toy
from tests.support.folders import Files, MemoryFolder, dump, with_json


def read(files: Files, version: str = "") -> EngineView:
    return engine_view("mlx-lm", Model(MemoryFolder(files)), version)


@pytest.mark.parametrize(
    ("version", "stops"),
    [
        ("0.19.3", {257}),
        ("0.20.3", {264}),
        ("0.30.0", {264}),
        ("0.30.1", {266}),
        ("0.31.3", {266}),
        ("0.32.0", {266, 257}),
    ],
)
def test_whose_ids_count_changed_three_times(version: str, stops: set[int]) -> None:
    assert {*read(toy(266, 264), version).stop_token_ids} == stops


@pytest.mark.parametrize(
    ("value", "stops"),
    [
        (258.0, None),
        ([258.0, 264], {257, 258, 264}),
        (True, {257, 1}),
        (0, {257, 264}),
        ([-1, 264], {257, 264}),
        ("264", {257}),
        ([[264]], None),
        ([None, 264], {257, 264}),
    ],
)
def test_an_id_is_what_equals_it_in_a_set(value: JsonValue, stops: set[int] | None) -> None:
    view = read(toy(value, 264))
    assert view.loads is (stops is not None)
    if stops is not None:
        assert {*view.stop_token_ids} == stops


@pytest.mark.parametrize(
    ("content", "loads"), [(b"", True), (b"null", False), (b"[]", False), (b"\xff", False)]
)
def test_only_text_that_is_no_json_is_passed_over(content: bytes, *, loads: bool) -> None:
    assert read(toy(content, LIST)).loads is loads


def test_an_end_outside_the_added_tokens_is_looked_up_in_the_vocabulary() -> None:
    files = toy(tokenizer="a") | {
        "tokenizer.json": dump({"added_tokens": [], "model": {"vocab": {"b": 0, "a": 7}}})
    }
    assert read(files).stop_token_ids == (7,)
    assert read(with_json(files, "tokenizer_config.json", eos_token="new")).stop_token_ids == ()


def test_a_model_type_may_bring_ids() -> None:
    files = with_json(toy(tokenizer=None), "config.json", model_type="muse_spark")
    assert read(files).stop_token_ids == (200001, 200008)
    assert read(files, "0.32.1").stop_token_ids == ()


@pytest.mark.parametrize(
    ("key", "value", "loads", "source"),
    [
        ("chat_template_type", "deepseek_v32", True, "chat_templates deepseek_v32"),
        ("chat_template_type", "mine", False, "tokenizer_config.json"),
        ("chat_template_type", "", True, "tokenizer_config.json"),
        ("tool_parser_type", "json_tools", True, "tokenizer_config.json"),
        ("tool_parser_type", "", False, "tokenizer_config.json"),
        ("tool_parser_type", [7], False, "tokenizer_config.json"),
    ],
)
def test_tokenizer_config_names_code_of_its_own(
    key: str, value: JsonValue, *, loads: bool, source: str
) -> None:
    view = read(with_json(toy(257), "tokenizer_config.json", **{key: value}))
    assert view.chat_template is not None
    assert (view.loads, view.chat_template.source) == (loads, source)
    assert read(with_json(toy(257), "tokenizer_config.json", **{key: value}), "0.31").loads
