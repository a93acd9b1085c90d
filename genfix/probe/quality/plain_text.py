"""An answer without its clothes: Markdown, LaTeX, full-width forms and invisible characters."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_SUPER: Final = str.maketrans(
    {**dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"^{n}" for n in range(10)), strict=True)), "−": "-"}
)
_HALVES: Final = {"½": ".5", "¼": ".25", "¾": ".75"}
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_Step = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_LATEX: Final[tuple[_Step, ...]] = (
    (re.compile(r"\\d?frac\{(-?\d+)\}\{(\d+)\}"), r"\1/\2"),
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:boxed|fbox)\{([^{}]*)\}"), r" answer: \1 "),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[,!;: ]"), ""),
    (re.compile(r"\\(?:times|cdot)\b"), "×"),
    (re.compile(r"\\(?:quad|qquad|left|right|circ)\b|\\[()\[\]]|\$"), " "),
    (re.compile(r"\\([%*_#&])"), r"\1"),
)
_MARKDOWN: Final[tuple[_Step, ...]] = (
    (re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE), ""),
    (re.compile(r"\*{2,3}|`+|(?<!\w)__(?=\S)|(?<=\S)__(?!\w)"), ""),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])|(?<=[^\s*])\*(?![\w*])"), ""),
    (re.compile(r"(?<!\w)_(?=[^\s_])|(?<=[^\s_])_(?!\w)"), ""),
    (re.compile(r"</?(?:b|i|u|em|strong|p|code|pre|span)>|<br ?/?>", re.IGNORECASE), ""),
)
_BOLD: Final = re.compile(r"\*\*([^*\n]{1,200})\*\*|\\boxed\{([^{}]{1,200})\}")


def plain(text: str) -> str:
    """The words and figures of an answer, on the lines they stand on."""
    return without_markdown(_typed(text))


def _typed(text: str) -> str:
    """As it would be typed on a plain keyboard."""
    for sign, decimal in _HALVES.items():
        text = re.sub(rf"(?<!\d){sign}", f"0{decimal}", text).replace(sign, decimal)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_SUPER))
    return _replaced(text, _LATEX)


def without_markdown(text: str) -> str:
    """The text without Markdown, everything else as it is."""
    return _replaced(text, _MARKDOWN)


def _replaced(text: str, steps: tuple[_Step, ...]) -> str:
    for pattern, instead in steps:
        text = pattern.sub(instead, text)
    return text


def bold(text: str) -> list[str]:
    """What is set in bold or in a box, plain."""
    return [plain(found[1] or found[2]) for found in _BOLD.finditer(text)]


def folded(text: str) -> str:
    """For comparing words: plain, case and kinds of quotes and dashes ignored, white space as one blank."""
    text = plain(text).casefold().translate(_SAME)
    return " ".join(text.split())


_SAME: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？!?])|\n+")


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, as far as marks and lines tell."""
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


ASIDE: Final = re.compile(r"\([^()\n]*\)")
"""What is in brackets."""
_OFFER: Final = re.compile(
    r"(?:^|(?<=[.!?。\n]))[^.!?。\n]*(?:let me know|feel free|anything else|hope (?:this|that|it)"
    r"|would you like|希望(?:这|对)|如果(?:你|您)|还有什么|随时|请告诉我)[^\n]*\s*$",
    re.IGNORECASE,
)


def without_offers(text: str) -> str:
    """A plain text without the offer of more help that models close with."""
    rest = _OFFER.sub("", text)
    return rest if rest.strip() else text


MARKER: Final = re.compile(
    r"\b(?:final |correct )?answer\b[^\n\d.]{0,24}?(?:\bis\b|:|=)|\banswer\s*:"
    r"|(?:答案|结果|得数)[^\n\d。]{0,8}?(?:是|为|:|=)|(?:所以|因此)(?:,)?(?:应该)?选|应选|选择?(?=\s*[A-D]\b)",
    re.IGNORECASE,
)
"""What comes before a final answer."""


def after_marker(text: str) -> str | None:
    """What follows the last announcement of a final answer in a plain text; `None` where there is none."""
    last = None
    for last in MARKER.finditer(text):  # noqa: B007 - the last one is what is wanted
        pass
    return text[last.end() :] if last is not None and text[last.end() :].strip() else None
