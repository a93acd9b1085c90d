"""Work in forks of a process that has only imported, and a decision about each of its system calls.

The kernel asks (seccomp's user notification): a call goes on, fails, or its process is killed in it. That
costs a fifteenth of strace, which stops at all calls to see one. Needs Linux 5.9 with libseccomp, no rights.
"""

import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

__all__ = ["KILL", "MEMORY", "Call", "Decide", "Forker", "Played", "Watch", "error_number", "forker", "serve"]

KILL: Final = -1
MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A disk without waits: what a kill leaves does not depend on what was synced."""
_ROOT: Final = Path(__file__).resolve().parents[2]
_UNSEEN: Final = frozenset(
    [
        "brk",
        "mmap",
        "munmap",
        "mremap",
        "madvise",
        "mprotect",
        "futex",
        "rt_sigreturn",
        "exit_group",
        "sendmsg",
    ]
)
"""Calls that change nothing which outlives the process; and the one that tells where the kernel asks."""
# <linux/seccomp.h> and <seccomp.h>
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE: Final = struct.Struct("=QIIiIQ6Q")
_ANSWER: Final = struct.Struct("=QqiI")
_CONTINUE: Final = 1
_LARGEST: Final = 1024
"""No system call has a number as large."""


class Call(NamedTuple):
    """A system call that waits for a decision."""

    name: str
    process: int
    first: int
    """Its first argument."""


Decide: TypeAlias = Callable[[Call], int]
"""What becomes of a call: 0, and it goes on; the number of an error; or `KILL`. Never raises."""
Watch: TypeAlias = Callable[[], None]
"""From here on the kernel asks."""
Work: TypeAlias = Callable[[Sequence[str], Watch], int]


class Played(NamedTuple):
    """How a fork ended."""

    code: int
    """Its exit code; negative: the signal that killed it."""
    out: str
    err: str


class Forker(NamedTuple):
    """The process that forks."""

    link: socket.socket

    def play(self, words: Sequence[str], place: Path, calls: Sequence[str], decide: Decide) -> Played:
        """Let a fork work on ``words``; ``decide`` about its ``calls``, or all where there are none.

        What it says is kept in ``place``.
        """
        self.link.send(json.dumps([words, str(place), calls]).encode())
        answer, notices, *_ = socket.recv_fds(self.link, 64, 1)
        if notices:
            _answer_all(notices[0], decide)
            answer = self.link.recv(64)
        said = ((place / name).read_text("utf-8", "replace") for name in ("out", "err"))
        return Played(int(answer), *said)


@contextmanager
def forker(module: str) -> Iterator[Forker]:
    """A process that runs ``module``, which calls `serve`."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    words = [sys.executable, "-B", "-m", module]
    # Closed before it is waited for: that is what ends it.
    with subprocess.Popen(words, cwd=_ROOT, stdin=theirs.fileno()), ours:
        theirs.close()
        yield Forker(ours)


def serve(work: Work) -> None:
    """Do ``work`` in a fork of this process for each that is asked for on standard input."""
    link = socket.socket(fileno=os.dup(0))
    while asked := link.recv(1 << 16):
        words, place, calls = json.loads(asked)
        child = os.fork()
        if child == 0:
            os._exit(_in_fork(work, words, Path(place), partial(_watch, link, calls)))
        link.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _in_fork(work: Work, words: Sequence[str], place: Path, watch: Watch) -> int:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    code = 1
    try:
        code = work(words, watch)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # told as Python does where nobody forks
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


@cache
def _library() -> ctypes.CDLL:
    found = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p
    return found


@cache
def _name(number: int) -> str:
    found = _library().seccomp_syscall_resolve_num_arch(0, number)
    return found.decode() if found else ""


def _watch(link: socket.socket, calls: Sequence[str]) -> None:
    """Let the kernel ask about this process's ``calls`` from now on, at the other end of ``link``."""
    library = _library()
    names = calls or [name for number in range(_LARGEST) if (name := _name(number)) and name not in _UNSEEN]
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        library.seccomp_rule_add(rules, ctypes.c_uint32(_NOTIFY), number, 0)
    if failed := library.seccomp_load(rules):
        raise OSError(-failed, os.strerror(-failed))
    socket.send_fds(link, [b"watched"], [library.seccomp_notify_fd(rules)])


def _answer_all(notices: int, decide: Decide) -> None:
    """Decide about each call, until no process is left that makes any."""
    waiting = select.poll()
    waiting.register(notices, select.POLLIN)
    while waiting.poll()[0][1] & select.POLLIN:
        notice = bytearray(_NOTICE.size)
        with suppress(FileNotFoundError):  # a process that was killed takes its question with it
            fcntl.ioctl(notices, _RECEIVE, notice)
            question, process, _, call, _, _, first, *_ = _NOTICE.unpack(notice)
            verdict = decide(Call(_name(call), process, first))
            if verdict == KILL:
                os.kill(process, signal.SIGKILL)
            else:
                fcntl.ioctl(notices, _SEND, _ANSWER.pack(question, 0, -verdict, 0 if verdict else _CONTINUE))
    os.close(notices)


def error_number(name: str) -> int:
    """The number of the error ``name`` (``EIO``)."""
    found: int = getattr(errno, name)
    return found
