"""GF3xx: BOS, padding and truncation, and the slow vocabulary."""

from typing import Final

from genfix.rules.rule import Rule

__all__ = ["RULES"]

RULES: Final[tuple[Rule, ...]] = ()
