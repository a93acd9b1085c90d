"""Run a script inside an engine's interpreter: folders go in, one per line, and JSON comes out, one line
each.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from genfix.json_types import JsonObject

__all__ = ["Told", "ask_script"]


class Told(NamedTuple):
    """What an engine said: about itself, and about each folder."""

    about: JsonObject
    answers: Sequence[JsonObject]


def ask_script(
    script: Path, python: Path, folders: Sequence[Path], answered: Callable[[], object] = lambda: None
) -> Told:
    """What ``script`` tells; ends the program where it does not answer for each of ``folders``.

    ``answered`` is called for each line.
    """
    lines: list[str] = []
    with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as errors:
        asked.writelines(f"{folder}\n" for folder in folders)
        asked.seek(0)
        with subprocess.Popen(
            [python, script],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        ) as run:
            for line in run.stdout or ():
                lines.append(line)
                answered()
        errors.seek(0)
        said = errors.read()[-4000:]
    if run.returncode or len(lines) != len(folders) + 1:
        sys.exit(f"{script.name} ended with {run.returncode} after {len(lines)} lines:\n{said}")
    about, *answers = map(json.loads, lines)
    return Told(about, answers)
