"""What changed in a base since the revision that a merged folder follows."""

from enum import StrEnum
from typing import NamedTuple


class Changed(StrEnum):
    """An answer of the base's that the merged folder has in an older form."""

    TEMPLATE = "template"
    STOPS = "stops"
    WINDOW = "window"


class BaseChange(NamedTuple):
    """One commit of the base's repo."""

    what: Changed
    commit: str
    """Full id of the commit that changed it."""
    date: str
    """Of that commit: ``2024-07-15``; empty where the Hub does not say."""
    title: str
    """Its first line; may be empty."""
