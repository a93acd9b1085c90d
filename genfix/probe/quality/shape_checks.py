"""Checkers of an answer's shape: how many items, how long, the same text."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from genfix.message import text
from genfix.probe.quality.given import Fault, Given
from genfix.probe.quality.plain_text import folded, plain, sentences, without_markdown

_MARK: Final = re.compile(
    r"(?P<indent>[ \t]*)(?:[-–—+](?=[ \t]|[^\W\d_]|\*\*|“|《)|\*(?=[ \t])|[•·●○▪◦‣►▶✓✅➢⁃]|[①-⑳]|[❶-❿]"
    r"|\(?\d{1,2}[.)、:](?!\d)|[一二三四五六七八九十]{1,2}[、.]|[(（][一二三四五六七八九十\d]{1,2}[)）]"
    r"|第[一二三四五六七八九十]{1,2}[,，、:：])[ \t]*(?P<item>.*)"
)
_RULE: Final = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}$")
_INLINE: Final = re.compile(r"(?:^|(?<=[\s:：,，;；。.]))\(?(\d{1,2})[.)、](?!\d)\s*(?=[^\W\d_])")
_OPENING: Final = re.compile(r"^[^\n]{0,200}[:：]\s*\n+", re.MULTILINE)
_NOTE: Final = re.compile(r"[(（\[][^()（）\[\]\n]*(?:words?|characters?|count|字)[^()（）\[\]\n]*[)）\]]")
_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"


@dataclass(frozen=True, slots=True)
class ListCheck:
    """So many items, each different, in any kind of list."""

    kind: Literal["list"]
    items: int

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        found = list_items(given.text)
        if len(found) != self.items:
            why = text("the list has {items} items, not {wanted}", items=len(found), wanted=self.items)
            return Fault(why, found[self.items] if len(found) > self.items else "")
        again = next((item for item, count in Counter(map(folded, found)).items() if count > 1), None)
        return Fault(text("an item stands there twice"), again) if again is not None else None


def list_items(written: str) -> list[str]:
    """The items of the outermost list: marked lines, else marks within a line, else lines."""
    lines = [line for line in written.split("\n") if line.strip() and not _RULE.match(line)]
    lines = [line for line in lines if not line.strip().startswith("```")]
    marked = [found for line in lines if (found := _MARK.match(re.sub(r"^(\s*)\*\*(?=\d)", r"\1", line)))]
    marked = [found for found in marked if re.search(r"\w", found["item"])]
    if len(marked) <= 1:
        inline = _INLINE.split(marked[0].string if marked else written)
        counts = inline[1::2]
        if len(counts) > 1 and counts == [str(place) for place in range(1, len(counts) + 1)]:
            return [item.strip() for item in inline[2::2]]
    if marked:
        least = min(len(found["indent"].expandtabs(4)) for found in marked)
        return [found["item"].strip() for found in marked if len(found["indent"].expandtabs(4)) <= least + 1]
    rest = [line.strip() for line in lines]
    if len(rest) > 1 and rest[0].rstrip("*").endswith((":", "：")):
        rest = rest[1:]
    return rest if len(rest) > 1 else []


_UNIT_NAMES: Final = {
    "words": text("words"),
    "characters": text("characters"),
    "sentences": text("sentences"),
}


@dataclass(frozen=True, slots=True)
class LengthCheck:
    """So many words, sentences, or characters: punctuation counts or does not, as it suits the answer."""

    kind: Literal["length"]
    unit: Literal["words", "characters", "sentences"]
    least: int = 1
    most: int = 10_000

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        words = _NOTE.sub("", plain(given.text)).strip()
        words = _OPENING.sub("", words, count=1) if _OPENING.match(words) else words
        low, high = self._counts(words)
        if low > self.most or high < self.least:
            bound = self.most if low > self.most else self.least
            found = text("{count} {unit}", count=low, unit=_UNIT_NAMES[self.unit])
            return Fault(text("it has {found}, and {bound} is the bound", found=found, bound=bound))
        return None

    def _counts(self, words: str) -> tuple[int, int]:
        """The least and the most that a person could count."""
        if self.unit == "words":
            return len(re.findall(rf"[{_HAN}]|[^\W_{_HAN}][\w'’./-]*", words)), len(
                re.findall(rf"[{_HAN}]|[^\W_{_HAN}]+", words)
            )
        if self.unit == "characters":
            letters = re.findall(rf"[{_HAN}]|[A-Za-z]+|\d+", words)
            return len(letters), len(re.findall(r"\S", words))
        whole = re.sub(r"\b(?:e\.g|i\.e|etc|Mr|Mrs|Ms|Dr|St|vs|a\.m|p\.m|U\.S)\.", "", words)
        found = [part for part in sentences(whole) if re.search(r"\w", part)]
        return len(found), len(found)


_PAIRS: Final = {pair[0]: pair[1] for pair in ('""', "''", "“”", "‘’", "「」", "『』", "《》", "``", "«»")}


@dataclass(frozen=True, slots=True)
class CopyCheck:
    """The answer repeats a text, every sign of it; only white space and quotes around it may differ."""

    kind: Literal["copy"]
    text: str

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        wanted = _spaced(self.text)
        written = given.text
        if any(wanted in _unquoted(_spaced(form)) for form in _forms(written)):
            return None
        return Fault(text("the text is not the one that was to be repeated"), _differing(wanted, written))


def _forms(written: str) -> tuple[str, ...]:
    """The answer, without Markdown, and without a line that announces it."""
    bare = re.sub(r"^\s*```\w*\s*|\s*```\s*$", "", written)
    behind = bare.partition("\n")[2] if re.match(r"[^\n]{0,200}[:：]\**[ \t]*\n", bare) else bare
    same_line = re.sub(r"^[^\n:：]{0,80}[:：]\s*", "", bare)
    found = [written, bare, behind, same_line, re.sub(r"^\s*```\w*\s*|\s*```\s*$", "", behind)]
    return (*found, *map(without_markdown, found))


def _spaced(written: str) -> str:
    return " ".join(unicodedata.normalize("NFC", written).split())


def _unquoted(written: str) -> tuple[str, ...]:
    """A text as it is, and without what it stands in."""
    inside = written[1:-1].strip() if len(written) > 1 and _PAIRS.get(written[0]) == written[-1] else written
    return written, inside


def _differing(wanted: str, written: str) -> str:
    """The first word of the answer that the text does not have there."""
    pairs = zip(wanted.split(), written.split(), strict=False)
    return next((given for should, given in pairs if should != given), "")
