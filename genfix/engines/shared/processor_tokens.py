"""Tokens that the processor of a model that sees or hears asks its tokenizer for by their names.

Read and run in transformers 5.24.0 and 4.57.6: tokenization_utils_base.py (``__init__``,
``_set_model_specific_special_tokens``), models/*/processing_*.py (the constructors, of which the data are
written).
"""

from collections.abc import Mapping
from typing import Final

from genfix.engines.shared.common import is_named_token
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.vocabularies import has_tokenizer_code
from genfix.json_types import JsonObject
from genfix.model import Model
from genfix.model.tokenizer import token_text

EXTRA: Final = "extra_special_tokens"
NEWER: Final = "model_specific_special_tokens"
"""Which transformers 5 alone reads."""


def named_tokens(config: JsonObject, major: int = 5) -> Mapping[str, str]:
    """Names and texts that tokenizer_config.json gives: transformers 5 takes what stands at its top, too."""
    named = {key: value for key, value in config.items() if major > 4 and is_named_token(value)}
    for key in (EXTRA, NEWER) if major > 4 else (EXTRA,):
        tokens = config.get(key)
        named |= tokens if isinstance(tokens, dict) else {}
    texts = {name: token_text(value) for name, value in named.items()}
    return {name: text for name, text in texts.items() if text is not None}


def unnamed_tokens(model: Model, major: int = 5) -> tuple[str, ...]:
    """Names of tokens that the constructor of the model type's processor asks for, and nothing gives."""
    asked = loaders(major).processor_tokens.get(model.model_type, ())
    if not asked or has_tokenizer_code(model.tokenizer_config):
        return ()
    named = named_tokens(model.tokenizer_config, major)
    return tuple(name for name in asked if name not in named)
