"""What happens to tensors: each damage takes the header of a model and gives another, or none where it does
not apply.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

__all__ = ["DAMAGES", "Entry", "Header"]


class Entry(NamedTuple):
    """One tensor."""

    dtype: str
    shape: tuple[int, ...]


Header: TypeAlias = Mapping[str, Entry]

_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks?)\.(\d+)\.")


def _without(pattern: str, header: Header) -> Header | None:
    """Without all tensors of the last layer that the pattern finds."""
    found = [name for name in header if _LAYER.search(name) and re.search(pattern, name)]
    if not found:
        return None
    last = max(int(_LAYER.findall(name)[0]) for name in found)
    lost = {name for name in found if int(_LAYER.findall(name)[0]) == last}
    return {name: entry for name, entry in header.items() if name not in lost}


def _norm_lost(header: Header) -> Header | None:
    name = next(
        (name for name in header if re.search(r"(?:norm|ln_\w+|layer_?norm\d?)\.weight$", name)), None
    )
    return None if name is None else {each: entry for each, entry in header.items() if each != name}


def _all_of_a_norm_lost(header: Header) -> Header | None:
    name = next(
        (name for name in header if _LAYER.search(name) and re.search(r"norm\w*\.weight$", name)), None
    )
    if name is None:
        return None
    last = ".".join(name.split(".")[-2:])
    return {each: entry for each, entry in header.items() if not each.endswith(f".{last}")}


def _outside_lost(header: Header) -> Header | None:
    """Without the last matrix that stands in no layer: a head, mostly."""
    outside = [name for name, entry in header.items() if not _LAYER.search(name) and len(entry.shape) == 2]
    return {name: entry for name, entry in header.items() if name != outside[-1]} if outside else None


def _prefixed(prefix: str) -> Callable[[Header], Header | None]:
    return lambda header: {f"{prefix}{name}": entry for name, entry in header.items()}


def _half_prefixed(header: Header) -> Header | None:
    """A part of the tensors under another prefix."""
    names = sorted(header)
    moved = {*names[len(names) // 2 :]}
    return {(f"base_model.model.{n}" if n in moved else n): entry for n, entry in header.items()}


def _doubled(header: Header) -> Header | None:
    return {f"{name.partition('.')[0]}.{name}": entry for name, entry in header.items() if "." in name}


def _module_renamed(header: Header) -> Header | None:
    """Another name for a module of the layers."""
    name = next((name for name in header if _LAYER.search(name)), None)
    if name is None:
        return None
    part = name[_LAYER.search(name).end() :].partition(".")[0]  # type: ignore[union-attr]
    return {
        re.sub(rf"(\.\d+\.){re.escape(part)}\b", r"\1renamed_part", each): entry
        for each, entry in header.items()
    }


def _shaped(header: Header, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Header | None:
    for name, entry in header.items():
        shape = change(entry.shape)
        if len(entry.shape) == 2 and shape != entry.shape and _LAYER.search(name):
            return {**header, name: entry._replace(shape=shape)}
    return None


def _transposed(header: Header) -> Header | None:
    return _shaped(header, lambda shape: shape[::-1])


def _narrowed(header: Header) -> Header | None:
    return _shaped(header, lambda shape: (shape[0] // 2, *shape[1:]) if shape and shape[0] > 1 else shape)


def _emptied(header: Header) -> Header | None:
    return _shaped(header, lambda _: (0,))


def _more(header: Header) -> Header | None:
    return {**header, "another_part.extra.weight": Entry("F32", (4, 4))}


DAMAGES: Final[Mapping[str, Callable[[Header], Header | None]]] = {
    "a norm lost": _norm_lost,
    "a norm of all layers lost": _all_of_a_norm_lost,
    "attention of a layer lost": lambda header: _without(r"att[en]", header),
    "MLP of a layer lost": lambda header: _without(r"mlp|ffn|feed_forward|fc\d|dense|intermediate", header),
    "a head lost": _outside_lost,
    "under base_model.model.": _prefixed("base_model.model."),
    "under module.": _prefixed("module."),
    "half under another prefix": _half_prefixed,
    "the first part of names doubled": _doubled,
    "a module renamed": _module_renamed,
    "a matrix transposed": _transposed,
    "a matrix of half its rows": _narrowed,
    "a matrix without data": _emptied,
    "a tensor more": _more,
}
