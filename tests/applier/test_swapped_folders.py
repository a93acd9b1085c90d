"""Someone who may write to the parent folder swaps directories in a repair: root is not led astray."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from genfix.errors import GenfixError
from tests.support.disks import CALLS, QuickDisk, make_folder, picture, repair


class SwappingDisk(QuickDisk):
    """A disk on which ``swap`` happens before call ``at`` (from 1)."""

    def __init__(self, at: int, swap: Callable[[], None]) -> None:
        super().__init__()
        self.at = at
        self.swap = swap
        self.count = 0


def _swapping(name: str) -> Callable[..., Any]:
    real = getattr(QuickDisk, name)

    def call(self: SwappingDisk, *args: Any) -> Any:
        self.count += 1
        if self.count == self.at:
            self.swap()
        return real(self, *args)

    return call


for _name in CALLS:
    setattr(SwappingDisk, _name, _swapping(_name))


def every_tree(path: Path) -> Iterator[str]:
    """All that is below ``path``, the state folder too."""
    return (str(entry.relative_to(path)) for entry in sorted(path.rglob("*")))


@pytest.mark.parametrize("part", ["", ".cache", ".cache/huggingface", "additional_chat_templates"])
def test_nothing_is_written_where_a_swapped_folder_leads(tmp_path: Path, part: str) -> None:
    counter = SwappingDisk(0, lambda: None)
    repair(make_folder(tmp_path / "counted" / "merged"), counter)
    assert counter.count > 100
    # The first call opens the folder: what is there by then is the folder.
    for at in range(2, counter.count + 1, 3):
        scene = tmp_path / str(at)
        folder = make_folder(scene / "merged")
        victim = make_folder(scene / "victim")
        (victim / "huggingface").mkdir()
        before, tree = picture(victim), list(every_tree(victim))
        place = folder / part

        def swap(place: Path = place, victim: Path = victim, away: Path = scene / "away") -> None:
            if place.exists():
                place.rename(away)
                place.symlink_to(victim)

        with suppress(GenfixError):
            repair(folder, SwappingDisk(at, swap))
        assert picture(victim) == before, f"swapped at call {at}"
        assert list(every_tree(victim)) == tree, f"swapped at call {at}"
