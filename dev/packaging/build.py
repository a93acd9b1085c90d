"""Builds wheel and source archive twice, in different places, and keeps them where all bytes are equal:
``python -m dev.packaging.build OUT``.

Whoever has the commit can so make the very files of a release. The second copy of the source has other times,
another umask's permissions and another place; ``SOURCE_DATE_EPOCH`` is the time of the commit for both.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dev.packaging.project import ROOT


def build_twice(out: Path, uv: str = "uv") -> list[Path]:
    """The files of both builds, in ``out``. Raises `SystemExit` where they differ."""
    with tempfile.TemporaryDirectory() as place:
        first = _build(_copied(Path(place, "a")), out, uv)
        again = _copied(Path(place, "deeper", "b"))
        for path in again.rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (10**9, 10**9))
        second = _build(again, Path(place, "out"), uv)
        for one, other in zip(first, second, strict=True):
            if (one.name, one.read_bytes()) != (other.name, other.read_bytes()):
                raise SystemExit(f"{one.name} is not the same twice")
    return first


def _copied(place: Path) -> Path:
    """What git would give: the tracked files, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / name)
    return place


def _build(source: Path, out: Path, uv: str) -> list[Path]:
    words = ["git", "log", "-1", "--format=%ct"]
    when = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    words = [uv, "build", "--quiet", "--no-create-gitignore", "--out-dir", str(out.resolve())]
    subprocess.run(words, cwd=source, env={**os.environ, "SOURCE_DATE_EPOCH": when}, check=True)
    return sorted(path for path in out.iterdir() if path.suffix in {".whl", ".gz"})


if __name__ == "__main__":
    for made in build_twice(Path(sys.argv[1]), *sys.argv[2:]):
        print(made)
