"""What is the same in several folders (a model and its base, a zoo) and is worked out once."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Final, TypeVar, cast

from genfix.errors import GenfixError
from genfix.folder.folder import Folder
from genfix.folder.kinds import FAST_TOKENIZER
from genfix.folder.local import LocalFolder
from genfix.json_types import JsonObject
from genfix.model.template_render import RenderErrorKind
from genfix.model.tokenizer import read_tokenizer_head
from genfix.model.turn_ends import TemplateFailure, TurnEnds, find_turn_ends

Fact = TypeVar("Fact")

_MOST: Final = 64
"""A zoo has few tokenizers and templates; a hostile one must not fill the memory."""
_MOST_ADDED: Final = 10_000
"""Added tokens of a tokenizer that other folders may have as well: none of a released model has more."""


class Remembered:
    """The newest facts, each under all that it follows from. For one thread."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._facts: OrderedDict[Hashable, object] = OrderedDict()

    def once(
        self, key: Hashable, make: Callable[[], Fact], lasts: Callable[[Fact], bool] = lambda _: True
    ) -> Fact:
        """The fact under ``key``, which is always of one type; made where it is not known, and kept if
        it ``lasts``.
        """
        if key in self._facts:
            self._facts.move_to_end(key)
            return cast("Fact", self._facts[key])
        made = make()
        if lasts(made):
            self._facts[key] = made
        if len(self._facts) > self._most:
            self._facts.popitem(last=False)
        return made


def known_head(folder: Folder, remembered: Remembered) -> JsonObject:
    """`read_tokenizer_head`, once for all folders that have one file under several names."""
    if not isinstance(folder, LocalFolder) or FAST_TOKENIZER not in folder.names():
        return read_tokenizer_head(folder)
    if not folder.is_linked(FAST_TOKENIZER):  # no other folder has it
        return read_tokenizer_head(folder)
    try:
        key = ("tokenizer head", folder.identity(FAST_TOKENIZER))
    except GenfixError:
        return read_tokenizer_head(folder)  # which knows what becomes of a file that cannot be read
    return remembered.once(key, lambda: read_tokenizer_head(folder))


def known_ends(
    template: str, added: Collection[str], additional: Sequence[str], remembered: Remembered
) -> TurnEnds | TemplateFailure:
    """`find_turn_ends`, once for all folders with this template and these tokens."""
    if len(added) > _MOST_ADDED:
        return find_turn_ends(template, added, additional)
    key = ("turn ends", template, frozenset(added), tuple(additional))
    return remembered.once(key, lambda: find_turn_ends(template, added, additional), _lasts)


def _lasts(ends: TurnEnds | TemplateFailure) -> bool:
    """Whether the template would say the same again: not where the renderer itself failed."""
    return not (isinstance(ends, TemplateFailure) and ends.kind is RenderErrorKind.OTHER)
