"""What a run over many folders works out once: facts that several have in common, and the bases."""

from collections import OrderedDict
from typing import Final

from genfix.folder import Folder, LocalFolder
from genfix.folder.file_stamp import stamp
from genfix.model.remembered import Remembered
from genfix.resolver.finder.base import ResolvedBase, resolve_base

_MOST: Final = 8
"""Bases that are kept open: each may have a tokenizer of 10 MB in memory."""


class SharedWork:
    """For one thread, from one folder to the next."""

    def __init__(self) -> None:
        self.remembered = Remembered()
        self._bases: OrderedDict[tuple[str, bool], tuple[tuple[object, ...], ResolvedBase]] = OrderedDict()

    def base(self, spec: str, near: Folder, *, offline: bool) -> ResolvedBase:
        """The base that ``spec`` names: opened once, and anew where its files are no more what they were.

        One of a repo stays at the commit at which it was first opened. Raises as `resolve_base`.
        """
        key = (spec, offline)
        known = self._bases.get(key)
        if known is not None and known[0] == _state(known[1].folder):
            self._bases.move_to_end(key)
            known[1].facts.sibling = None
            return known[1]
        found = resolve_base(spec, offline=offline, near=near)
        self._bases[key] = (_state(found.folder), found)
        if len(self._bases) > _MOST:
            self._bases.popitem(last=False)
        return found


def _state(folder: Folder) -> tuple[object, ...]:
    """What changes when a folder on this machine does; nothing of a commit."""
    return stamp(folder) if isinstance(folder, LocalFolder) else ()
