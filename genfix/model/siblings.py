"""Names of models that are kin: Qwen2.5-7B and Qwen2.5-7B-Instruct, Phi-3-mini-4k and Phi-3-mini-128k.

Such siblings have one architecture and one tokenizer. Shapes do not tell them apart; names, stop tokens and
RoPE do.
"""

import re
from typing import Final

CHAT: Final = frozenset({"instruct", "instruction", "inst", "chat", "it"})
"""Words that say a model was trained to chat."""
_PRETRAINED: Final = frozenset({"base", "pt", "pretrain", "pretrained"})
_KINDS: Final = CHAT | _PRETRAINED
_VENDORS: Final = frozenset({"meta", "unsloth", "hf"})
_COPIES: Final = frozenset({"bnb", "awq", "gptq", "fp8", "4bit", "8bit", "int4", "int8", "bf16", "fp16"})
_DATE: Final = r"\d{4}|\d{6}|\d{8}"
_CONTEXT: Final = r"\d+k|1m"
_HEADING: Final = r"(?m)^#[ \t]+(?P<title>[\w.-]+)[ \t]*$"


def model_name(text: str) -> str:
    """The model's own name in an id, an address or a path: its last part, without a revision and an owner.

    Copies on disk are called ``models--org--name``, ``org__name`` and, by ModelScope, ``Qwen2___5-7B``.
    """
    path = text.partition("://")[2] or text
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    if len(parts) > 2 and parts[-2] == "snapshots" and parts[-3].startswith("models--"):
        return parts[-3].rpartition("--")[2]
    name = parts[-1].partition("@")[0].replace("___", ".") if parts else ""
    if name.startswith("models--"):
        return name.rpartition("--")[2]
    owner, _, own = name.partition("__")
    return own.partition("__")[0] or owner


def same_name(one: str, other: str) -> bool:
    """Whether two ids or paths name one model, whoever publishes the copy and however it is packed."""
    left, right = _words(model_name(one)), _words(model_name(other))
    return bool(left) and "".join(left) == "".join(right)


def are_siblings(one: str, other: str) -> bool:
    """Whether two models have one name but for the words that tell a chat model from a pretrained one.

    A date is no part of the name: siblings are published at different times.
    """
    left, right = _words(model_name(one)), _words(model_name(other))
    return _KINDS & {*left} != _KINDS & {*right} and _is_one_name(left, right)


def _is_one_name(left: list[str], right: list[str]) -> bool:
    def core(words: list[str], *, dated: bool) -> str:
        return "".join(w for w in words if w not in _KINDS and not (dated and re.fullmatch(_DATE, w)))

    return any(
        core(left, dated=dated) == core(right, dated=dated) and core(left, dated=dated)
        for dated in (False, True)
    )


def are_of_other_contexts(one: str, other: str) -> bool:
    """Whether two models have one name but for the length of their context: 4k and 128k."""
    left, right = _words(model_name(one)), _words(model_name(other))
    lengths = [[word for word in words if re.fullmatch(_CONTEXT, word)] for words in (left, right)]
    rest = ["".join(word for word in words if not re.fullmatch(_CONTEXT, word)) for words in (left, right)]
    return lengths[0] != lengths[1] and rest[0] == rest[1] != ""


def is_chat_name(name: str) -> bool:
    """Whether a name has a word for chat: Phi-3-mini-4k-instruct."""
    return not CHAT.isdisjoint(_words(model_name(name)))


def chat_word_of(name: str, base: str) -> str | None:
    """The word for chat in ``name``, the name of something made from ``base`` or its sibling, that ``base``
    lacks.
    """
    ours, theirs = _words(model_name(name)), _words(model_name(base))
    if not theirs or not CHAT.isdisjoint(theirs) or not set(theirs) - _PRETRAINED <= set(ours):
        return None
    return next((word for word in ours if word in CHAT), None)


def chat_sibling_on_card(card: str, named: str) -> str | None:
    """The chat model whose own card this is, where it names its pretrained parent ``named``; `None` for
    others.

    Tools that copy a base's files bring its card along: ``# Qwen2.5-7B-Instruct`` with ``base_model:
    Qwen/Qwen2.5-7B``.
    """
    heading = re.search(_HEADING, card, re.ASCII)
    return heading["title"] if heading and chat_word_of(heading["title"], named) is not None else None


def _words(name: str) -> list[str]:
    """The words of a name, without its publisher's and those for how a copy is packed."""
    words = [word for word in re.split(r"[-_ ]+", name.lower()) if word]
    return [word for word in words if word not in _VENDORS | _COPIES]
