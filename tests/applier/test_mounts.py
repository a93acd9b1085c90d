"""Real mounts and inode flags: a repair is made whole, or refused before anything is changed, or taken back.

Most need root. A case that this kernel or user cannot have is skipped, and says why.
"""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import build, check_whole, log, preflight, recover, undo
from genfix.applier.fs import FileSystem
from genfix.errors import GenfixError, RefusedError, StorageError
from tests.support.disks import NEW, OLD, inputs, leftovers, make_folder, picture, repair
from tests.support.users import AS_ROOT, as_user

Put = Callable[..., None]


def call(*words: object) -> str:
    """What a program of the system prints; it is run, or the test skipped."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"there is no {words[0]} here")
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, words[:3]))}: {done.stderr.strip()[:200]}")
    return done.stdout.strip()


@pytest.fixture
def put() -> Iterator[Put]:
    """Does something to the system, and undoes it at the end."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount")
    with ExitStack() as stack:

        def do(words: list[object], back: list[object]) -> None:
            call(*words)
            words_back = [str(word) for word in back]
            stack.callback(subprocess.run, words_back, capture_output=True, check=False)

        yield do


def mount(put: Put, place: Path, *options: object) -> None:
    place.mkdir(exist_ok=True, parents=True)
    put(["mount", *options, place], ["umount", "-l", place])


def image(put: Put, place: Path, make: list[object], *options: object) -> None:
    file = place.with_name("image")
    file.write_bytes(b"")
    os.truncate(file, 320 << 20)  # sparse; XFS makes no smaller one
    call(*make, file)
    mount(put, place, "-o", ",".join(["loop", *map(str, options)]), file)


# What is refused before anything is changed


def mounted_file(put: Put, folder: Path) -> None:
    shutil.copy(folder / "config.json", folder.parent / "host.json")
    put(
        ["mount", "--bind", folder.parent / "host.json", folder / "config.json"],
        ["umount", "-l", folder / "config.json"],
    )


def flagged(flag: str, name: str) -> Callable[[Put, Path], None]:
    def flag_it(put: Put, folder: Path) -> None:
        put(["chattr", f"+{flag}", folder / name], ["chattr", f"-{flag}", folder / name])

    return flag_it


def other_disk(name: str) -> Callable[[Put, Path], None]:
    return lambda put, folder: mount(put, folder / name, "-t", "tmpfs", "tmpfs")


def same_disk(put: Put, folder: Path) -> None:
    """The same device at both ends, and yet no rename leads there."""
    (folder.parent / "state").mkdir()
    mount(put, folder / ".cache", "--bind", folder.parent / "state")


def read_only(put: Put, folder: Path) -> None:
    mount(put, folder, "--bind", folder)
    call("mount", "-o", "remount,ro,bind", folder)


def renames_denied(put: Put, folder: Path) -> None:
    put(["bindfs", "--rename-deny", folder, folder], ["umount", "-l", folder])


REFUSED = {
    "a file that is mounted": mounted_file,
    "an append-only file": flagged("a", "config.json"),
    "an immutable file": flagged("i", "config.json"),
    "an append-only folder": flagged("a", "."),
    "an immutable folder": flagged("i", "."),
    "a part of the folder on another disk": other_disk("additional_chat_templates"),
    "the state folder on another disk": other_disk(".cache"),
    "the state folder on another mount of the same disk": same_disk,
    "a read-only mount": read_only,
    "a mount that denies renames": renames_denied,
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_before_anything_is_changed(tmp_path: Path, put: Put, what: str) -> None:
    folder = make_folder(tmp_path / "merged")
    REFUSED[what](put, folder)
    before, seen = picture(folder), inputs(folder)
    if what != "a mount that denies renames":  # which only a rename finds out, of the journal
        with pytest.raises(GenfixError) as told:
            preflight(folder, list(NEW))
        assert "--output" in told.value.hint
    with pytest.raises(GenfixError) as found:
        repair(folder)
    assert "--output" in found.value.hint
    assert picture(folder) == before
    assert list((folder / ".cache").rglob("*")) == [] if (folder / ".cache").exists() else True
    check_whole(folder)
    # What the hint names does it.
    build(folder, tmp_path / "copy", dict(NEW), inputs=seen)
    assert {name: (tmp_path / "copy" / name).read_bytes() for name in NEW} == dict(NEW)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("part", [".", "log", "backup"])
@pytest.mark.parametrize("what", ["a flag", "a mount"])
def test_a_state_folder_that_is_closed_in_part_is_found_out_too(
    tmp_path: Path, put: Put, what: str, part: str, *, elsewhere: bool
) -> None:
    """Else all files would be replaced, and the journal could not be moved into the log."""
    folder, state = make_folder(tmp_path / "merged"), tmp_path / "state" if elsewhere else None
    receipt = repair(folder, state_dir=state)
    home = receipt.backup.parents[1]
    (flagged("i", part) if what == "a flag" else other_disk(part))(put, home)
    before = picture(folder)
    with pytest.raises(GenfixError):
        undo(folder, receipt.id, state_dir=state)
    assert picture(folder) == before
    assert not list(home.glob("*journal*"))
    assert not list(folder.rglob("stage-*"))


@AS_ROOT
def test_a_file_of_another_user_in_a_sticky_folder_is_refused(place: Path) -> None:
    """access(2) allows to write such a file, and rename(2) not to replace it."""
    folder = make_folder(place / "merged")
    for path in folder.iterdir():
        path.chmod(0o777)
    folder.chmod(0o1777)
    place.chmod(0o755)
    before = picture(folder)

    def refused() -> None:
        with pytest.raises(StorageError, match=r"^cannot replace"):
            repair(folder)

    assert as_user(refused) == 0
    assert picture(folder) == before


# What is repaired as anywhere


def on_tmpfs(put: Put, place: Path) -> None:
    mount(put, place, "-t", "tmpfs", "tmpfs")


def on_overlay(put: Put, place: Path) -> None:
    """All files lie in the lower layer only, as in an image."""
    lower = make_folder(place.with_name("lower") / "merged")
    upper, work = place.with_name("upper"), place.with_name("work")
    upper.mkdir()
    work.mkdir()
    options = f"lowerdir={lower.parent},upperdir={upper},workdir={work}"
    mount(put, place, "-t", "overlay", "overlay", "-o", options)


def on_image(kind: str, *options: str) -> Callable[[Put, Path], None]:
    return lambda put, place: image(put, place, [f"mkfs.{kind}"], *options)


def on_fuse(*options: str) -> Callable[[Put, Path], None]:
    def start(put: Put, place: Path) -> None:
        folder = make_folder(place.with_name("source") / "merged")
        place.mkdir()
        put(["bindfs", *options, folder.parent, place], ["umount", "-l", place])

    return start


def on_driver(make: list[object], *driver: object) -> Callable[[Put, Path], None]:
    """A filesystem in an image whose driver is a program."""

    def start(put: Put, place: Path) -> None:
        file = place.with_name("image")
        file.write_bytes(b"")
        os.truncate(file, 64 << 20)
        call(*make, file)
        place.mkdir()
        device = call("losetup", "--find", "--show", file)
        put(["true"], ["losetup", "--detach", device])
        put([*driver, device, place], ["umount", "-l", place])

    return start


def on_fat(put: Put, place: Path) -> None:
    """A driver that knows neither modes nor times."""
    on_driver(["mkfs.vfat"], "fusefat", "-o", "rw+")(put, place)
    (place / "merged").mkdir()
    for name, content in OLD.items():
        (place / "merged" / name).write_bytes(content)


REPAIRED = {
    "tmpfs": on_tmpfs,
    "overlayfs, files of the lower layer": on_overlay,
    "ext4": on_image("ext4"),
    "xfs": on_image("xfs"),
    "btrfs": on_image("btrfs"),
    "vfat": on_image("vfat"),
    "exfat": on_image("exfat"),
    "vfat, by fusefat": on_fat,
    "exfat, by exfat-fuse": on_driver(["mkfs.exfat"], "mount.exfat-fuse"),
    "ntfs, by ntfs-3g": on_driver(["mkntfs", "-F", "-Q"], "ntfs-3g"),
    "FUSE": on_fuse(),
    "FUSE that refuses chmod": on_fuse("--chmod-deny"),
    "FUSE that ignores chmod": on_fuse("--chmod-ignore"),
    "FUSE that refuses chown": on_fuse("--chown-deny", "--chgrp-deny"),
    "FUSE that refuses extended attributes": on_fuse("--xattr-none"),
}


@pytest.mark.parametrize("what", REPAIRED)
def test_it_is_repaired_and_undone(tmp_path: Path, put: Put, what: str) -> None:
    place = tmp_path / "mount"
    REPAIRED[what](put, place)
    folder = place / "merged" if (place / "merged").exists() else make_folder(place / "merged")
    has_times = REPAIRED[what] is not on_fat
    before = picture(folder, mtimes=has_times)
    mask = os.umask(0)
    try:
        repair(folder)
        assert {name: (folder / name).read_bytes() for name in NEW} == dict(NEW)
        modes = {name: entry[2] for name, entry in picture(folder).items() if name in before}
        assert modes == {name: entry[2] for name, entry in before.items()}
        undo(folder)
    finally:
        os.umask(mask)
    assert picture(folder, mtimes=has_times) == before
    assert leftovers(folder) == []


def test_permission_bits_that_the_mount_and_the_umask_take_are_a_refusal(tmp_path: Path, put: Put) -> None:
    place = tmp_path / "mount"
    on_fuse("--chmod-deny")(put, place)
    folder = tmp_path / "source" / "merged"
    before = picture(folder)
    mask = os.umask(0o077)
    try:
        with pytest.raises(StorageError, match="refuses to give the new"):
            repair(place / "merged")
    finally:
        os.umask(mask)
    assert picture(folder) == before


@pytest.mark.parametrize("what", ["file", "folder", "both"])
@pytest.mark.parametrize("error", [errno.EIO, errno.EINVAL, errno.ENOSYS])
def test_a_mount_that_refuses_to_sync(tmp_path: Path, put: Put, what: str, error: int) -> None:
    """What cannot be made durable is refused. EINVAL of a folder is how a mount says that it has no such
    call, and the kernel itself hides ENOSYS.
    """
    pytest.importorskip("fuse", reason="needs the package fusepy")
    source, place = make_folder(tmp_path / "source" / "merged"), tmp_path / "mount"
    place.mkdir()
    before = picture(source)
    words = [sys.executable, "-m", "tests.support.refusing_fuse", source.parent, place, what, error]
    put(words, ["umount", "-l", place])
    if error == errno.ENOSYS or (error == errno.EINVAL and what == "folder"):
        repair(place / "merged")
        assert {name: (source / name).read_bytes() for name in NEW} == dict(NEW)
        undo(place / "merged")
        assert {name: entry[1] for name, entry in picture(source).items()} == {
            name: entry[1] for name, entry in before.items()
        }
    else:
        with pytest.raises(StorageError):
            repair(place / "merged")
        assert picture(source) == before
        assert leftovers(source) == []


# What happens in the middle


class Acts(FileSystem):
    """Does something to the system before ``config.json``, the last file, is replaced."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act

    def exchange(self, *args: Any) -> None:
        if args[3] == "config.json":
            self.act()
        super().exchange(*args)


def test_a_file_that_is_mounted_in_the_middle_is_taken_back(tmp_path: Path, put: Put) -> None:
    folder = make_folder(tmp_path / "merged")
    before = picture(folder)
    with pytest.raises(StorageError, match=r"cannot replace config\.json: Device or resource busy") as found:
        repair(folder, Acts(lambda: mounted_file(put, folder)))
    assert "--output" in found.value.hint
    call("umount", folder / "config.json")
    assert picture(folder) == before
    assert log(folder) == ()
    assert leftovers(folder) == []


def test_a_flag_that_is_set_in_the_middle_is_taken_back(tmp_path: Path, put: Put) -> None:
    folder = make_folder(tmp_path / "merged")
    before = picture(folder)
    with pytest.raises(StorageError, match=r"cannot replace config\.json"):
        repair(folder, Acts(lambda: flagged("a", "config.json")(put, folder)))
    assert picture(folder) == before
    assert leftovers(folder) == []


def test_a_mount_that_becomes_read_only_in_the_middle_is_told_and_finished_later(
    tmp_path: Path, put: Put
) -> None:
    """As after an error of the disk: nothing can be taken back while it is so."""
    folder = tmp_path / "merged"
    mount(put, folder, "-t", "tmpfs", "tmpfs")
    make_folder(folder / "m")
    before = picture(folder / "m")
    with pytest.raises(StorageError, match="interrupted"):
        repair(folder / "m", Acts(lambda: call("mount", "-o", "remount,ro", folder)))
    with pytest.raises(RefusedError, match="is half done"):
        check_whole(folder / "m")
    call("mount", "-o", "remount,rw", folder)
    recover(folder / "m")
    check_whole(folder / "m")
    assert {name: (folder / "m" / name).read_bytes() for name in NEW} == dict(NEW)
    undo(folder / "m")
    assert picture(folder / "m") == before
