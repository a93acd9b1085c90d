"""Every call with which the applier reads or changes a disk.

Nothing else in genfix renames, creates or removes a file (ruff's banned-api list keeps it so). The calls are
methods of one object that is handed down as a parameter, so a test can pass one that fails at its Nth call.
Names are single path components, taken relative to an open directory: a parent that is swapped for a link
meanwhile cannot redirect a write. Where the platform has no such calls (Windows), the same methods join paths
and promise less: no durability of directory entries, no protection against a swapped parent.
"""

import errno
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genfix.applier import kernel

if sys.platform != "win32":
    import fcntl

_HAS_DIR_FDS: Final = {os.open, os.mkdir, os.rmdir, os.stat, os.link} <= os.supports_dir_fd
_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
_DIRECTORY: Final = getattr(os, "O_DIRECTORY", 0)

_JUNCTION: Final = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT (winnt.h): a directory that stands for another one."""
_NO_LINKS: Final = errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES
_NO_SYNC: Final = errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF
_NO_METADATA: Final = errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS


@dataclass(frozen=True, slots=True)
class Dir:
    """An open directory."""

    path: Path
    """Where it was when it was opened: for messages, and for the calls of a platform without descriptors."""
    fd: int | None
    """The descriptor the calls are relative to, or `None` where paths are joined instead."""


def is_errno(error: OSError, *numbers: int) -> bool:
    """Whether ``error`` carries one of ``numbers``."""
    return error.errno in numbers


class FileSystem:
    """The calls, without any state of their own. All of them raise `OSError`."""

    def __init__(self, *, dir_fds: bool = _HAS_DIR_FDS) -> None:
        self._dir_fds = dir_fds

    # directories

    def open_root(self, path: Path) -> Dir:
        """Open a directory the user named; links on the way to it are followed."""
        if self._dir_fds:
            return Dir(path, os.open(path, os.O_RDONLY | _DIRECTORY | _CLOEXEC))
        if not stat.S_ISDIR(path.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return Dir(path, None)

    def open_dir(self, parent: Dir, name: str) -> Dir:
        """Open a directory inside ``parent``; `NotADirectoryError` or ELOOP where it is a link."""
        path = parent.path / name
        if parent.fd is not None:
            return Dir(path, os.open(name, os.O_RDONLY | _DIRECTORY | _NOFOLLOW | _CLOEXEC, dir_fd=parent.fd))
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return Dir(path, None)

    def close_dir(self, directory: Dir) -> None:
        """Close the descriptor."""
        if directory.fd is not None:
            os.close(directory.fd)

    def mkdir(self, parent: Dir, name: str, mode: int = 0o777) -> None:
        """Create a directory, its mode masked by the umask; of root's it belongs to whom its parent does."""
        os.mkdir(_path(parent, name), mode, dir_fd=parent.fd)
        if (owner := _other_owner(parent)) is not None:
            with suppress(OSError):
                os.chown(name, *owner, dir_fd=parent.fd, follow_symlinks=False)

    def rmdir(self, parent: Dir, name: str) -> None:
        """Remove an empty directory."""
        os.rmdir(_path(parent, name), dir_fd=parent.fd)

    def names(self, directory: Dir) -> list[str]:
        """The entries, sorted."""
        return sorted(os.listdir(directory.path if directory.fd is None else directory.fd))  # noqa: PTH208 - by descriptor

    def stat_dir(self, directory: Dir) -> os.stat_result:
        """The status of the open directory itself."""
        return directory.path.stat() if directory.fd is None else os.fstat(directory.fd)

    def chmod_dir(self, directory: Dir, mode: int) -> None:
        """Set the permission bits of the open directory itself."""
        if directory.fd is not None:
            os.chmod(directory.fd, mode)  # noqa: PTH101 - by descriptor

    def sync_dir(self, directory: Dir) -> None:
        """Make the entries durable. Some network filesystems cannot, and say EINVAL: that is no error."""
        if directory.fd is None:
            return
        try:
            self._full_sync(directory.fd)
        except OSError as error:
            if not is_errno(error, *_NO_SYNC):
                raise

    def try_lock(self, directory: Dir) -> bool:
        """Take the directory's own advisory lock; false where another process has it.

        Held until the directory is closed. Raises ENOTSUP, or what the mount says, where there is no such
        lock.
        """
        return _flock(directory.fd)

    # names

    def lstat(self, directory: Dir, name: str) -> os.stat_result:
        """The status of an entry, of the link itself where it is one."""
        return os.stat(_path(directory, name), dir_fd=directory.fd, follow_symlinks=False)

    def may_write(self, directory: Dir, name: str = ".") -> bool:
        """Whether the kernel would let us write: a read-only mount, an immutable inode count for root too."""
        return os.access(
            _path(directory, name),
            os.W_OK,
            dir_fd=directory.fd,
            effective_ids=os.access in os.supports_effective_ids,
        )

    def mount_id(self, directory: Dir, name: str = ".") -> int | None:
        """Which mount an entry is on; `None` where the system does not tell."""
        return kernel.mount_id(name, directory.fd)

    def locked_by(self, fd: int) -> str:
        """The inode flag that forbids replacing an open file, as `chattr` names it; empty: none."""
        return kernel.locked_by(fd)

    def try_replace(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """Raise what the kernel would raise where a file is replaced, and change nothing.

        ``name`` is a directory. That one never takes the place of a file (rename(2), ENOTDIR), which Linux
        says after it has asked for permissions, flags and sticky bits (fs/namei.c, may_delete).
        """
        if not sys.platform.startswith("linux") or source.fd is None:
            return
        try:
            os.replace(name, new_name, src_dir_fd=source.fd, dst_dir_fd=target.fd)  # noqa: TID251
        except OSError as error:
            if not is_errno(error, errno.ENOTDIR, errno.EEXIST):
                raise
        else:  # the file went at this very moment
            os.replace(new_name, name, src_dir_fd=target.fd, dst_dir_fd=source.fd)  # noqa: TID251

    def rename(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """Give an entry another name, atomically, in place of what has that name now."""
        if sys.platform == "win32":
            kernel.retry_replace(_path(source, name), _path(target, new_name))
        else:
            os.replace(  # noqa: TID251
                _path(source, name), _path(target, new_name), src_dir_fd=source.fd, dst_dir_fd=target.fd
            )

    def rename_new(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """Give an entry another name only where nothing has that name: `FileExistsError` otherwise."""
        if sys.platform == "win32":
            # Refuses to replace on this system.
            os.rename(_path(source, name), _path(target, new_name))  # noqa: PTH104, TID251
            return
        try:
            self.link(source, name, target, new_name)
        except OSError as error:
            if not is_errno(error, *_NO_LINKS):
                raise
        else:
            self.unlink(source, name)
            return
        try:
            self.rename_exclusive(source, name, target, new_name)
        except OSError as error:
            if not is_errno(error, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
                raise
            # A mount with neither hard links nor RENAME_NOREPLACE: a look first is all that is left.
            with suppress(FileNotFoundError):
                self.lstat(target, new_name)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new_name) from error
            self.rename(source, name, target, new_name)

    def rename_exclusive(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """The one call that renames and never replaces; ENOSYS where the platform or the mount has none."""
        kernel.renameat2(source.fd, name, target.fd, new_name, kernel.RENAME_NOREPLACE)

    def exchange(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """Let two entries change places, atomically; ENOSYS or EINVAL where that is not possible."""
        kernel.renameat2(source.fd, name, target.fd, new_name, kernel.RENAME_EXCHANGE)

    def link(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        """Give a file a second name; `FileExistsError` where something has it."""
        os.link(
            _path(source, name),
            _path(target, new_name),
            src_dir_fd=source.fd,
            dst_dir_fd=target.fd,
            follow_symlinks=False,
        )

    def link_path(self, path: Path, target: Dir, name: str) -> None:
        """Give the file at ``path``, which is no link, a second name."""
        os.link(path, _path(target, name), dst_dir_fd=target.fd, follow_symlinks=False)

    def unlink(self, directory: Dir, name: str) -> None:
        """Remove a file of the applier's own: a file of the user's is only ever moved or replaced."""
        os.unlink(_path(directory, name), dir_fd=directory.fd)  # noqa: TID251

    # files

    def open_read(self, directory: Dir, name: str) -> int:
        """Open for reading without following a link and without waiting for a FIFO's writer."""
        path = _path(directory, name)
        if not _NOFOLLOW and stat.S_ISLNK(os.lstat(path).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return os.open(path, os.O_RDONLY | _NOFOLLOW | _NONBLOCK | _CLOEXEC | _BINARY, dir_fd=directory.fd)

    def create(self, directory: Dir, name: str, mode: int) -> int:
        """Create a file that does not exist yet, for writing; ``mode`` is masked by the umask.

        What root creates in somebody's directory belongs to that user, who shall be able to undo it.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC | _BINARY
        fd = os.open(_path(directory, name), flags, mode, dir_fd=directory.fd)
        if (owner := _other_owner(directory)) is not None:
            with suppress(OSError):
                os.fchown(fd, *owner)
        return fd

    def try_lock_file(self, fd: int) -> bool:
        """`try_lock` of an open file, until it is closed."""
        return _flock(fd)

    def fstat(self, fd: int) -> os.stat_result:
        """The status of an open file."""
        return os.fstat(fd)

    def read(self, fd: int, length: int) -> bytes:
        """At most ``length`` bytes; empty at the end."""
        return os.read(fd, length)

    def write(self, fd: int, content: bytes | memoryview) -> int:
        """Write some of ``content`` and say how much: a full tmpfs takes a part without an error."""
        return os.write(fd, content)

    def clone(self, source: int, fd: int) -> None:
        """Let a new file share another one's blocks until either is written to (btrfs, XFS, ZFS)."""
        kernel.clone(source, fd)

    def copy_range(self, source: int, start: int, fd: int, length: int) -> int:
        """Append some bytes of one open file to another, and say how many: 0 at the end."""
        return kernel.copy_range(source, start, fd, length)

    def set_mode(self, fd: int, mode: int) -> None:
        """Set permission bits. A mount that has none (FAT) is no error."""
        if sys.platform == "win32":
            return
        try:
            os.fchmod(fd, mode)
        except OSError as error:
            if not is_errno(error, *_NO_METADATA):
                raise

    def set_group(self, fd: int, group: int) -> None:
        """Give the file to a group, where that is allowed."""
        if sys.platform != "win32":
            with suppress(OSError):
                os.fchown(fd, -1, group)

    def set_mtime(self, fd: int, nanoseconds: int) -> None:
        """Set the modification time; not possible through a descriptor on Windows, where it stays."""
        if os.utime in os.supports_fd:
            os.utime(fd, ns=(os.fstat(fd).st_atime_ns, nanoseconds))

    def copy_owner(self, source: int, fd: int) -> None:
        """Owner, group, ``user.*`` attributes and the access ACL of one open file to another, best effort."""
        if sys.platform == "win32":
            return
        old, new = os.fstat(source), os.fstat(fd)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            try:
                os.fchown(fd, old.st_uid, old.st_gid)
            except OSError:
                self.set_group(fd, old.st_gid)
        with suppress(OSError):
            kernel.copy_attributes(source, fd)

    def sync(self, fd: int) -> None:
        """Make a file's content durable. A failure is final: the kernel may have dropped the pages."""
        self._full_sync(fd)

    def close(self, fd: int) -> None:
        """Close, with the error NFS reports only now."""
        os.close(fd)

    def _full_sync(self, fd: int) -> None:
        # On macOS fsync leaves the bytes in the drive's cache: fcntl(2), F_FULLFSYNC.
        if sys.platform == "darwin":
            try:
                fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            except OSError as error:
                if not is_errno(error, errno.ENOTSUP, errno.ENOTTY, errno.EINVAL):
                    raise
            else:
                return
        os.fsync(fd)


def _flock(fd: int | None) -> bool:
    if sys.platform == "win32" or fd is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _other_owner(directory: Dir) -> tuple[int, int] | None:
    """The owner and the group of an open directory, where we are root and it is somebody else's."""
    if sys.platform == "win32" or directory.fd is None or os.geteuid() != 0:
        return None
    status = os.fstat(directory.fd)
    return (status.st_uid, status.st_gid) if status.st_uid != 0 else None


def _path(directory: Dir, name: str) -> str:
    return name if directory.fd is not None else str(directory.path / name)


DISK: Final = FileSystem()
"""The real disk."""
