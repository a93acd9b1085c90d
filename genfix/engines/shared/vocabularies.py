"""Which vocabulary files a tokenizer class reads, and what it makes of a folder that lacks them.

Read in transformers 5.24.0 and 4.57.6: tokenization_utils_base.py (``from_pretrained``: the names it takes in
the place of a class's own), models/auto/tokenization_auto.py (which class is made),
tokenization_utils_tokenizers.py (``convert_to_native_format``); and run there on folders with each kind of
file alone.
"""

import re
from collections.abc import Iterator
from enum import Enum
from fnmatch import fnmatchcase
from typing import Final

from genfix.engines.shared.common import code_files
from genfix.engines.shared.loaders import Loaders, loaders
from genfix.engines.shared.release import Release
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import FAST_TOKENIZER, TEKKEN
from genfix.json_types import JsonObject
from genfix.model import Model
from genfix.model.tekken import Tekken

_SENTENCEPIECE: Final = "tokenizer.model"
_TIKTOKEN: Final = "tiktoken.model"
_TAKES_TEKKEN: Final = (4, 57, 2)
"""tokenization_utils_base.py: the first release of transformers 4 that converts tekken.json."""
_GENERAL: Final = frozenset(
    [
        *("TokenizersBackend", "PythonBackend", "PreTrainedTokenizer", "PreTrainedTokenizerFast"),
        "MistralCommonBackend",
    ]
)
"""Classes that are no model's own: transformers 5 makes the first of them."""
_BACKEND: Final = "TokenizersBackend"
_OF_MISTRAL: Final = (TEKKEN, "tokenizer.model.v*")
_WEIGHTS_OF_MISTRAL: Final = "consolidated*.safetensors"
_VOCABULARY: Final = re.compile(rb'"vocab"\s*:\s*([\[{])')
_NOT_NEEDED: Final = frozenset(
    [FAST_TOKENIZER, "tokenizer_config.json", "target_vocab.json", "normalizer.json"]
)
"""Of the files that classes name, those that they do without."""


_HALVES: Final = ((), ("vocab.json",), ("merges.txt",))
"""What is none for code of the folder's own, whatever it reads."""


class Vocabulary(Enum):
    """What a loader finds."""

    FOUND = "found"
    NONE = "none"
    """It fails."""
    BROKEN = "broken"
    """It fails: Mistral's own vocabulary is what it would convert, and is none."""
    EMPTY = "empty"
    """It makes a tokenizer that knows nothing but its special tokens."""
    OTHER = "other"
    """It fails: tokenizer.json has no scores, which the class needs."""


def loaded_vocabulary(model: Model, major: int, version: Release) -> Vocabulary:
    """What the tokenizer's class finds in a folder, in ``version`` of transformers 4 or 5."""
    known = loaders(major)
    files = _read_by(model, known, major)
    if model.has(FAST_TOKENIZER) or files is None:
        if files is not None and _class(model, known, major) in known.scored and not _has_scores(model):
            return Vocabulary.OTHER
        return Vocabulary.NONE if model.vocabularies in _HALVES else Vocabulary.FOUND
    own = files - _NOT_NEEDED
    if own and all(map(model.has, own)):
        return Vocabulary.FOUND
    instead = [name for name in _instead(files, major, version) if model.has(name)]
    if instead:
        broken = instead == [TEKKEN] and not _is_taken(model.tekken, major)
        return Vocabulary.BROKEN if broken else Vocabulary.FOUND
    if not any(map(model.has, own)) and _class(model, known, major) in known.without_vocabulary:
        return Vocabulary.EMPTY
    return Vocabulary.NONE


def _has_scores(model: Model) -> bool:
    """Whether the vocabulary of tokenizer.json is a list, as Unigram's is; all others are objects."""
    try:
        found = _VOCABULARY.search(model.folder.read(FAST_TOKENIZER))
    except FolderFileError:
        return True
    return found is None or found[1] == b"["


def _is_taken(found: Tekken | None, major: int) -> bool:
    if found is None:
        return False
    return found.lists if major < 5 else not found.has_gap


def in_mistral_format(model: Model) -> bool:
    """Whether vLLM takes Mistral's own tokenizer: both files are Mistral's
    (tokenizers/registry.py, ``resolve_tokenizer_args``).
    """
    has_weights = any(fnmatchcase(name, _WEIGHTS_OF_MISTRAL) for name in model.folder.names())
    return has_weights and has_mistral_vocabulary(model)


def has_mistral_vocabulary(model: Model) -> bool:
    """Whether Mistral's library finds a vocabulary."""
    names = model.folder.names()
    return any(fnmatchcase(name, kind) for name in names for kind in _OF_MISTRAL)


def _read_by(model: Model, known: Loaders, major: int) -> frozenset[str] | None:
    """The files that the tokenizer's class names; `None` where nobody knows: code of the folder's own."""
    if has_tokenizer_code(model.tokenizer_config) and not passes_over_code(model, known, major):
        return None
    name = _class(model, known, major)
    if name is None:
        return None
    fast = known.vocabularies.get(f"{name}Fast") if major < 5 else None
    return fast if fast is not None else known.vocabularies.get(name)


def _instead(files: frozenset[str], major: int, version: Release) -> Iterator[str]:
    """Files that any class takes in the place of its own, where a fast tokenizer can be made of them."""
    if FAST_TOKENIZER not in files or (major < 5 and version < _TAKES_TEKKEN):
        return
    yield TEKKEN
    if major > 4:
        yield from (_SENTENCEPIECE, _TIKTOKEN)
    elif files - _NOT_NEEDED:
        yield _SENTENCEPIECE


def has_tokenizer_code(tokenizer_config: JsonObject) -> bool:
    """Whether the tokenizer is made by code of the folder's own, which may read any file."""
    auto_map = tokenizer_config.get("auto_map")
    return isinstance(auto_map, list) or (isinstance(auto_map, dict) and "AutoTokenizer" in auto_map)


def passes_over_code(model: Model, known: Loaders, major: int) -> bool:
    """Whether transformers 5 has a class of its own in the place of the tokenizer's code, which is not there:
    the one that is named, or that of the type; and where folders of a type are known to name a wrong one.
    """
    if major < 5 or any(model.has(code.file) for code in code_files(model) if code.key == "AutoTokenizer"):
        return False
    named, kind = model.tokenizer_config.get("tokenizer_class"), model.model_type
    is_known = isinstance(named, str) and named.removesuffix("Fast") in known.tokenizer_classes
    return is_known or kind in known.misnamed or kind in known.tokenizers


def _class(model: Model, known: Loaders, major: int) -> str | None:
    """The class that is made, by its name without ``Fast``; `None` where none is known."""
    named = next(
        (
            name
            for name in (model.tokenizer_config.get("tokenizer_class"), model.config.get("tokenizer_class"))
            if isinstance(name, str)
        ),
        None,
    )
    registered = known.tokenizers.get(model.model_type)
    if major < 5:
        name = named or registered
        return name.removesuffix("Fast") if name not in _GENERAL and name is not None else name
    return _class_of_5(None if named is None else named.removesuffix("Fast"), registered, model, known)


def _class_of_5(named: str | None, registered: str | None, model: Model, known: Loaders) -> str:
    is_plain = not has_tokenizer_code(model.tokenizer_config)
    if is_plain and named is not None and registered is not None and registered != named:
        # A type's own class counts where folders of that type are known to name a wrong one.
        chosen = registered if registered in _GENERAL or model.model_type in known.misnamed else named
    else:
        chosen = named or registered or _BACKEND
    return chosen if chosen in known.tokenizer_classes and chosen not in _GENERAL else _BACKEND
