"""What a model folder is to the rest of genfix: a read-only set of named files."""

from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from genfix.errors import GenfixError
from genfix.message import Arg, Message


class Origin(NamedTuple):
    """Where a folder's files come from."""

    kind: Literal["local", "hub", "modelscope", "web", "store"]
    """``local``: a directory; ``hub``: a Hugging Face Hub repo; ``modelscope``: a ModelScope model; ``web``:
    one file of any server; ``store``: an object store or a remote disk.
    """
    label: str
    """The path as the user wrote it, ``org/name``, ``ms://org/name``, or ``s3://bucket/path``."""
    revision: str | None = None
    """The commit (40 hex digits) of a repo; as much of it as ModelScope tells, which may be the first digits.

    `None` where there is none, as in a directory: the files' digests stand for it.
    """

    def __str__(self) -> str:
        return f"{self.label}@{self.revision}" if self.revision else self.label


class FileStat(NamedTuple):
    """Size in bytes and the digests that are known without reading the file."""

    size: int
    git_sha1: str | None = None
    """SHA-1 of the git blob (``blob <size>\\0`` + content): what the Hub lists for a small file."""
    sha256: str | None = None
    """SHA-256 of the content: what the Hub lists for an LFS file."""


class FileProblem(StrEnum):
    """Why a file that is listed cannot be read."""

    NOT_REGULAR = "not-regular"
    LINK_OUTSIDE = "link-outside"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"


class FolderFileError(GenfixError):
    """One file of a folder cannot be read: `problem` says why. Its name fills the blank ``name``."""

    def __init__(
        self, name: str, problem: FileProblem, said: str, advice: Message | str, /, **args: Arg
    ) -> None:
        super().__init__(said, advice, **{"name": name, **args})
        self.name = name
        self.problem = problem


class Folder(Protocol):
    """A read-only model folder. Names are relative paths with ``/``, validated once, here."""

    @property
    def origin(self) -> Origin:
        """Where the files come from, and at which commit."""

    def names(self) -> frozenset[str]:
        """All file names, without dot-folders (``.git``, ``.cache``)."""

    def stat(self, name: str) -> FileStat:
        """Size and known digests. Raises `KeyError` for an unknown name."""

    def read(self, name: str) -> bytes:
        """The whole file.

        Raises `KeyError` for an unknown name, `FolderFileError` where it cannot be read or is over its kind's
        cap.
        """

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from offset ``start``; fewer at the file's end."""
