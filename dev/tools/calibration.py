"""Judges folders whose state is known, and writes how often each rule speaks and how often it is right.

    python -m dev.tools.calibration healthy:DIR faulty:DIR unread:DIR pairs:DIR merges:DIR ... [-o PAGE]

``healthy`` and ``faulty`` hold model folders, at any depth, that somebody has read; ``unread`` ones nobody
has. ``pairs`` hold cases: ``base`` (healthy), ``merged`` (faulty, unless the case is called ``healthy-...``),
and ``fixed`` or ``after`` (healthy), which is how people mended it. In ``merges`` nobody has read ``merged``.
Each folder is judged alone, a ``merged`` one against its base as well. What is left out is counted under its
reason.
"""

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from genfix.errors import GenfixError
from genfix.folder import LocalFolder
from genfix.folder.kinds import CONFIG
from genfix.model import Model
from genfix.resolver import BaseFacts
from genfix.rules import RULES, Context, Finding, Severity, judge

__all__ = ["main", "page", "sample"]

_COMPARED: Final = 1024 * 1024
"""Bytes of each file by which a folder is the same as another: configs and headers of weights."""
_MENDED: Final = ("fixed", "after")
_LOUD: Final = (Severity.ERROR, Severity.WARNING)
_HEALTHY, _FAULTY, _UNREAD = "healthy", "faulty", "unread"
_PAIRED: Final = {"pairs": _FAULTY, "merges": _UNREAD}
"""What a merged folder of these is."""
_KINDS: Final = (_HEALTHY, _FAULTY, _UNREAD, *_PAIRED)


class Folder(NamedTuple):
    """One folder to judge."""

    path: Path
    state: str
    base: Path | None = None


class Judged(NamedTuple):
    """What was found."""

    folder: Folder
    findings: tuple[Finding, ...]

    @property
    def is_loud(self) -> bool:
        """Whether there is an error or a warning."""
        return any(finding.severity in _LOUD for finding in self.findings)


def sample(arguments: Sequence[str]) -> tuple[list[Folder], Counter[str]]:
    """The folders to judge, each once, and how many were left out for which reason.

    Raises:
        ValueError: For an argument that is none.

    """
    folders: list[Folder] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for argument in arguments:
        kind, _, name = argument.partition(":")
        if kind not in _KINDS or not Path(name).is_dir():
            raise ValueError(f"{argument!r} is none of {', '.join(f'{known}:DIR' for known in _KINDS)}")
        state = _PAIRED.get(kind)
        for folder in _all(Path(name), kind) if state is None else _pairs(Path(name), state):
            reason = _objection(folder, seen)
            if reason:
                left_out[reason] += 1
            else:
                folders.append(folder)
    return folders, left_out


def _all(root: Path, state: str) -> Iterator[Folder]:
    for path in sorted({root, *(path for path in root.rglob("*") if path.is_dir())}):
        if any(path.glob("*.json")) or any(path.glob("*.jinja")):
            yield Folder(path, state)


def _pairs(root: Path, merged_is: str) -> Iterator[Folder]:
    for merged in sorted(root.rglob("merged")):
        case, base = merged.parent, merged.parent / "base"
        state = _HEALTHY if case.name.startswith("healthy-") else merged_is
        yield Folder(merged, state)
        if base.is_dir():
            yield Folder(base, _HEALTHY)
            yield Folder(merged, state, base)
        yield from (Folder(case / name, _HEALTHY) for name in _MENDED if (case / name).is_dir())


def _objection(folder: Folder, seen: set[str]) -> str:
    """Why a folder is not judged; empty where it is."""
    if not (folder.path / CONFIG).is_file():
        return "no config.json: a tokenizer, templates or settings alone"
    digest = hashlib.sha256(str(folder.base is None).encode())
    for path in sorted(path for path in folder.path.iterdir() if path.is_file()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(_COMPARED))
    if digest.hexdigest() in seen:
        return "the same files again"
    seen.add(digest.hexdigest())
    return ""


def _judged(folder: Folder) -> Judged:
    base = BaseFacts(LocalFolder(folder.base)) if folder.base is not None else None
    return Judged(folder, judge(Context(Model(LocalFolder(folder.path)), base)))


def page(arguments: Sequence[str]) -> str:
    """The whole page."""
    folders, left_out = sample(arguments)
    results: list[Judged] = []
    for folder in folders:
        try:
            results.append(_judged(folder))
        except GenfixError as error:
            left_out[f"not read: {type(error).__name__}"] += 1
    head = _HEAD.format(arguments=" ".join(arguments))
    parts = [head, _summary(results), _by_rule(results), _left_out(left_out), _loud(results)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


_HEAD: Final = """\
<!-- Written by dev/tools/calibration.py. -->

# How often each rule speaks, and how often it is right

Folders whose state is known were judged: official config files and bases, which are healthy; folders of
which a public report or a reader says what is wrong; and folders as people mended them. An error or a
warning on a healthy folder is a false alarm; each is listed below, to be read. A faulty folder with neither
is a miss, unless its fault is one that [files cannot tell](what-files-cannot-tell.md), or one that is worth
information only. Merges of real tools, which nobody labeled one by one, are counted for themselves.

To repeat this, or to judge folders of your own:

```sh
uv run python -m dev.tools.calibration {arguments}
```
"""


def _summary(results: Sequence[Judged]) -> str:
    lines = ["| folders | judged | with an error or warning | silent |", "|---|---|---|---|"]
    for state in (_HEALTHY, _FAULTY, _UNREAD):
        for has_base in (False, True):
            some = [
                each for each in results if each.folder.state == state and bool(each.folder.base) is has_base
            ]
            loud = sum(each.is_loud for each in some)
            title = f"{state}, {'against the base' if has_base else 'alone'}"
            lines.append(f"| {title} | {len(some)} | {loud} | {len(some) - loud} |")
    return "\n".join(lines)


def _by_rule(results: Sequence[Judged]) -> str:
    lines = [
        "## By rule\n",
        "Folders with an error or warning of the rule, by their state, and with information alone. `right`",
        "is the share of the faulty among those that were read. Rules that spoke nowhere are left out.\n",
        "| rule | faulty | healthy | right | unread | information |",
        "|---|---|---|---|---|---|",
    ]
    for code, rule in RULES.items():
        spoke: Counter[str] = Counter()
        for each in results:
            severities = {finding.severity for finding in each.findings if finding.code == code}
            if severities:
                spoke["" if severities.isdisjoint(_LOUD) else each.folder.state] += 1
        read = spoke[_FAULTY] + spoke[_HEALTHY]
        right = f"{100 * spoke[_FAULTY] / read:.0f} %" if read else ""
        cells = [spoke[_FAULTY] or "", spoke[_HEALTHY] or "", right, spoke[_UNREAD] or "", spoke[""] or ""]
        if spoke:
            lines.append(f"| [{code}](rules/{code}.md) {rule.name} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _left_out(left_out: Counter[str]) -> str:
    lines = [f"| {reason} | {count} |" for reason, count in sorted(left_out.items())]
    return "\n".join(["## Left out\n", "| reason | folders |", "|---|---|", *lines])


def _loud(results: Sequence[Judged]) -> str:
    """Each false alarm and each miss, to be read by hand."""
    lines = [
        f"- {_name(each.folder)}: {finding.code} {finding.severity}, {finding.message}"
        for each in results
        if each.folder.state == _HEALTHY
        for finding in each.findings
        if finding.severity in _LOUD
    ]
    silent = [
        f"- {_name(each.folder)}" for each in results if each.folder.state == _FAULTY and not each.is_loud
    ]
    return "\n".join(
        [
            "## Errors and warnings on healthy folders\n",
            *(lines or ["None."]),
            "\n## Faulty folders with neither\n",
            *(silent or ["None."]),
        ]
    )


def _name(folder: Folder) -> str:
    return f"`{'/'.join(folder.path.parts[-2:])}`{', against its base' if folder.base else ''}"


def main() -> int:
    """Write the page, or print it; the exit code."""
    parser = argparse.ArgumentParser(description="Judge folders whose state is known.")
    parser.add_argument("folders", nargs="+", metavar=f"{'|'.join(_KINDS)}:DIR")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    try:
        text = page(arguments.folders)
    except ValueError as error:
        parser.error(str(error))
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
