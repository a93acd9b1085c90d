"""Repairs every case of a subject, and asks the readers before and after."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import genfix
from dev.loading_law.files import Files, stop_ids, write_folder
from dev.loading_law.laws import Seen, breaches, differently, fails
from dev.loading_law.reader import Loaded, Reader
from dev.loading_law.subjects import Case, Excluded, Subject, cases
from genfix.errors import GenfixError

__all__ = ["Outcome", "Tally", "prove"]


class Tally(NamedTuple):
    """What is counted: one part of repaired folders, in one reader."""

    kind: str
    reader: str
    part: str
    what: str
    """``loaded`` before the repair, ``still`` after it, ``newly`` only after it."""


class Outcome(NamedTuple):
    """What came of one subject."""

    subject: Subject
    excluded: str | None
    folders: Mapping[str, int]
    """How many folders were judged, changed, and refused."""
    tallies: Mapping[Tally, int]
    breaches: Sequence[str]
    differing: Sequence[str]
    """What loads only now, and otherwise than from the base."""
    touched: Sequence[str]
    """Folders that are their own base and were changed by a safe repair."""


class _Proof:
    """The cases of one subject, one after the other."""

    def __init__(self, subject: Subject, readers: Sequence[Reader], work: Path) -> None:
        self._subject, self._readers, self._work = subject, readers, work
        self.folders: Counter[str] = Counter()
        self.tallies: Counter[Tally] = Counter()
        self.breaches: list[str] = []
        self.differing: list[str] = []
        self.touched: list[str] = []
        self._alone: list[Files] = []

    def case(self, number: int, case: Case) -> None:
        """Safe and unsafe, against the base and alone."""
        place = self._work / f"{number}"
        merged, base = write_folder(case.merged, place / "merged"), write_folder(case.base, place / "base")
        done: set[tuple[tuple[str, bytes | None], ...]] = set()
        known = case.merged in self._alone
        self._alone.append(case.merged)
        for against in (base,) if known else (base, None):
            for unsafe in (False, True):
                name = f"{self._subject.name}: {case.name}, {'unsafe' if unsafe else 'safe'} fixes, " + (
                    "against its base" if against else "alone"
                )
                self.folders["judged"] += 1
                try:
                    plan = genfix.plan(merged, against, unsafe_fixes=unsafe)
                except GenfixError as error:
                    self.folders["refused"] += 1
                    if case.merged == case.base:
                        self.touched.append(f"{name}: refused, {error.message}")
                    continue
                except Exception as error:  # noqa: BLE001 - a defect of genfix is a breach
                    self.breaches.append(f"{name}: {type(error).__name__}: {error}")
                    continue
                changes = tuple((change.name, change.after) for change in plan.changes)
                codes = ", ".join(sorted({code for change in plan.changes for code in change.codes}))
                self.folders["changed"] += bool(changes)
                if changes and case.merged == case.base and not unsafe:
                    self.touched.append(f"{name}: {codes}")
                if changes in done:
                    continue  # read and counted
                done.add(changes)
                self._read(f"{name} ({codes})", case, dict(changes))
        shutil.rmtree(place)

    def _read(self, name: str, case: Case, changes: Mapping[str, bytes | None]) -> None:
        whole = {**case.merged, **changes}
        after: Files = {name: content for name, content in whole.items() if content is not None}
        stated = frozenset(stop_ids(case.merged))
        seen = Seen(
            self._load(case.merged),
            self._load(after),
            [self._load(files) for files in (case.base, *case.healthy)],
            stated,
        )
        if any(breaches(seen)):  # rare, and more folders to load
            seen = seen._replace(allowed=[*seen.allowed, *map(self._load, case.alike)])
        self.differing += [f"{name}: {sentence}" for sentence in differently(seen)]
        self.breaches += [f"{name}: {sentence}" for sentence in breaches(seen)]
        for reader in self._readers:
            old, new = seen.before[reader.name], seen.after[reader.name]
            for part in {*old, *new}:
                self._count(reader.name, part, loaded=not fails(old, part), loads=not fails(new, part))

    def _load(self, files: Files) -> dict[str, Loaded]:
        return {reader.name: reader.load(files) for reader in self._readers}

    def _count(self, reader: str, part: str, *, loaded: bool, loads: bool) -> None:
        for what, counts in (
            ("loaded", loaded),
            ("still", loaded and loads),
            ("newly", loads and not loaded),
        ):
            self.tallies[Tally(self._subject.kind, reader, part, what)] += counts


def prove(subject: Subject, readers: Sequence[Reader], work: Path) -> Outcome:
    """Judge, repair and read every case of ``subject`` below ``work``, which is emptied again."""
    work.mkdir(parents=True)
    proof = _Proof(subject, readers, work)
    excluded = None
    try:
        for number, case in enumerate(cases(subject, readers, work)):
            proof.case(number, case)
    except Excluded as reason:
        excluded = str(reason)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for reader in readers:
            reader.forget()
    return Outcome(
        subject, excluded, proof.folders, proof.tallies, proof.breaches, proof.differing, proof.touched
    )
