"""A scene for a fake Hub, played in a process of its own against every fault at every request."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.places import ROOT

__all__ = ["errors_of", "swept"]


def swept(module: str, what: str) -> list[dict[str, Any]]:
    """What became of each, the healthy run first; ``module`` is the scene, which is a program too."""
    done = subprocess.run(
        [sys.executable, "-m", module, what],
        env={name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def errors_of(case: dict[str, Any], *notes: str) -> list[str]:
    """The first word of each line that a run said, without those that begin as ``notes``."""
    lines = case["err"].splitlines()
    return [line.partition(" ")[0] for line in lines if not line.startswith(("note: ", *notes))]
