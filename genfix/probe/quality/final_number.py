"""The number that an answer gives: the one that is said to be it, among all that stand there."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from genfix.probe.quality.number_words import CHINESE, ENGLISH, IDIOMS, chinese_value, english_value
from genfix.probe.quality.plain_text import ASIDE, after_marker, bold, plain, sentences, without_offers

_FIGURES: Final = (
    r"(?<![A-Za-z0-9_.])(?P<sign>(?:(?<![\w)\]])|(?<=[\u4e00-\u9fff]))-|(?<!\d )(?:minus|negative) |负|零下)?"
    r"(?P<figures>0,\d{1,2}(?![\d,])|(?:\d{1,3}(?:[,' _]\d{3})+(?!\d)|\d+)(?:\.\d+)?)"
    r"(?::(?P<minutes>[0-5]\d)(?![:\d]))?(?P<over>/\d+(?![/\d]))?"
    r"(?P<times> ?(?:万|亿|千(?![克米瓦卡])|(?:thousand|million|billion)\b|k\b))?"
)
_NUMBER: Final = re.compile(
    rf"{_FIGURES}|(?P<english>{ENGLISH})|(?P<chinese>{CHINESE})", re.IGNORECASE | re.ASCII
)
_TIMES: Final = {"万": 1e4, "亿": 1e8, "千": 1e3, "k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_MOST: Final = 300
"""Numbers in an answer: more are no answer, and cost time."""
_LABEL: Final = re.compile(
    r"(?:\b(?:step|option|question|part|method|example|case|line|no\.)|第|步骤|方法|问题)\s*$", re.IGNORECASE
)
_LIST_MARK: Final = re.compile(r"[.)、](?=\s*\S)(?!\d)")
_ORDINAL: Final = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"(?:\bnot|n't|不是|并非|而非|rather than)(?:\s+(?:be|equal to|a))?\s*$", re.IGNORECASE
)
_EQUALS: Final = re.compile(
    r"=|≈|\bequals?\b|\b(?:is|are|have|has|makes|gives)\b|等于|是|为|有|总共|一共|共有|\btotal of\b",
    re.IGNORECASE,
)
_OTHERWISE: Final = re.compile(r"\s*\w{0,10}\s*(?:\bor\b|还是|或者?|~|-|\bto\b|至|到)\s*", re.IGNORECASE)


_UNIT: Final = re.compile(
    r"\s*(?P<unit>seconds?|minutes?|hours?|days?|weeks?|months?|years?|mm|cm|km|kg|mg|ml"
    r"|(?:milli|centi|kilo)?met(?:er|re)s?|(?:kilo|milli)?grams?|(?:milli)?lit(?:er|re)s?|percent"
    r"|秒|分钟|小时|天|周|个月|年|毫米|厘米|分米|公里|千米|米|千克|公斤|克|毫升|升)",
    re.IGNORECASE,
)


_REASON: Final = re.compile(r"\b(?:since|because)\b[^.,;\n]*|因为[^,;。\n]*", re.IGNORECASE)
"""Numbers in a reason are not the result."""


class Number(NamedTuple):
    """A number in a text."""

    value: float
    start: int
    end: int
    written: str
    weak: bool
    """``one``, ``一``: mostly no number at all."""


def numbers(text: str) -> list[Number]:
    """All numbers of a plain text that are one: no labels of steps, no marks of lists, no ordinals."""
    text = IDIOMS.sub(lambda found: "\0" * len(found[0]), text)
    return [one for one in _all(text) if not _is_label(text, one)]


def _all(text: str) -> Iterator[Number]:
    for found in _NUMBER.finditer(text):
        if found["figures"]:
            figures = re.sub(r"^0,", "0.", found["figures"])  # a decimal comma
            value = float(re.sub(r"[,' _]", "", figures)[:300])
            value += int(found["minutes"] or 0) / 60
            over = float(found["over"][1:]) if found["over"] else 0.0
            value = value / over if over else value
            value *= _TIMES[found["times"].strip().casefold()] if found["times"] else 1
            value = -value if found["sign"] else value
        elif found["english"]:
            value = english_value(found["english"])
        else:
            value = chinese_value(found["chinese"])
        yield Number(
            value, found.start(), found.end(), found[0].strip(), found[0].casefold() in {"one", "一", "two"}
        )


def _is_label(text: str, one: Number) -> bool:
    before, after = text[max(0, one.start - 24) : one.start], text[one.end : one.end + 4]
    line = text[text.rfind("\n", 0, one.start) + 1 : one.start]
    if _LABEL.search(before) or _DENIED.search(before) or _ORDINAL.match(after):
        return True
    return not line.strip(" (") and one.value < 100 and bool(_LIST_MARK.match(text, one.end))


def final_number(text: str, asked: str = "", units: Collection[str] = ()) -> Number | None:
    """The number an answer gives; `None` where it gives none or cannot be held to one.

    In this order: what is announced as the answer; a first line that is a number alone; the one in bold; the
    only one that the question does not have; what follows the last sign of equality; the last one. Where one
    has a unit of ``units``, the others do not count in the last three.
    """
    words = without_offers(plain(text))
    found = _strong(numbers(words)) or list(_all(words))
    if not 0 < len(found) <= _MOST:
        return None
    asides = [aside.span() for pattern in (ASIDE, _REASON) for aside in pattern.finditer(words)]
    outside = [one for one in found if not any(start < one.start < end for start, end in asides)] or found
    outside = [one for one in outside if unit_of(words, one) in units] or outside
    known = {one.value for one in _all(plain(asked))}
    unknown = [one for one in outside if one.value not in known]
    chosen = (
        _announced(words)
        or _first_line(words)
        or _bold(text)
        or _only(unknown)
        or _last(words, unknown or outside)
    )
    return None if _is_open(words, chosen) else chosen


def unit_of(words: str, one: Number) -> str:
    """The unit behind a number of a plain text; empty where there is none that is known."""
    unit = _UNIT.match(words, one.end)
    return unit["unit"].casefold() if unit else ""


def _strong(found: Sequence[Number]) -> list[Number]:
    return [one for one in found if not one.weak] or [*found]


def _announced(words: str) -> Number | None:
    rest = after_marker(words)
    if rest is None:
        return None
    offset = len(words) - len(rest)
    for line in re.finditer(r"[^\n]+", rest):
        part = sentences(line[0])[0] if sentences(line[0]) else ""
        inside = _strong(numbers(part))
        if inside:
            return _shifted(
                _behind_equals(part, inside) or inside[0], offset + line.start() + line[0].index(part)
            )
    return None


def _shifted(one: Number, by: int) -> Number:
    return one._replace(start=one.start + by, end=one.end + by)


def _behind_equals(part: str, inside: Sequence[Number]) -> Number | None:
    signs = [sign.end() for sign in _EQUALS.finditer(part)]
    return next((one for end in reversed(signs) for one in inside if one.start >= end), None)


def _first_line(words: str) -> Number | None:
    """A first line that says a number and at most a unit."""
    line = words.lstrip().partition("\n")[0]
    offset = len(words) - len(words.lstrip())
    inside = numbers(line) or list(_all(line))
    if len(inside) != 1:
        return None
    one = inside[0]
    before, after = line[: one.start], line[one.end :]
    is_bare = not re.search(r"\w", before) and len(re.findall(r"[A-Za-z]+|[\u4e00-\u9fff]{1,2}", after)) <= 1
    return _shifted(one, offset) if is_bare else None


def _bold(text: str) -> Number | None:
    inside = [(part, _strong(numbers(part))) for part in bold(text)]
    single = [found[0] for _, found in inside if len(found) == 1]
    if not single or len({one.value for one in single}) != 1:
        return None
    words = without_offers(plain(text))
    written = single[-1].written
    return next((one for one in reversed(list(_all(words))) if one.written == written), None)


def _only(found: Sequence[Number]) -> Number | None:
    return found[-1] if len({one.value for one in found}) == 1 else None


def _last(words: str, found: Sequence[Number]) -> Number:
    """What the last sentence with a number says, as in ``3 + 4 = 7, and 7 x 2 = 14``."""
    for part in reversed(sentences(words)):
        place = words.rfind(part)
        inside = [one for one in found if place <= one.start < place + len(part)]
        if inside:
            shifted = [_shifted(one, -place) for one in inside]
            behind = _behind_equals(part, shifted)
            return _shifted(behind, place) if behind is not None else inside[-1]
    return found[-1]


def _is_open(words: str, chosen: Number) -> bool:
    """Whether it stands beside another one as an alternative, or is an end of a range."""
    for one in _all(words):
        first, second = (one, chosen) if one.start < chosen.start else (chosen, one)
        between = words[first.end : second.start]
        others = one.value != chosen.value and first.end <= second.start
        if others and len(between) < 24 and _OTHERWISE.fullmatch(between):
            return True
    return False
