"""Proof of parentage: the facts in which a model and its base must agree."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from genfix.errors import RefusedError
from genfix.folder import FolderFileError, same_file
from genfix.folder.kinds import FAST_TOKENIZER, SLOW_VOCABULARIES
from genfix.message import text
from genfix.model import Model

__all__ = ["is_proven", "layer_count", "prove_parentage", "row_count"]


def prove_parentage(merged: Model, base: Model) -> None:
    """Raise `RefusedError`, with the facts that disagree, where ``merged`` cannot come from ``base``.

    Other row counts, layers or quantised tensors alone are no disproof: resized vocabularies, passthrough
    merges and QLoRA parents have them.
    """
    disagreements = list(_disagreements(merged, base))
    if disagreements:
        raise RefusedError(
            text(
                "{origin} is not the base of {origin2}: {disagreements}",
                origin=str(base.folder.origin),
                origin2=merged.folder.origin.label,
                disagreements="; ".join(disagreements),
            ),
            text("name the base it was trained from, or add --allow-base-mismatch if you are sure"),
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


def _disagreements(merged: Model, base: Model) -> Iterator[str]:
    ours, theirs = merged.config.get("model_type"), base.config.get("model_type")
    if isinstance(ours, str) and isinstance(theirs, str) and not _same_type(merged, base):
        yield f"model_type is {ours!r} here and {theirs!r} in the base"
    hidden, base_hidden = _hidden_size(merged), _number(base, "hidden_size")
    if hidden is not None and base_hidden is not None and hidden != base_hidden:
        yield f"hidden_size is {hidden} here and {base_hidden} in the base"
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


def _other_tokens(merged: Model, base: Model) -> Iterator[str]:
    """Whether the base has another tokenizer.

    A few moved or renamed tokens are damage, which genfix is for.
    """
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    tokens = _compared(ours, theirs)
    if 2 * len(tokens.moved) > tokens.shared:
        token = tokens.moved[0]
        rest = len(tokens.moved) - 1
        more = _more(rest, "token")
        yield f"the token {token!r} is {ours[token]} here and {theirs[token]} in the base{more}"
    elif tokens.ids > 1 and 2 * len(tokens.renamed) > tokens.ids:
        number = tokens.renamed[0]
        rest = len(tokens.renamed) - 1
        left, right = merged.tokenizer.texts[number], base.tokenizer.texts[number]
        yield f"the token {number} is {left!r} here and {right!r} in the base{_more(rest, 'token')}"
    elif not tokens.shared and min(len(ours), len(theirs)) > 2:
        yield f"none of its {len(ours)} added tokens is one of the base's {len(theirs)}"
    elif not tokens.shared:
        yield from _other_vocabulary(merged, base)


def _more(rest: int, what: str) -> str:
    return f" (and {rest} more {what}{'' if rest == 1 else 's'})" if rest else ""


def _other_vocabulary(merged: Model, base: Model) -> Iterator[str]:
    """Where no token is known to be the same: other rows together with another vocabulary or depth.

    Alone each of them is what a resize, a re-serialised file or a passthrough merge does.
    """
    ours, theirs = row_count(merged), row_count(base)
    tokens = base.tokenizer.ids.values()
    if ours is not None and tokens and min(tokens) >= ours:
        yield f"the vocabulary has {ours} tokens here, and the base's added tokens begin at {min(tokens)}"
    if ours is None or theirs is None or ours == theirs:
        return
    rows = f"the vocabulary has {ours} tokens here and {theirs} in the base"
    file = _other_file(merged, base)
    depth, base_depth = layer_count(merged), layer_count(base)
    if file is not None:
        yield f"{rows}, in another {file}"
    elif None not in {depth, base_depth} and depth != base_depth:
        yield f"{rows}, and there are {depth} layers here and {base_depth} in the base"


def _other_file(merged: Model, base: Model) -> str | None:
    """A vocabulary file that both have, with other bytes; they are compared by digest."""
    for name in (FAST_TOKENIZER, *SLOW_VOCABULARIES):
        if merged.has(name) and base.has(name):
            try:
                return None if same_file(merged.folder, base.folder, name) else name
            except FolderFileError:
                return None
    return None
