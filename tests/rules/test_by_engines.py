"""Findings are judged for the engines that somebody runs, where these are named."""

from pathlib import Path

import pytest

from genfix import check
from genfix.errors import InputError
from genfix.model import Model
from genfix.planner.planner import make_plan
from genfix.rules import Context, Finding, Severity, judge
from tests.support.engine_folders import toy
from tests.support.folders import Files, MemoryFolder, with_json, without

EVERYWHERE = toy([257, 264, 266], [257, 264, 266])
"""The base: all engines that read lists stop."""
HIDDEN = with_json(EVERYWHERE, "generation_config.json", eos_token_id=257)
"""transformers and vLLM stop at no turn end; SGLang, which joins both files, does."""
LOST = without(EVERYWHERE, "generation_config.json")
"""transformers and vLLM take the list of config.json; OpenVINO GenAI takes one token, which ends no turn."""


def found(merged: Files, *engines: str, base: Files | None = EVERYWHERE) -> tuple[Finding, ...]:
    against = Model(MemoryFolder(base)) if base is not None else None
    return judge(Context(Model(MemoryFolder(merged)), against, engines=engines))


def worst(findings: tuple[Finding, ...]) -> Severity:
    return min((finding.severity for finding in findings), key=lambda severity: severity.rank)


@pytest.mark.parametrize(
    ("engines", "severity"),
    [
        ((), Severity.ERROR),
        (("vllm",), Severity.ERROR),
        (("transformers5", "sglang"), Severity.ERROR),
        (("sglang",), Severity.INFO),
        (("sglang@0.4.8",), Severity.INFO),
        (("mlx-lm",), Severity.ERROR),
    ],
)
def test_an_engine_that_stops_all_the_same_makes_it_information(
    engines: tuple[str, ...], severity: Severity
) -> None:
    [finding] = [one for one in found(HIDDEN, *engines) if one.code == "GF101"]
    assert finding.severity is severity
    told = [one for one in finding.evidence if one.id == "evidence-other-engines"]
    assert bool(told) is (severity is Severity.INFO)
    if told:
        assert told[0].args["engines"] == ["transformers5", "vllm"]


def test_a_fix_and_whether_it_is_safe_do_not_depend_on_engines() -> None:
    fixes = [[one.fix for one in found(HIDDEN, *engines)] for engines in ((), ("sglang",), ("vllm",))]
    assert fixes[0] == fixes[1] == fixes[2]
    plan = make_plan(MemoryFolder(HIDDEN), Model(MemoryFolder(EVERYWHERE)), engines=["sglang"])
    assert [change.name for change in plan.changes] == ["generation_config.json"]


def test_what_hurts_an_engine_alone_counts_where_it_is_run() -> None:
    usual, run = found(LOST), found(LOST, "openvino-genai")
    assert worst(usual) is Severity.WARNING
    assert worst(run) is Severity.ERROR
    [finding] = [one for one in run if one.severity is Severity.ERROR]
    assert "openvino-genai" in finding.engines
    assert "evidence-named-engine-never-stops" in [one.id for one in finding.evidence]


def test_a_file_that_is_gone_stays_a_warning_for_those_who_stop_without_it() -> None:
    assert worst(found(LOST, "vllm")) is Severity.WARNING


def test_the_base_against_itself_has_nothing_for_any_engine() -> None:
    for engine in ("sglang", "llama.cpp", "openvino-genai", "transformers4"):
        assert all(one.severity is Severity.INFO for one in found(EVERYWHERE, engine))
        assert all(one.severity is Severity.INFO for one in found(EVERYWHERE, engine, base=None))


@pytest.mark.parametrize("engine", ["nobody", "vllm@x"])
def test_an_engine_that_nobody_knows_is_a_mistake(engine: str, tmp_path: Path) -> None:
    for name, content in EVERYWHERE.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"no view|no version"):
        check(tmp_path, engines=engine)
