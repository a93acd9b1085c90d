"""Proof of parentage: the facts in which a model and its base must agree."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from genfix.errors import RefusedError
from genfix.folder import FolderFileError, same_file
from genfix.folder.kinds import FAST_TOKENIZER, SLOW_VOCABULARIES
from genfix.message import Message, text
from genfix.model import Model


def prove_parentage(merged: Model, base: Model) -> None:
    """Raise `RefusedError`, with the facts that disagree, where ``merged`` cannot come from ``base``.

    Other row counts, layers or quantised tensors alone are no disproof: resized vocabularies, passthrough
    merges and QLoRA parents have them.
    """
    disagreements = tuple(_disagreements(merged, base))
    if disagreements:
        raise RefusedError(
            "{base} is not the base of {target}: {why}",
            "name the base it was trained from, or add --allow-base-mismatch if you are sure",
            base=str(base.folder.origin),
            target=merged.folder.origin.label,
            why=disagreements,
        )


def is_proven(merged: Model, base: Model) -> bool:
    """Whether any fact could be compared: without one, a base that nobody named is not taken."""
    return (bool(merged.model_type) and bool(base.model_type)) or not (
        merged.tokenizer.ids.keys().isdisjoint(base.tokenizer.ids)
    )


def row_count(model: Model) -> int | None:
    """How many tokens ``config.json`` says the model has."""
    return _number(model, "vocab_size", "padded_vocab_size")


def layer_count(model: Model) -> int | None:
    """How many layers ``config.json`` says the model has."""
    return _number(model, "num_hidden_layers", "num_layers", "n_layer", "n_layers")


def _number(model: Model, *keys: str) -> int | None:
    values = (model.config_value(key) for key in keys)
    return next((value for value in values if type(value) is int), None)


def _disagreements(merged: Model, base: Model) -> Iterator[Message]:
    ours, theirs = merged.config.get("model_type"), base.config.get("model_type")
    if isinstance(ours, str) and isinstance(theirs, str) and not _same_type(merged, base):
        yield text("model_type is '{ours}' here and '{theirs}' in the base", ours=ours, theirs=theirs)
    hidden, base_hidden = _hidden_size(merged), _number(base, "hidden_size")
    if hidden is not None and base_hidden is not None and hidden != base_hidden:
        yield text("hidden_size is {ours} here and {theirs} in the base", ours=hidden, theirs=base_hidden)
    yield from _other_tokens(merged, base)


def _same_type(merged: Model, base: Model) -> bool:
    """Equal, or one is the text part of the other (a language model taken out of a vision-language one)."""

    def types(model: Model) -> set[str]:
        names = {model.config.get("model_type"), model.text_config.get("model_type")}
        return {name.removesuffix("_text") for name in names if isinstance(name, str)}

    return not types(merged).isdisjoint(types(base))


def _hidden_size(merged: Model) -> int | None:
    """From ``config.json``; where that is lost, the width of the embedding."""
    value = _number(merged, "hidden_size")
    if value is not None or merged.config:
        return value
    facts = merged.weights.facts
    if facts.embedding is None or facts.embedding_rows is None:
        return None
    return merged.weights.tensors[facts.embedding].shape[-1]


# -- tokens --------------------------------------------------------------------------------------


class _Tokens(NamedTuple):
    """What two token tables have in common."""

    shared: int
    """Tokens that both know."""
    moved: list[str]
    """Those of them that have another id."""
    renamed: list[int]
    """Ids that both know, with another token."""
    ids: int
    """Ids that both know."""


def _compared(ours: Mapping[str, int], theirs: Mapping[str, int]) -> _Tokens:
    shared = ours.keys() & theirs.keys()
    texts = {token_id: token for token, token_id in theirs.items()}
    here = {token_id: token for token, token_id in ours.items() if token_id in texts}
    return _Tokens(
        len(shared),
        sorted(token for token in shared if ours[token] != theirs[token]),
        sorted(token_id for token_id, token in here.items() if texts[token_id] != token),
        len(here),
    )


def _other_tokens(merged: Model, base: Model) -> Iterator[Message]:
    """Whether the base has another tokenizer.

    A few moved or renamed tokens are damage, which genfix is for.
    """
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    tokens = _compared(ours, theirs)
    if 2 * len(tokens.moved) > tokens.shared:
        token = tokens.moved[0]
        moved = text(
            "the token '{token}' is {ours} here and {theirs} in the base",
            token=token,
            ours=ours[token],
            theirs=theirs[token],
        )
        yield _and_more(moved, len(tokens.moved) - 1)
    elif tokens.ids > 1 and 2 * len(tokens.renamed) > tokens.ids:
        number = tokens.renamed[0]
        renamed = text(
            "the token {id} is '{ours}' here and '{theirs}' in the base",
            id=number,
            ours=merged.tokenizer.texts[number],
            theirs=base.tokenizer.texts[number],
        )
        yield _and_more(renamed, len(tokens.renamed) - 1)
    elif not tokens.shared and min(len(ours), len(theirs)) > 2:
        yield text(
            "none of its {ours} added tokens is one of the base's {theirs}",
            ours=len(ours),
            theirs=len(theirs),
        )
    elif not tokens.shared:
        yield from _other_vocabulary(merged, base)


def _and_more(first: Message, rest: int) -> Message:
    if not rest:
        return first
    return text(
        "{first} (and {count} more token)", "{first} (and {count} more tokens)", first=first, count=rest
    )


def _other_vocabulary(merged: Model, base: Model) -> Iterator[Message]:
    """Where no token is known to be the same: other rows together with another vocabulary or depth.

    Alone each of them is what a resize, a re-serialised file or a passthrough merge does.
    """
    ours, theirs = row_count(merged), row_count(base)
    tokens = base.tokenizer.ids.values()
    if ours is not None and tokens and min(tokens) >= ours:
        yield text(
            "the vocabulary has {ours} tokens here, and the base's added tokens begin at {first}",
            ours=ours,
            first=min(tokens),
        )
    if ours is None or theirs is None or ours == theirs:
        return
    file = _other_file(merged, base)
    depth, base_depth = layer_count(merged), layer_count(base)
    if file is not None:
        yield text(
            "the vocabulary has {ours} tokens here and {theirs} in the base, in another {file}",
            ours=ours,
            theirs=theirs,
            file=file,
        )
    elif None not in {depth, base_depth} and depth != base_depth:
        yield text(
            "the vocabulary has {ours} tokens here and {theirs} in the base, "
            "and there are {layers} layers here and {base_layers} in the base",
            ours=ours,
            theirs=theirs,
            layers=depth,
            base_layers=base_depth,
        )


def _other_file(merged: Model, base: Model) -> str | None:
    """A vocabulary file that both have, with other bytes; they are compared by digest."""
    for name in (FAST_TOKENIZER, *SLOW_VOCABULARIES):
        if merged.has(name) and base.has(name):
            try:
                return None if same_file(merged.folder, base.folder, name) else name
            except FolderFileError:
                return None
    return None
