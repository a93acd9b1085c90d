"""Verdicts on folders that hold for others: for those that answer alike whatever was asked.

In a zoo most folders are runs of one recipe, whose config files are the same bytes. Such a folder is asked
what the first one was asked, and no rule judges it anew.
"""

from collections.abc import Callable, Hashable
from typing import Final

from genfix.api.opening import OpenedModels
from genfix.folder.watched import Question, WatchedFolder
from genfix.model.provenance import base_hint
from genfix.resolver import BaseFacts
from genfix.resolver.naming.spec import AUTO
from genfix.zoo.judgement import Judgement, Setup

_MOST: Final = 256
"""Verdicts that are kept."""
_MOST_ASKED: Final = 2000
_MOST_FOUND: Final = 50
"""Files, questions and findings of a folder whose verdict is kept: a hostile one must not fill the memory."""
_MOST_BASES: Final = 8
"""Bases that they are of: each may have a tokenizer of 10 MB in memory."""


class _Step:
    """A question, and where each answer leads; or, where all is asked, the verdict."""

    def __init__(self, question: Question | None = None, verdict: Judgement | None = None) -> None:
        self.question = question
        self.verdict = verdict
        self.next: dict[Hashable, _Step] = {}


class KnownVerdicts:
    """The newest verdicts. For one thread."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._first: dict[Hashable, _Step] = {}
        self._bases: set[BaseFacts | None] = set()
        self._number = 0

    def of(self, opened: OpenedModels, setup: Setup, judge: Callable[[], Judgement]) -> Judgement:
        """The verdict of ``judge`` on the folder, or that on one that answered all of its questions alike.

        Raises what ``judge`` raises, and `StorageError` where a disk fails.
        """
        folder = opened.merged.folder
        if not isinstance(folder, WatchedFolder) or not _can_share(opened, setup):
            return judge()
        kind = _kind(opened, setup)
        known = self._known(kind, folder)
        if known is not None:
            return known
        verdict = judge()
        asked = max(len(folder.names()), len(folder.answers))
        if asked <= _MOST_ASKED and len(verdict.findings) <= _MOST_FOUND:
            self._make_room(opened.base)
            self._keep(kind, folder, verdict)
        return verdict

    def _known(self, kind: Hashable, folder: WatchedFolder) -> Judgement | None:
        step = self._first.get(kind)
        while step is not None and step.question is not None:
            step = step.next.get(folder.answer(step.question))
        return step.verdict if step is not None else None

    def _make_room(self, base: BaseFacts | None) -> None:
        """Forget all where there is no room for one more: what comes now is often of another recipe."""
        self._bases.add(base)
        self._number += 1
        if self._number > self._most or len(self._bases) > _MOST_BASES:
            self._first.clear()
            self._bases, self._number = {base}, 1

    def _keep(self, kind: Hashable, folder: WatchedFolder, verdict: Judgement) -> None:
        """Add the way of this folder: it leaves the others where it was the first to answer otherwise."""
        left = dict(folder.answers)
        step = self._first.get(kind)
        place: tuple[dict[Hashable, _Step], Hashable] | None = None
        while step is not None and step.question is not None:
            answer = left.pop(step.question, None)
            place = (step.next, answer)
            step = step.next.get(answer)
        new = _way([*left.items()], verdict)
        if place is None:
            self._first[kind] = new
        else:
            place[0][place[1]] = new


def _way(answers: list[tuple[Question, Hashable]], verdict: Judgement) -> _Step:
    """The steps through these answers to the verdict."""
    step = _Step(verdict=verdict)
    for question, answer in reversed(answers):
        before = _Step(question)
        before.next[answer] = step
        step = before
    return step


def _can_share(opened: OpenedModels, setup: Setup) -> bool:
    """Whether the verdict follows from the folder's answers and from what `_kind` has."""
    base = opened.base
    is_lasting = base is None or (setup.base != AUTO and not base.changes)
    return opened.adapter is None and setup.baseline is None and is_lasting


def _kind(opened: OpenedModels, setup: Setup) -> Hashable:
    """All that a verdict follows from beside the answers: of the folder's own path only whether it is what
    the folder names as its base.
    """
    base = opened.base
    sibling = str(base.sibling) if base is not None and base.sibling is not None else ""
    return (setup, opened.merged.folder.names(), base_hint(opened.merged), base, sibling)
