"""A chat template that lets less through than the base's, opens no turn, or is another model's."""

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import CHATML, Files, chatml_files, vlm_files, with_json
from tests.support.judging import find, only, repaired
from tests.support.rule_cases import HASHES, TOOLS

TOK, GEN = "tokenizer_config.json", "generation_config.json"
QWEN = chatml_files()
INST = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]"
    "{% else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
BARE = CHATML.partition("{% if add")[0]


def templated(template: str, files: Files = QWEN) -> Files:
    return with_json(files, TOK, chat_template=template)


BASE = templated(TOOLS)


def test_tools_that_no_longer_reach_the_prompt() -> None:
    finding = only(find(QWEN, BASE, "GF210"), Applicability.UNSAFE)
    assert finding.severity is Severity.WARNING
    assert str(finding.message).endswith(": declared tools")
    assert find(repaired(QWEN, BASE, unsafe=True), BASE, "GF210") == []


def test_a_template_that_was_trained_is_information() -> None:
    finding = only(find(QWEN, BASE, "GF210", adapter=QWEN), Applicability.UNSAFE)
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (BASE, QWEN),
        (QWEN, QWEN),
        (BASE, templated(TOOLS + "{# x #}")),
        (templated(""), BASE),
        (QWEN, templated("")),
    ],
)
def test_what_the_base_lacks_too_is_not_missed(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF210") == []


def test_parts_mean_nothing_where_only_text_comes() -> None:
    seeing = CHATML.replace("{{ m.content }}", "{% for c in m.content %}{{ c.text }}{% endfor %}")
    assert [f.code for f in find(QWEN, templated(seeing), "GF210")] == ["GF210"]
    assert find(vlm_files(), templated(seeing, vlm_files()), "GF210") == []


def test_a_turn_that_nobody_opens() -> None:
    merged = templated(BARE)
    assert only(find(merged, None, "GF211"), Applicability.MANUAL).severity is Severity.WARNING
    assert only(find(merged, QWEN, "GF211"), Applicability.UNSAFE).severity is Severity.WARNING
    assert only(find(merged, merged, "GF211"), Applicability.MANUAL).severity is Severity.INFO


def test_a_turn_that_nobody_opens_in_the_template_of_the_training() -> None:
    """The adapter has it with the tags that mark what is trained."""
    for tagged in (
        BARE.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}"),
        BARE.replace("{{ m.content }}", "  {% generation %}\n{{ m.content }}{%- endgeneration -%}\n"),
    ):
        finding = only(find(templated(BARE), QWEN, "GF211", adapter=templated(tagged)), Applicability.MANUAL)
        assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    "template", [BARE + "<|im_start|>assistant\n", INST, "{{ raise_exception('no') }}", ""]
)
def test_turns_that_open_by_themselves_or_not_at_all(template: str) -> None:
    assert find(templated(template), None, "GF211") == []


def test_a_template_of_another_model() -> None:
    merged = templated(HASHES)
    assert only(find(merged, None, "GF212"), Applicability.MANUAL).severity is Severity.WARNING
    assert only(find(merged, merged, "GF212"), Applicability.MANUAL).severity is Severity.INFO
    assert find(merged, QWEN, "GF212", adapter=merged) == []


@pytest.mark.parametrize(
    "files",
    [
        templated(CHATML),
        templated(HASHES + "{{ eos_token }}"),
        with_json(templated(HASHES), TOK, eos_token="<|endoftext|>"),
        templated(""),
    ],
)
def test_a_template_that_knows_the_tokens_or_a_tokenizer_without_such(files: Files) -> None:
    assert find(files, None, "GF212") == []


def test_its_ends_are_added_on_demand_only() -> None:
    template = HASHES.replace("\n{% endfor", "<|endoftext|>\n{% endfor")
    merged = with_json(templated(template), GEN, eos_token_id=1002)
    assert [f.code for f in find(merged, QWEN, "GF212")] == ["GF212"]
    only(find(merged, QWEN, "GF102"), Applicability.UNSAFE)
