"""What a store answers: how bad the folders are, by rule, by the tool that made them, and by base."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from genfix.display import in_notebook, printed
from genfix.resolver.case import ModelLocation
from genfix.zoo.judgement import Judgement
from genfix.zoo.store import Count, open_store

STATES: Final = ("endless", "broken", "worse", "healthy", "failed")
"""How bad a folder is, worst first; ``failed``: nobody knows."""
_MOST_TILES: Final = 100_000


class Group(NamedTuple):
    """Folders that have something in common."""

    label: str
    """Empty: nobody knows."""
    folders: tuple[int, ...]
    """How many of them are of each of `STATES`."""

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.folders)


class SweepReport(NamedTuple):
    """The newest judgement of every folder in a store."""

    store: str
    all: Group
    repaired: int
    rules: tuple[Count, ...]
    """Of how many folders each rule found something that asks for an answer; most first."""
    makers: tuple[Group, ...]
    bases: tuple[Group, ...]
    worst: tuple[Judgement, ...]
    """The worst first, as many as were asked for."""
    tiles: tuple[tuple[str, str], ...]
    """Path and state of every folder, in the order of paths."""

    def __repr__(self) -> str:
        """Short: there may be a hundred thousand folders."""
        return f"<SweepReport of {self.store}: {self.all.total} folders>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)


def sweep_report(store: ModelLocation, *, most: int = 50) -> SweepReport:
    """Read the store of a sweep; ``most`` folders are named. Raises `GenfixError` where it cannot be read."""
    with open_store(Path(store), to_write=False) as found:
        judged = found.latest()
        worst = tuple(islice((one for one in judged if state_of(one) != "healthy"), most))
        judged.close()
        return SweepReport(
            os.fspath(store),
            _group("", found.by_state()),
            found.repaired(),
            tuple(found.by_rule()),
            _groups(found.by_maker()),
            _groups(found.by_base()),
            worst,
            tuple(islice(((path, _state(state)) for path, state in found.states()), _MOST_TILES)),
        )


def state_of(one: Judgement) -> str:
    """How bad a folder is, as one of `STATES`."""
    return _state(one.worst if one.state in {"judged", "repaired"} else "failed")


def _state(worst: str) -> str:
    return worst if worst in STATES else "healthy"


def _groups(counts: Sequence[Count]) -> tuple[Group, ...]:
    labels = dict.fromkeys(count.label for count in counts)
    groups = [_group(label, [count for count in counts if count.label == label]) for label in labels]
    return tuple(sorted(groups, key=lambda group: (not group.label, -group.total, group.label)))


def _group(label: str, counts: Sequence[Count]) -> Group:
    return Group(
        label,
        tuple(sum(count.folders for count in counts if _state(count.worst) == state) for state in STATES),
    )
