"""What the documentation of a rule says in another language; its sources need none."""

from typing import NamedTuple

__all__ = ["RuleText"]


class RuleText(NamedTuple):
    """The paragraphs of `genfix.rules.RuleDoc` that are read."""

    what: str
    why: str
    fix: str
    safety: str
