"""The equal law: differences without meaning change no verdict, neither on a healthy folder nor on a faulty.

Line ends, key order, indentation, null where that is the default, one id as a list, the chat template in a
file of its own, and the modes of files.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import genfix
from genfix.rules import Finding
from tests.support.folders import FAMILIES, Files, write_folder
from tests.support.judging import find
from tests.support.respelling import TEMPLATE_FILE, TOKENIZER, inline_template, respelled, with_template_file
from tests.support.rule_cases import CASES, Case

SHORT: Final = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
Verdict: TypeAlias = Counter[tuple[str, str, str, str]]

FOLDERS: Final[Mapping[str, Case]] = {
    f"{code}-{state}": case._replace(failing=case.failing if state == "failing" else case.passing)
    for code, case in CASES.items()
    for state in ("failing", "passing")
}
"""What each rule finds something on, and what it does not, each as the folder to judge."""
INLINE: Final = [
    name
    for name, case in FOLDERS.items()
    if all(inline_template(f) is not None for f in (case.failing, case.base, case.adapter) if f is not None)
]


def verdict(findings: list[Finding]) -> Verdict:
    """What is found, where, how bad it is and whether it is repaired; a template has one place."""
    return Counter(
        (
            finding.code,
            TOKENIZER if finding.file == TEMPLATE_FILE else finding.file,
            finding.severity.value,
            finding.fix.applicability.value if finding.fix is not None else "",
        )
        for finding in findings
    )


@pytest.mark.parametrize("name", FOLDERS)
@SHORT
@given(data=st.data())
def test_of_a_folder_and_its_base_in_other_words(name: str, data: st.DataObject) -> None:
    case = FOLDERS[name]
    said = _each(case, lambda files: data.draw(respelled(files)))
    assert found(said) == found(case)


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("name", INLINE)
def test_of_a_template_in_a_file_of_its_own(name: str, end: str) -> None:
    case = FOLDERS[name]
    assert found(_each(case, lambda files: with_template_file(files, end))) == found(case)


def found(case: Case) -> Verdict:
    return verdict(find(case.failing, case.base, adapter=case.adapter))


def _each(case: Case, change: Callable[[Files], Files]) -> Case:
    """``case`` with all its folders changed."""
    base, adapter = (None if files is None else change(files) for files in (case.base, case.adapter))
    return Case(change(case.failing), case.passing, base, adapter)


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o755])
@pytest.mark.parametrize("name", FAMILIES)
def test_of_modes_of_files(name: str, mode: int) -> None:
    files = {**FAMILIES[name](), "generation_config.json": b"{}"}
    with TemporaryDirectory() as temporary:
        base = write_folder(Path(temporary) / "base", FAMILIES[name]())
        merged = write_folder(Path(temporary) / "merged", files)
        before = genfix.check(merged, base).findings
        for path in merged.iterdir():
            path.chmod(mode)
        assert before
        assert genfix.check(merged, base).findings == before
