"""Writes the table of what released versions of transformers know.

    python -m dev.tools.transformers_table genfix/engines/data/released.jsonl WHEEL ...

The wheels are releases, oldest first (``pip download --no-deps transformers==4.57.6``). Their code is read as
text and never runs. Each line is one entry, so that one is read without parsing the rest:

- the first line: the releases;
- ``[model type, first release, last, fields with one default in all of them, the other fields with their
  history (first, last, default), {column: class names of the newest release}]``;
- ``["class NAME", first, last, kind, model types, {needed argument: what it is compared to}]``;
- ``["settings", keys of GenerationConfig]``.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.tools.line_order import alike, compact
from dev.tools.wheel_names import Wheel, read_wheel
from genfix.json_types import JsonValue

__all__ = ["main"]


def main(out: Path, *wheels: Path) -> int:
    """Write the table; the exit code."""
    releases = [wheel.name.split("-")[1] for wheel in wheels]
    read = [read_wheel(wheel) for wheel in wheels]
    lines: list[JsonValue] = [[*releases], *_types(read), *_classes(read)]
    lines.append(["settings", [*sorted(frozenset().union(*(wheel.settings for wheel in read)))]])
    first, *others = map(compact, lines)
    out.write_text("".join(f"{line}\n" for line in (first, *alike(sorted(others)))), "utf-8")
    print(f"{len(lines) - 2} types and classes of {len(releases)} releases")
    return 0


def _types(read: Sequence[Wheel]) -> list[JsonValue]:
    lines: list[JsonValue] = []
    for kind in sorted(set().union(*(wheel.fields for wheel in read))):
        known = [index for index, wheel in enumerate(read) if kind in wheel.fields]
        same, changed = _columns({index: read[index].fields[kind] for index in known})
        columns: dict[str, JsonValue] = {}
        for index in known:
            columns |= {column: [*names] for column, names in read[index].columns.get(kind, {}).items()}
        lines.append([kind, known[0], known[-1], same, changed, columns])
    return lines


def _classes(read: Sequence[Wheel]) -> list[JsonValue]:
    lines: list[JsonValue] = []
    for name in sorted(set().union(*(wheel.classes for wheel in read))):
        found = {index: wheel.classes[name] for index, wheel in enumerate(read) if name in wheel.classes}
        types = sorted(frozenset().union(*(each.types for each in found.values())))
        newest = found[max(found)]
        lines.append([f"class {name}", min(found), max(found), newest.kind, [*types], {**newest.needed}])
    return lines


def _columns(fields: Mapping[int, Mapping[str, JsonValue]]) -> tuple[JsonValue, JsonValue]:
    """Fields with one default in all releases, and the others with their history."""
    same: dict[str, JsonValue] = {}
    changed: dict[str, JsonValue] = {}
    for name in sorted(set().union(*fields.values())):
        runs: list[list[JsonValue]] = []
        last = -2
        for index, values in fields.items():
            if name not in values:
                continue
            if last == index - 1 and _spelled(runs[-1][2]) == _spelled(values[name]):
                runs[-1][1] = index
            else:
                runs.append([index, index, values[name]])
            last = index
        if len(runs) == 1 and runs[0][:2] == [min(fields), max(fields)]:
            same[name] = runs[0][2]
        else:
            changed[name] = [*runs]
    return same, changed


def _spelled(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(Path, sys.argv[2:])))
