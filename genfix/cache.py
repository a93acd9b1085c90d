"""What genfix remembers between runs: small results under the digest of what they were made from.

In ``$XDG_CACHE_HOME/genfix`` (``~/.cache/genfix``), never in a model folder. Nothing depends on it: whatever
goes wrong is a miss. An entry is untrusted input to whoever loads it; the digest at its head only tells a
torn or damaged file from a whole one.

Downloaded files are kept there too, as they are, under their own digest: whoever reads one compares it.
"""

import errno
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 8 * 1024 * 1024
_NAME: Final = r"[a-z0-9][a-z0-9-]{0,127}"
_HEAD: Final = 65  # 64 hex digits and a line feed


def load(kind: str, key: str) -> bytes | None:
    """The bytes stored under ``kind`` and ``key`` (lower-case letters, digits, hyphens), or `None`.

    Never raises.
    """
    path = _path(kind, key)
    if path is None:
        return None
    try:
        # O_NONBLOCK: a FIFO at this path must not hang us.
        fd = os.open(path, os.O_RDONLY | _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
        with os.fdopen(fd, "rb") as file:
            if not _is_ours(os.fstat(fd)):
                return None
            content = file.read(_MAX_BYTES + _HEAD + 1)
    except (OSError, ValueError):
        return None
    data = content[_HEAD:]
    return data if content[:_HEAD] == _head(data) and len(data) <= _MAX_BYTES else None


def store(kind: str, key: str, data: bytes) -> None:
    """Keep ``data`` for `load`, readable by this user alone.

    Never raises; what cannot be kept is forgotten.
    """
    path = _path(kind, key)
    if path is None or len(data) > _MAX_BYTES:
        return
    try:
        _write(path, _head(data) + data)
    except (OSError, ValueError):
        return


def find_file(kind: str, digest: str) -> Path | None:
    """Where the file that was kept under ``digest`` is, or `None`. Never raises."""
    path = _path(kind, digest)
    try:
        return path if path is not None and _is_ours(path.lstat()) else None
    except (OSError, ValueError):
        return None


def keep_file(kind: str, digest: str, content: bytes) -> Path:
    """Keep a downloaded file under its digest, readable by this user alone.

    Raises `OSError` where that fails.
    """
    path = _path(kind, digest)
    if path is None:
        raise FileNotFoundError(errno.ENOENT, "there is no home directory")
    _write(path, content)
    return path


def _write(path: Path, content: bytes) -> None:
    """Put a whole file at ``path``, or leave nothing. Raises `OSError`."""
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flags("O_CLOEXEC", "O_BINARY"), 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        # No fsync: after a power cut the digest tells a torn entry.
        os.replace(temporary, path)  # noqa: PTH105, TID251 - the cache is outside every model folder
    except BaseException:
        _forget(temporary)
        raise


def _forget(temporary: Path) -> None:
    try:
        os.unlink(temporary)  # noqa: PTH108, TID251 - our own temporary file in the cache
    except OSError:
        return


def _path(kind: str, key: str) -> Path | None:
    if not (re.fullmatch(_NAME, kind) and re.fullmatch(_NAME, key)):
        return None
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # The XDG base directory specification: a relative path in the variable is to be ignored.
        base = Path(named) if os.path.isabs(named) else Path.home() / ".cache"  # noqa: PTH117 - may be ""
    except RuntimeError:  # no home directory
        return None
    return base / "genfix" / kind / key


def _is_ours(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    user = getattr(os, "geteuid", None)
    return user is None or status.st_uid == user()


def _head(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode("ascii") + b"\n"


def _flags(*names: str) -> int:
    """The ``os.O_*`` flags of these names that this system has."""
    value = 0
    for name in names:
        value |= getattr(os, name, 0)
    return value
