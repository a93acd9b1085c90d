"""GF2xx: what a chat template says that some reader cannot use."""

from typing import Final

from genfix.rules.rule import Rule

__all__ = ["RULES"]

RULES: Final[tuple[Rule, ...]] = ()
