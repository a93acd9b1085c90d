"""Folders whose state is known are judged, and counted by rule; what is left out is counted too."""

from pathlib import Path

import pytest

from dev.tools.calibration import page, sample
from tests.support.folders import chatml_files, glm_files, with_json, without, write_folder

GEN = "generation_config.json"


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    base = glm_files()
    damaged = with_json(base, GEN, eos_token_id=151329)
    for name, files in {
        "pairs/narrow/base": base,
        "pairs/narrow/merged": damaged,
        "pairs/healthy-one/base": chatml_files(),
        "pairs/healthy-one/merged": chatml_files(),
        "merges/tool/base": without(base, "LICENSE"),
        "merges/tool/merged": without(damaged, "LICENSE"),
        "official/one": without(chatml_files(), GEN),
        "official/template": {"chat_template.jinja": b"x"},
    }.items():
        write_folder(tmp_path / name, files)
    return tmp_path


def test_each_folder_is_judged_once_and_the_others_are_counted(cases: Path) -> None:
    folders, left_out = sample([f"healthy:{cases / 'official'}", f"pairs:{cases / 'pairs'}"])
    judged = [(f.path.relative_to(cases).as_posix(), f.state, f.base is not None) for f in folders]
    assert judged == [
        ("official/one", "healthy", False),
        ("pairs/healthy-one/merged", "healthy", False),
        ("pairs/healthy-one/merged", "healthy", True),
        ("pairs/narrow/merged", "faulty", False),
        ("pairs/narrow/base", "healthy", False),
        ("pairs/narrow/merged", "faulty", True),
    ]
    assert left_out == {
        "no config.json: a tokenizer, templates or settings alone": 1,
        "the same files again": 1,
    }


def test_the_page_says_how_often_a_rule_is_right(cases: Path) -> None:
    text = page([f"pairs:{cases / 'pairs'}", f"merges:{cases / 'merges'}"])
    assert "| faulty, against the base | 1 | 1 | 0 |" in text
    assert "| [GF101](rules/GF101.md) stop-tokens-narrowed | 1 |  | 100 % | 1 |  |" in text
    assert "## Errors and warnings on healthy folders\n\nNone.\n" in text
    assert text.endswith("## Faulty folders with neither\n\nNone.\n")


@pytest.mark.parametrize("argument", ["official", "other:.", "healthy:nowhere"])
def test_an_argument_that_is_none_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="is none of healthy:DIR"):
        sample([argument])
