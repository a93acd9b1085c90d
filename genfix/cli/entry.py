"""A command as far as it is known before it is imported."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command as far as it is known before it is imported."""

    module: str
    """Where it is: a function of its name, or a `typer.Typer` where it has commands of its own."""
    help: str
    """What it does, in one line."""
    example: str = ""
    is_last: bool = False
    """Whether what follows its first argument is not ours."""
