# ruff: noqa: RUF001 - Chinese punctuation
"""Which language a reader gets, and that each says all that the other says."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from genfix.report.language import Language, catalogue, language_of
from genfix.report.messages import words
from genfix.report.phrases import ENGLISH as PHRASES
from genfix.report.sentences import translated
from genfix.report.symptoms import ENGLISH as SYMPTOMS

from genfix.message import Message, message
from genfix.report import messages_zh, phrases_zh, probe_zh, rules_zh, symptoms_zh
from genfix.report.layout import columns
from genfix.report.probe_words import PROBE_ENGLISH, RATE_NAMES
from genfix.report.probe_words import said as probe_said
from genfix.rules import RULES, Severity
from tests.support.folders import chatml_files, dump, write_folder
from tests.support.running import runner
from tests.support.sentences import note_templates, templates
from tests.support.sources import MODULES, parsed

EN = catalogue(Language.ENGLISH)
ZH = {**messages_zh.CHINESE, **phrases_zh.CHINESE, **symptoms_zh.CHINESE}


@pytest.mark.parametrize(
    ("told", "environ", "language"),
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
def test_what_is_told_wins_over_the_variable_and_that_over_the_locale(
    told: str | None, environ: dict[str, str], language: str
) -> None:
    assert language_of(told, environ) == language


def test_both_languages_have_the_same_sentences() -> None:
    assert EN.keys() == ZH.keys() == catalogue(Language.CHINESE).keys()
    assert catalogue(Language.CHINESE) == ZH


def test_a_sentence_says_the_same_values_in_both() -> None:
    def blanks(text: str) -> tuple[set[str], set[str]]:
        parts = [(name, how) for _, name, _, how in string.Formatter().parse(text) if name]
        return {name for name, _ in parts}, {name for name, how in parts if how == "r"}

    assert {key: blanks(text) for key, text in ZH.items()} == {key: blanks(text) for key, text in EN.items()}


def test_chinese_is_written_as_chinese_is() -> None:
    """Full-width punctuation, a space between Chinese and Latin, no final full stop."""
    for sentence in ZH.values():
        text = re.sub(r"`[^`]*`", "x", sentence)
        assert not text.endswith("。"), text
        assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", text), text
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9{]|[A-Za-z0-9}][\u4e00-\u9fff]", text), text


def test_chinese_is_not_english_left_over() -> None:
    same = [key for key in ZH if ZH[key] == EN[key] and not re.fullmatch(r"log-(of|to)|list.*", key)]
    assert [key for key in same if re.search(r"[A-Za-z]", re.sub(r"\{[^}]*\}", "", EN[key]))] == []


def test_every_rule_that_can_harm_has_a_symptom() -> None:
    harmful = {code for code, rule in RULES.items() if rule.severity is not Severity.INFO}
    assert {name.removeprefix("shows-") for name in SYMPTOMS} == harmful


def said() -> Iterator[str]:
    """Every text in the source but the catalogues' own, as a pattern: what is filled in may be anything."""
    for path in MODULES.values():
        if path.stem.startswith(("phrases", "symptoms")) or path.stem.endswith("_zh"):
            continue
        for node in ast.walk(parsed(path)):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            if any(isinstance(text, str) and text for text in texts):
                yield "".join(re.escape(text) if isinstance(text, str) else "[a-z_]+" for text in texts)


def test_there_are_no_phrases_that_nobody_says() -> None:
    patterns = [re.compile(text) for text in {*said()} if not text.startswith("[a-z_]+")]
    assert {
        phrase for phrase in PHRASES if not any(pattern.fullmatch(phrase) for pattern in patterns)
    } == set()


def test_values_are_json_and_names_are_bare() -> None:
    assert words(message("setting-out-of-range", key="temperature", value="0.6")) == (
        'temperature = "0.6" is refused by engines'
    )
    assert "top_k is none; the base has 20" in words(
        message("setting-differs", key="top_k", ours=None, theirs=20)
    )
    assert words(message("stop-tokens-invalid", entries=["<|im_end|>", 1.5])).endswith('"<|im_end|>", 1.5')


def test_one_and_many() -> None:
    one, many = (Message("count-error", {"count": number}) for number in (1, 2))
    assert (words(one, EN), words(many, EN)) == ("1 error", "2 errors")


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


def test_every_rule_is_documented_in_chinese() -> None:
    assert rules_zh.CHINESE.keys() == RULES.keys()


def test_the_documentation_names_the_same_things_in_both_languages() -> None:
    """Names in backticks: files, keys, error texts."""
    for code, paragraphs in rules_zh.CHINESE.items():
        english = " ".join(RULES[code].doc[:4])
        for chinese in paragraphs:
            assert re.search(r"[\u4e00-\u9fff]", chinese), code
            assert chinese.endswith("。"), code
            assert [name for name in re.findall(r"`([^`]+)`", chinese) if name not in english] == [], code


def test_explain_speaks_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    told = runner(capsys)("explain", "GF603", "--lang", "zh").out
    assert "含义\n" in told
    assert "删除这个键。" in told
    assert all(columns(line) <= 100 for line in told.splitlines())


def test_every_error_and_hint_is_translated() -> None:
    for template in sorted(templates()):
        told = tuple(f"x{number}" for number in range(template.count("{}")))
        chinese = translated(template.replace("{}", "%s") % told if told else template, Language.CHINESE)
        assert re.search(r"[\u4e00-\u9fff]", chinese), template
        assert "this" not in chinese, template
        assert translated(template, Language.ENGLISH) == template


def test_every_note_is_translated() -> None:
    for template in sorted(note_templates()):
        told = tuple(f"x{number}" for number in range(template.count("{}")))
        chinese = translated(template.replace("{}", "%s") % told, Language.CHINESE)
        assert re.search(r"[\u4e00-\u9fff]", chinese), template
        assert all(value in chinese for value in told), template


def test_a_note_in_parts_is_translated_whole() -> None:
    note = "base_model of README.md names Qwen 2 as the base: add --base Qwen/Qwen2-7B"
    assert translated(note, Language.CHINESE) == (
        "README.md 的 base_model 写明了基座模型 Qwen 2：请加上 --base Qwen/Qwen2-7B"
    )


def test_notes_are_found_where_they_are_told() -> None:
    assert {
        "the base stops at {}",
        "{} names {}: add --base {}",
        "the plan was applied already: the folder is as it makes it",
        "the command changed nothing in {}; is that where it writes?",
    } <= note_templates()


def test_what_an_error_quotes_is_translated_too_and_what_is_unknown_is_not() -> None:
    inner = "the base cannot be used: there is no folder /a b"
    assert translated(inner, Language.CHINESE) == "基座模型无法使用：没有目录 /a b"
    assert translated("something new", Language.CHINESE) == "something new"
    assert translated("there is no folder {0} {} %s", Language.CHINESE) == "没有目录 {0} {} %s"


def test_errors_and_hints_have_chinese_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = runner(capsys)("check", tmp_path / "nothing", "--lang", "zh")
    assert result.code == 2
    assert [line[:3] for line in result.err.splitlines()] == ["错误：", "提示："]


def test_a_probe_says_the_same_values_in_both() -> None:
    for sentence, english in PROBE_ENGLISH.items():
        told = [string.Formatter().parse(text) for text in (english, probe_zh.CHINESE[sentence])]
        blanks = [{name for _, name, _, _ in parts if name} for parts in told]
        assert blanks[0] == blanks[1], sentence


def test_every_short_text_of_a_probe_is_translated_and_still_said() -> None:
    patterns = set(said())
    assert [text for text in probe_zh.SAID if re.escape(text) not in patterns] == []
    assert {*RATE_NAMES.values()} <= probe_zh.SAID.keys()
    for english, chinese in probe_zh.SAID.items():
        assert probe_said(english, Language.CHINESE, 1, 2, 3, 4) == chinese.format(1, 2, 3, 4)
