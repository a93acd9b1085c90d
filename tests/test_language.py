# ruff: noqa: RUF001 - Chinese punctuation
"""Which language a reader gets, how a message becomes words, and that machine formats stay English."""

import json
import re
from pathlib import Path

import pytest

from genfix.language import Language, language_of, remembered, say_in, translated
from genfix.message import join, render, text
from genfix.report.layout import columns
from genfix.rules import RULES, Severity
from tests.support.folders import chatml_files, dump, write_folder
from tests.support.running import runner


@pytest.mark.parametrize(
    ("asked", "environ", "language"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LANG": "en_US", "LC_MESSAGES": "zh_TW"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "GENFIX_LANG": "en"}, "en"),
        (None, {"GENFIX_LANG": "ZH-Hans", "LC_ALL": "C"}, "zh"),
        ("en", {"GENFIX_LANG": "zh"}, "en"),
        ("zh", {"GENFIX_LANG": "en"}, "zh"),
    ],
)
def test_what_is_asked_for_wins_over_the_variable_and_that_over_the_locale(
    asked: str | None, environ: dict[str, str], language: str
) -> None:
    assert language_of(asked, environ) == language


def test_values_are_json_and_names_are_bare() -> None:
    assert str(remembered("setting-out-of-range", {"key": "temperature", "value": "0.6"})) == (
        'temperature = "0.6" is refused by engines'
    )
    differs = remembered("setting-differs", {"key": "top_k", "ours": None, "theirs": 20})
    assert "top_k is none; the base has 20" in str(differs)
    invalid = remembered("stop-tokens-invalid", {"entries": ["<|im_end|>", 1.5]})
    assert str(invalid).endswith('"<|im_end|>", 1.5')
    assert str(text("{a} {a!r} {b} {c}", a="x\x07", b=[], c=Path("/a"))) == 'x\\x07 "x\\u0007" nothing /a'


def test_one_and_many() -> None:
    for number, english in ((1, "1 error"), (2, "2 errors"), (0, "0 errors")):
        said = text("{count} error", "{count} errors", count=number)
        assert str(said) == english
        assert say_in(Language.CHINESE, said) == f"{number} 个错误"
    kept = remembered("prediction-layers-missing", {"value": "hostile"})
    assert 'declares "hostile" layers' in str(kept)


def test_what_a_sentence_quotes_speaks_its_language_too() -> None:
    inner = text("there is no folder {path}", path="/a {b} this")
    outer = text("the base cannot be used: {why}", why=inner)
    assert str(outer) == "the base cannot be used: there is no folder /a {b} this"
    assert say_in(Language.CHINESE, outer) == "基座模型无法使用：没有目录 /a {b} this"
    assert say_in(Language.CHINESE, join([inner, inner])) == "；".join([say_in(Language.CHINESE, inner)] * 2)


def test_what_is_not_translated_yet_is_said_in_english() -> None:
    assert say_in(Language.CHINESE, text("something {new}", new=1)) == "something 1"  # i18n: not of genfix
    assert render(text("", "")) == ""


def test_every_rule_that_can_harm_has_a_symptom() -> None:
    assert {code for code, rule in RULES.items() if rule.shows} == {
        code for code, rule in RULES.items() if rule.severity is not Severity.INFO
    }


def test_json_is_the_same_in_every_language(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runner(capsys)
    base = write_folder(tmp_path / "base", chatml_files())
    settings = json.loads(chatml_files()["generation_config.json"]) | {"max_new_tokens": 9}
    merged = write_folder(tmp_path / "merged", chatml_files() | {"generation_config.json": dump(settings)})
    options = ("check", merged, "--base", base)
    english = run(*options, "--output-format", "json")
    assert run(*options, "--output-format", "json", "--lang", "zh").out == english.out
    monkeypatch.setenv("GENFIX_LANG", "zh")
    assert "基座模型没有设置" in run(*options).out
    assert "the base sets none" in run(*options, "--lang", "en").out


def test_the_pages_of_rules_name_the_same_things_in_both_languages() -> None:
    """Names in backticks: files, keys, error texts."""
    for rule in RULES.values():
        english = " ".join(rule.doc[:4])
        for part in rule.doc[:4]:
            chinese = translated(part, Language.CHINESE)
            assert chinese.endswith("。"), rule.code
            assert [name for name in re.findall(r"`([^`]+)`", chinese) if name not in english] == [], (
                rule.code
            )


def test_explain_speaks_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    shown = runner(capsys)("explain", "GF603", "--lang", "zh").out
    assert "含义\n" in shown
    assert "删除 `max_new_tokens`。" in shown
    assert all(columns(line) <= 100 for line in shown.splitlines())


def test_errors_and_hints_have_chinese_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = runner(capsys)("check", tmp_path / "nothing", "--lang", "zh")
    assert result.code == 2
    assert [line[:3] for line in result.err.splitlines()] == ["错误：", "提示："]
