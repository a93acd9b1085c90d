"""All rules at once: each is shown a folder it is about and one it is not, and each has its page."""

import ast
import re

import pytest

from genfix.rules import RULES, Applicability, Severity
from genfix.rules.core.questions import QUESTIONS
from tests.support.folders import glm_files, vlm_files, without
from tests.support.judging import find
from tests.support.rule_cases import CASES
from tests.support.sources import MODULES, parsed


def test_each_rule_that_is_written_is_judged_by() -> None:
    written = {
        call.args[0].value
        for name, path in MODULES.items()
        if name.startswith("genfix.rules.")
        for function in parsed(path).body
        if isinstance(function, ast.FunctionDef)
        for call in function.decorator_list
        if isinstance(call, ast.Call) and isinstance(call.args[0], ast.Constant)
    }
    assert written == {*RULES}, "a rule is missing in RULES of its module, or its module in the registry"


GEN = "generation_config.json"
GLM, VLM = glm_files(), vlm_files()


def test_each_rule_is_shown_a_bad_and_a_good_folder() -> None:
    assert {*CASES, "GF213", "GF904"} == {*RULES}


@pytest.mark.parametrize("code", CASES)
def test_it_finds_the_one_and_not_the_other(code: str) -> None:
    """The class of its fix is one that its page names, and it rests on the witnesses of its question."""
    bad, good, base, adapter = CASES[code]
    found = find(bad, base, code, adapter)
    assert found
    assert find(good, base, code, adapter) == []
    for finding in found:
        assert (finding.name, finding.severity.rank >= RULES[code].severity.rank) == (RULES[code].name, True)
        assert finding.fix is not None
        assert bool(finding.fix.operations) is (finding.fix.applicability is not Applicability.MANUAL)
        for said in (finding.message, finding.fix.why, *finding.evidence):
            assert str(said)
        stated = re.findall(r"\b(safe|unsafe|manual)\b", RULES[code].doc.safety.lower())
        assert finding.fix.applicability in stated
    assert {finding.witness for finding in found} <= {*RULES[code].question.witnesses}


@pytest.mark.parametrize("code", [code for code in CASES if RULES[code].needs_base])
def test_a_rule_that_needs_a_base_is_silent_without_one(code: str) -> None:
    bad, _, _, adapter = CASES[code]
    assert find(bad, None, code, adapter) == []


@pytest.mark.parametrize("code", [code for code in CASES if not RULES[code].needs_base])
def test_a_rule_that_needs_no_base_speaks_without_one(code: str) -> None:
    bad, _, _, adapter = CASES[code]
    assert find(bad, None, code, adapter) != []


def test_codes_and_names_are_unique_and_sorted() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"GF\d{3}", code) and rule.code == code for code, rule in RULES.items())
    names = [rule.name for rule in RULES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)


def test_each_rule_has_its_page() -> None:
    for code, rule in RULES.items():
        doc = rule.doc
        assert all(text.endswith(".") for text in (doc.what, doc.why, doc.fix, doc.safety)), code
        assert doc.sources, code
        assert all(doc.sources), code


def test_each_question_is_asked() -> None:
    assert {rule.question.ask for rule in RULES.values()} == {question.ask for question in QUESTIONS}


def test_all_findings_come_worst_first() -> None:
    found = find(without(VLM, GEN, "preprocessor_config.json") | {"added_tokens.json": b"{"}, GLM)
    assert [finding.severity.rank for finding in found] == sorted(finding.severity.rank for finding in found)
    assert {finding.severity for finding in found} >= {Severity.ERROR, Severity.WARNING}
