"""What a repair may not do, on facts that readers report. Pure: no reader runs here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dev.loading_law.reader import Loaded
from genfix.json_types import JsonValue

__all__ = ["Seen", "breaches", "fails"]

SAME: Final = {"model": ("rope", "answer"), "tokenizer": ("ids", "template")}
"""By part, what must be the base's or the folder's own."""
CLOSE: Final = 1e-3
"""How far two releases may be apart on the same weights, as a share of the largest number."""


class Seen(NamedTuple):
    """What all readers see of one case, by the reader's name."""

    before: Mapping[str, Loaded]
    after: Mapping[str, Loaded]
    allowed: Sequence[Mapping[str, Loaded]]
    """Whose facts the repaired folder may have: its base's, and the undamaged folder's."""


def fails(loaded: Loaded, part: str) -> bool:
    """Whether a part does not load, or is not there."""
    return "facts" not in loaded.get(part, {})


def breaches(seen: Seen) -> Iterator[str]:
    """A sentence for each law that is broken."""
    for reader, after in seen.after.items():
        before = seen.before[reader]
        for part in before:
            if not fails(before, part) and fails(after, part):
                why = after.get(part, {}).get("error", "its files are gone")
                yield f"{reader}: {part} loaded before and does not after ({why})"
        for part, names in SAME.items():
            for name in names:
                yield from _changed(seen, reader, part, name)
        yield from _missing(reader, before, after)
        yield from _stops(seen, reader)


def _fact(loaded: Loaded, part: str, name: str) -> JsonValue:
    facts = loaded.get(part, {}).get("facts")
    return facts.get(name) if isinstance(facts, dict) else None


def _changed(seen: Seen, reader: str, part: str, name: str) -> Iterator[str]:
    before, after = (_fact(side[reader], part, name) for side in (seen.before, seen.after))
    if after is None:
        yardsticks = [side[reader] for side in seen.allowed if not fails(side[reader], part)]
        silent = any(_fact(loaded, part, name) is None for loaded in yardsticks)
        if before is not None and not silent and not fails(seen.after[reader], part):
            yield f"{reader}: {name} was there before and is not after"
        return
    sides = (seen.before, *seen.allowed)
    known = [_fact(loaded, part, name) for side in sides for loaded in side.values()]
    if not any(close(after, value, each=name != "answer") for value in known if value is not None) and any(
        known
    ):
        yield f"{reader}: {name} is neither the base's nor the folder's own"


def _missing(reader: str, before: Loaded, after: Loaded) -> Iterator[str]:
    old, new = (_fact(loaded, "model", "missing") for loaded in (before, after))
    if (
        isinstance(old, list)
        and isinstance(new, list)
        and (more := [name for name in new if name not in old])
    ):
        yield f"{reader}: {len(more)} tensors are missing that were not before, such as {more[0]}"


def _ids(loaded: Loaded, part: str, name: str) -> set[JsonValue]:
    found = _fact(loaded, part, name)
    return {i for i in found if isinstance(i, int)} if isinstance(found, list) else set()


def _stops(seen: Seen, reader: str) -> Iterator[str]:
    if fails(seen.before[reader], "generation") or fails(seen.after[reader], "generation"):
        return
    own, now = (_ids(side[reader], "generation", "stops") for side in (seen.before, seen.after))
    sides = (seen.before, seen.after, *seen.allowed)
    allowed = set[JsonValue]().union(
        *(
            _ids(loaded, "generation", "stops")
            for side in (seen.before, *seen.allowed)
            for loaded in side.values()
        ),
        *(_ids(loaded, "tokenizer", "turn ends") for side in sides for loaded in side.values()),
    )
    if lost := own - now:
        yield f"{reader}: stop ids {sorted(map(str, lost))} are lost"
    if strange := now - allowed:
        yield f"{reader}: stop ids {sorted(map(str, strange))} are nobody's"


def close(one: JsonValue, other: JsonValue, *, each: bool = False) -> bool:
    """Equal, numbers up to what two releases compute otherwise: of the largest, or of ``each``."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= CLOSE * max(abs(one), abs(other))
    if not (isinstance(one, list) and isinstance(other, list)):
        return one == other
    if len(one) != len(other):
        return False
    numbers = [abs(value) for value in (*one, *other) if isinstance(value, float)]
    if each or len(numbers) < len(one) * 2:
        return all(close(a, b, each=each) for a, b in zip(one, other, strict=True))
    return all(
        abs(float(str(a)) - float(str(b))) <= CLOSE * max(numbers, default=0)
        for a, b in zip(one, other, strict=True)
    )
