"""What a view says of a folder beside what the engine itself said."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonObject, JsonValue

__all__ = ["Difference", "differences"]


class Difference(NamedTuple):
    """One answer in which the two disagree."""

    answer: str
    """``loads``, ``fails``, ``stops``, ``stop_strings``, ``sampling``, ``template`` or ``context``."""
    view: JsonValue
    engine: JsonValue

    def __str__(self) -> str:
        """For people."""
        return f"{self.answer}: view {self.view}, engine {self.engine}"


def differences(view: EngineView, engine: JsonObject, defaults: JsonObject) -> Iterator[Difference]:
    """Compare every answer the engine gave; one that it left out is not asked.

    ``defaults`` are the engine's own, for the sampling settings that a folder leaves alone.
    """
    if view.loads != engine["loads"]:
        problems: list[JsonValue] = [problem.id for problem in view.problems]
        yield Difference("loads", problems or True, engine["error"] or True)
    if not (view.loads and engine["loads"]):
        return
    fails = not view.answers
    if "fails" in engine and fails != (engine["fails"] is not None):
        yield Difference("fails", fails, engine["fails"])
    for name, mine in _answers(view, defaults).items():
        if name in engine and (engine["fails"] is None or name != "stops" if "fails" in engine else True):
            theirs = engine[name]
            if _ordered(mine) != _ordered(theirs):
                yield Difference(name, mine, theirs)


def _answers(view: EngineView, defaults: JsonObject) -> Mapping[str, JsonValue]:
    return {
        "stops": list(view.stop_token_ids),
        "stop_strings": list(view.stop_strings),
        "sampling": {**defaults, **view.sampling},
        "template": view.chat_template.sha256 if view.chat_template else None,
        "context": view.context_length,
    }


def _ordered(value: JsonValue) -> object:
    """Ids as the set they are, each with its type: to Python, ``True`` is ``1`` and ``1.0``."""
    if isinstance(value, list):
        return sorted({f"{type(entry).__name__} {entry}" for entry in value})
    return value
