"""The EOS id of a tokenizer that transformers 5 has loaded, where it is no added token of the files.

Run with transformers 5.19.0 and 5.23.0: special_tokens_map.json is laid over tokenizer_config.json, but only
where that has no ``added_tokens_decoder``; a name that the vocabulary has is that entry. One that nothing has
is given a free id, which no weight was trained for: it is left out here, for no model ever writes it.
"""

import json
from typing import Final

from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import FAST_TOKENIZER, SPECIAL_TOKENS_MAP
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model
from genfix.model.tokenizer import map_laid_over, token_text

_SLOW: Final = "vocab.json"


def loaded_eos(model: Model) -> int | None:
    """`None` where no file names the token, or none tells ids."""
    config = model.tokenizer_config
    config = {**config, **map_laid_over(config, model.object(SPECIAL_TOKENS_MAP))}
    text = token_text(config.get("eos_token"))
    if text == "":  # no token can be added for it, so that it is an unknown one
        text = token_text(config.get("unk_token"))
    known = model.tokenizer.ids
    if text is None or text in known:
        return known.get(text) if text is not None else None
    vocabulary = _vocabulary(model)
    if vocabulary is None:
        return None
    found = vocabulary.get(text)
    return found if type(found) is int else None


def _vocabulary(model: Model) -> JsonObject | None:
    """Of the whole file, which is large: only a folder whose EOS is no added token gets here."""
    file = FAST_TOKENIZER if model.has(FAST_TOKENIZER) else _SLOW
    try:
        document: JsonValue = json.loads(model.folder.read(file))
    except (FolderFileError, KeyError, ValueError, RecursionError):
        return None
    if file == _SLOW:
        return document if isinstance(document, dict) else None
    inner = document.get("model") if isinstance(document, dict) else None
    vocabulary = inner.get("vocab") if isinstance(inner, dict) else None
    return vocabulary if isinstance(vocabulary, dict) else None
