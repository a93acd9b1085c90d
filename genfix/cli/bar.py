"""A progress bar on stderr, where that is a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import NamedTuple, Protocol

from genfix.show import show


class _Tqdm(Protocol):
    """What is used of ``tqdm.tqdm``, which comes with huggingface_hub and has no types."""

    def update(self, n: int) -> object: ...

    def set_postfix_str(self, s: str, *, refresh: bool) -> object: ...

    def clear(self) -> object: ...

    def refresh(self) -> object: ...

    def close(self) -> object: ...


class Bar(NamedTuple):
    """What a command tells of how far it is; nothing where nobody looks."""

    step: Callable[[str], object]
    """One more is done: this one."""
    away: Callable[[], object]
    """Takes the bar off the screen, for other words."""
    back: Callable[[], object]


@contextmanager
def progress_bar(total: int | None, *, quiet: bool, label: str) -> Iterator[Bar]:
    """A bar over ``total`` folders (`None`: nobody knows how many) while the block runs."""
    stream = sys.stderr
    if quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Bar(lambda _: None, lambda: None, lambda: None)
        return
    # Imported here: pipes and single folders do without.
    bar: _Tqdm = import_module("tqdm").tqdm(
        total=total, desc=label, file=stream, leave=False, dynamic_ncols=True, unit="", mininterval=0.1
    )

    def step(name: str) -> None:
        bar.set_postfix_str(show(name)[-40:], refresh=False)
        bar.update(1)

    try:
        yield Bar(step, bar.clear, bar.refresh)
    finally:
        bar.close()
