"""How far fetching is, and who is told."""

from typing import NamedTuple, Protocol


class Fetching(NamedTuple):
    """How far several files are fetched."""

    done: int
    """Files that are here."""
    total: int
    """Files in all."""
    name: str
    """The file that came last; empty at the beginning and at the end."""
    bytes_done: int
    bytes_total: int
    """By the sizes that the files are listed with; of weights only the beginning is fetched."""


class Progress(Protocol):
    """Is told while several files are fetched: at the beginning, after each, and at the end.

    It is called from the thread that called genfix, also where the end is an error.
    """

    def __call__(self, fetching: Fetching, /) -> object:
        """Take it; what is returned is of no interest."""
