"""Log probabilities of texts from an engine that runs the folder in a child process."""

from collections.abc import Callable, Sequence
from pathlib import Path

from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.endpoint import ExchangeError
from genfix.probe.likelihood.scored_texts import Text
from genfix.probe.likelihood.token_scores import ScoredText, Token, bits_of, broken, is_number, scored, top_of
from genfix.probe.local_engine import Heard, LocalEngine, ask_child, request_of
from genfix.probe.probe_values import Failure, Limits

Outcome = ScoredText | Failure
"""What became of one text."""


def score_in_engine(
    engine: LocalEngine,
    folder: Path,
    texts: Sequence[Text],
    limits: Limits,
    progress: Callable[[Outcome], None],
) -> Heard[Outcome]:
    """All texts with their log probabilities, by id. Ctrl-C ends the run and the child.

    Raises `InputError` for an engine or interpreter that is not there, `ProbeError` for a folder it cannot
    run.
    """
    by_id = {one.id: one for one in texts}
    asked: list[JsonValue] = [{"id": one.id, "text": one.text} for one in texts]

    def take(value: JsonObject) -> tuple[str, Outcome] | None:
        one = by_id.get(str(value.get("id")))
        if one is None:
            return None
        outcome = _outcome(one, value)
        progress(outcome)
        return one.id, outcome

    return ask_child(engine, request_of(engine, folder, limits) | {"texts": asked}, len(texts), limits, take)


def _outcome(one: Text, value: JsonObject) -> Outcome:
    try:
        return scored(one, _tokens(value), bos=value.get("bos") is True)
    except ExchangeError as error:
        return error.failure


def _tokens(value: JsonObject) -> list[Token]:
    match value:
        case {"starts": list(starts), "tokens": list(names), "logprobs": list(numbers), "top": list(top)}:
            pass
        case _:
            raise broken(text("the engine says nothing of the text's tokens"))
    if not len(starts) == len(names) == len(numbers) == len(top):
        raise broken(text("the engine says something of other tokens"))
    found: list[Token] = []
    for start, name, number, best in zip(starts, names, numbers, top, strict=True):
        if type(start) is not int or not (number is None or is_number(number)):
            raise broken(text("a log probability is no number"))
        found.append(Token(str(name), start, None if number is None else bits_of(number), top_of(best)))
    return found
