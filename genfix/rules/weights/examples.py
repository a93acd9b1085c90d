"""Names of tensors for people: one of each form, with how many there are."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from genfix.json_types import JsonValue
from genfix.rules.core.finding import shown

__all__ = ["end_of", "examples", "form_of"]

_NUMBER: Final = r"(?<=\.)\d+(?=\.)"


def form_of(name: str) -> str:
    """The name without the numbers of its layer and expert."""
    return re.sub(_NUMBER, "*", name)


def end_of(name: str) -> str:
    """The last module of a name, and its tensor."""
    return ".".join(form_of(name).split(".")[-2:])


def examples(names: Iterable[str]) -> list[JsonValue]:
    """The first forms: ``model.layers.*.mlp.up_proj.weight (28)``."""
    forms = Counter(map(form_of, names))
    return shown(form if count == 1 else f"{form} ({count})" for form, count in forms.items())
