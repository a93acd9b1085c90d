"""A repair on real mounts and on files that the kernel locks: each case of `tests/applier/test_mounts.py`."""

import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["run"]

_ROOT: Final = Path(__file__).resolve().parents[2]


def run() -> int:
    """Print every case as passed, failed or skipped, with the reason; 1 where one failed."""
    tests = ["-p", "no:cacheprovider", "-v", "-rs", "tests/applier/test_mounts.py"]
    return subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=_ROOT, check=False).returncode
