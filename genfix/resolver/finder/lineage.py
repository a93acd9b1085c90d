"""What is no disproof of a base and still worth a word: other sizes, a sibling that passes every proof."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from genfix.engines import read_eos
from genfix.folder import FolderFileError, same_file
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Arg, Message, text
from genfix.model import Model
from genfix.model.front_matter import CARD, front_matter_list
from genfix.resolver.finder.proof import layer_count, row_count

_TRACES: Final = frozenset({"args.json", "adapter_config.json", "mergekit_config.yml", "training_args.yaml"})


def lineage_notes(
    merged: Model, base: Model, path: Path | None, adapter: Model | None = None
) -> tuple[Message, ...]:
    """What the user should know about a base that was named, a sentence each; none where all agrees."""
    return (*size_notes(merged, base), *_stops(merged, base), *_siblings(merged, base, path, adapter))


def size_notes(merged: Model, base: Model) -> Iterator[Message]:
    """Where the two differ in a way that trainings and merges bring about."""
    rows: dict[str, Arg] = {"ours": row_count(merged), "theirs": row_count(base)}
    if None not in rows.values() and rows["ours"] != rows["theirs"]:
        yield text("the vocabulary has {ours} rows here and {theirs} in the base: it was resized", **rows)
    layers: dict[str, Arg] = {"ours": layer_count(merged), "theirs": layer_count(base)}
    if None not in layers.values() and layers["ours"] != layers["theirs"]:
        yield text(
            "there are {ours} layers here and {theirs} in the base, as after a passthrough merge", **layers
        )
    quantised, base_quantised = _is_quantised(merged), _is_quantised(base)
    if base_quantised and not quantised:
        yield text("the base is quantised and the other is not; what belongs to that is left alone")
    elif quantised and not base_quantised:
        yield text("this folder is quantised and the other is not; what belongs to that is left alone")
    if base.text_config and merged.config and not merged.text_config and merged.model_type != base.model_type:
        yield text(
            "this is the language model of {base}, which also takes images or audio",
            base=str(base.folder.origin),
        )


def _is_quantised(model: Model) -> bool:
    return any(model.config_value(key) is not None for key in ("quantization_config", "quantization"))


def stop_set(model: Model) -> tuple[int, ...]:
    """Where transformers stops generating: ``generation_config.json``, or else ``config.json``."""
    settings = model.generation_config.value
    fallback: JsonObject = {"eos_token_id": model.config_value("eos_token_id")}
    return tuple(read_eos(fallback if settings is None else settings).ids)


def _stops(merged: Model, base: Model) -> Iterator[Message]:
    """The base's stop set where it is not the folder's own: what a wrong sibling would change."""
    theirs = stop_set(base)
    if theirs and set(theirs) != set(stop_set(merged)):
        yield text("the base stops at {stops}", stops=with_tokens(base, theirs))


def with_tokens(model: Model, ids: tuple[int, ...]) -> list[JsonValue]:
    """Ids with their tokens."""
    tokens = ((token_id, model.tokenizer.text(token_id)) for token_id in ids)
    return [f"{token_id} {token}" if token else str(token_id) for token_id, token in tokens]


def _siblings(merged: Model, base: Model, path: Path | None, adapter: Model | None) -> Iterator[Message]:
    """Whether the folder names the base's chat or pretrained sibling instead."""
    if adapter is not None or is_traced(merged) or front_matter_list(merged.folder, "base_model"):
        # Imported here: most folders say nothing about where they come from.
        from genfix.model.siblings import are_siblings  # noqa: PLC0415
        from genfix.resolver.finder.traces import find_traces  # noqa: PLC0415

        label = base.folder.origin.label
        for trace in find_traces(merged, path, adapter):
            if are_siblings(trace.text, label) and not (
                CARD in str(trace.source) and _is_card_of(merged, base)
            ):
                yield text(
                    "{source} names {sibling}, which passes the same proofs as {base}: "
                    "if that is the one, name it with --base",
                    source=trace.source,
                    sibling=trace.text,
                    base=label,
                )
                return
    yield from _sibling_by_name(base, path)


def is_traced(model: Model) -> bool:
    """Whether a tool left a file or an entry in the folder that may name its base."""
    return not model.folder.names().isdisjoint(_TRACES) or "_name_or_path" in model.config


def _is_card_of(merged: Model, base: Model) -> bool:
    """Whether the folder's model card is the base's own, which names the base's parent."""
    if not base.has(CARD):
        return False
    try:
        return same_file(merged.folder, base.folder, CARD)
    except FolderFileError:
        return False


def _sibling_by_name(base: Model, path: Path | None) -> Iterator[Message]:
    if path is None or not any(word in path.name.lower() for word in ("instruct", "chat", "it")):
        return
    from genfix.model.siblings import chat_word_of  # noqa: PLC0415 - as above

    label = base.folder.origin.label
    if (word := chat_word_of(path.name, label)) is not None:
        yield text(
            "the folder's name says {word}, and {base} is its pretrained sibling: "
            "if the chat model is the base, name that with --base",
            word=word,
            base=label,
        )
