"""Each change of an adapter with the matrices that it is about, in the base and in the merged folder."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.message import Message, message
from genfix.weights.adapter_changes import Addition, Changes, Factor, Update, Whole
from genfix.weights.adapter_recipe import Recipe
from genfix.weights.tensor_names import TensorNames, View

_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks?|layer)\.(\d{1,6})(?=\.|$)")
_HEADS: Final = ("lm_head", "output_layer", "embed_out")
_EMBEDDINGS: Final = ("embed_tokens", "word_embeddings", "wte", "embed_in")


class PlacedUpdate(NamedTuple):
    """An update, and the matrix it changes on both sides."""

    label: str
    update: Update
    base: View
    merged: View


class PlacedVector(NamedTuple):
    """A bias that is changed by a multiple of the adapter's."""

    label: str
    addition: Addition
    base: View
    merged: View


class PlacedWhole(NamedTuple):
    """A tensor that the adapter has as it should be; the base may lack it."""

    label: str
    whole: Whole
    base: View | None
    merged: View


class Placed(NamedTuple):
    """What could be placed, and what could not."""

    updates: tuple[PlacedUpdate, ...] = ()
    vectors: tuple[PlacedVector, ...] = ()
    wholes: tuple[PlacedWhole, ...] = ()
    untold: Mapping[str, Message] = {}

    @property
    def total(self) -> int:
        """How many changes there are."""
        return len(self.updates) + len(self.vectors) + len(self.wholes) + len(self.untold)


_NOT_HERE: Final = message("change-not-here", "the merged folder has no tensor of that name")
_NOT_IN_BASE: Final = message("change-not-in-base", "the base has no tensor of that name")
_OTHER_SHAPE: Final = message("change-other-shape", "the shapes of the tensors are not those of the change")
_PACKED: Final = message("change-packed", "its numbers are packed or of a format that genfix does not read")


class _Places:
    """The two folders."""

    def __init__(self, base: TensorNames, merged: TensorNames, recipe: Recipe) -> None:
        self.base, self.merged, self.recipe = base, merged, recipe

    def pair(self, name: str) -> tuple[View | None, View | None]:
        """The matrix called ``name`` in both; a head that is the embedding is looked for there."""
        theirs, ours = self.base.matrix(self._in_base(name)), self.merged.matrix(name)
        return theirs or _tied(self.base, name), ours or _tied(self.merged, name)

    def expert(self, block: str, number: int, part: str) -> tuple[View | None, View | None]:
        """One expert's matrix in both."""
        return (self.base.expert(self._in_base(block), number, part), self.merged.expert(block, number, part))

    def _in_base(self, name: str) -> str:
        """The base's name where its layers are numbered anew."""
        found = _LAYER.search(name) if self.recipe.replication else None
        if found is None:
            return name
        layer = self.recipe.base_layer(int(found[1]))
        return name if layer is None else f"{name[: found.start(1)]}{layer}{name[found.end(1) :]}"


def _tied(names: TensorNames, name: str) -> View | None:
    module = name.removesuffix(".weight").rpartition(".")[2]
    if module not in _HEADS:
        return None
    for tensor in names.tensors:
        if tensor.removesuffix(".weight").rpartition(".")[2] in _EMBEDDINGS:
            return names.matrix(tensor)
    return None


def placed(changes: Changes, base: TensorNames, merged: TensorNames, recipe: Recipe) -> Placed:
    """Every change with the tensors that it is about."""
    places = _Places(base, merged, recipe)
    updates: list[PlacedUpdate] = []
    vectors: list[PlacedVector] = []
    wholes: list[PlacedWhole] = []
    untold: dict[str, Message] = dict(changes.untold)
    for update in changes.updates:
        for part, theirs, ours in _matrices(update, places):
            why = _objection(theirs, ours, part)
            if why is not None:
                untold[part.label] = why
            elif theirs is not None and ours is not None:
                updates.append(PlacedUpdate(part.label, part, theirs, ours))
    for addition in changes.additions:
        name = f"{addition.module}.bias"
        theirs, ours = places.pair(name)
        length = addition.tensor.shape[-1:]
        if theirs is None or ours is None:
            untold[name] = _NOT_IN_BASE if ours is not None else _NOT_HERE
        elif not (length == (theirs.columns,) == (ours.columns,)) or not (
            theirs.is_readable and ours.is_readable
        ):
            untold[name] = _OTHER_SHAPE
        else:
            vectors.append(PlacedVector(name, addition, theirs, ours))
    for whole in changes.wholes:
        found = _whole(whole, places)
        if isinstance(found, Message):
            untold[whole.name] = found
        else:
            wholes.append(found)
    return Placed(tuple(updates), tuple(vectors), tuple(wholes), untold)


def _matrices(update: Update, places: _Places) -> Iterator[tuple[Update, View | None, View | None]]:
    """The matrix that is changed; of experts in a stack that others keep apart, both halves."""
    if update.expert is None:
        name = f"{update.module}.weight" if update.part == "weight" else f"{update.module}.{update.part}"
        yield (update, *places.pair(name))
        return
    number, outputs, inputs = update.expert, update.left, update.right
    if update.part != "gate_up_proj":
        views = places.expert(update.module, number, update.part)
        if all(view is not None and _is_turned(view, update) for view in views):
            update = update._replace(left=inputs, right=outputs)
        yield (update, *views)
        return
    stacks = places.expert(update.module, number, "gate_up_proj")
    if all(view is not None and _is_turned(view, update) for view in stacks):
        yield (update._replace(left=inputs, right=outputs), *stacks)
        return
    half = outputs.size // 2
    for part, offset in (("gate_proj", 0), ("up_proj", half)):
        moved = update._replace(part=part, left=outputs._replace(offset=offset))
        yield (moved, *places.expert(update.module, number, part))


def _is_turned(view: View, update: Update) -> bool:
    """Whether the matrix is kept as (in, out)."""
    kept = (view.rows, view.columns)
    return kept != (update.left.size, update.right.size) and kept == (update.right.size, update.left.size)


def _objection(theirs: View | None, ours: View | None, update: Update) -> Message | None:
    if ours is None:
        return _NOT_HERE
    if theirs is None:
        return _NOT_IN_BASE
    if not theirs.is_readable or not ours.is_readable:
        return _PACKED
    left, right = update.left, update.right
    if theirs.columns != ours.columns or not _covers(right, ours.columns) or not _covers(left, ours.rows):
        return _OTHER_SHAPE
    # An embedding may have grown: its first rows are the base's.
    is_table = update.module.rpartition(".")[2] in (*_HEADS, *_EMBEDDINGS)
    return None if theirs.rows == ours.rows or is_table else _OTHER_SHAPE


def _covers(factor: Factor, size: int) -> bool:
    return factor.size in (size, 2 * size) if factor.offset or factor.step > 1 else factor.size == size


def _whole(whole: Whole, places: _Places) -> PlacedWhole | Message:
    theirs, ours = places.pair(whole.name)
    if ours is None:
        return _NOT_HERE
    shape = whole.tensor.shape
    rows, columns = (1, shape[0]) if len(shape) == 1 else (shape[0], shape[-1])
    given = View(whole.name, whole.tensor, rows, columns)
    if len(shape) > 2 or columns != ours.columns or (not whole.rows and rows != ours.rows):
        return _OTHER_SHAPE
    if not given.is_readable or not ours.is_readable or max(whole.rows, default=0) >= ours.rows:
        return _PACKED
    if theirs is not None and (not theirs.is_readable or theirs.columns != ours.columns):
        return _PACKED
    return PlacedWhole(whole.name.removesuffix(".weight"), whole, theirs, ours)
