"""The order in which fixes are tried, and which of them gives way."""

import json

import pytest

from genfix.language import remembered
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Finding, Fix, SetField, Severity, Witness
from tests.support.folders import MemoryFolder, chatml_files, glm_files, with_json

GEN, TOK = "generation_config.json", "tokenizer_config.json"


def test_a_file_is_mended_before_anything_is_taken_from_the_base() -> None:
    """Till then nothing tells that the base's stop token is another token here."""
    base = glm_files()
    table = json.loads(base[TOK])["added_tokens_decoder"]
    table["151338"] = {"content": "<|call|>", "special": True}
    merged = with_json(with_json(base, TOK, added_tokens_decoder=table), GEN, eos_token_id=[151329, 151336])
    plan = make_plan(
        MemoryFolder(merged | {TOK: b"\xef\xbb\xbf" + merged[TOK]}), BaseFacts(MemoryFolder(base))
    )
    assert {change.name: change.after for change in plan.changes} == {TOK: merged[TOK]}


@pytest.mark.parametrize("count", [2, 3])
def test_of_fixes_that_harm_together_the_most_important_stays(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def found(code: str, severity: Severity, key: str, value: float) -> Finding:
        fix = Fix(Applicability.SAFE, remembered("why-bom", {}), (SetField(GEN, f"/{key}", value),))
        said = remembered("json-bom", {})
        return Finding(code, "made-up", severity, GEN, said, Witness.BASE, pointer=f"/{key}", fix=fix)

    made_up = {
        "temperature": found("GF001", Severity.ERROR, "temperature", 0.1),
        "top_k": found("GF002", Severity.WARNING, "top_k", 5),
        "top_p": found("GF003", Severity.WARNING, "top_p", 0.5),
    }

    def judge(context: Context) -> tuple[Finding, ...]:
        settings = context.merged.generation_config.value or {}
        wanted = list(made_up.items())[:count]
        left = [finding for key, finding in wanted if settings.get(key) not in (0.1, 5, 0.5)]
        harm = made_up["temperature"]._replace(code="GF004", pointer=None, fix=None)
        return (*left, *[harm] * (len(left) < count - 1))

    monkeypatch.setattr("genfix.planner.trials.judge", judge)
    files = chatml_files()
    plan = make_plan(MemoryFolder(files), BaseFacts(MemoryFolder(files, "base")))
    [change] = plan.changes
    assert change.after == with_json(files, GEN, temperature=0.1)[GEN]
    assert [finding.code for finding in plan.remaining] == ["GF002", "GF003"][: count - 1]
