"""Outcomes in a file, a line each: what an interrupted run has proven is not proven again."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from dev.loading_law.proving import Outcome, Tally
from dev.loading_law.subjects import Subject

__all__ = ["append", "read"]


class _Line(TypedDict):
    versions: Mapping[str, str]
    kind: str
    name: str
    excluded: str | None
    folders: Mapping[str, int]
    tallies: list[tuple[str, str, str, int]]
    breaches: list[str]
    differing: list[str]
    touched: list[str]


def append(path: Path, versions: Mapping[str, str], outcome: Outcome) -> None:
    """Add an outcome."""
    line: _Line = {
        "versions": versions,
        "kind": outcome.subject.kind,
        "name": outcome.subject.name,
        "excluded": outcome.excluded,
        "folders": outcome.folders,
        "tallies": [(t.reader, t.part, t.what, count) for t, count in outcome.tallies.items()],
        "breaches": list(outcome.breaches),
        "differing": list(outcome.differing),
        "touched": list(outcome.touched),
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read(path: Path | None, versions: Mapping[str, str]) -> Iterator[Outcome]:
    """The outcomes of these releases; a later line of the same subject counts."""
    if path is None or not path.is_file():
        return
    lines: list[_Line] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in {
        (line["kind"], line["name"]): line for line in lines if line["versions"] == versions
    }.values():
        yield Outcome(
            Subject(line["kind"], line["name"]),
            line["excluded"],
            line["folders"],
            {Tally(line["kind"], reader, part, what): n for reader, part, what, n in line["tallies"]},
            line["breaches"],
            line["differing"],
            line["touched"],
        )
