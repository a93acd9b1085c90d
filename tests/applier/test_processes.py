"""Real processes: a lock held, a kill, and signals before and after the commit point."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import recover, undo
from genfix.applier.fs import FileSystem
from genfix.errors import RefusedError
from tests.support.disks import leftovers, make_folder, picture, repair


class At(FileSystem):
    """Does something when it comes to create or replace the file ``leaf``."""

    def __init__(self, leaf: str, action: Callable[[], object]) -> None:
        super().__init__()
        self.leaf = leaf
        self.action = action

    def create(self, *args: Any) -> int:
        if args[1] == self.leaf:
            self.action()
        return super().create(*args)

    def rename(self, *args: Any) -> None:
        if args[3] == self.leaf:
            self.action()
        super().rename(*args)

    def exchange(self, *args: Any) -> None:
        if args[3] == self.leaf:
            self.action()
        super().exchange(*args)


def run_forked(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked process; its wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def kill_me() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("leaf", "is_repaired"),
    [(".gitignore", False), ("journal.tmp", False), ("journal.json", False), ("config.json", True)],
)
def test_a_killed_process_leaves_the_old_or_the_new(tmp_path: Path, leaf: str, *, is_repaired: bool) -> None:
    done = make_folder(tmp_path / "done")
    repair(done)
    folder = make_folder(tmp_path / "merged")
    before = picture(folder)
    # The backup creates a config.json as well: only the rename is meant.
    disk = At(leaf, kill_me)
    if leaf == "config.json":
        disk.create = FileSystem().create  # type: ignore[method-assign]
    status = run_forked(lambda: repair(folder, disk))
    assert os.WTERMSIG(status) == signal.SIGKILL
    recover(folder)
    expected = picture(done, mtimes=False) if is_repaired else picture(folder, mtimes=False)
    assert picture(folder, mtimes=False) == expected
    assert is_repaired or picture(folder) == before
    assert leftovers(folder) == []


def test_kills_at_random_moments(tmp_path: Path) -> None:
    done = make_folder(tmp_path / "done")
    ends = [picture(done, mtimes=False)]
    repair(done)
    ends.append(picture(done, mtimes=False))
    for number in range(20):
        folder = make_folder(tmp_path / str(number))
        child = os.fork()
        if child == 0:
            try:
                repair(folder)
            finally:
                os._exit(0)
        time.sleep(number * 0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        recover(folder)
        assert picture(folder, mtimes=False) in ends
        assert leftovers(folder) == []


@pytest.mark.parametrize("dir_fds", [True, False])
def test_one_at_a_time(folder: Path, *, dir_fds: bool) -> None:
    ready, release = threading.Event(), threading.Event()
    fs = FileSystem(dir_fds=dir_fds)

    class Slow(FileSystem):
        def __init__(self) -> None:
            super().__init__(dir_fds=dir_fds)

        def rename(self, *args: Any) -> None:
            ready.set()
            assert release.wait(20)
            super().rename(*args)

    worker = threading.Thread(target=repair, args=(folder, Slow()))
    worker.start()
    try:
        assert ready.wait(20)
        with pytest.raises(RefusedError, match="another genfix is working"):
            repair(folder, fs)
        with pytest.raises(RefusedError, match="another genfix is working"):
            undo(folder, fs=fs)
        with pytest.raises(RefusedError, match="another genfix is working"):
            recover(folder, fs=fs)
    finally:
        release.set()
        worker.join()
    undo(folder, fs=fs)
    assert leftovers(folder) == []


def test_the_lock_of_another_process_is_seen(folder: Path) -> None:
    script = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(fd, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        before = picture(folder)
        with pytest.raises(RefusedError, match="another genfix is working"):
            repair(folder)
        assert picture(folder) == before
        assert not (folder / ".cache").exists()
        holder.stdin.close()
    repair(folder)


def test_without_any_lock_nothing_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    before = picture(folder)
    with pytest.raises(RefusedError, match="no working file locks") as found:
        repair(folder)
    assert "--state-dir" in found.value.hint
    assert picture(folder) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("leaf", "is_repaired"),
    [(".gitignore", False), ("new-3-of-4", False), ("journal.tmp", True), ("journal.json", True)],
)
def test_a_signal_discards_before_the_commit_point_and_waits_after_it(
    folder: Path, number: signal.Signals, leaf: str, *, is_repaired: bool
) -> None:
    class ToldError(Exception):
        pass

    def tell(*_: object) -> None:
        raise ToldError

    before = picture(folder)
    previous = signal.signal(number, tell)
    try:
        with pytest.raises(ToldError):
            repair(folder, At(leaf, lambda: os.kill(os.getpid(), number)))
        assert signal.getsignal(number) is tell
    finally:
        signal.signal(number, previous)
    assert (picture(folder) != before) == is_repaired
    assert is_repaired == (folder / ".cache").exists()
    assert leftovers(folder) == []


def test_python_s_own_handler_raises_keyboard_interrupt(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        repair(folder, At(".gitignore", lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert not (folder / ".cache").exists()


def test_sigterm_ends_the_process_after_its_work(folder: Path) -> None:
    def work() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        repair(folder, At("journal.json", lambda: os.kill(os.getpid(), signal.SIGTERM)))

    assert os.WTERMSIG(run_forked(work)) == signal.SIGTERM
    assert leftovers(folder) == []
    assert recover(folder) is None
    undo(folder)


def test_a_handler_that_goes_on_still_learns_that_nothing_was_done(folder: Path) -> None:
    previous = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with pytest.raises(KeyboardInterrupt):
            repair(folder, At(".gitignore", lambda: os.kill(os.getpid(), signal.SIGTERM)))
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert not (folder / ".cache").exists()
