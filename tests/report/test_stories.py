# ruff: noqa: RUF001 - Chinese punctuation
"""What people read in real stories, in both languages, at 80 columns and without colour.

``python -m dev.tools.stories`` writes the snapshots; read each changed line as somebody who has never seen
genfix.
"""

import itertools

import pytest

from genfix.report.layout import columns
from tests.support.stories import FOLDER, LANGUAGES, STORIES, told

EVERY = list(itertools.product(STORIES, LANGUAGES))

COPIED = (
    "$ ",
    "note: ",
    "注意：",
    "to see ",
    "to make ",
    "undo:",
    "backup:",
    "查看",
    "执行",
    "撤销：",
    "备份：",
)
"""Beginnings of lines that hold a command or a path, which are not broken."""


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_story_reads_as_it_was_reviewed(name: str, language: str) -> None:
    snapshot = FOLDER / f"{name}.{language}.txt"
    assert told(name, language) == snapshot.read_text("utf-8"), (
        "read the change, then: python -m dev.tools.stories"
    )


def test_there_is_no_snapshot_without_a_story() -> None:
    assert {path.name for path in FOLDER.glob("*")} == {f"{name}.{language}.txt" for name, language in EVERY}


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_line_fits(name: str, language: str) -> None:
    for line in (FOLDER / f"{name}.{language}.txt").read_text("utf-8").splitlines():
        assert columns(line) <= 80 or line.startswith(COPIED), line


@pytest.mark.parametrize("name", STORIES)
def test_both_languages_tell_the_same(name: str) -> None:
    """The same commands, codes, values and exit codes, in the same order."""

    def facts(language: str) -> list[str]:
        text = (FOLDER / f"{name}.{language}.txt").read_text("utf-8")
        kept = ("$ ", "# exit", "        - ", "        + ", "    - ", "    + ")
        lines = [line for line in text.splitlines() if line.startswith(kept) and line.isascii()]
        return [line for line in lines if "'s " not in line and " into the " not in line]

    assert facts("en") == facts("zh")
    assert facts("en")
