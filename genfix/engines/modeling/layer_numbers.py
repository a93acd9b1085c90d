"""Numbers of layers, and trees that are built once for all layers of which they are the same.

A number of a layer notes what is asked of it (``layer_types[layer_idx]``, ``layer_idx % 2``). What a class
builds follows from its other arguments and from these answers: for a layer of which the same questions have
the same answers nothing is built anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Self

from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_nodes import Node

__all__ = ["Call", "LayerNumber", "Trees", "noted"]

_MOST: Final = 32
"""Trees of one class that are kept: no model has so many kinds of layers."""


class LayerNumber(int):
    """A number that counts."""

    asked: "list[_Question]"
    """What was computed with it."""

    def __new__(cls, number: int) -> Self:
        """Of which nothing has been asked."""
        made = super().__new__(cls, number)
        made.asked = []
        return made


class _Question(NamedTuple):
    """A computation, and what came of it."""

    compute: Callable[[Sequence[object]], object]
    parts: Sequence[object]
    answer: object

    def of_others(self, others: Mapping[int, LayerNumber]) -> "_Question":
        """The same of other numbers; ``others`` are by identity of those that they stand for."""
        return self._replace(parts=[others.get(id(part), part) for part in self.parts])

    @property
    def is_answered_alike(self) -> bool:
        """Whether the same comes of it now."""
        found = self.compute(self.parts)
        return found is self.answer or (type(found) is type(self.answer) and found == self.answer)


def noted(compute: Callable[[Sequence[object]], object], parts: Sequence[object]) -> object:
    """``compute(parts)``, which the numbers of layers among the parts note."""
    question = _Question(compute, parts, compute(parts))
    for number in _numbers(parts):
        number.asked.append(question)
    return question.answer


def _numbers(values: Iterable[object]) -> Sequence[LayerNumber]:
    """The numbers of layers among values, each once."""
    return [*{id(each): each for each in values if isinstance(each, LayerNumber)}.values()]


class Call(NamedTuple):
    """A class and the arguments that it is built with."""

    name: str
    given: Sequence[object]
    named: dict[str, object]

    @property
    def numbers(self) -> Sequence[LayerNumber]:
        """The numbers of layers among the arguments, each once."""
        return _numbers((*self.given, *self.named.values()))

    def with_own_numbers(self) -> "Call":
        """The same with numbers of its own, of which nothing has been asked."""
        own: dict[int, object] = {id(each): LayerNumber(each) for each in self.numbers}
        return Call(
            self.name,
            [own.get(id(each), each) for each in self.given],
            {key: own.get(id(each), each) for key, each in self.named.items()},
        )

    @property
    def key(self) -> object:
        """What the tree depends on beside its numbers of layers; `None` where that is more than values."""
        places = {id(each): place for place, each in enumerate(self.numbers)}
        parts: list[object] = [self.name]
        for place, value in [*enumerate(self.given), *sorted(self.named.items())]:
            if isinstance(value, LayerNumber):
                parts.append((place, "layer", places[id(value)]))
            elif isinstance(value, ConfigView):
                parts.append((place, id(value)))
            elif isinstance(value, str | int | float | bool | None):
                parts.append((place, type(value).__name__, value))
            else:
                return None
        return tuple(parts)


class _Tree(NamedTuple):
    """What a call built."""

    call: Call
    """With numbers of its own; its configs must live as long as their identity is a key."""
    node: Node

    def questions(self, others: Sequence[LayerNumber]) -> Sequence[_Question]:
        """What was asked of its numbers, asked of others."""
        own = self.call.numbers
        stands = {id(each): other for each, other in zip(own, others, strict=True)}
        asked = {id(question): question for each in own for question in each.asked}
        return [question.of_others(stands) for question in asked.values()]


class Trees:
    """Those of one model."""

    def __init__(self) -> None:
        self._known: dict[object, list[_Tree]] = {}

    def built(self, call: Call, build: Callable[[Call], Node]) -> Node:
        """What the call builds: as it is known, or else built now."""
        key, numbers = call.key, call.numbers
        if key is None:
            return build(call)
        known = self._known.setdefault(key, [])
        for tree in known:
            questions = tree.questions(numbers)
            if all(question.is_answered_alike for question in questions):
                break
        else:
            own = call.with_own_numbers()
            tree = _Tree(own, build(own))
            if len(known) < _MOST:
                known.append(tree)
            questions = tree.questions(numbers)
        for number in numbers:  # whoever handed them down builds the same only where the answers are
            number.asked += [each for each in questions if any(part is number for part in each.parts)]
        return tree.node
