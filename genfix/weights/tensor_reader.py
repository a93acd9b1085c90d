"""Short pieces of tensor data, read by range, counted, and never more than was allowed."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from genfix.folder.folder import Folder
from genfix.folder.local import LocalFolder, is_far

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of tensor data that one answer may cost, headers apart."""
MOST_REQUESTS: Final = 200
"""Range requests that one answer may cost where files are elsewhere."""
GAP: Final = 32 * 1024
"""Pieces of a file elsewhere that lie no farther apart are fetched in one request."""

_MOST_OPEN: Final = 64
"""Files that are open at once: a process may have some hundred."""


class Span(NamedTuple):
    """A piece of a file's bytes."""

    file: str
    start: int
    length: int


class Spent(NamedTuple):
    """What reading cost."""

    data: int = 0
    """Bytes of tensor data."""
    requests: int = 0
    """Range requests to files elsewhere."""

    @classmethod
    def total(cls, costs: "Iterable[Spent]") -> "Spent":
        """What several cost together."""
        found = [*costs]
        return cls(sum(cost.data for cost in found), sum(cost.requests for cost in found))


class Ledger:
    """Counts what several readers of one answer spend together."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_requests: int = MOST_REQUESTS) -> None:
        self.left_bytes, self.left_requests = most_bytes, most_requests
        self._all = (most_bytes, most_requests)

    def affords(self, cost: Spent) -> bool:
        """Whether so much may still be read."""
        return cost.data <= self.left_bytes and cost.requests <= self.left_requests

    def take(self, cost: Spent) -> None:
        """Count what is about to be read."""
        self.left_bytes -= cost.data
        self.left_requests -= cost.requests

    @property
    def spent(self) -> Spent:
        """What was read so far."""
        return Spent(self._all[0] - self.left_bytes, self._all[1] - self.left_requests)


class TensorReader:
    """Reads pieces of one folder's weight files; a local file is opened once."""

    def __init__(self, folder: Folder, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self._open: dict[str, int] = {}

    @property
    def is_remote(self) -> bool:
        """Whether each piece costs a request."""
        return is_far(self.folder)

    def cost(self, spans: Iterable[Span]) -> Spent:
        """What reading ``spans`` at once would take."""
        joined = self._joined(spans)
        return Spent(sum(span.length for span in joined), len(joined) if self.is_remote else 0)

    def read(self, spans: Sequence[Span]) -> Mapping[Span, bytes]:
        """The bytes of each span; fewer where the file ends. Raises `FolderFileError`."""
        joined = self._joined(spans)
        self.ledger.take(self.cost(joined))
        found = self._fetched(joined) if self.is_remote else {span: self._pread(span) for span in joined}
        starts = [(span.file, span.start) for span in joined]
        return {
            span: _part(span, joined[bisect_right(starts, (span.file, span.start)) - 1], found)
            for span in spans
        }

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _joined(self, spans: Iterable[Span]) -> list[Span]:
        """Spans that touch, or where requests count lie near each other, as one."""
        gap = GAP if self.is_remote else 0
        joined: list[Span] = []
        for span in sorted(set(spans)):
            last = joined[-1] if joined else None
            if last is not None and last.file == span.file and span.start <= last.start + last.length + gap:
                end = max(last.start + last.length, span.start + span.length)
                joined[-1] = last._replace(length=end - last.start)
            else:
                joined.append(span)
        return joined

    def _pread(self, span: Span) -> bytes:
        folder = self.folder
        if not isinstance(folder, LocalFolder) or not hasattr(os, "pread"):
            return folder.read_range(span.file, span.start, span.length)
        if span.file not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self.close()
            self._open[span.file] = folder.open(span.file)
        try:
            return os.pread(self._open[span.file], span.length, span.start)
        except OSError:
            return folder.read_range(span.file, span.start, span.length)  # which says what is wrong

    def _fetched(self, spans: Sequence[Span]) -> dict[Span, bytes]:
        from genfix.folder.remote import RemoteFolder  # noqa: PLC0415 - nearly all files are local

        if isinstance(self.folder, RemoteFolder):
            return dict(zip(spans, self.folder.read_ranges(spans), strict=True))
        return {span: self.folder.read_range(*span) for span in spans}


def _part(span: Span, whole: Span, found: Mapping[Span, bytes]) -> bytes:
    at = span.start - whole.start
    return found[whole][at : at + span.length]
