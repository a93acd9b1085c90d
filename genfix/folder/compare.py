"""Whether two folders hold the same file, by digests where they are known: no byte is fetched for it."""

import hashlib
from typing import Final

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import FileKind, kind_of
from genfix.folder.local import LocalFolder
from genfix.folder.watched import WatchedFolder

_CHUNK: Final = 1024 * 1024
_TEXT: Final = (".json", ".jinja", ".md", ".py", ".txt", ".yaml", ".yml")
_LONGEST_HEADER: Final = 100_000_000
"""The longest header the safetensors library reads."""


def same_file(left: Folder, right: Folder, name: str) -> bool:
    """Whether both folders have ``name`` with equal bytes. Raises `KeyError` where one lacks it.

    Two local files are compared in pieces; a local file is hashed against a listed digest.
    """
    left_stat, right_stat = left.stat(name), right.stat(name)
    if left_stat.size != right_stat.size:
        return False
    if left_stat.sha256 and right_stat.sha256:
        return left_stat.sha256 == right_stat.sha256
    if left_stat.git_sha1 and right_stat.git_sha1:
        return left_stat.git_sha1 == right_stat.git_sha1
    # A side that only lists its digests is not on this machine: the other one is hashed the way it needs.
    for folder, stat in ((left, left_stat), (right, right_stat)):
        if not isinstance(folder, LocalFolder) and stat.git_sha1:
            return git_sha1_of(left, name) == git_sha1_of(right, name)
    if right_stat.sha256 or left_stat.sha256:
        return sha256_of(left, name) == sha256_of(right, name)
    if isinstance(left, LocalFolder) and isinstance(right, LocalFolder):
        asked, other = (right, left) if isinstance(right, WatchedFolder) else (left, right)
        if asked.is_one_file(other, name):
            return True
    return all(
        left.read_range(name, start, _CHUNK) == right.read_range(name, start, _CHUNK)
        for start in range(0, left_stat.size, _CHUNK)
    )


def same_but_for_line_ends(left: Folder, right: Folder, name: str) -> bool:
    """`same_file`, and of a text file also whether its lines alone are equal.

    CRLF in place of LF changes its size in one way only: a ``right`` of another size, which may be far away,
    is not read.
    """
    if same_file(left, right, name):
        return True
    if not name.endswith(_TEXT):
        return False
    try:
        content = left.read(name)
        lines = _with_newlines(content)
        sizes = {len(lines), len(lines) + lines.count(b"\n")} - {len(content)}
        return right.stat(name).size in sizes and lines == _with_newlines(right.read(name))
    except FolderFileError:
        return False  # too large for its kind: what is wrong with it is not said here


def _with_newlines(content: bytes) -> bytes:
    """A text whose lines all end in LF, as Python and Jinja read it."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def sha256_of(folder: Folder, name: str) -> str:
    """SHA-256 of a file's content, from the listing where it has one."""
    known = folder.stat(name).sha256
    if known:
        return known
    if isinstance(folder, LocalFolder):
        return folder.sha256(name)
    return hashlib.sha256(folder.read(name)).hexdigest()


def git_sha1_of(folder: Folder, name: str) -> str:
    """SHA-1 of the file as a git blob, from the listing where it has one."""
    known = folder.stat(name).git_sha1
    if known:
        return known
    if isinstance(folder, LocalFolder):
        return folder.git_sha1(name)
    return blob_sha1(folder.read(name))


def blob_sha1(content: bytes) -> str:
    """SHA-1 of the git blob with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def content_digest(content: bytes | None) -> str | None:
    """SHA-256 of bytes at hand; `None` where there is no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def input_digest(folder: Folder, name: str) -> str:
    """SHA-256 of what a plan reads of a file: all of it, but of weights their size and header only."""
    if kind_of(name) not in {FileKind.WEIGHTS, FileKind.GGUF}:
        return sha256_of(folder, name)
    digest = hashlib.sha256(b"%d\0" % folder.stat(name).size)
    if name.endswith(".safetensors"):
        length = folder.read_range(name, 0, 8)
        digest.update(length)
        digest.update(folder.read_range(name, 8, min(int.from_bytes(length, "little"), _LONGEST_HEADER)))
    return digest.hexdigest()
