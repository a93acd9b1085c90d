"""The page of a rule, which is the docstring of its function: five parts, read only when somebody asks for
them.
"""

import re
from typing import Final, NamedTuple

_PARTS: Final = r"\n\s*\n\s*(?=(?:Why|Fix|Safety): |Sources:\n)"
_LABEL: Final = r"(?:Why|Fix|Safety): "
_ITEM: Final = r"\n\s*- "


class RuleDoc(NamedTuple):
    """The page of a rule, as paragraphs of Markdown."""

    what: str
    """What the finding means."""
    why: str
    """Which engines it hurts, and how that shows."""
    fix: str
    """How the fix is derived."""
    safety: str
    """When the fix is safe, unsafe or manual, and why."""
    sources: tuple[str, ...]
    """Issues, threads and engine files the rule rests on."""


def documentation(docstring: str) -> RuleDoc:
    """The parts of a rule's docstring. Raises `ValueError` where one is missing."""
    what, why, fix, safety, sources = re.split(_PARTS, docstring)
    items = tuple(map(_flat, re.split(_ITEM, sources)[1:]))
    return RuleDoc(_flat(what), _part(why), _part(fix), _part(safety), items)


def paragraphs(docstring: str) -> tuple[str, ...]:
    """What people read in their language: the four parts of a rule's docstring that are sentences."""
    return documentation(docstring)[:4]


def _part(text: str) -> str:
    return re.sub(_LABEL, "", _flat(text), count=1)


def _flat(text: str) -> str:
    return " ".join(text.split())
