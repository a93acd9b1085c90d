"""A command as far as it is known before it is imported."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command as far as it is known before it is imported."""

    module: str
    """Where it is: a function of its name, or a `typer.Typer` where it has commands of its own."""
    panel: str
    """The section of the overview that has it."""
    help: str
    """What it does, in one line."""
    examples: tuple[str, ...]
    page: str = "commands"
    """The page of the documentation that is about it."""
    is_last: bool = False
    """Whether what follows its first argument is not ours."""
