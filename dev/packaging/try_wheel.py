"""The built wheel as users get it: ``python -m dev.packaging.try_wheel WHEEL`` runs it by uvx, in an
environment that has nothing else, on each Python from 3.11 that this machine has.

It says its version, and checks, repairs and takes back the example of the README.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dev.packaging.project import ROOT, project

_LOWEST = (3, 11)
_STEPS = (
    (("check", "merged", "--base", "base", "--quiet"), 1),
    (("repair", "merged", "--base", "base", "--lang", "zh"), 0),
    (("check", "merged", "--base", "base", "--output-format", "sarif"), 0),
    (("undo", "merged"), 0),
    (("check", "merged", "--base", "base", "--quiet"), 1),
)


def pythons(uv: str) -> dict[tuple[int, int], str]:
    """An interpreter of each version from 3.11 that is here, by its version."""
    words = [uv, "python", "list", "--only-installed", "--output-format", "json"]
    listed = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    found: dict[tuple[int, int], str] = {}
    for one in listed:
        parts = one["version_parts"]
        version = (parts["major"], parts["minor"])
        if one["implementation"] == "cpython" and version >= _LOWEST and one["path"]:
            found.setdefault(version, one["path"])
    return dict(sorted(found.items()))


def try_wheel(wheel: Path, python: str, uv: str) -> None:
    """Run the wheel on one Python. Raises `SystemExit` where it does not what it should."""
    command = [uv, "tool", "run", "--isolated", "--no-config", "--python", python, "--from"]
    command += [str(wheel.resolve()), "genfix"]
    without = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in without}
    with tempfile.TemporaryDirectory() as place:
        work = Path(shutil.copytree(ROOT / "examples" / "glm4", Path(place, "glm4")))
        said = subprocess.run(
            [*command, "--version"], cwd=work, env=environment, check=True, capture_output=True, text=True
        ).stdout
        if said != f"genfix {project().version}\n":
            raise SystemExit(f"{python}: the wheel says {said!r}")
        for words, code in _STEPS:
            done = subprocess.run(
                [*command, *words], cwd=work, env=environment, check=False, capture_output=True, text=True
            )
            if done.returncode != code:
                told = f"{done.stdout}{done.stderr}"
                raise SystemExit(f"{python}: genfix {' '.join(words)} ends with {done.returncode}\n{told}")


if __name__ == "__main__":
    file, *rest = sys.argv[1:]
    program = rest[0] if rest else "uv"
    for version, interpreter in pythons(program).items():
        try_wheel(Path(file), interpreter, program)
        print(f"Python {version[0]}.{version[1]}: the wheel checks, repairs and takes back")
