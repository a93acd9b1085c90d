"""Whatever bytes a model folder holds: a finding or one sentence, and nothing written, asked or run
elsewhere.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.folders import FAMILIES, write_folder
from tests.support.running import Run, runner

CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
}
NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"}
RUNS = {"os.system", "os.exec", "os.posix_spawn", "pty.spawn"}


class Watch:
    """Hears, through Python's audit events, what the process does. A hook cannot be taken away again."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.allowed is None:
            return
        told = f"{event} {args!r}"
        if event == "open":
            writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and isinstance(args[0], str) and args[0].startswith("/") and not self._is_ours(args[0]):
                self.seen.append(told)
        elif event in CHANGES:
            if isinstance(args[0], str) and args[0].startswith("/") and not self._is_ours(args[0]):
                self.seen.append(told)
        elif event == "subprocess.Popen":
            if args[0] != sys.executable:  # templates are rendered by Python, in a child with limits
                self.seen.append(told)
        elif event in NETWORK | RUNS:
            self.seen.append(told)
        elif event == "compile" and isinstance(args[1], str) and self._is_ours(args[1]):
            self.seen.append(told)  # code of the model

    def _is_ours(self, path: str) -> bool:
        return path == os.devnull or path.startswith(self.allowed or ())


WATCH = Watch()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    WATCH.allowed = None


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """Bytes that are no file of this kind, or this file with a part of it replaced."""
    if data.draw(st.booleans()):
        return data.draw(st.binary(max_size=200))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    pieces = st.sampled_from(
        [
            b"",
            b"null",
            b"1e999",
            b"-1",
            b"[[[[",
            b"{}",
            b'"\\ud800"',
            b"{{ ''.__class__ }}",
            b"{% for i in range(9) %}",
        ]
    )
    return content[:start] + data.draw(st.one_of(pieces, st.binary(max_size=12))) + content[end:]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_bytes_in_any_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: Path, data: st.DataObject
) -> None:
    run: Run = runner(capsys)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    for name in ("base", "merged"):
        shutil.rmtree(place / name, ignore_errors=True)
    files = FAMILIES[data.draw(st.sampled_from(sorted(FAMILIES)))]()
    base = write_folder(place / "base", files)
    merged = write_folder(place / "merged", files)
    for name in data.draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=3, unique=True)):
        (merged / name).write_bytes(damaged(data, files[name]))
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    WATCH.seen.clear()
    WATCH.allowed = (str(place / "merged"), str(place / "cache"))
    try:
        for command in (
            ("check", merged),
            ("check", merged, "--base", base),
            ("repair", merged, "--base", base),
        ):
            result = run(*command)
            assert result.code in (0, 1, 2, 3)
            for sign in ("Traceback", "bug in genfix"):
                assert sign not in result.err, result.err
            text = (result.out + result.err).replace("\n", "")
            assert text.isprintable(), text
    finally:
        WATCH.allowed = None
    assert WATCH.seen == []
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    names=st.lists(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20), max_size=5
    )
)
def test_any_file_names(capsys: pytest.CaptureFixture[str], place: Path, names: list[str]) -> None:
    run: Run = runner(capsys)
    shutil.rmtree(place / "merged", ignore_errors=True)
    merged = write_folder(place / "merged", FAMILIES["glm"]())
    for name in names:
        if name not in {".", ".."} and len(name.encode()) < 200 and not (merged / name).exists():
            (merged / name).write_bytes(b"{}")
    result = run("check", merged, "--verbose")
    assert result.code in (0, 1)
    assert "bug in genfix" not in result.err
    assert (result.out + result.err).replace("\n", "").isprintable()
