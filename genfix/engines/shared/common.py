"""What several engines take from transformers: the same loaders, and so the same failures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import TemplateSource
from genfix.folder.kinds import ADDITIONAL_TEMPLATES, CONFIG, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.model import JsonFile, Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read
from genfix.model.tokenizer import NAMED_TOKENS

_AUTO_MAP_FILES: Final = (CONFIG, TOKENIZER_CONFIG, "processor_config.json", "preprocessor_config.json")
READS_JINJA: Final = (4, 47)
"""tokenization_utils_base.py: the first version of transformers that reads chat_template.jinja."""
_READS_ADDITIONAL: Final = (4, 52)
"""The first that reads additional_chat_templates."""


def template_source(
    model: Model, order: Sequence[str] = (), major: int = 5, version: Release = NEWEST
) -> TemplateSource | None:
    """The template transformers' tokenizer renders, or its processor where the tokenizer has none.

    ``order`` names files, the one an engine takes first in front; by default transformers' own order in
    ``version``.
    """
    copies = model.template_places
    if not order:
        return _own_template(model, major, version)
    copies = tuple(copy for file in order for copy in copies if copy.file == file)
    return _source(copies[0].file, copies[0].text) if copies else None


def _own_template(model: Model, major: int, version: Release) -> TemplateSource | None:
    """Files beside tokenizer_config.json replace what stands in it, all of it, even where none is the
    default.

    The processor is asked where the model type has one and tokenizer_config.json says nothing of a template.
    """
    files: list[str] = []
    if version >= _READS_ADDITIONAL:
        files = [
            name
            for name in model.folder.names()
            if name.startswith(ADDITIONAL_TEMPLATES) and _is_template(name)
        ]
    if f"{ADDITIONAL_TEMPLATES}default.jinja" in files:
        default = f"{ADDITIONAL_TEMPLATES}default.jinja"
        return _source(default, model.folder.read(default).decode("utf-8", "replace"))
    if version >= READS_JINJA and model.jinja.text is not None:
        return _source(JINJA_FILE, model.jinja.text)
    if files:
        return None
    from genfix.engines.shared.loaders import loaders  # noqa: PLC0415 - data that rules do not need

    inline = model.tokenizer_config.get("chat_template") is not None
    kind = model.model_type
    for copy in model.template_places:
        if copy.file == JINJA_FILE:
            continue
        if inline == (copy.file == TOKENIZER_CONFIG) and (inline or kind in loaders(major).processors):
            return _source(copy.file, copy.text)
    return None


def _is_template(name: str) -> bool:
    return name.endswith(".jinja") and name.count("/") == 1


def _source(file: str, text: str) -> TemplateSource:
    return TemplateSource.of(file, as_read(text) if file.endswith(".jinja") else text)


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


def has_processor_config(model: Model) -> bool:
    """Whether a processor can be made."""
    return model.has("preprocessor_config.json") or model.has("processor_config.json")


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
    over = {} if "added_tokens_decoder" in config else model.object(SPECIAL_TOKENS_MAP)
    return tuple(key for key in NAMED_TOKENS if key not in over and not _is_token(config.get(key)))


def _is_token(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return value.get("__type") == "AddedToken"
    return value is None or isinstance(value, str)
