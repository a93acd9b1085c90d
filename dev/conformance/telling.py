"""Run a script inside an engine's interpreter: folders go in, one per line, and JSON comes out, one line
each.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genfix.json_types import JsonObject

__all__ = ["Told", "ask_script"]


class Told(NamedTuple):
    """What an engine said: about itself, and about each folder."""

    about: JsonObject
    answers: Sequence[JsonObject]


def ask_script(script: Path, python: Path, folders: Sequence[Path]) -> Told:
    """What ``script`` tells; ends the program where it does not answer for each of ``folders``."""
    run = subprocess.run(
        [python, script],
        input="".join(f"{folder}\n" for folder in folders),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    lines = run.stdout.splitlines()
    if run.returncode or len(lines) != len(folders) + 1:
        sys.exit(f"{script.name} ended with {run.returncode} after {len(lines)} lines:\n{run.stderr[-4000:]}")
    about, *answers = map(json.loads, lines)
    return Told(about, answers)
