"""What is no disproof of a base and still worth a word: other sizes, a sibling that passes every proof."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.engines import read_eos
from genfix.folder import FolderFileError, same_but_for_line_ends
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Arg, Message, message, text
from genfix.model import Model
from genfix.model.front_matter import CARD, front_matter_list
from genfix.model.kin import other_class, other_context, plain_text, text_base
from genfix.resolver.finder.proof import layer_count, row_count
from genfix.resolver.finder.run_folders import TRACES

if TYPE_CHECKING:
    from genfix.resolver.finder.traces import BaseTrace


def lineage_notes(merged: Model, base: Model, path: Path | None) -> tuple[Message, ...]:
    """What the user should know about a base that was named, a sentence each; none where all agrees."""
    return (
        *size_notes(merged, base),
        *kin_notes(merged, base),
        *_stops(merged, base),
        *_sibling(merged, base, path),
    )


def kin_notes(merged: Model, base: Model) -> Iterator[Message]:
    """What is kin in the base instead of a parent, by facts; rules leave its part of the base alone."""
    context = other_context(merged, base) if base.sibling is None else None  # it is what is named
    facts = (other_class(merged, base), text_base(merged, base), context)
    yield from (fact for fact in facts if fact is not None)


def _sibling(merged: Model, base: Model, path: Path | None) -> Iterator[Message]:
    """The one note on a chat sibling: what names it, the facts that show it, or the folder's own name."""
    said = base.sibling or plain_text(merged, base)
    if said is not None:
        yield said
    else:
        yield from _sibling_by_name(base, path)


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


def named_sibling(
    merged: Model, base: Model, path: Path | None, adapter: Model | None = None
) -> Message | None:
    """What in the folder names a sibling of the base as its base; `None` where nothing does, or where the
    base is named as well.
    """
    if adapter is None and not is_traced(merged) and not front_matter_list(merged.folder, "base_model"):
        return None
    # Imported here: most folders say nothing about where they come from.
    from genfix.model.siblings import are_of_other_contexts, are_siblings, same_name  # noqa: PLC0415
    from genfix.resolver.finder.traces import find_traces  # noqa: PLC0415

    label = base.folder.origin.label
    traces = [trace for trace in find_traces(merged, path, adapter) if not _is_inherited(merged, base, trace)]
    if any(same_name(trace.text, label) for trace in traces):
        return None
    for trace in traces:
        if are_siblings(trace.text, label) or are_of_other_contexts(trace.text, label):
            return message(
                "why-sibling-named",
                "{source} names {sibling}, which passes the same proofs as {base}: "
                "if that is the one, name it with --base",
                source=trace.source,
                sibling=trace.text,
                base=label,
            )
    return None


def _is_inherited(merged: Model, base: Model, trace: "BaseTrace") -> bool:
    """Whether the file that names a model came along with the base: it names the base's own parent."""
    where = str(trace.source)
    if where.endswith(CARD):
        return trace.objection is not None or _is_card_of(merged, base)
    return where.endswith("of config.json") and base.config.get("_name_or_path") == trace.text


def is_traced(model: Model) -> bool:
    """Whether a tool left a file or an entry in the folder that may name its base."""
    return not model.folder.names().isdisjoint(TRACES) or "_name_or_path" in model.config


def _is_card_of(merged: Model, base: Model) -> bool:
    """Whether the folder's model card is the base's own, which names the base's parent."""
    if not base.has(CARD):
        return False
    try:
        return same_but_for_line_ends(merged.folder, base.folder, CARD)
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
