"""A GGUF written anew: whole or not at all, whatever the disk does, and never in another one's place."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from genfix.applier import find_stale
from genfix.applier.fs import FileSystem
from genfix.applier.gguf_writing import write_gguf
from genfix.errors import ChangedError, InputError, StorageError
from genfix.folder import LocalFolder
from genfix.gguf import GgufType, Header, TypedValue, edited_header, read_header
from tests.support.disks import QUICK, FaultyDisk, SimulatedCrash, TornDisk
from tests.support.gguf_files import GLM_KEYS, gguf_bytes

CONTENT = gguf_bytes(GLM_KEYS)


def scene(place: Path) -> tuple[LocalFolder, Header]:
    place.mkdir()
    (place / "m.gguf").write_bytes(CONTENT)
    folder = LocalFolder(place)
    return folder, read_header(folder, "m.gguf")


def planned(header: Header) -> bytes:
    """The first bytes with another end of a turn."""
    return edited_header(header, {"tokenizer.ggml.eot_token_id": TypedValue(GgufType.UINT32, 5)})


def write(folder: LocalFolder, header: Header, output: Path, fs: FileSystem = QUICK) -> bytes:
    """Write it with them; what the whole file shall be."""
    head = planned(header)
    write_gguf(folder, "m.gguf", output, was=header.data, data_start=header.data_start, head=head, fs=fs)
    return head + CONTENT[header.data_start :]


def test_it_has_the_new_header_and_the_old_data(tmp_path: Path) -> None:
    folder, header = scene(tmp_path / "a")
    os.chmod(folder.root / "m.gguf", 0o640)  # noqa: PTH101
    new = tmp_path / "a" / "new.gguf"
    assert write(folder, header, new) == new.read_bytes()
    assert new.stat().st_mode & 0o777 == 0o640
    assert (folder.root / "m.gguf").read_bytes() == CONTENT
    assert sorted(path.name for path in folder.root.iterdir()) == ["m.gguf", "new.gguf"]


def test_without_copy_file_range_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    folder, header = scene(tmp_path / "a")
    assert write(folder, header, tmp_path / "new.gguf") == (tmp_path / "new.gguf").read_bytes()


def faults() -> Iterator[tuple[str, Callable[[int], FaultyDisk]]]:
    """Disks that fail at their Nth call, once or for good, and processes that die there."""
    for number in (errno.ENOSPC, errno.EIO):
        error = partial(OSError, number, os.strerror(number))
        for forever in (False, True):
            yield f"{number} {forever}", partial(FaultyDisk, fault=error, forever=forever)
    yield "death", lambda at: FaultyDisk(at, SimulatedCrash, forever=True)
    yield "death in a write", lambda at: TornDisk(at, SimulatedCrash, forever=True)


@pytest.mark.parametrize("disk", [disk for _, disk in faults()], ids=[name for name, _ in faults()])
def test_whatever_fails_it_is_whole_or_not_there(disk: Callable[[int], FaultyDisk], tmp_path: Path) -> None:
    for at in count(1):
        folder, header = scene(tmp_path / str(at))
        output, failing = folder.root / "new.gguf", disk(at)
        with suppress(StorageError, SimulatedCrash):
            write(folder, header, output, failing)
        if not failing.has_failed:
            return
        assert (folder.root / "m.gguf").read_bytes() == CONTENT
        whole = planned(header) + CONTENT[header.data_start :]
        if output.exists():
            assert output.read_bytes() == whole
            output.unlink()
        assert write(folder, header, output) == whole
        assert find_stale(output) == ()  # the draft of the one that failed is gone too


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    folder, header = scene(tmp_path / "a")
    output = tmp_path / "a" / "new.gguf"

    class Racing(type(QUICK)):  # type: ignore[misc]
        def sync(self, fd: int) -> None:
            output.write_bytes(b"mine")

    with pytest.raises(InputError, match="exists already"):
        write(folder, header, output, Racing())
    assert output.read_bytes() == b"mine"
    assert sorted(path.name for path in folder.root.iterdir()) == ["m.gguf", "new.gguf"]


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    folder, header = scene(tmp_path / "a")
    path, output = folder.root / "m.gguf", tmp_path / "new.gguf"
    path.write_bytes(CONTENT.replace(b"<|user|>", b"<|USER|>", 1))
    with pytest.raises(ChangedError):
        write(folder, header, output)
    path.write_bytes(CONTENT)

    class Racing(type(QUICK)):  # type: ignore[misc]
        def copy_range(self, source: int, start: int, fd: int, length: int) -> int:
            path.write_bytes(CONTENT[:-32])
            os.utime(path, ns=(0, 0))
            return super().copy_range(source, start, fd, length)  # type: ignore[no-any-return]

    with pytest.raises(ChangedError):
        write(folder, header, output, Racing())
    assert not output.exists()
