"""All rules at once: each is shown a folder it is about and one it is not, and each has its page and its
words.
"""

import ast
import re
import string
from collections.abc import Iterator
from typing import TypeAlias

import pytest
from genfix.report.messages import words
from genfix.rules.core.questions import QUESTIONS, Question

from genfix.engines.every import every_view
from genfix.folder import FileProblem
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.jsontext.json_read import JsonProblemKind
from genfix.jsontext.json_repair import SlipKind
from genfix.report import messages
from genfix.report.probe_words import PROBE_ENGLISH
from genfix.rules import RULES, Applicability, Severity
from tests.support.folders import glm_files, vlm_files, without
from tests.support.judging import context, find
from tests.support.rule_cases import CASES
from tests.support.sources import MODULES, parsed


def test_each_rule_is_shown_a_bad_and_a_good_folder() -> None:
    assert {*CASES, "GF904"} == {*RULES}


GEN = "generation_config.json"
ENGLISH = {**messages.ENGLISH, **PROBE_ENGLISH}
GLM, VLM = glm_files(), vlm_files()


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
            assert words(said)
        stated = re.findall(r"\b(safe|unsafe|manual)\b", RULES[code].doc.safety.lower())
        assert finding.fix.applicability in stated
    (question,) = (question for question in QUESTIONS if code in question.codes)
    assert {finding.witness for finding in found} <= {*question.witnesses}


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


def test_each_rule_asks_one_question() -> None:
    asked = [code for question in QUESTIONS for code in question.codes]
    assert sorted(asked) == sorted(RULES)


def test_all_findings_come_worst_first() -> None:
    found = find(without(VLM, GEN, "preprocessor_config.json") | {"added_tokens.json": b"{"}, GLM)
    assert [finding.severity.rank for finding in found] == sorted(finding.severity.rank for finding in found)
    assert {finding.severity for finding in found} >= {Severity.ERROR, Severity.WARNING}


# -- words
# ----------------------------------------------------------------------------------------------------
