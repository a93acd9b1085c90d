"""GF7xx: values and files that some readers spell in another way."""

from typing import Final

from genfix.rules.rule import Rule

__all__ = ["RULES"]

RULES: Final[tuple[Rule, ...]] = ()
