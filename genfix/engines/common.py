"""What several engines take from transformers: the same loaders, and so the same failures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genfix.engines.view import TemplateSource
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model

__all__ = [
    "chosen",
    "joined",
    "load_problems",
    "missing_code",
    "named_code",
    "template_source",
    "text_list",
]

_FULL_VOCABULARIES = (
    ("tokenizer.json",),
    ("tokenizer.model",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("qwen.tiktoken",),
    ("tiktoken.model",),
)
_AUTO_MAP_FILES: Final = (
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
)


def template_source(model: Model, order: Sequence[str] = ()) -> TemplateSource | None:
    """The template transformers' tokenizer renders, or its processor where the tokenizer has none.

    ``order`` names files, the one an engine takes first in front; by default transformers' own order.
    """
    copies = model.template_copies
    if order:
        copies = tuple(copy for file in order for copy in copies if copy.file == file)
    return TemplateSource(copies[0].file, copies[0].sha256) if copies else None


def chosen(values: JsonObject, keys: Iterable[str]) -> dict[str, JsonValue]:
    """The values under ``keys`` that are there and not null."""
    return {key: values[key] for key in keys if values.get(key) is not None}


def joined(*groups: Iterable[int]) -> tuple[int, ...]:
    """All ids, each once, in the order in which they come."""
    return tuple(dict.fromkeys(token_id for group in groups for token_id in group))


def text_list(values: JsonObject, key: str) -> tuple[str, ...]:
    """A text or a list of texts under ``key``."""
    value = values.get(key)
    entries = value if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, str))


def load_problems(model: Model) -> tuple[Message, ...]:
    """Why ``AutoConfig``, ``AutoTokenizer`` or the custom code of a folder cannot be loaded.

    Weights are not looked at: a folder of config files only is a valid base.
    """
    problems: list[Message] = []
    config = model.json("config.json")
    if not config.present:
        problems.append(message("engine-cannot-find-config"))
    elif config.unreadable:
        problems.append(message("engine-cannot-read-config"))
    elif not isinstance(model.config.get("model_type"), str):
        problems.append(message("engine-cannot-tell-model-type"))
    if model.json("tokenizer_config.json").unreadable:
        problems.append(message("engine-cannot-read-tokenizer-config"))
    if not any(all(model.has(name) for name in names) for names in _FULL_VOCABULARIES):
        problems.append(message("engine-cannot-find-tokenizer"))
    problems += [message("engine-cannot-find-code", file=file) for file in missing_code(model)]
    return tuple(problems)


def missing_code(model: Model, base: Model | None = None) -> tuple[str, ...]:
    """Python files that ``auto_map`` names and that the folder lacks; as for `named_code`."""
    return tuple(file for file in named_code(model, base) if not model.has(file))


def named_code(model: Model, base: Model | None = None) -> tuple[str, ...]:
    """Python files of this repo that ``auto_map`` names; sorted.

    Where a config file itself is lost, that of ``base`` says which code it will need when it is back.
    An entry ``repo--module.Class`` names another repo's file and is never followed.
    """
    files: set[str] = set()
    for name in _AUTO_MAP_FILES:
        witness = base if base is not None and not model.has(name) else model
        files.update(_auto_map_code(witness.object(name)))
    return tuple(sorted(files))


def _auto_map_code(config: JsonObject) -> Iterator[str]:
    auto_map = config.get("auto_map")
    for value in auto_map.values() if isinstance(auto_map, dict) else ():
        for reference in value if isinstance(value, list) else [value]:
            if isinstance(reference, str) and "--" not in reference and "." in reference:
                yield reference.rsplit(".", 1)[0].replace(".", "/") + ".py"
