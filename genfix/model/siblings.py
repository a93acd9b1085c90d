"""Names of models that differ only in whether they were taught to chat: Qwen2.5-7B and Qwen2.5-7B-Instruct.

Such siblings have one architecture and one tokenizer. No proof tells them apart, only names and stop tokens
do.
"""

import re
from typing import Final

_CHAT: Final = frozenset({"instruct", "chat", "it"})
_PRETRAINED: Final = frozenset({"base", "pt"})
_HEADING: Final = r"(?m)^#[ \t]+(?P<title>[\w.-]+)[ \t]*$"


def model_name(text: str) -> str:
    """The model's own name in an id, an address or a path: its last part, without a revision."""
    path = text.partition("://")[2] or text
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    if len(parts) > 2 and parts[-2] == "snapshots" and parts[-3].startswith("models--"):
        return parts[-3].rpartition("--")[2]
    return parts[-1].partition("@")[0] if parts else ""


def are_siblings(one: str, other: str) -> bool:
    """Whether two models have one name but for the words that tell a chat model from a pretrained one."""
    left, right = _words(model_name(one)), _words(model_name(other))
    kinds = _CHAT | _PRETRAINED
    return left != right and [w for w in left if w not in kinds] == [w for w in right if w not in kinds]


def chat_word_of(name: str, base: str) -> str | None:
    """The word for chat in ``name``, the name of something made from ``base`` or its sibling, that ``base``
    lacks.
    """
    ours, theirs = _words(model_name(name)), _words(model_name(base))
    if not theirs or not _CHAT.isdisjoint(theirs) or not set(theirs) - _PRETRAINED <= set(ours):
        return None
    return next((word for word in ours if word in _CHAT), None)


def chat_sibling_on_card(card: str, named: str) -> str | None:
    """The chat model whose own card this is, where it names its pretrained parent ``named``; `None` for
    others.

    Tools that copy a base's files bring its card along: ``# Qwen2.5-7B-Instruct`` with ``base_model:
    Qwen/Qwen2.5-7B``.
    """
    heading = re.search(_HEADING, card, re.ASCII)
    return heading["title"] if heading and chat_word_of(heading["title"], named) is not None else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-_ ]+", name.lower()) if word and word != "hf"]
