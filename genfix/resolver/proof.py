"""Proof of parentage: the facts in which a model and its base must agree."""

from collections.abc import Iterator

from genfix.errors import RefusedError
from genfix.model import Model

__all__ = ["prove_parentage"]


def prove_parentage(merged: Model, base: Model) -> None:
    """Raise `RefusedError`, with the facts that disagree, where ``base`` cannot be what ``merged`` was made from.

    Other row counts, layers or quantised tensors are no disproof: resized vocabularies, passthrough merges and
    QLoRA parents have them.
    """
    disagreements = list(_disagreements(merged, base))
    if disagreements:
        raise RefusedError(
            f"{base.folder.origin} is not the base of {merged.folder.origin.label}: {'; '.join(disagreements)}",
            "name the base it was trained from, or add --allow-base-mismatch if you are sure",
        )


def _disagreements(merged: Model, base: Model) -> Iterator[str]:
    ours, theirs = merged.config.get("model_type"), base.config.get("model_type")
    if isinstance(ours, str) and isinstance(theirs, str) and not _same_type(merged, base):
        yield f"model_type is {ours!r} here and {theirs!r} in the base"
    hidden, base_hidden = _hidden_size(merged), base.config_value("hidden_size")
    if hidden is not None and isinstance(base_hidden, int) and hidden != base_hidden:
        yield f"hidden_size is {hidden} here and {base_hidden} in the base"
    shared = merged.tokenizer.ids.keys() & base.tokenizer.ids.keys()
    moved = sorted(token for token in shared if merged.tokenizer.ids[token] != base.tokenizer.ids[token])
    if 2 * len(moved) > len(shared):  # a few alone are damage, which is what genfix is for
        token = moved[0]
        rest = len(moved) - 1
        more = f" (and {rest} more token{'' if rest == 1 else 's'})" if rest else ""
        yield f"the token {token!r} is {merged.tokenizer.ids[token]} here and {base.tokenizer.ids[token]} in the base{more}"


def _same_type(merged: Model, base: Model) -> bool:
    """Equal, or one is the text part of the other (a language model taken out of a vision-language one)."""

    def types(model: Model) -> set[str]:
        names = {model.config.get("model_type"), model.text_config.get("model_type")}
        return {name.removesuffix("_text") for name in names if isinstance(name, str)}

    return not types(merged).isdisjoint(types(base))


def _hidden_size(merged: Model) -> int | None:
    value = merged.config_value("hidden_size")
    return value if isinstance(value, int) else None
