"""Whether two folders hold the same file, from digests where they are known: no byte is fetched to find out."""

import hashlib
from typing import Final

from genfix.folder.folder import Folder
from genfix.folder.local import LocalFolder

__all__ = ["git_sha1_of", "same_file", "sha256_of"]

_CHUNK: Final = 1024 * 1024


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
    return _same_bytes(left, right, name, left_stat.size)


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
    content = folder.read(name)
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _same_bytes(left: Folder, right: Folder, name: str, size: int) -> bool:
    return all(
        left.read_range(name, start, _CHUNK) == right.read_range(name, start, _CHUNK)
        for start in range(0, size, _CHUNK)
    )
