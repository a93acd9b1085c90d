"""``genfix probe`` against the real vLLM: a broken folder, and the same folder after its repair.

    python -m dev.conformance.probe_vllm [--python PYTHON] [--record]

Serves the tiny GLM-4 of `dev.conformance.tiny` as merged models lose it, probes it, repairs it, serves and
probes it again. No answer of the first may stop, and every one of the second has to. ``--record`` writes what
happened to docs/probe-vllm.md.
"""

import argparse
import json
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dev.conformance.serve_vllm import genfix, serving
from dev.conformance.setups import HERE, interpreter
from dev.conformance.tiny import write
from genfix import __version__

PAGE: Final = HERE.parents[1] / "docs" / "probe-vllm.md"
OPTIONS: Final = ("--max-tokens", "96", "--concurrency", "16")
"""The tiny model has a context of 512 tokens, and a byte is a token to it."""


def stop_rate(report: Path) -> float:
    """The stop rate in a JSON report."""
    rate: float = json.loads(report.read_text("utf-8"))["run"]["summary"]["rates"]["stopped"]["value"]
    return rate


def main() -> int:
    """Run from the command line; 0 where nothing stopped before the repair and everything after it."""
    parser = argparse.ArgumentParser(prog="python -m dev.conformance.probe_vllm")
    parser.add_argument("--python", type=Path, help="an interpreter that has vLLM")
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.name}")
    arguments = parser.parse_args()
    python: Path = arguments.python or interpreter("vllm")
    rates: list[float] = []
    parts = [
        "# A probe of vLLM, before and after a repair\n",
        (
            "Written by `python -m dev.conformance.probe_vllm --record`, which does all of this for real: "
            "nothing here is typed by hand.\n"
        ),
        f"- date: {datetime.now(UTC).date().isoformat()}",
        (
            f"- genfix {__version__}; the model: "
            "a GLM-4 of one layer that says `\\nThe cat.<|user|>` for ever (`dev/conformance/tiny.py`)"
        ),
    ]
    with tempfile.TemporaryDirectory(prefix="probed-") as place, tempfile.TemporaryFile("w+") as log:
        base, merged, report = Path(place, "base"), Path(place, "merged"), Path(place, "report.json")
        write(base, "A", "glm4")
        write(merged, "B", "glm4")
        for title in ("The broken folder", "The repaired folder"):
            with serving(python, merged, log) as (command, port):
                url = f"http://127.0.0.1:{port}"
                asked = genfix("probe", url, "--folder", merged, *OPTIONS)
                genfix("probe", url, *OPTIONS, "--output-format", "json", "-o", report)
            rates.append(stop_rate(report))
            parts += [f"\n## {title}\n", _shown((shlex.join(command), ""), asked)]
            if len(rates) == 1:
                parts += ["\n## The repair\n", _shown(genfix("repair", merged, "--base", base))]
        page = "\n".join(parts).replace(place, "/tmp/probed").replace(str(python), "python") + "\n"
    print(page)
    if arguments.record:
        PAGE.write_text(page, "utf-8")
    return 0 if rates == [0.0, 1.0] else 1


def _shown(*commands: tuple[str, str]) -> str:
    blocks = "\n".join(f"$ {command}\n{output.rstrip()}".rstrip() for command, output in commands)
    return f"```console\n{blocks}\n```"


if __name__ == "__main__":
    sys.exit(main())
