"""Shows a fine-tune of GLM-4 that never stops, its repair, and the way back:
``python examples/glm4_never_stops.py``.

Works on a copy of ``examples/glm4``, in a temporary folder or in the one named on the command line.
"""

import difflib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent / "glm4"
CONFIG = Path("merged", "generation_config.json")
STOP_IDS = [151329, 151336, 151338]  # <|endoftext|>, <|user|>, <|observation|>


def genfix(*arguments: str, cwd: Path) -> int:
    """Print the command line, run it, and return its exit code."""
    print(f"\n$ genfix {' '.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, "-m", "genfix", *arguments], check=False, cwd=cwd).returncode


def show_diff(before: str, after: str) -> None:
    """Print what changed in the generation config."""
    print(f"\n$ diff -u {CONFIG.name} before and after", flush=True)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1)
    print(*lines, sep="\n", flush=True)


def main(work: Path) -> int:
    """Check, repair, check again and undo; 0 when each step did what the example promises."""
    shutil.copytree(EXAMPLE, work, dirs_exist_ok=True)
    broken = (work / CONFIG).read_text(encoding="utf-8")
    print(f"merged/ is a fine-tune of base/ that never stops. Both are copies, in {work}.", flush=True)

    found = genfix("check", "merged", "--base", "base", cwd=work)
    genfix("repair", "merged", "--base", "base", cwd=work)
    repaired = (work / CONFIG).read_text(encoding="utf-8")
    show_diff(broken, repaired)
    left = genfix("check", "merged", "--base", "base", cwd=work)
    genfix("log", "merged", cwd=work)
    genfix("undo", "merged", cwd=work)

    stops = json.loads(repaired)["eos_token_id"] == STOP_IDS
    undone = (work / CONFIG).read_text(encoding="utf-8") == broken
    print(f"\nThe repaired model {'stops at' if stops else 'still runs past'} <|user|>.")
    print(f"The undo {'brought every byte of the file back' if undone else 'left a difference'}.", flush=True)
    return 0 if stops and undone and (found, left) == (1, 0) else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory(prefix="genfix-") as folder:
        sys.exit(main(Path(folder)))
