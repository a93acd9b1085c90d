"""What several engines take from transformers: the same loaders, and so the same failures."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from genfix.folder.kinds import CONFIG, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.model import JsonFile, Model
from genfix.model.tokenizer import NAMED_TOKENS, map_laid_over, token_text

_AUTO_MAP_FILES: Final = (CONFIG, TOKENIZER_CONFIG, "processor_config.json", "preprocessor_config.json")


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


def is_no_object(file: JsonFile) -> bool:
    """Whether a file is JSON, and no object: most who do without a file fail on that."""
    return isinstance(file.problem, JsonProblem) and file.problem.kind is JsonProblemKind.NOT_AN_OBJECT


def architecture(model: Model) -> str | None:
    """The first of config.json's ``architectures``, where that is a text."""
    names = model.config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return first if isinstance(first, str) else None


class CodeFile(NamedTuple):
    """A Python file that an ``auto_map`` names."""

    file: str
    named_in: str
    """The config file that names it."""
    key: str
    """What it is for: ``AutoConfig``, ``AutoModelForCausalLM``, ``AutoTokenizer``."""


def missing_code(model: Model, base: Model | None = None) -> tuple[str, ...]:
    """Python files that ``auto_map`` names and that the folder lacks; as for `named_code`."""
    return tuple(file for file in named_code(model, base) if not model.has(file))


def named_code(model: Model, base: Model | None = None) -> tuple[str, ...]:
    """Python files of this repo that ``auto_map`` names; sorted.

    Where a config file itself is lost, that of ``base`` says which code it will need when it is back.
    An entry ``repo--module.Class`` names another repo's file and is never followed.
    """
    return tuple(sorted({code.file for code in code_files(model, base)}))


def code_files(model: Model, base: Model | None = None) -> Iterator[CodeFile]:
    """As `named_code`, with what names them."""
    for name in _AUTO_MAP_FILES:
        witness = base if base is not None and not model.has(name) else model
        auto_map = witness.object(name).get("auto_map")
        for key, value in auto_map.items() if isinstance(auto_map, dict) else ():
            for reference in value if isinstance(value, list) else [value]:
                if isinstance(reference, str) and "--" not in reference and "." in reference:
                    yield CodeFile(reference.rsplit(".", 1)[0].replace(".", "/") + ".py", name, key)


def unreadable_named_tokens(model: Model) -> tuple[str, ...]:
    """Keys of named tokens that are neither text nor an object that says it is an ``AddedToken``.

    special_tokens_map.json is laid over them, but only where tokenizer_config.json has no
    ``added_tokens_decoder``.
    """
    config = model.tokenizer_config
    over = map_laid_over(config, model.object(SPECIAL_TOKENS_MAP))
    return tuple(
        key
        for key in NAMED_TOKENS
        if key not in over and config.get(key) is not None and not is_named_token(config[key])
    )


def looks_up_without_end(model: Model) -> bool:
    """Whether the BOS or EOS is the empty text, which is no token, so that the token is looked up that stands
    for all that are none, and is empty as well.
    """
    config = model.tokenizer_config
    named = {**config, **map_laid_over(config, model.object(SPECIAL_TOKENS_MAP))}
    bos, eos, unknown = (token_text(named.get(key)) for key in ("bos_token", "eos_token", "unk_token"))
    return unknown == "" and "" in (bos, eos)


def is_named_token(value: JsonValue) -> bool:
    """Whether transformers takes a value at the top of tokenizer_config.json for a token."""
    return isinstance(value, str) or (isinstance(value, dict) and value.get("__type") == "AddedToken")
