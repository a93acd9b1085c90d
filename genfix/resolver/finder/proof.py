"""Proof of parentage: the facts in which a model and its base must agree."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines import read_eos
from genfix.errors import RefusedError
from genfix.folder import FolderFileError, same_but_for_line_ends
from genfix.message import Message, text
from genfix.model import Model
from genfix.model.kin import has_other_type, has_same_shapes, is_composite
from genfix.model.sizes import KEYS, first_number
from genfix.model.tokenizer import TokenTable

_HIDDEN: Final = ("hidden_size",)


def prove_parentage(merged: Model, base: Model) -> None:
    """Raise `RefusedError`, with the facts that disagree, where ``merged`` cannot come from ``base``.

    Other row counts, layers or quantised tensors alone are no disproof: resized vocabularies, passthrough
    merges and QLoRA parents have them. Where all shapes and ids agree, another type or moved tokens are none
    either: an upcycled model has them, or the folder is damaged, which is what rules find.
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
    return first_number(model, KEYS["vocab"])


def layer_count(model: Model) -> int | None:
    """How many layers ``config.json`` says the model has."""
    return first_number(model, KEYS["layers"])


def _disagreements(merged: Model, base: Model) -> Iterator[Message]:
    tokens = tuple(_other_tokens(merged, base))
    if has_other_type(merged, base) and (tokens or not _is_converted(merged, base)):
        yield text(
            "model_type is '{ours}' here and '{theirs}' in the base",
            ours=merged.model_type,
            theirs=base.model_type,
        )
    hidden, base_hidden = _hidden_size(merged), first_number(base, _HIDDEN)
    if hidden is not None and base_hidden is not None and hidden != base_hidden:
        yield text("hidden_size is {ours} here and {theirs} in the base", ours=hidden, theirs=base_hidden)
    if not _is_damaged(merged, base):
        yield from tokens


_ENOUGH: Final = 2
"""So many tokens at the same ids are no chance; two models may share ``<s>`` and ``</s>``."""


def _is_converted(merged: Model, base: Model) -> bool:
    """Whether all but the type says that the one was made from the other: it is damaged, or was upcycled.

    A language model inside a composite one was trained with the whole: shapes alone prove nothing there.
    """
    if is_composite(merged) or is_composite(base) or not has_same_shapes(merged, base):
        return False
    shared = _compared(merged.tokenizer, base.tokenizer).shared
    return shared > _ENOUGH or _has_same_ids(merged, base)


def _is_damaged(merged: Model, base: Model) -> bool:
    """Whether moved tokens are damage: all but their ids says that the base is the right one."""
    if has_other_type(merged, base) or not has_same_shapes(merged, base) or not _has_same_ids(merged, base):
        return False
    if row_count(merged) is None or row_count(merged) != row_count(base):
        return False
    ours, theirs = merged.tokenizer.ids.keys(), base.tokenizer.ids.keys()
    return 2 * len(ours & theirs) > min(len(ours), len(theirs))


def _has_same_ids(merged: Model, base: Model) -> bool:
    """Whether the configs agree on what starts and ends a text; one of two lists may be shorter."""
    pairs = [(_ids(merged, key), _ids(base, key)) for key in ("bos_token_id", "eos_token_id")]
    both = [(ours, theirs) for ours, theirs in pairs if ours and theirs]
    return bool(both) and all(ours <= theirs or theirs <= ours for ours, theirs in both)


def _ids(model: Model, key: str) -> set[int]:
    return set(read_eos(model.config if key in model.config else model.text_config, key).ids)


def _hidden_size(merged: Model) -> int | None:
    """From ``config.json``; where that is lost, the width of the embedding."""
    value = first_number(merged, _HIDDEN)
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


def _compared(ours: TokenTable, theirs: TokenTable) -> _Tokens:
    # One pass each, and nothing built of what is the same: there may be a million.
    shared = both = 0
    moved: list[str] = []
    renamed: list[int] = []
    for token, number in ours.ids.items():
        if (other := theirs.ids.get(token)) is not None:
            shared += 1
            if other != number:
                moved.append(token)
    for number, token in ours.texts.items():
        if (name := theirs.texts.get(number)) is not None:
            both += 1
            if name != token:
                renamed.append(number)
    return _Tokens(shared, sorted(moved), sorted(renamed), both)


def _other_tokens(merged: Model, base: Model) -> Iterator[Message]:
    """Whether the base has another tokenizer.

    A few moved or renamed tokens are damage, which genfix is for.
    """
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    tokens = _compared(merged.tokenizer, base.tokenizer)
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
    for name in filter(base.has, merged.vocabularies):
        try:
            return None if same_but_for_line_ends(merged.folder, base.folder, name) else name
        except FolderFileError:
            return None
    return None
