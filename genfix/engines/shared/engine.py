"""What an engine is: its names, the versions whose code was read, and how it reads a folder."""

from collections.abc import Callable
from typing import NamedTuple

from genfix.engines.shared.release import Release
from genfix.engines.shared.view import EngineView
from genfix.model import Model


class Engine(NamedTuple):
    """One engine, and the versions its view is known for."""

    id: str
    """What options, plans and reports call it."""
    title: str
    """What its makers call it."""
    version: str
    """The newest whose code was read."""
    oldest: str
    view: Callable[[Model, Release], EngineView]
    server: str | None
    """``owned_by`` in its server's list of models; `None` where it has no server, or one that does not say
    so."""
    shows_tokens: bool
    """Whether its server takes ``skip_special_tokens``."""
    by_default: bool = True
    """Whether it is asked where nobody names an engine; the others are asked by name."""
    was_run: bool = True
    """Whether the view was held against the engine's own code, and not only read in it."""
