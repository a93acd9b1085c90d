"""What the files of a model folder are: which class a name belongs to, and how much of it may be read."""

import re
from enum import StrEnum
from typing import Final

from genfix.folder.folder import FileProblem, FolderFileError

CONFIG: Final = "config.json"
GENERATION_CONFIG: Final = "generation_config.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
FAST_TOKENIZER: Final = "tokenizer.json"
TEKKEN: Final = "tekken.json"
"""Mistral\'s own vocabulary."""
SPECIAL_TOKENS_MAP: Final = "special_tokens_map.json"
ADDED_TOKENS: Final = "added_tokens.json"
ADDITIONAL_TEMPLATES: Final = "additional_chat_templates/"

PROCESSOR_FILES: Final = (
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "image_processor_config.json",
    "audio_tokenizer_config.json",
)
"""Names transformers' processor classes load (processing_utils.py and image_processing_utils.py, 5.23)."""

_VOCABULARY: Final = re.compile(
    r"tokenizer\.model(\.v[\w.]+)?|vocab(-\w+)?\.(json|txt)|merges\.txt|tekken\.json|[\w.-]+\.(tiktoken|spm)"
    r"|(spiece|spm|spm_char|tiktoken|sentencepiece(\.bpe)?)\.model|bpe\.codes|dict\.txt",
    re.ASCII,
)
WELL_KNOWN_TOKENIZER_FILES: Final = (
    *(FAST_TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP, ADDED_TOKENS),
    *("tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "spiece.model", "sentencepiece.bpe.model"),
    *("qwen.tiktoken", "tiktoken.model", TEKKEN),
)
"""The names most tokenizers have; `is_vocabulary` knows the others."""

_LICENCE_STEMS = ("license", "licence", "notice", "use_policy", "acceptable_use_policy", "copying")
_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".npz")

_MIB: Final = 1024 * 1024


class FileKind(StrEnum):
    """The class of a file, by its name."""

    CONFIG = "config"
    GENERATION_CONFIG = "generation-config"
    TOKENIZER = "tokenizer"
    CHAT_TEMPLATE = "chat-template"
    PROCESSOR = "processor"
    CODE = "code"
    LICENCE = "licence"
    WEIGHTS = "weights"
    WEIGHTS_INDEX = "weights-index"
    ADAPTER = "adapter"
    GGUF = "gguf"
    OTHER = "other"


_BY_NAME: Final = {
    CONFIG: FileKind.CONFIG,
    GENERATION_CONFIG: FileKind.GENERATION_CONFIG,
    **dict.fromkeys(WELL_KNOWN_TOKENIZER_FILES, FileKind.TOKENIZER),
    **dict.fromkeys(PROCESSOR_FILES, FileKind.PROCESSOR),
    **dict.fromkeys(["chat_template.jinja", "chat_template.json"], FileKind.CHAT_TEMPLATE),
}
_BY_ENDING: Final = (
    ((".gguf",), FileKind.GGUF),
    ((".index.json",), FileKind.WEIGHTS_INDEX),
    (_WEIGHT_SUFFIXES, FileKind.WEIGHTS),
    ((".py",), FileKind.CODE),
)


def is_vocabulary(name: str) -> bool:
    """Whether ``name`` is a vocabulary that a slow tokenizer, or a converter to another format, reads.

    The names are those of transformers' classes (``vocab_files_names``, 4.57 and 5.24), of Mistral
    (``tekken.json``, ``tokenizer.model.v3``) and of tokenizers with code of their own (``qwen.tiktoken``).
    """
    return _VOCABULARY.fullmatch(name) is not None


def kind_of(name: str) -> FileKind:
    """The class of the file called ``name`` (a relative path)."""
    base = name.rsplit("/", 1)[-1]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if is_vocabulary(name):
        return FileKind.TOKENIZER
    if name.startswith(ADDITIONAL_TEMPLATES):
        return FileKind.CHAT_TEMPLATE
    if base.startswith("adapter_"):
        return FileKind.ADAPTER
    for endings, kind in _BY_ENDING:
        if base.endswith(endings):
            return kind
    if "/" not in name and base.lower().split(".")[0].replace("-", "_") in _LICENCE_STEMS:
        return FileKind.LICENCE
    return FileKind.OTHER


def is_json_config(name: str) -> bool:
    """Whether ``name`` is a small JSON file that engines parse (not a vocabulary, not an index)."""
    if not name.endswith(".json") or name == FAST_TOKENIZER or is_vocabulary(name):
        return False
    return kind_of(name) in {
        FileKind.CONFIG,
        FileKind.GENERATION_CONFIG,
        FileKind.TOKENIZER,
        FileKind.PROCESSOR,
        FileKind.CHAT_TEMPLATE,
    }


def read_cap(name: str) -> int:
    """The most bytes genfix reads of the file called ``name`` at once: real files stay far below it."""
    match kind_of(name):
        case FileKind.CONFIG | FileKind.GENERATION_CONFIG | FileKind.PROCESSOR | FileKind.ADAPTER:
            return 1 * _MIB
        case FileKind.TOKENIZER if is_json_config(name):
            return 4 * _MIB
        case FileKind.TOKENIZER | FileKind.WEIGHTS_INDEX:
            return 64 * _MIB
        case _:
            return 4 * _MIB


def too_large(name: str, size: int) -> FolderFileError:
    """The error for a file that has more bytes than `read_cap` lets it have."""
    return FolderFileError(
        name,
        FileProblem.TOO_LARGE,
        "{name} has {size:,} bytes, more than the {cap:.3g} MiB that such a file can have",
        "look whether another file was saved under this name",
        size=size,
        cap=read_cap(name) / _MIB,
    )
