"""Mistral's own tokenizer library, which vLLM and SGLang bring along: when it makes the tokenizer, what ends.

Read and run in transformers 5.19.0 (tokenization_mistral_common.py, models/auto/tokenization_auto.py) with
mistral_common 1.13.1. It reads ``tekken.json``, whatever else the folder has, and writes chats by code.
"""

from collections.abc import Mapping
from typing import Final

from genfix.engines.shared.view import Problem
from genfix.engines.shared.vocabularies import has_mistral_vocabulary
from genfix.engines.shared.wording import NO_TOKENIZER, unreadable_file
from genfix.folder.kinds import TEKKEN
from genfix.model import Model

MISTRAL_EOS: Final = "</s>"
_UNKNOWN: Final = "<unk>"
_CLASS: Final = "MistralCommonBackend"


def names_mistral_class(model: Model) -> bool:
    """Whether tokenizer_config.json names the class of transformers that is made by this library."""
    return model.tokenizer_config.get("tokenizer_class") == _CLASS


def mistral_tokens(model: Model) -> Mapping[str, int]:
    """The special tokens; none where the library does not take the file."""
    return {} if model.tekken is None or model.tekken.has_gap else model.tekken.tokens


def mistral_eos(model: Model) -> int | None:
    """The end that the class tells: the unknown token where the vocabulary has none."""
    tokens = mistral_tokens(model)
    return tokens.get(MISTRAL_EOS, tokens.get(_UNKNOWN))


def mistral_problem(model: Model, end: int | None) -> Problem | None:
    """Why the library makes no tokenizer whose ``end`` is found."""
    if not has_mistral_vocabulary(model):
        return NO_TOKENIZER
    return unreadable_file(TEKKEN) if model.has(TEKKEN) and end is None else None


def is_of_mistral(problem: Problem) -> bool:
    """Whether ``problem`` is one that transformers alone would have with a vocabulary of Mistral's."""
    return problem in (NO_TOKENIZER, unreadable_file(TEKKEN))
