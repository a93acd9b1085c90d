"""Writes what genfix finds on a collection of real merges, so that a change of a rule shows as a diff to
review.

``python -m dev.tools.golden CORPUS`` writes tests/golden/merges.md: for each merged folder of CORPUS
(``<tool>@<version>/<model>/{base,merged}``) one line per finding, with its severity, its fix and what stands
there afterwards. With ``--check`` it writes nothing, prints the difference and exits with 1 where there is
one.
"""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from genfix.folder import LocalFolder
from genfix.jsontext.json_edit import raw_value
from genfix.model import Model
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import (
    CopyField,
    Finding,
    Mend,
    Operation,
    Quarantine,
    RemoveField,
    RestoreFile,
    SetField,
    StripBom,
    WriteFile,
)

ROOT: Final = Path(__file__).resolve().parents[2]

__all__ = ["GOLDEN", "golden", "main"]

GOLDEN: Final = ROOT / "tests" / "golden" / "merges.md"


def golden(corpus: Path) -> str:
    """The whole page, for the folders below ``corpus``."""
    parts = [
        "<!-- Written by dev/tools/golden.py. Review a change of this file line by line. -->",
        "# What is found on real merges",
        (
            "One line per finding: its rule and place, severity, how its fix is applied, "
            "and what stands there afterwards."
        ),
    ]
    parts += [
        f"## {merged.parent.relative_to(corpus).as_posix()}\n\n{_case(merged)}"
        for merged in sorted(corpus.glob("*@*/*/merged"))
    ]
    return "\n\n".join(parts) + "\n"


def _case(merged: Path) -> str:
    base = BaseFacts(LocalFolder(merged.parent / "base"))
    plan = make_plan(LocalFolder(merged), base)
    lines = ["| finding | severity | fix | afterwards |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(_cells(finding, base))} |" for finding in plan.findings]
    return "\n".join([*lines, "", _repair(plan)])


def _cells(finding: Finding, base: Model) -> tuple[str, ...]:
    place = finding.file + (f" {finding.pointer}" if finding.pointer else "")
    fix = finding.fix
    after = "; ".join(_afterwards(operation, base) for operation in fix.operations) if fix else ""
    return f"{finding.code} {place}", finding.severity, fix.applicability if fix else "none", after or "-"


def _afterwards(operation: Operation, base: Model) -> str:
    match operation:
        case RestoreFile(file, source):
            return f"{file}: the {source}'s file"
        case WriteFile(file, content) | Mend(file, content):
            return f"{file}: {len(content)} bytes of its own"
        case SetField(file, pointer, value):
            return f"{file} {pointer}: {_short(json.dumps(value, ensure_ascii=False))}"
        case CopyField(file, pointer):
            return f"{file} {pointer}: {_short(raw_value(base.folder.read(file), pointer).text)}"
        case RemoveField(file, pointer):
            return f"{file} {pointer}: removed"
        case Quarantine(file):
            return f"{file}: moved into the backup"
        case StripBom(file):
            return f"{file}: without the byte order mark"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return (text if len(text) <= 80 else text[:79] + "…").replace("|", "\\|")


def _repair(plan: Plan) -> str:
    written = ", ".join(change.name for change in plan.changes)
    left = ", ".join(f"{finding.code} ({finding.severity})" for finding in plan.remaining)
    return f"A repair writes {written or 'nothing'}; it leaves {left or 'nothing'}."


def _difference(corpus: Path) -> Iterator[str]:
    old = GOLDEN.read_text("utf-8").splitlines(keepends=True) if GOLDEN.is_file() else []
    yield from difflib.unified_diff(old, golden(corpus).splitlines(keepends=True), "committed", "now")


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description="Write what is found on a collection of real merges.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where something changed"
    )
    arguments = parser.parse_args()
    if arguments.check:
        lines = list(_difference(arguments.corpus))
        sys.stdout.writelines(lines)
        return 1 if lines else 0
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(golden(arguments.corpus), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
