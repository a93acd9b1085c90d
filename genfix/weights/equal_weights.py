"""Whether the weights are the base's, all of them wherever one looks.

Of two folders on this machine two pieces of each tensor are compared. Where one is elsewhere each piece costs
a request: digests tell where both are listed or the files are small; else pieces are chosen so that one
request brings the end of a tensor and the beginning of the next, and a training is found out by the first.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from genfix.folder import is_far, same_file
from genfix.folder.remote import RemoteFolder
from genfix.model import Model
from genfix.model.safetensors import Tensor, read_header
from genfix.weights.sample_plan import spread
from genfix.weights.tensor_comparison import Pair, State, compare_tensors, flat, is_same, paired
from genfix.weights.tensor_names import TensorNames
from genfix.weights.tensor_reader import GAP, MOST_REQUESTS, Ledger, Span, Spent, TensorReader

_HASHED: Final = 64 * 1024 * 1024
"""Bytes of weights that are hashed rather than asked for."""
_MOST_FILES: Final = 48
"""Of so many files elsewhere the headers are read; each may cost two requests."""
_FEW: Final = 8
"""So many of each kind of tensor have to be seen, or all where there are fewer. As many places are looked at
before more is asked for."""
_NUMBERS: Final = 1024
_AT_ONCE: Final = 32
_COMPUTED: Final = re.compile(r"(?:inv_freq|position_ids|\.masked_bias|attn\.bias|num_batches_tracked)$")
_NUMBER: Final = re.compile(r"(?<=\.)\d+(?=\.)")


class Equality(NamedTuple):
    """All that was compared is the base's."""

    seen: int
    """Tensors that were compared."""
    total: int
    """Tensors of the folder."""
    spent: Spent = Spent()


def equality(merged: Model, base: Model) -> Equality | None:
    """How much was seen to be equal; `None` where something differs, or too little can be seen.

    Raises `GenfixError` where a tensor cannot be read.
    """
    if not (merged.weights.has_tensors and merged.weights.is_whole):
        return None
    if is_far(merged.folder) or is_far(base.folder):
        total = len(merged.weights.tensors)
        return Equality(total, total) if _are_listed_alike(merged, base) else _far(merged, base)
    compared = compare_tensors(merged, base)
    added = [each.name for each in compared.tensors if each.state is State.ADDED]
    if not compared.equals_base or _brings_its_own(merged, added):
        return None
    seen = compared.states[State.UNTOUCHED]
    return Equality(seen, seen, compared.spent)


def _brings_its_own(merged: Model, added: Sequence[str]) -> bool:
    """Whether one of the tensors that the base has not may be what was trained: a head on a frozen model. The
    embedding once more, and what is computed and not trained, are not.
    """
    facts = merged.weights.facts
    head, embedding = facts.head, facts.embedding
    if head in added and head is not None and embedding is not None:
        if merged.weights.same_values(embedding, head) is False:
            return True
        added = [name for name in added if name != head]
    return not all(_COMPUTED.search(name) for name in added)


def _are_listed_alike(merged: Model, base: Model) -> bool:
    """Whether files of one name are equal by their digests; not where that is a long work."""
    files = merged.weights.chosen.files
    folders = (merged.folder, base.folder)
    if not base.folder.names().issuperset(files):
        return False
    sizes = [folder.stat(name).size for name in files for folder in folders]
    if sizes[::2] != sizes[1::2]:
        return False
    is_listed = all(is_far(folder) for folder in folders)
    has_digests = all(folder.stat(name).sha256 for folder in folders if is_far(folder) for name in files)
    if not has_digests or not (is_listed or sum(sizes[::2]) <= _HASHED):
        return False
    return all(same_file(*folders, name) for name in files)


def _far(merged: Model, base: Model) -> Equality | None:
    looking = _Looking(merged, base)
    try:
        return looking.all_of_it()
    finally:
        looking.close()


_NAMED: Final = Tensor("", (), "")
"""What is known of a tensor by an index."""


class _Place(NamedTuple):
    """Pieces of neighboring tensors, which one request brings."""

    pairs: tuple[Pair, ...]
    spans: tuple[tuple[Span, Span], ...]
    """Of both sides."""


class _Looking:
    """Looks at one file of the base, and at the others only if nothing differs there."""

    def __init__(self, merged: Model, base: Model) -> None:
        self.merged, self.base = merged, base
        self.names = TensorNames(merged.weights.tensors)
        self.ledger = Ledger()
        self.readers = (TensorReader(merged.folder, self.ledger), TensorReader(base.folder, self.ledger))
        self.files = [name for name in base.weights.files if name.endswith(".safetensors")]
        self.known: dict[str, Mapping[str, Tensor]] = {}
        self.seen: dict[str, None] = {}

    def close(self) -> None:
        for reader in self.readers:
            reader.close()

    def all_of_it(self) -> Equality | None:
        if not self.files:
            return None
        first = [self._fullest()]
        chosen = [*first, *(file for _, file in spread(self.files) if file not in first)][:_MOST_FILES]
        for files, most in ((first, _FEW), (chosen, MOST_REQUESTS)):
            places = self._places(self._headers(files))
            if places is None or not self._are_same([*_by_kind(places)][:most]):
                return None
        theirs = TensorNames({**dict.fromkeys(self.base.weights.index or (), _NAMED), **self._headers(())})
        added = [name for name in self.names.tensors if self._is_added(name, theirs)]
        if _brings_its_own(self.merged, added):
            return None
        seen = Counter(map(_kind, self.seen))
        counts = Counter(map(_kind, self.names.tensors.keys() - {*added}))
        if any(seen[kind] < min(count, _FEW) for kind, count in counts.items()):
            return None  # a kind that was not seen enough may be the one that was trained
        return Equality(len(self.seen), counts.total(), self.ledger.spent)

    def _is_added(self, name: str, theirs: TensorNames) -> bool:
        if theirs.name(name) is not None:
            return False
        return paired(name, self.names.tensors[name], self.names, theirs) is State.ADDED

    def _fullest(self) -> str:
        """The file with most tensors."""
        count = Counter((self.base.weights.index or {}).values())
        return max(self.files, key=lambda file: count[file])

    def _headers(self, files: Sequence[str]) -> Mapping[str, Tensor]:
        """The base's tensors in some files."""
        folder = self.base.folder
        wanted = [file for file in files if file not in self.known]
        cost = Spent(0, 2 * len(wanted) if is_far(folder) else 0)
        if self.ledger.affords(cost):
            self.ledger.take(cost)
            if isinstance(folder, RemoteFolder):
                folder.fetch_ahead(wanted)
            self.known |= {file: read_header(folder, file).tensors for file in wanted}
        return {name: tensor for tensors in self.known.values() for name, tensor in tensors.items()}

    def _places(self, tensors: Mapping[str, Tensor]) -> list[_Place] | None:
        """What can be compared; `None` where a tensor has another shape."""
        theirs = TensorNames(tensors)
        pairs: list[Pair] = []
        for name, tensor in self.names.tensors.items():
            found = paired(name, tensor, self.names, theirs)
            if found is State.RESHAPED:
                return None
            if isinstance(found, Pair):
                pairs.append(found)
        pairs.sort(key=lambda pair: (pair.theirs.tensor.file, pair.theirs.tensor.start, pair.theirs.first))
        return [*_neighbors(pairs)]

    def _are_same(self, places: Sequence[_Place]) -> bool:
        for start in range(0, len(places), _AT_ONCE):
            batch = places[start : start + _AT_ONCE]
            spans = [[pair[side] for place in batch for pair in place.spans] for side in (0, 1)]
            while batch and not self._affords(spans):
                batch = batch[:-1]
                spans = [[pair[side] for place in batch for pair in place.spans] for side in (0, 1)]
            if not batch:
                return True
            ours, theirs = (reader.read(of) for reader, of in zip(self.readers, spans, strict=True))
            for place in batch:
                for pair, (left, right) in zip(place.pairs, place.spans, strict=True):
                    if not is_same(ours[left], theirs[right], pair):
                        return False
                    self.seen[pair.ours.name] = None
        return True

    def _affords(self, spans: Sequence[Sequence[Span]]) -> bool:
        costs = (reader.cost(of) for reader, of in zip(self.readers, spans, strict=True))
        return self.ledger.affords(Spent.total(costs))


_LONGEST: Final = 32
"""So many tensors are one place at most: those after them may be of another kind."""


def _neighbors(pairs: Sequence[Pair]) -> Iterator[_Place]:
    """Pairs in the order of the base's files, put together where one request brings their pieces."""
    place: list[Pair] = []
    spans: list[tuple[Span, Span]] = []
    for pair in pairs:
        size = pair.theirs.rows * pair.theirs.columns
        count = min(_NUMBERS, size)
        begin = flat(pair.theirs, 0, count)
        last = spans[-1][1] if spans else None
        is_next = last is not None and begin.file == last.file and _gap(last, begin) <= GAP
        if place and not (is_next and len(place) < _LONGEST):
            yield _Place(tuple(place), tuple(spans))
            place, spans = [], []
        at = 0 if place else size - count
        place.append(pair)
        spans.append((flat(pair.ours, at, count), flat(pair.theirs, at, count)))
    if place:
        yield _Place(tuple(place), tuple(spans))


def _gap(left: Span, right: Span) -> int:
    return right.start - left.start - left.length


def _by_kind(places: Sequence[_Place]) -> Iterator[_Place]:
    """In turn by the kinds of their tensors, each kind spread over its layers."""
    kinds: dict[str, list[_Place]] = {}
    for place in places:
        for kind in {_kind(pair.ours.name) for pair in place.pairs}:
            kinds.setdefault(kind, []).append(place)
    columns = [[place for _, place in spread(of)] for _, of in sorted(kinds.items())]
    yield from dict.fromkeys(place for row in zip_longest(*columns) for place in row if place is not None)


def _kind(name: str) -> str:
    return _NUMBER.sub("*", name)
