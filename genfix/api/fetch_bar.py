"""`FetchBar`: how far fetching is, as a bar of tqdm, which comes with huggingface_hub."""

from importlib import import_module
from typing import Final, Protocol, TextIO

from genfix.folder import Fetching
from genfix.show import show

_MOST_LETTERS: Final = 40
PATIENCE: Final = 1.0
"""Seconds that no bar is needed for."""
INTERVAL: Final = 0.1
"""Seconds between two pictures of it."""


class _Tqdm(Protocol):
    """What is used of ``tqdm.tqdm``, which has no types."""

    def update(self, n: int) -> object: ...

    def set_postfix_str(self, s: str, *, refresh: bool) -> object: ...

    def close(self) -> object: ...


class FetchBar:
    """A bar with names and bytes: ``genfix.check(folder, base, progress=genfix.FetchBar())``.

    In a notebook it is the notebook's own widget. It appears where fetching takes longer than a second, goes
    when it is done, and may be used again.
    """

    def __init__(self, label: str = "fetching", *, file: TextIO | None = None) -> None:
        self._label = label
        self._file = file
        self._bar: _Tqdm | None = None
        self._come = 0

    def __call__(self, fetching: Fetching, /) -> None:
        """See `genfix.folder.Progress`."""
        if self._bar is None and fetching.done < fetching.total:
            self._bar = self._new(fetching.bytes_total)
            self._come = 0
        if self._bar is None:
            return
        place = f"{fetching.done}/{fetching.total} {show(fetching.name)[-_MOST_LETTERS:]}".rstrip()
        self._bar.set_postfix_str(place, refresh=False)
        self._bar.update(fetching.bytes_done - self._come)
        self._come = fetching.bytes_done
        if fetching.done >= fetching.total:
            self._bar.close()
            self._bar = None

    def _new(self, size: int) -> _Tqdm:
        module = import_module("tqdm.auto" if self._file is None else "tqdm")
        bar: _Tqdm = module.tqdm(
            total=size,
            desc=self._label,
            file=self._file,
            unit="B",
            unit_scale=True,
            leave=False,
            delay=PATIENCE,
            mininterval=INTERVAL,
            **({"dynamic_ncols": True} if self._file is not None else {}),
        )
        return bar
