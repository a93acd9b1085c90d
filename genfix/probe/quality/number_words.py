"""Numbers in words, English and Chinese."""

import re
from typing import Final

_ONES: Final = [
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL: Final = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_LARGE: Final = {"thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD: Final = "|".join(sorted({*_SMALL, *_LARGE, "hundred", "dozen"}, key=len, reverse=True))
ENGLISH: Final = (
    rf"\b(?:(?:minus|negative) )?(?:a (?=hundred|thousand|million|dozen))?(?:{_WORD})"
    rf"(?:(?:[ -]and)?[ -](?:{_WORD}))*\b"
)
_DIGITS: Final = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_MYRIADS: Final = {"万": 10**4, "亿": 10**8}
CHINESE: Final = (
    r"负?[零〇一二两三四五六七八九十](?:[零〇一二两三四五六七八九十百万亿]|千(?![克米瓦卡]))*"
    r"(?:点[零〇一二三四五六七八九]+)?"
)
"""A lone 百 or 千 is no number: it stands in 百分 and 千克."""
IDIOMS: Final = re.compile(
    r"一[共起样些般定直下旦边种]|[统唯万同之某每这那其]一|十分(?!之)|千万(?=别|不要)|三明治|三角|百分之"
    r"|第[一二三四五六七八九十]+"
)
"""Chinese words with a numeral in them that count nothing."""


def english_value(words: str) -> float:
    """The value of what `ENGLISH` has found."""
    total = part = 0.0  # no whole numbers: a hostile text would make them endless
    sign = 1
    for word in re.split(r"[ -]", words.casefold()):
        if word in {"minus", "negative"}:
            sign = -1
        elif word == "hundred":
            part = (part or 1) * 100
        elif word == "dozen":
            part = (part or 1) * 12
        elif word in _LARGE:
            total += (part or 1) * _LARGE[word]
            part = 0
        elif word in _SMALL:
            part += _SMALL[word]
    return sign * (total + part)


def chinese_value(signs: str) -> float:
    """The value of what `CHINESE` has found: ``两百零五``, ``三万二``, ``二〇二四``, ``三点五``."""
    sign = -1 if signs.startswith("负") else 1
    whole, _, decimals = signs.removeprefix("负").partition("点")
    if len(whole) > 1 and all(one in _DIGITS for one in whole):
        value = float("".join(str(_DIGITS[one]) for one in whole))
    else:
        value = _whole(whole)
    if decimals:
        value += float("0." + "".join(str(_DIGITS[one]) for one in decimals))
    return sign * value


def _whole(signs: str) -> float:
    total = section = 0.0
    digit = 0
    last = 1
    for one in signs:
        if one in _DIGITS:
            digit = _DIGITS[one]
            last = 1 if one in "零〇" else last
        elif one in _UNITS:
            section += (digit or 1) * _UNITS[one]
            digit, last = 0, _UNITS[one]
        else:
            total = (total + section + digit) * _MYRIADS[one]
            section, digit, last = 0, 0, _MYRIADS[one]
    # "三百二" is 320, "一万五" is 15,000: the last unit is left out in speech.
    return total + section + (digit * last / 10 if digit and last >= 100 else digit)
