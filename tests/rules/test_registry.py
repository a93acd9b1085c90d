"""All rules at once: each is shown a folder it is about and one it is not, and each has its page and its words."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from genfix.report.messages import words
from genfix.rules.core.questions import QUESTIONS, Question

import genfix
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


def test_each_rule_is_shown_a_bad_and_a_good_folder() -> None:
    assert {*CASES, "GF904"} == {*RULES}


GEN = "generation_config.json"
ENGLISH = {**messages.ENGLISH, **PROBE_ENGLISH}
GLM, VLM = glm_files(), vlm_files()


@pytest.mark.parametrize("code", CASES)
def test_it_finds_the_one_and_not_the_other(code: str) -> None:
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


@pytest.mark.parametrize("code", RULES)
def test_each_rule_has_its_page(code: str) -> None:
    doc = RULES[code].doc
    for paragraph in (doc.what, doc.why, doc.fix, doc.safety):
        assert paragraph.endswith(".")
    assert doc.sources
    assert all(doc.sources)


@pytest.mark.parametrize("code", CASES)
def test_the_safety_statement_names_the_class_of_each_fix(code: str) -> None:
    failing, _, base, adapter = CASES[code]
    for finding in find(failing, base, code, adapter):
        assert finding.fix is not None
        stated = re.findall(r"\b(safe|unsafe|manual)\b", RULES[code].doc.safety.lower())
        assert finding.fix.applicability in stated


def test_each_rule_asks_one_question() -> None:
    asked = [code for question in QUESTIONS for code in question.codes]
    assert sorted(asked) == sorted(RULES)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.codes[0])
def test_findings_rest_on_the_witnesses_of_their_question(question: Question) -> None:
    for code in question.codes:
        if code in CASES:
            failing, _, base, adapter = CASES[code]
            assert {finding.witness for finding in find(failing, base, code, adapter)} <= {
                *question.witnesses
            }


def test_all_findings_come_worst_first() -> None:
    found = find(without(VLM, GEN, "preprocessor_config.json") | {"added_tokens.json": b"{"}, GLM)
    assert [finding.severity.rank for finding in found] == sorted(finding.severity.rank for finding in found)
    assert {finding.severity for finding in found} >= {Severity.ERROR, Severity.WARNING}


# -- words ----------------------------------------------------------------------------------------------------


def calls() -> Iterator[tuple[str, frozenset[str]]]:
    """Every ``message(...)`` in the package: the id, and the names of its arguments."""
    for path in sorted(Path(genfix.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message":
                names = frozenset(keyword.arg or "" for keyword in node.keywords)
                for found in ids(node.args[0]):
                    yield found, names


def ids(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return ids(body) + ids(orelse)
        case _:
            raise AssertionError(ast.unparse(node))


CALLS = sorted({(found, tuple(sorted(names))) for found, names in calls()})


def test_the_source_was_really_scanned() -> None:
    assert len(CALLS) > 80
    assert {"json-too-deep", "why-file-link-outside", "stop-tokens-absent"} <= {found for found, _ in CALLS}


def test_each_kind_of_problem_has_its_message() -> None:
    kinds = {
        *(f"json-{kind}" for kind in JsonProblemKind),
        *(f"json-slip-{kind}" for kind in SlipKind),
        *(f"{prefix}-{problem}" for problem in FileProblem for prefix in ("file", "why-file")),
    }
    assert kinds <= {found for found, _ in CALLS}


def test_there_are_no_words_that_nobody_says() -> None:
    assert {*ENGLISH} == {found for found, _ in CALLS}


@pytest.mark.parametrize(("found", "names"), CALLS, ids=[found for found, _ in CALLS])
def test_each_message_has_words_for_what_it_carries(found: str, names: tuple[str, ...]) -> None:
    blanks = {name for _, name, _, _ in string.Formatter().parse(ENGLISH[found]) if name}
    assert blanks <= {*names} or "" in names  # handed over as a mapping
    values: list[JsonValue] = [
        None, True, 10**30, 1.5, "", "{0} {evil} %s", "\x1b[31m\u202e\n", [], [None, "\x07", 1, [2]], {"a": "\x1b"},
    ]  # fmt: skip
    for value in values:
        said = words(Message(found, dict.fromkeys({*names, *blanks}, value)), ENGLISH)
        assert said.isprintable()
        assert said
    assert not ENGLISH[found].endswith(".")


def test_the_traces_of_a_real_view_have_words_too() -> None:
    views = every_view(context(without(GLM, GEN, "tokenizer.model")).merged).values()
    said = [
        words(entry)
        for view in views
        for entry in (*view.trace, *(problem.message for problem in view.problems))
    ]
    assert "generation_config.json is missing, so config.json gives 151329, 151336, 151338" in said
    assert words(message("trace-stop-from", file="a", ids=[])) == "a gives nothing"
