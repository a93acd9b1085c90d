"""Biases that are absent where others of their kind are there: no code builds a model so, they were lost."""

from collections.abc import Collection
from typing import Final

from genfix.weights.weight_parts import Part, part_of

_BIAS: Final = ".bias"


def has_lone_biases(absent: Collection[str], needed: Collection[str]) -> bool:
    """Whether a form of a bias is ``absent``, and another of its kind that is ``needed`` is not.

    Norms are of one kind; so are the matrices of one module (queries, keys and values); one that no layer has
    is of the kind of all others.
    """
    there = [form for form in needed if form.endswith(_BIAS) and form not in absent]
    return any(_are_of_a_kind(form, other) for form in absent if form.endswith(_BIAS) for other in there)


def _are_of_a_kind(form: str, other: str) -> bool:
    if _is_of_norm(form) or _is_of_norm(other):
        return _is_of_norm(form) and _is_of_norm(other)
    return "*" not in form or _owner(form) == _owner(other)


def _is_of_norm(form: str) -> bool:
    return part_of(form) is Part.NORMS


def _owner(form: str) -> str:
    """The module that the bias's matrix stands in."""
    return form.removesuffix(_BIAS).rpartition(".")[0]
