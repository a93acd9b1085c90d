"""Whether a model reads words at all: those that only see, hear or forecast have no tokenizer to miss."""

from typing import Final

from genfix.engines.modeling.module_lines import config_facts
from genfix.engines.shared.config_classes import config_class
from genfix.model import Model

__all__ = ["is_without_words"]

_MAJORS: Final = (4, 5)
_VOCABULARY: Final = "vocab_size"
_DEEPEST: Final = 4


def is_without_words(model: Model) -> bool:
    """Whether the released class of the type, and of each of its parts, counts no vocabulary, nor does the
    folder. False where that is not known.
    """
    kind = model.config.get("model_type")
    if not isinstance(kind, str) or "auto_map" in model.config or model.config_value(_VOCABULARY) is not None:
        return False
    return not model.vocabularies and _counts_none(kind)


def _counts_none(kind: str, depth: int = 0) -> bool:
    known, facts = config_class(kind), config_facts(kind)
    if known is None or depth > _DEEPEST or _VOCABULARY in facts.names:
        return False
    if any(known.has(_VOCABULARY, major) for major in _MAJORS):
        return False
    return all(_counts_none(part.removeprefix("*"), depth + 1) for part in facts.parts.values())
