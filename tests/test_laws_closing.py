"""The closing law: after a repair nothing with a safe fix is left, and the rest says why it is left.

`check` on the same inputs says so beforehand, a second repair changes nothing, and undo gives all of it back.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import genfix
from genfix.planner.foreseeing import foreseen
from genfix.rules import Applicability, Finding, Fix, Severity
from tests.support.damage import combined, damaged
from tests.support.folders import (
    CHATML,
    FAMILIES,
    Files,
    chatml_files,
    glm_files,
    with_json,
    without,
    write_folder,
)
from tests.support.judging import context, find, judged, plan
from tests.support.rule_cases import CASES, Case
from tests.support.trees import user_files

SHORT: Final = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
GEN: Final = "generation_config.json"
TOKENIZER: Final = "tokenizer_config.json"
LEFT_OUT: Final = "its fix was left out: "


def checked(merged: Files, case: Case) -> tuple[Finding, ...]:
    """What `check` says."""
    seen = context(merged, case.base, case.adapter)
    return foreseen(seen, judged(seen))


def safe(findings: Sequence[Finding]) -> set[tuple[str, str, str]]:
    return {f.key for f in findings if f.fix is not None and f.fix.applicability is Applicability.SAFE}


def reasons(findings: Sequence[Finding]) -> dict[tuple[str, str, str], Fix | None]:
    return {finding.key: finding.fix for finding in findings}


def holds(case: Case) -> None:
    """Fail where the law does not hold for a folder, its base and its adapter."""
    beforehand = checked(case.failing, case)
    made = plan(case.failing, case.base, case.adapter)
    left = reasons(made.remaining)
    assert safe(made.remaining) == set()
    assert safe(beforehand).isdisjoint(left)
    for finding in beforehand:
        if finding.fix is not None and str(finding.fix.why).startswith(LEFT_OUT):
            assert left[finding.key] == finding.fix
    for finding in made.remaining:
        assert finding.fix is not None or finding.severity is Severity.INFO, finding
    result = dict(case.failing)
    for change in made.changes:
        result.pop(change.name, None)
        if change.after is not None:
            result[change.name] = change.after
    assert reasons(checked(result, case)) == left
    assert plan(result, case.base, case.adapter).changes == ()
    plan(case.failing, case.base, case.adapter, unsafe=True)  # raises for no folder


@pytest.mark.parametrize("code", CASES)
def test_of_every_rules_folder(code: str) -> None:
    holds(CASES[code])
    holds(CASES[code]._replace(base=None))


@SHORT
@given(case=combined())
def test_of_the_faults_of_several_rules(case: Case) -> None:
    holds(case)


@pytest.mark.parametrize("name", FAMILIES)
@SHORT
@given(data=st.data())
def test_of_a_damaged_folder(name: str, data: st.DataObject) -> None:
    base = FAMILIES[name]()
    holds(Case(data.draw(damaged(base)), base, data.draw(st.sampled_from([base, None]))))


def test_check_calls_no_fix_safe_that_repair_leaves_out(tmp_path: Path) -> None:
    """vLLM stops at the tokenizer's EOS, whichever token that is, and would do so no more."""
    base = chatml_files() | {"LICENSE": b"as is"}
    case = Case(with_json(without(base, "LICENSE"), TOKENIZER, eos_token="<|im_start|>"), {}, base)
    merged = write_folder(tmp_path / "merged", case.failing)
    report = genfix.check(merged, write_folder(tmp_path / "base", base))
    assert report.findings == checked(case.failing, case)
    found = {finding.code: finding.fix for finding in report.findings}
    changed, lost = found["GF106"], found["GF503"]
    assert changed is not None
    assert lost is not None
    assert (changed.applicability, str(changed.why)) == (
        Applicability.MANUAL,
        "its fix was left out: vllm would do worse",
    )
    assert lost.applicability is Applicability.SAFE
    holds(case)


def test_what_was_left_out_is_tried_once_more_on_the_result() -> None:
    """The base's settings list less than its config.json: put back first, they hide nothing any more."""
    base = with_json(chatml_files(eos=1000), TOKENIZER, eos_token="<|im_end|>")
    merged = with_json(without(base, GEN), "config.json", eos_token_id=None)
    assert {change.name for change in plan(merged, base).changes} == {"config.json", GEN}
    holds(Case(merged, {}, base))


def test_settings_without_stop_tokens_get_those_back_that_they_hid() -> None:
    base = with_json(glm_files(), GEN, eos_token_id=151329)
    [change] = plan(with_json(base, GEN, eos_token_id=...), base).changes
    assert json.loads(change.after or b"")["eos_token_id"] == [151329, 151336, 151338]


def test_a_list_restored_beside_a_template_of_its_own_is_not_called_narrow() -> None:
    base = with_json(chatml_files(), "config.json", eos_token_id=[1002])
    merged = with_json(without(base, GEN), TOKENIZER, chat_template=CHATML + "{# mine #}")
    [change] = plan(merged, base).changes
    assert b"1000" not in (change.after or b"").partition(b"eos_token_id")[2]
    assert {finding.code for finding in find({**merged, GEN: change.after or b""}, base)} == set()
    holds(Case(merged, {}, base))


@settings(SHORT, max_examples=25)
@given(case=combined())
def test_on_disk_and_undo_gives_all_of_it_back(case: Case) -> None:
    with TemporaryDirectory() as temporary:
        merged = write_folder(Path(temporary) / "merged", case.failing)
        base = None if case.base is None else write_folder(Path(temporary) / "base", case.base)
        before = user_files(merged)
        try:
            beforehand = genfix.check(merged, base)
        except genfix.GenfixError:  # not its base, say
            return
        done = genfix.repair(merged, base)
        assert safe(beforehand.findings).isdisjoint(reasons(done.plan.remaining))
        assert safe(genfix.check(merged, base).findings) == set()
        assert genfix.repair(merged, base).receipt is None
        if done.receipt is not None:
            genfix.undo(merged)
        assert user_files(merged) == before
