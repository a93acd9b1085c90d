"""Says which of the keys that people mended genfix finds, and gives the value that they gave.

    python -m dev.tools.human_fixes DIR ...

Below each directory a case is a folder with ``merged``, and ``fixed`` or ``after``, which is how a person
mended it; ``base`` where it is known. Each key of a JSON file that differs between the two is one key, and so
is each other file, and an index of weights. Asked with the base and alone: whether a finding is at the key,
whether a repair (with unsafe fixes too) leaves the person's value there, and what a safe repair changes that
the person left as it was: that is harm, unless a reader of the list says otherwise. Weights are left out.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from genfix.errors import GenfixError
from genfix.folder import LocalFolder
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import diff_values, same_value, value_at
from genfix.model import Model
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Context, Finding, Severity, judge

__all__ = ["Result", "cases", "main", "measure"]

_MENDED: Final = ("fixed", "after")
_LARGEST: Final = 32 * 1024 * 1024
_INDEX: Final = ".index.json"
_PAPERS: Final = (".md", ".txt")
Key: TypeAlias = tuple[str, str]
"""A file and a JSON pointer, which is empty where the whole file is meant."""


class Case(NamedTuple):
    """What a person mended."""

    name: str
    merged: Path
    fixed: Path
    base: Path | None


class Result(NamedTuple):
    """One key of one case, with the base or alone."""

    case: str
    key: Key
    has_base: bool
    found: Severity | None
    """The worst severity of a finding there."""
    right_safe: bool
    """Whether a repair leaves the person's value there."""
    right_unsafe: bool
    """Whether one with unsafe fixes does."""


def cases(root: Path) -> Iterator[Case]:
    """The cases below a directory."""
    for merged in sorted(root.rglob("merged")):
        base = merged.parent / "base"
        for name in _MENDED:
            if (merged.parent / name).is_dir():
                where = base if base.is_dir() else None
                yield Case(merged.parent.name, merged, merged.parent / name, where)


def measure(case: Case) -> tuple[list[Result], list[str]]:
    """Each key of ``case``, and what a safe repair changed that the person left as it was."""
    before, wanted = _files(case.merged), _files(case.fixed)
    keys = dict(_differences(before, wanted))
    results: list[Result] = []
    harm: list[str] = []
    for base in dict.fromkeys((case.base, None)):
        findings = _judged(case.merged, base)
        safe, unsafe = (_repaired(case.merged, before, base, unsafe=flag) for flag in (False, True))
        for key, value in keys.items():
            severities = [found.severity for found in findings if _is_at(found, key)]
            worst = min(severities, key=lambda severity: severity.rank, default=None)
            right = [_same(_at(files, key), value) for files in (safe, unsafe)]
            results.append(Result(case.name, key, base is not None, worst, *right))
        harm += [
            f"{case.name}{' with its base' if base else ''}: {file} {pointer}"
            for file, pointer in dict(_differences(before, safe))
            if not any(_overlap((file, pointer), key) for key in keys)
        ]
    return results, harm


def _files(folder: Path) -> dict[str, bytes]:
    """The config files of a folder."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in (*_PAPERS, ".safetensors") and path.stat().st_size < _LARGEST
    }


def _differences(
    before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> Iterator[tuple[Key, JsonValue | Missing | bytes]]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        values = [_value(content) for content in (old, new)]
        if all(isinstance(value, dict) for value in values) and not name.endswith(_INDEX):
            for found in diff_values(*values):  # type: ignore[arg-type]
                yield (name, found.pointer), found.right
        else:
            yield (name, ""), Missing.MISSING if new is None else new


def _value(content: bytes | None) -> JsonValue:
    try:
        value: JsonValue = json.loads(content or b"")
    except ValueError:
        return None
    return value


def _at(files: Mapping[str, bytes], key: Key) -> JsonValue | Missing | bytes:
    name, pointer = key
    if not pointer:
        return files.get(name, Missing.MISSING)
    return value_at(_value(files.get(name)), pointer)


def _same(left: JsonValue | Missing | bytes, right: JsonValue | Missing | bytes) -> bool:
    if isinstance(left, bytes | Missing) or isinstance(right, bytes | Missing):
        return left == right
    return same_value(left, right)


def _judged(merged: Path, base: Path | None) -> tuple[Finding, ...]:
    facts = BaseFacts(LocalFolder(base)) if base is not None else None
    return judge(Context(Model(LocalFolder(merged)), facts))


def _repaired(
    merged: Path, before: Mapping[str, bytes], base: Path | None, *, unsafe: bool
) -> dict[str, bytes]:
    facts = BaseFacts(LocalFolder(base)) if base is not None else None
    result = dict(before)
    for change in make_plan(LocalFolder(merged), facts, unsafe_fixes=unsafe).changes:
        result.pop(change.name, None)
        if change.after is not None:
            result[change.name] = change.after
    return result


def _is_at(finding: Finding, key: Key) -> bool:
    return _overlap((finding.file, finding.pointer or ""), key)


def _overlap(one: Key, other: Key) -> bool:
    """Whether both are of one place, or one is inside the other."""
    if one[0] != other[0]:
        return False
    left, right = f"{one[1]}/", f"{other[1]}/"
    return left.startswith(right) or right.startswith(left)


def main() -> int:
    """Print the counts, each miss and each harm; the exit code."""
    results: list[Result] = []
    harm: list[str] = []
    for case in (case for root in sys.argv[1:] for case in cases(Path(root))):
        try:
            found, harmed = measure(case)
        except GenfixError as error:
            print(f"{case.name}: not read: {error}")
            continue
        results += found
        harm += harmed
    for has_base in (True, False):
        some = [result for result in results if result.has_base is has_base]
        count = Counter(str(result.found or "missed") for result in some)
        safe, unsafe = sum(each.right_safe for each in some), sum(each.right_unsafe for each in some)
        print(
            f"{'with the base' if has_base else 'alone'}: {len(some)} keys, {dict(count)}; "
            f"the person's value after a repair {safe}, with unsafe fixes {unsafe}"
        )
    for result in results:
        if result.found is None or not result.right_unsafe:
            file, pointer = result.key
            where = "base" if result.has_base else "alone"
            what = "missed" if result.found is None else f"{result.found}, another value"
            print(f"  {result.case} ({where}): {file} {pointer}: {what}")
    print("harm:", *(harm or ["none"]), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
