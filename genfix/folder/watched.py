"""A folder on this machine that keeps what it was asked, and what it answered.

What is concluded from a folder follows from its answers: another folder that answers alike is judged alike.
"""

import hashlib
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from genfix.errors import GenfixError, StorageError
from genfix.folder.folder import FileStat
from genfix.folder.local import LocalFolder

Question: TypeAlias = tuple[Hashable, ...]
"""What is asked (``read``), of which file, and which part of it."""

_STAT: Final = "stat"
_READ: Final = "read"
_RANGE: Final = "range"
_IDENTITY: Final = "identity"
_IS_LINKED: Final = "is linked"
_IS_ONE: Final = "is one file"
Told = TypeVar("Told")


class WatchedFolder(LocalFolder):
    """A `LocalFolder` with all its answers but the list of its names; of content it keeps the digest."""

    def __init__(self, root: Path, label: str | None = None) -> None:
        super().__init__(root, label)
        self.answers: dict[Question, Hashable] = {}
        """In the order in which they were asked."""

    def stat(self, name: str) -> FileStat:
        """As of any folder."""
        return self._kept((_STAT, name), lambda: LocalFolder.stat(self, name), lambda told: told)

    def read(self, name: str) -> bytes:
        """As of any folder."""
        return self._kept((_READ, name), lambda: LocalFolder.read(self, name), _digest)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """As of any folder."""
        question = (_RANGE, name, start, length)
        return self._kept(question, lambda: LocalFolder.read_range(self, name, start, length), _digest)

    def identity(self, name: str) -> tuple[int, ...]:
        """As of any folder."""
        return self._kept((_IDENTITY, name), lambda: LocalFolder.identity(self, name), lambda told: told)

    def is_linked(self, name: str) -> bool:
        """As of any folder."""
        return self._kept((_IS_LINKED, name), lambda: LocalFolder.is_linked(self, name), lambda told: told)

    def is_one_file(self, other: LocalFolder, name: str) -> bool:
        """As of any folder."""
        # Which file it is says nothing of others that hold the same.
        return self._kept(
            (_IS_ONE, name, other),
            lambda: LocalFolder.identity(self, name) == other.identity(name),
            lambda told: told,
        )

    def sha256(self, name: str) -> str:
        """As of any folder; asked where content is compared, and no other folder is taken to answer alike."""
        self.answers["sha256", name] = object()
        return super().sha256(name)

    def git_sha1(self, name: str) -> str:
        """As `sha256`."""
        self.answers["git_sha1", name] = object()
        return super().git_sha1(name)

    def open(self, name: str) -> int:
        """As `sha256`: what is read of it is not seen here."""
        self.answers["open", name] = object()
        return super().open(name)

    def answer(self, question: Question) -> Hashable:
        """What was answered, or is when it is asked now. Raises `StorageError` where a disk fails."""
        if question not in self.answers:
            try:
                self._ask(question)
            except StorageError:
                raise
            except GenfixError:
                pass  # an answer as well
        return self.answers.get(question)

    def _ask(self, question: Question) -> None:
        match question:
            case (kind, str(name)) if kind == _STAT:
                self.stat(name)
            case (kind, str(name)) if kind == _READ:
                self.read(name)
            case (kind, str(name), int(start), int(length)) if kind == _RANGE:
                self.read_range(name, start, length)
            case (kind, str(name)) if kind == _IDENTITY:
                self.identity(name)
            case (kind, str(name)) if kind == _IS_LINKED:
                self.is_linked(name)
            case (kind, str(name), LocalFolder() as other) if kind == _IS_ONE:
                self.is_one_file(other, name)

    def _kept(self, question: Question, ask: Callable[[], Told], seen: Callable[[Told], Hashable]) -> Told:
        try:
            told = ask()
        except GenfixError as error:
            self._keep(question, object() if isinstance(error, StorageError) else str(error))
            raise
        self._keep(question, seen(told))
        return told

    def _keep(self, question: Question, answer: Hashable) -> None:
        """Keep an answer; of two that differ, since the file was changed meanwhile, neither."""
        if self.answers.setdefault(question, answer) != answer:
            self.answers[question] = object()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
