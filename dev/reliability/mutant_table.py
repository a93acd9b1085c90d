"""The table of mutants in docs/reliability.md: which test killed each when it was last run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["killers", "known_killer", "write_killers"]

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- mutants:begin -->", "<!-- mutants:end -->"
_ROW: Final = re.compile(r"^\| (?P<name>.+?) \| `[\w.]+` \| (?P<by>.+) \|$", re.MULTILINE)
_KNOWN: Final = re.compile(r"`(test_\w+\.py::\w+)`")
_TEST: Final = re.compile(r"^FAILED tests/applier/(test_\w+\.py::\w+)", re.MULTILINE)


def killers(output: str) -> str:
    """The test that failed first, as pytest's summary names it; empty where none did."""
    found = _TEST.search(output)
    return f"`{found[1]}`" if found is not None else ""


def known_killer(name: str) -> str:
    """The test that killed the mutant ``name`` the last time, as the table has it, or an empty text."""
    row = next((row for row in _ROW.finditer(_PAGE.read_text("utf-8")) if row["name"] == name), None)
    found = None if row is None else _KNOWN.fullmatch(row["by"])
    return "" if found is None else found[1]


def write_killers(mutants: Sequence[tuple[str, str]], killed: Mapping[str, str]) -> None:
    """Put what ``killed`` says by name into the table of all ``mutants`` (name and file); the rest stays."""
    page = _PAGE.read_text("utf-8")
    before, rest = page.split(_BEGIN)
    table, after = rest.split(_END)
    known = {**{row["name"]: row["by"] for row in _ROW.finditer(table)}, **killed}
    rows = [f"| {name} | `{file}` | {known.get(name, 'not run yet')} |" for name, file in mutants]
    lines = ["", "| what is taken away | in | killed by |", "|---|---|---|", *rows, ""]
    _PAGE.write_text(f"{before}{_BEGIN}{chr(10).join(lines)}{_END}{after}", "utf-8")
