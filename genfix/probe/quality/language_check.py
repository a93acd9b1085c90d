"""The checker of an answer's language."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from genfix.message import text
from genfix.probe.quality.given import Fault, Given
from genfix.probe.quality.plain_text import plain

_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_QUOTED: Final = re.compile(
    r"\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|「[^」\n]{0,400}」|『[^』\n]{0,400}』|《[^》\n]{0,400}》|`[^`\n]{0,400}`"
    r"|«[^»\n]{0,400}»"
)
_LITTLE: Final = {
    "en": "the a an is are was were of to and in it that this for with on as be have has you your i my we "
    "they can at from by or not will which because but its their our if when what how there",
    "fr": "le la les un une des du de est sont et à en il elle que qui pour avec sur dans ce cette au aux "
    "nous vous je ne pas plus se son sa ses par ou mais très c'est l d j s qu",
    "es": "el la los las un una de del es son y en que por para con su sus se al lo como más pero o muy está "
    "no nos me mi hay fue tiene cuando",
    "pt": "o a os as um uma de do da dos das em no na que e é com para por se não mais seu sua ao como muito",
    "it": "il lo la gli le un una di del della in nel che e è con per si non più suo sua sono come molto",
    "de": "der die das ein eine einen dem den des ist sind und in zu mit von für auf nicht ich du er sie es "
    "wir ihr im am auch als bei nach aus wird kann dass oder aber sich",
}
_LITTLE_WORDS: Final = {name: frozenset(words.split()) for name, words in _LITTLE.items()}


@dataclass(frozen=True, slots=True)
class LanguageCheck:
    """The answer is in this language, words quoted from another aside."""

    kind: Literal["language"]
    language: Literal["en", "zh", "ja", "fr", "es", "de"]

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        words = _prose(given.text)
        if len(re.findall(rf"[{_HAN}\u3040-\u30ff]|[^\W\d_]+", words)) < 2:
            return Fault(text("there is too little text"))
        found = language_of_text(words)
        if found == self.language:
            return None
        return Fault(text("the language is {found}, not {wanted}", found=found, wanted=self.language))


def _prose(written: str) -> str:
    """Without code, quotes and what is in brackets, unless nothing else is there."""
    words = plain(re.sub(r"```.*?```", " ", written, flags=re.DOTALL)).strip()
    words = re.sub(r"^[^\n]{0,120}:[ \t]*\n+(?=.*\w)", "", words)  # what announces the answer
    without_glosses = re.sub(r"\([^()]*\)", " ", words)
    for rest in (_QUOTED.sub(" ", without_glosses), without_glosses):
        if len(re.findall(r"[^\W\d_]", rest)) * 4 >= len(re.findall(r"[^\W\d_]", words)):
            return rest
    return words


def language_of_text(words: str) -> str:
    """The language of a text by its script and its little words; ``?`` where neither tells.

    A Chinese character counts as half a word.
    """
    kana = len(re.findall(r"[\u3041-\u30ff]", words))
    han = len(re.findall(rf"[{_HAN}]", words))
    latin = re.findall(r"[a-zà-öø-ÿœß]+(?=[^\w]|$)", words.casefold())
    other = len(re.findall(r"[\uac00-\ud7af\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u0900-\u097f]", words))
    if other > len(latin) + han / 2:
        return "?"
    if han + kana > 2 * len(latin):
        return "ja" if kana * 8 > han + kana else "zh"
    if (han + kana) * 2 > len(latin):
        return "?"
    counts = {name: sum(word in little for word in latin) for name, little in _LITTLE_WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "en" if words.isascii() else "?"
