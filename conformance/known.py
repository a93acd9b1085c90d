"""Folders on which view and engine differ, and why that stays so."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from conformance.compare import Difference

__all__ = ["KNOWN", "Known", "explanation"]


class Known(NamedTuple):
    """One known difference."""

    engines: frozenset[str]
    reason: str
    """A sentence for docs/engines.md."""
    covers: Callable[[str, Difference], bool]
    """Whether a difference on the variant of this name is this one."""


KNOWN: Final[Sequence[Known]] = ()


def explanation(engine: str, variant: str, found: Sequence[Difference]) -> str | None:
    """The reasons that cover *every* difference of a folder; `None` where one is not covered."""
    reasons: list[str] = []
    for difference in found:
        known = next(
            (known for known in KNOWN if engine in known.engines and known.covers(variant, difference)), None
        )
        if known is None:
            return None
        reasons.append(known.reason)
    return "; ".join(dict.fromkeys(reasons))
