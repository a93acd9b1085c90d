"""What a system can do with files beyond the functions of Python; for `genfix.applier.fs` alone."""

import errno
import os
import sys
import time
from typing import Final

if sys.platform != "win32":
    import fcntl

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2
"""linux/fs.h; `renameat2` is in glibc since 2.28 and in musl since 1.2."""
_FICLONE: Final = 0x40049409
_GETFLAGS: Final = 0x80086601 if sys.maxsize > 2**32 else 0x80046601
_IMMUTABLE: Final = 0x10
_APPEND_ONLY: Final = 0x20
"""linux/fs.h; what `lsattr` shows as i and a."""
_NO_COPY: Final = errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM
"""Where copy_file_range(2) is not possible between two files."""
_BUFFER: Final = 1024 * 1024
_WINDOWS_RETRIES: Final = 6
_ACL: Final = "system.posix_acl_access"
_PATH_ONLY: Final[int] = getattr(os, "O_PATH", 0)
_NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)


def renameat2(source: int | None, name: str, target: int | None, new_name: str, flag: int) -> None:
    """Rename between two open directories with a flag; ENOSYS where there is no such call."""
    if not sys.platform.startswith("linux") or source is None or target is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
    try:
        # Imported here: it takes longer than all else of a `genfix log`.
        import ctypes  # noqa: PLC0415

        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (ImportError, AttributeError, OSError) as error:
        # No such call, a Python built without libffi, or a disk that fails while its library is loaded.
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name) from error
    names = os.fsencode(name), os.fsencode(new_name)
    if call(source, names[0], target, names[1], ctypes.c_uint(flag)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new_name)


def clone(source: int, fd: int) -> None:
    """Let a new file share another one's blocks until either is written to (btrfs, XFS, ZFS)."""
    if not sys.platform.startswith("linux"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    fcntl.ioctl(fd, _FICLONE, source)


def copy_range(source: int, start: int, fd: int, length: int) -> int:
    """Append at most ``length`` bytes of one file, from ``start`` on, to another: by the kernel, which lets
    both files share whole blocks where the file system can (btrfs, XFS); else through a buffer.
    """
    if sys.platform.startswith("linux"):
        try:
            return os.copy_file_range(source, fd, length, offset_src=start)
        except OSError as error:
            if error.errno not in _NO_COPY:
                raise
    os.lseek(source, start, os.SEEK_SET)
    return os.write(fd, os.read(source, min(length, _BUFFER)))


def mount_id(name: str, directory: int | None) -> int | None:
    """Which mount a name of an open directory is on (proc(5), fdinfo); `None` where nobody can tell.

    Two names of one device may be on two mounts (a bind mount): no rename leads from one to the other.
    """
    if directory is None or not _PATH_ONLY:
        return None
    fd = os.open(name, _PATH_ONLY | _NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="utf-8") as file:  # noqa: PTH123 - of the kernel
            found = [line.split()[1] for line in file if line.startswith("mnt_id:")]
    except OSError:
        return None
    finally:
        os.close(fd)
    return int(found[0]) if found else None


def locked_by(fd: int) -> str:
    """The inode flag of `chattr` that forbids replacing an open file: ``i``, ``a`` or none."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        flags = int.from_bytes(fcntl.ioctl(fd, _GETFLAGS, bytes(8))[:4], sys.byteorder)
    except OSError:  # not on this filesystem
        return ""
    if flags & _IMMUTABLE:
        return "i"
    return "a" if flags & _APPEND_ONLY else ""


def copy_attributes(source: int, fd: int) -> None:
    """``user.*`` attributes and the access ACL of one open file to another."""
    if not sys.platform.startswith("linux"):
        return
    names = os.listxattr(source)
    for name in names:
        if name.startswith("user.") or name == _ACL:
            os.setxattr(fd, name, os.getxattr(source, name))
    if _ACL not in names and _ACL in os.listxattr(fd):
        # Inherited from the staging directory's default ACL: the file it replaces had none.
        os.removexattr(fd, _ACL)


if sys.platform == "win32":

    def retry_replace(source: str, target: str) -> None:
        """A reader or a virus scanner that has the file open is a sharing violation, which passes."""
        for attempt in range(_WINDOWS_RETRIES):
            try:
                os.replace(source, target)  # noqa: PTH105, TID251
            except PermissionError:
                if attempt == _WINDOWS_RETRIES - 1:
                    raise
                time.sleep(0.01 * 2**attempt)
            else:
                return
