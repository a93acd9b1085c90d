"""What the rules about stop tokens share: sets of ids, their names, and the edit that writes them."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from genfix.engines import read_eos
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, SetField, WriteFile

_POINTER: Final = "/eos_token_id"


def base_stops(context: Context) -> Message:
    """Why the base's stop set is the folder's, where nothing speaks against it."""
    if context.template_lost:
        return message(
            "why-stop-lost-template",
            "the base's chat template is lost here, and nothing shows that another was trained; "
            "ids are only added",
        )
    if context.merged.chat_template is None:
        return message(
            "why-stop-no-template",
            "neither the folder nor the base has a chat template, so it stops where the base does; "
            "ids are only added",
        )
    return message(
        "why-stop-same-template",
        "the chat template is the base's, so its turn ends are the base's; ids are only added",
    )


def union(first: Iterable[int], second: Iterable[int]) -> list[JsonValue]:
    """Each id once, those of ``first`` first."""
    return list(dict.fromkeys([*first, *second]))


def set_stop_ids(
    context: Context, file: str, ids: list[JsonValue], pointer: str = _POINTER
) -> SetField | CopyField:
    """Set ``ids``, in the very text of the base's file where it spells the same ids at the same place."""
    if context.base is None:
        return SetField(file, pointer, ids)
    theirs = read_eos(context.base.object(file))
    if pointer == _POINTER and not theirs.invalid and list(theirs.ids) == ids:
        return CopyField(file, pointer)
    return SetField(file, pointer, ids, context.base.keys(file))


def write_stop_ids(context: Context, ids: list[JsonValue]) -> SetField | CopyField | WriteFile:
    """Set ``ids`` in generation_config.json; where there is none, in a new one."""
    if context.merged.generation_config.present:
        return set_stop_ids(context, GENERATION_CONFIG, ids)
    return _new_generation_config(context, ids)


def _new_generation_config(context: Context, stop_ids: list[JsonValue]) -> WriteFile:
    """The file for a folder without one: the stop set, and what engines took from config.json so far."""
    stated = {key: context.merged.config_value(key) for key in ("bos_token_id", "pad_token_id")}
    document: dict[str, JsonValue] = {key: value for key, value in stated.items() if value is not None}
    document |= {"eos_token_id": stop_ids, **context.views["transformers5"].sampling}
    content = json.dumps({key: document[key] for key in sorted(document)}, indent=2) + "\n"
    return WriteFile(GENERATION_CONFIG, content.encode())


def named_ids(context: Context, ids: Iterable[int]) -> list[JsonValue]:
    """Ids with the token's text, where a file tells it: ``151336 <|user|>``."""
    return [named(token_id, context.merged, context.base) for token_id in ids]


def named(token_id: int, *models: Model | None) -> str:
    """An id with the text that the first of these models has for it."""
    texts = (model.tokenizer.text(token_id) for model in models if model is not None)
    text = next((text for text in texts if text is not None), None)
    return f"{token_id} {text}" if text else str(token_id)


def engine_stops(context: Context) -> Iterator[Message]:
    """Where engines stop here and with the base, where that differs; those that do the same are named
    together.
    """
    alike: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for name, view in context.views.items():
        base = context.base_views.get(name)
        if base is not None and set(base.stop_token_ids) != set(view.stop_token_ids):
            alike.setdefault((view.stop_token_ids, base.stop_token_ids), []).append(name)
    for (merged, base_ids), names in alike.items():
        yield message(
            "evidence-engine-stops",
            "stop ids here: {merged}; with the base: {base} ({engines})",
            engines=[*names],
            base=[*base_ids],
            merged=[*merged],
        )


def never_stops(engines: Iterable[str], found: Message) -> Message:
    """What is wrong, and who suffers of it first."""
    return message("never-stops", "never stops in {engines}: {found}", engines=[*engines], found=found)


def trainers_hide_it(engines: Iterable[str]) -> Iterator[Message]:
    """What whoever tries the folder out where it was trained does not see of ``engines`` that never stop.

    It names vLLM: nothing where vLLM stops, by the tokenizer's EOS.
    """
    if "vllm" in engines:
        yield message(
            "evidence-trainer-hides-it",
            "stops in swift infer or llamafactory chat, not in vLLM: trainers add the stop words themselves",
        )


def stops_narrowed(lost: list[JsonValue], has: list[JsonValue]) -> Message:
    """Stop tokens of the base that are none here."""
    return message(
        "stop-tokens-narrowed", "stops at {has} only; the base also stops at {lost}", lost=lost, has=has
    )


def turn_end_missed(ends: list[JsonValue], has: list[JsonValue]) -> Message:
    """Ends of a turn at which nothing stops."""
    return message(
        "turn-end-not-a-stop-token",
        "the chat template ends a turn with {ends}, and the file stops at {has}",
        ends=ends,
        has=has,
    )


def stop_evidence(context: Context, engines: Iterable[str]) -> Iterator[Message]:
    """Where each engine stops here and with the base, what the template says, and who sees no harm."""
    yield from engine_stops(context)
    yield from own_stop_evidence(context, engines)


def own_stop_evidence(context: Context, engines: Iterable[str]) -> Iterator[Message]:
    """What the template says, and who sees no harm."""
    if context.end_ids:
        yield message(
            "evidence-template-ends",
            "the chat template ends a turn with {ends}",
            ends=named_ids(context, context.end_ids),
        )
    yield from trainers_hide_it(engines)
