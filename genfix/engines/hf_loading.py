"""Why ``AutoConfig`` and ``AutoTokenizer`` of transformers do not load a folder that has its files.

Read in transformers 5.23.0 and 4.57.6: models/auto/configuration_auto.py and tokenization_auto.py,
configuration_utils.py (its fields are checked by huggingface_hub's strict dataclasses, in 5), tokenization_utils_base.py.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.common import READS_JINJA, has_some_vocabulary, load_problems, unreadable_named_tokens
from genfix.engines.loaders import Loaders, loaders
from genfix.engines.release import NEWEST, Release
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["auto_problems", "field_problems"]

_ABSENT_FILES: Final = ("engine-cannot-find-code", "engine-cannot-find-tokenizer")

_PARTS: Final = ("decoder", "generator", "text_config")
"""Where ``get_text_config`` looks for the language model's part; it raises where it finds two."""
_CHECKS_FIELDS: Final = (5, 4)
"""configuration_utils.py: the first version whose config classes are strict dataclasses."""


def auto_problems(model: Model, major: int, version: Release = NEWEST) -> tuple[Message, ...]:
    """`load_problems`, and what ``version`` of transformers 4 or 5 itself cannot take."""
    known = loaders(major)
    kind = model.model_type
    general = load_problems(model)
    problems = [problem for problem in general if problem.id not in _ABSENT_FILES]
    native = known.knows(kind, version)
    if kind and not native and not _own_code(model.config, "AutoConfig"):
        problems.append(message("engine-cannot-know-model-type", name=kind))
    for problem in general:
        # A model type that is known is loaded by the library's own code, whatever auto_map says.
        if problem.id == "engine-cannot-find-code" and not native:
            problems.append(problem)
        if problem.id == "engine-cannot-find-tokenizer":
            empty = (
                not has_some_vocabulary(model) and _tokenizer_class(model, known) in known.without_vocabulary
            )
            problems.append(message("engine-has-no-vocabulary") if empty else problem)
    if version >= _CHECKS_FIELDS:
        problems += field_problems(model, major)
    problems += (message("engine-cannot-take-token", key=key) for key in unreadable_named_tokens(model))
    if len([key for key in _PARTS if model.config.get(key) is not None]) > 1:
        problems.append(message("engine-cannot-choose-part"))
    if model.has("tokenizer.json") and (model.tokenizer_problem is not None or not model.tokenizer_head):
        problems.append(message("engine-cannot-read-tokenizer"))
    if version >= READS_JINJA and model.jinja.problem is not None:
        problems.append(message("engine-cannot-read-template"))
    return tuple(problems)


def _own_code(config: JsonObject, name: str) -> bool:
    auto_map = config.get("auto_map")
    return isinstance(auto_map, dict) and name in auto_map


def _tokenizer_class(model: Model, known: Loaders) -> str | None:
    named = model.tokenizer_config.get("tokenizer_class")
    if isinstance(named, str):
        return named
    return known.tokenizers.get(model.model_type)


def field_problems(model: Model, major: int) -> Iterator[Message]:
    """Values in config.json, and in its nested text_config, that the config's class refuses."""
    known = loaders(major)
    for kind, config in _configs(model):
        for key in known.fields:
            if key in config and known.refused(kind, key, config[key]):
                yield message("engine-cannot-take-value", key=key)


def _configs(model: Model) -> Iterator[tuple[str, JsonObject]]:
    for config in (model.config, model.config.get("text_config")):
        kind: JsonValue = config.get("model_type") if isinstance(config, dict) else None
        if isinstance(config, dict) and isinstance(kind, str):
            yield kind, config
