"""Which values of generation settings a library takes: a table for each, asked by one piece of code.

The table of ``generate()`` was read and run in transformers 5.24.0 and 4.57.6: generation/utils.py
(``_get_logits_processor``, ``_expand_inputs_for_generation``), generation/logits_process.py (what each
processor refuses), generation/configuration_utils.py (``validate``, ``get_generation_mode``).
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

from genfix.engines.shared.view import Problem
from genfix.engines.shared.wording import failing_setting
from genfix.json_types import JsonObject, JsonValue, is_finite

_INFINITE: Final = float("inf")


class Kind(Enum):
    """Which numbers are of the right type. To Python, ``true`` is a number and the integer 1."""

    NUMBER = auto()
    """Any."""
    REAL = auto()
    """Any but ``true`` and ``false``."""
    FLOAT = auto()
    """2.0, and not 2."""
    INTEGER = auto()
    COUNT = auto()
    """An integer that is not ``true`` or ``false``."""
    FLAG = auto()

    def has(self, value: JsonValue) -> bool:
        """Whether ``value`` is one of these."""
        if not isinstance(value, int | float):
            return False
        if self in _CLASSES:
            return isinstance(value, _CLASSES[self])
        return self is Kind.NUMBER or (
            type(value) in {int, float} if self is Kind.REAL else type(value) is int
        )


_CLASSES: Final = {Kind.FLOAT: float, Kind.INTEGER: int, Kind.FLAG: bool}


class Taken(NamedTuple):
    """The values of one key that are taken."""

    kind: Kind = Kind.NUMBER
    lowest: float = -_INFINITE
    highest: float = _INFINITE
    without_lowest: bool = False
    """Whether ``lowest`` itself is none of them."""
    finite: bool = False
    unasked: tuple[float, ...] = ()
    """Values that switch the setting off, of whatever type and wherever they lie."""

    def has(self, value: JsonValue) -> bool:
        """Whether ``value``, which is not null, is taken."""
        if not isinstance(value, int | float):
            return False
        if value in self.unasked:
            return True
        if not self.kind.has(value) or value < self.lowest or value > self.highest:
            return False
        if self.without_lowest and not value > self.lowest:  # nor NaN
            return False
        return not self.finite or is_finite(value)


Table = Mapping[str, Taken]

POSITIVE: Final = Taken(Kind.FLOAT, 0, without_lowest=True, unasked=(1,))
_SAMPLED: Final[Table] = {
    "temperature": POSITIVE,
    "top_k": Taken(Kind.COUNT, 0, without_lowest=True, unasked=(0,)),
    "top_p": Taken(lowest=0),
    "min_p": Taken(lowest=0, highest=1, finite=True),
    "typical_p": Taken(lowest=0, without_lowest=True),
    "epsilon_cutoff": Taken(),
    "eta_cutoff": Taken(),
}
"""Asked where tokens are drawn by chance."""
_ALWAYS: Final[Table] = {
    "repetition_penalty": POSITIVE,
    "encoder_repetition_penalty": POSITIVE,
    "guidance_scale": Taken(),
    "no_repeat_ngram_size": Taken(Kind.COUNT, unasked=(0,)),
    "encoder_no_repeat_ngram_size": Taken(Kind.INTEGER, unasked=(0,)),
    "num_beams": Taken(Kind.INTEGER, 1, unasked=(1,)),
    "num_return_sequences": Taken(Kind.INTEGER, unasked=(0, 1)),
    "max_time": Taken(),
}
_OLDER_ALWAYS: Final[Table] = {**_ALWAYS, "no_repeat_ngram_size": Taken(Kind.INTEGER, unasked=(0,))}
"""Of version 4."""
_GROUPS: Final[Table] = {"num_beam_groups": Taken(highest=1)}
_WITH_BEAMS: Final[Table] = {"length_penalty": Taken()}
_WITH_ENDS: Final[Table] = {
    "min_length": Taken(Kind.INTEGER, unasked=(0,)),
    "min_new_tokens": Taken(Kind.INTEGER),
}
"""Asked where an id ends generation."""
_TOP_H: Final[Table] = {"top_h": Taken(lowest=0, highest=1, without_lowest=True)}
"""Of version 5."""
_CONTRAST: Final[Table] = {"penalty_alpha": Taken(highest=0)}
MOVED: Final = frozenset(
    ["constraints", "force_words_ids", "dola_layers", "num_beam_groups", "penalty_alpha"]
)
"""What chooses a way of generating that was moved to the Hub, from where no code is run unasked."""
_TOP_K: Final = 50
"""The usual one."""
_NEVER_NULL: Final = ("num_beams", "num_return_sequences")
"""Settings for which version 4 puts no default in the place of a null."""


def refused(settings: JsonObject, table: Table) -> Iterator[str]:
    """The keys whose value is not taken; null is as good as absent."""
    for key, taken in table.items():
        if settings.get(key) is not None and not taken.has(settings[key]):
            yield key


def failing(keys: Iterable[str], file: str) -> tuple[Problem, ...]:
    """That every request fails on the first of ``keys``, if there is one."""
    first = next(iter(keys), None)
    return () if first is None else (failing_setting(first, file),)


def refused_by_generate(settings: JsonObject, major: int, moved: frozenset[str] = MOVED) -> Iterator[str]:
    """The keys on whose value ``generate()`` of transformers fails; ``moved`` are those of `MOVED` that its
    release fails on.
    """
    yield from (key for key in _chosen_modes(settings, major) if key in moved)
    yield from refused(settings, _OLDER_ALWAYS if major == 4 else _ALWAYS)
    if major == 4:
        yield from (key for key in _NEVER_NULL if key in settings and settings[key] is None)
    if _has_beams(settings):
        yield from refused(settings, _WITH_BEAMS)
    if settings.get("eos_token_id") is not None:
        yield from refused(settings, _WITH_ENDS)
    if settings.get("do_sample"):
        yield from refused(settings, _SAMPLED if major == 4 else {**_SAMPLED, **_TOP_H})
    elif settings.get("top_k") is not None and not _has_beams(settings):
        yield from refused(settings, {"top_k": Taken()})


def _has_beams(settings: JsonObject) -> bool:
    return settings.get("num_beams") is not None and settings["num_beams"] != 1


def _chosen_modes(settings: JsonObject, major: int) -> Iterator[str]:
    """Of `MOVED`, the keys that choose another way of generating."""
    yield from (key for key in ("constraints", "force_words_ids") if settings.get(key) is not None)
    if _has_beams(settings):
        yield from refused(settings, _GROUPS)
        return
    if settings.get("dola_layers") is not None:
        yield "dola_layers"
    sampled = settings.get("do_sample", False)
    if sampled is True or (major == 4 and sampled is not False):
        return
    top_k = settings.get("top_k", _TOP_K)
    if top_k is None and major > 4:
        top_k = _TOP_K
    if isinstance(top_k, int | float) and top_k > 1:
        yield from refused(settings, _CONTRAST)
