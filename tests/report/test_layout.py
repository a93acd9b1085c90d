# ruff: noqa: RUF001 - Chinese punctuation
"""Text in columns: what Chinese takes, where lines may break, and tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genfix.report.layout import columns, cut, table, wrap


@pytest.mark.parametrize(
    ("text", "wide"), [("", 0), ("abc", 3), ("词表", 4), ("，", 2), ("e\u0301", 1), ("\x1b[31mab\x1b[0m", 2)]
)
def test_columns(text: str, wide: int) -> None:
    assert columns(text) == wide


def test_lines_break_at_spaces_and_between_chinese_characters() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("模型停不下来", 8) == ["模型停不", "下来"]
    assert wrap("只在 151329 处停止", 10) == ["只在", "151329 处", "停止"]


def test_a_line_never_starts_with_a_comma_or_ends_with_a_bracket() -> None:
    assert wrap("一二三四，五", 8) == ["一二三", "四，五"]
    assert wrap("一二三（四）", 8) == ["一二三", "（四）"]


def test_a_word_longer_than_the_line_stays_whole_unless_told() -> None:
    assert wrap("ab " + "x" * 25 + " c", 10) == ["ab", "x" * 25, "c"]
    assert wrap("ab " + "x" * 25, 10, split=True) == ["ab", "x" * 10, "x" * 10, "x" * 5]


def test_first_and_further_lines_have_their_own_beginnings() -> None:
    assert wrap("a b c", 5, "> ", "  ") == ["> a b", "  c"]
    assert wrap("", 10, "> ") == ["> "]


def test_what_is_cut_says_so() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("一二三", 5) == "一二…"
    assert cut("abc", 3) == "abc"


@given(st.text(alphabet="ab ，。（）词表é"), st.integers(8, 40))
def test_no_line_is_too_wide_and_no_character_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width, "> ", split=True)
    assert all(
        columns(line) <= width + 4 for line in lines
    )  # signs that may not begin a line stay on the last one
    assert "".join("".join(line[2:] for line in lines).split()) == "".join(text.split())


def test_the_columns_of_a_table_line_up_and_wrap() -> None:
    rows = [["engine", "now", "then"], ["一, 二", "7", "9"], ["a b c d e f g h", "1, 2", "1"]]
    lines = ["|".join(row) for row in table(rows, 24)]
    assert len({columns(line) for line in lines}) == 1
    assert lines[0].startswith("engine")
    assert table([], 80) == []
