"""Names that a user typed: which rule is meant, and what to say of a name that nothing has."""

from collections.abc import Collection
from typing import Final

from genfix.errors import InputError
from genfix.known_names import ENGINE_NAMES, RULE_NAMES
from genfix.message import Message, text

_ALIKE: Final = 0.6
"""How much of two names is the same, at least, where one may be a slip of the other."""


def near(word: str, known: Collection[str]) -> list[str]:
    """The names of ``known`` that ``word`` may be a slip of, those first that begin like it."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - only for errors
    from os.path import commonprefix  # noqa: PLC0415

    typed = word.lower()
    alike = {name: SequenceMatcher(None, name.lower(), typed).ratio() for name in known}

    def order(name: str) -> tuple[int, float]:
        begins_alike = commonprefix([typed, name.lower()])  # noqa: RUF071 - letters are meant
        return -len(begins_alike), -alike[name]

    return sorted((name for name, ratio in alike.items() if ratio >= _ALIKE), key=order)[:3]


def code_of(word: str) -> str | None:
    """The code, or the beginning of codes, that ``word`` stands for: itself, or the code of a rule's name;
    `None` where no rule has it.
    """
    named = next((code for code, name in RULE_NAMES.items() if name == word.lower()), word.upper())
    return named if named and any(code.startswith(named) for code in RULE_NAMES) else None


def unknown_rule(word: str) -> InputError:
    """The error for what is no code, beginning or name of a rule."""
    return InputError(text("there is no rule '{code}'", code=word), rule_advice(word))


def rule_advice(word: str) -> Message:
    """What to do about a rule that there is not."""
    found = near(word, [*RULE_NAMES, *RULE_NAMES.values()])
    if not found:
        return text("`genfix rules` lists all")
    # A slip in a name, or in a code: a code alone says little.
    said = [f"{name} ({RULE_NAMES[name]})" if name in RULE_NAMES else name for name in found]
    return text("did you mean {near}? `genfix rules` lists all", near=[*said])


def engine_advice(name: str) -> Message:
    """What to do about an engine that there is not."""
    found = near(name, ENGINE_NAMES)
    if found:
        return text("did you mean {near}? known are {engines}", near=[*found], engines=[*ENGINE_NAMES])
    return text("known are {engines}", engines=[*ENGINE_NAMES])
