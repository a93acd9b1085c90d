"""Untrusted text on a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from genfix.report.style import Style
from genfix.show import show, show_value

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HIDING = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u2028\u2029\u180e\ufff9"


def test_escapes_are_readable() -> None:
    assert show("a\x1b[31mb") == "a\\x1b[31mb"
    assert show("\x07\x7f\x9b\r\n\t") == "\\x07\\x7f\\x9b\\x0d\\x0a\\x09"
    assert show("\u202etxt.exe") == "\\u202etxt.exe"
    assert show("\U000e0041") == "\\U000e0041"
    assert show("\udc80") == "\\udc80"


def test_people_may_write_their_own_language() -> None:
    text = "模型 модель größe ☕ 😀 <|im_end|> <｜end▁of▁sentence｜>"  # noqa: RUF001 - a token of DeepSeek's
    assert show(text) == text


def test_all_that_steers_or_hides_is_escaped() -> None:
    controls = "".join(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)))
    assert show(controls + BIDI + HIDING).isascii()


@given(st.text(st.characters(codec=None)))
def test_nothing_that_acts_comes_through(text: str) -> None:
    shown = show(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.integers(2, 50))
def test_values_are_one_short_printable_line(value: None, limit: int) -> None:
    text = show_value(value, limit)
    assert text.isprintable()
    assert len(text) <= limit


def test_long_values_are_cut() -> None:
    assert show_value("x" * 200) == '"' + "x" * 118 + "…"
    assert show_value(["模型", 1.0, None]) == '["模型", 1.0, null]'


def test_colour_marks_and_no_colour_does_not() -> None:
    assert Style(color=True).mark("x", "red", "bold") == "\x1b[31;1mx\x1b[0m"
    assert Style(color=False).mark("x", "red", "bold") == "x"
    assert Style(color=True).mark("", "red") == ""
