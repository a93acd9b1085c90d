"""Two laws: a base is healthy, alone and against itself; and a second repair changes nothing."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.folder import LocalFolder, OverlayFolder
from genfix.model import Model
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Severity, judge
from tests.support.damage import damaged
from tests.support.folders import (
    CHATML,
    Files,
    MemoryFolder,
    chatml_files,
    dump,
    glm_files,
    pretrained_files,
    vlm_files,
    with_json,
    without,
)
from tests.support.judging import find, written

BASES: dict[str, Files] = {
    "glm": glm_files(),
    "chatml": chatml_files(),
    "vlm": vlm_files(),
    "pretrained": pretrained_files(),
    "two-copies": chatml_files() | {"chat_template.jinja": CHATML.encode()},
    "slow-too": chatml_files()
    | {"vocab.json": b"{}", "merges.txt": b"", "special_tokens_map.json": dump({"eos_token": "<|im_end|>"})},
    "greedy-with-temperature": with_json(chatml_files(), "generation_config.json", do_sample=...),
    "refused-value": with_json(chatml_files(), "generation_config.json", top_p=0),
    "no-settings": without(chatml_files(), "generation_config.json"),
    "no-template": with_json(chatml_files(), "tokenizer_config.json", chat_template=...),
    "config-files-only": without(glm_files(), *(name for name in glm_files() if name.endswith(".py"))),
}

SHORT = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("name", BASES)
def test_a_base_is_healthy(name: str) -> None:
    base = BASES[name]
    alone = [] if name == "refused-value" else find(base)  # engines do refuse it: a fault of the base's own
    assert [finding for finding in [*alone, *find(base, base)] if finding.severity is not Severity.INFO] == []


def plan(merged: Files, base: Files, *, unsafe_fixes: bool) -> Plan:
    return make_plan(MemoryFolder(merged), BaseFacts(MemoryFolder(base, "base")), unsafe_fixes=unsafe_fixes)


@pytest.mark.parametrize("unsafe_fixes", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("name", ["glm", "chatml", "vlm"])
@SHORT
@given(data=st.data())
def test_a_second_repair_changes_nothing(name: str, *, unsafe_fixes: bool, data: st.DataObject) -> None:
    merged = data.draw(damaged(BASES[name]))
    first = plan(merged, BASES[name], unsafe_fixes=unsafe_fixes)
    second = plan(merged | written(first), BASES[name], unsafe_fixes=unsafe_fixes)
    assert second.changes == ()
    assert [finding.key for finding in second.findings] == [finding.key for finding in first.remaining]


@pytest.mark.parametrize("name", BASES)
@SHORT
@given(data=st.data())
def test_files_that_were_only_lost_all_come_back(name: str, data: st.DataObject) -> None:
    base = BASES[name]
    lost = data.draw(st.sets(st.sampled_from(sorted(base))))
    result = without(base, *lost) | written(plan(without(base, *lost), base, unsafe_fixes=False))
    again = find(result, base)
    assert [finding for finding in again if finding.severity is not Severity.INFO] == []
    if name == "refused-value" and "generation_config.json" in lost:
        base = with_json(base, "generation_config.json", top_p=...)  # a fault of the base's own stays away
    assert {name: base[name] for name in result} == result


@pytest.mark.parametrize("unsafe_fixes", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("name", BASES)
def test_there_is_nothing_to_repair_on_a_base(name: str, *, unsafe_fixes: bool) -> None:
    first = plan(BASES[name], BASES[name], unsafe_fixes=unsafe_fixes)
    assert first.changes == () or unsafe_fixes
    assert plan(BASES[name] | written(first), BASES[name], unsafe_fixes=unsafe_fixes).changes == ()


# -- other people's folders ----------------------------------------------------------------------------------


def test_real_bases_are_healthy(real_configs: Path) -> None:
    folders = [LocalFolder(path) for path in sorted(real_configs.iterdir()) if path.is_dir()]
    assert len(folders) > 15
    for folder in folders:
        alone = judge(Context(Model(folder)))
        against_itself = make_plan(folder, BaseFacts(folder))
        found = [*alone, *against_itself.findings]
        assert [f for f in found if f.severity is not Severity.INFO] == [], folder.origin.label
        assert against_itself.changes == ()


def cases(corpus: Path) -> dict[str, tuple[LocalFolder, LocalFolder]]:
    """Merged folder and base of each case."""
    return {
        str(path.parent.relative_to(corpus)): (LocalFolder(path), LocalFolder(path.parent / "base"))
        for path in sorted(corpus.glob("*@*/*/merged"))
    }


def test_bases_of_real_merges_are_healthy(merge_corpus: Path) -> None:
    for name, (_, folder) in cases(merge_corpus).items():
        for base in (None, BaseFacts(folder)):
            found = judge(Context(Model(folder), base))
            assert [f for f in found if f.severity is not Severity.INFO] == [], name


@pytest.mark.parametrize("unsafe_fixes", [False, True], ids=["safe", "unsafe"])
def test_real_merges_are_repaired_once(merge_corpus: Path, *, unsafe_fixes: bool) -> None:
    for name, (merged, base) in cases(merge_corpus).items():
        first = make_plan(merged, BaseFacts(base), unsafe_fixes=unsafe_fixes)
        classes = {Applicability.SAFE, Applicability.UNSAFE} if unsafe_fixes else {Applicability.SAFE}
        left = [f for f in first.remaining if f.fix is not None and f.fix.applicability in classes]
        assert [finding for finding in left if finding.severity is not Severity.INFO] == [], name
        result = OverlayFolder(merged, written(first))
        assert make_plan(result, BaseFacts(base), unsafe_fixes=unsafe_fixes).changes == (), name


def test_a_merge_without_the_base_is_changed_in_nothing(merge_corpus: Path) -> None:
    for name, (merged, _) in cases(merge_corpus).items():
        plan = make_plan(merged, None)
        assert plan.changes == (), name
        assert [finding.code for finding in plan.findings if finding.severity is Severity.ERROR] == [], name
