"""Why ``AutoConfig`` and ``AutoTokenizer`` of transformers do not load a folder that has its files.

Read in transformers 5.24.0 and 4.57.6: models/auto/configuration_auto.py and tokenization_auto.py,
configuration_utils.py (its fields are checked by huggingface_hub's strict dataclasses, in 5),
tokenization_utils_base.py.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final

from genfix.engines.shared.common import (
    architecture,
    code_files,
    looks_up_without_end,
    unreadable_named_tokens,
)
from genfix.engines.shared.config_object import NESTED_PARTS, is_flat
from genfix.engines.shared.loaders import NO_OWN_TYPES, OwnTypes, loaders
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.rope_loading import (
    NEW,
    OLD,
    RopeTraits,
    refused_old_rope,
    refused_rope,
    rope_traits,
)
from genfix.engines.shared.templates import READS_JINJA
from genfix.engines.shared.text_part import text_part
from genfix.engines.shared.view import Effect, Problem
from genfix.engines.shared.vocabularies import Vocabulary, loaded_vocabulary, passes_over_code
from genfix.engines.shared.wording import (
    NO_TOKENIZER,
    missing_code_file,
    refused_value,
    unknown_type,
    unreadable_file,
    unreadable_value,
)
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, TEKKEN, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.model import Model

_CHECKS_FIELDS: Final = (5, 4)
"""configuration_utils.py: the first version whose config classes are strict dataclasses."""
_OLDER: Final = 4
_READ_ROPE: Final = {4: (4, 57), 5: (5, 19)}
"""The versions of which it was read how they take RoPE settings: these, and all since."""


class Loads(Enum):
    """What an engine has transformers load."""

    ALL = "all"
    ANY_TYPE = "any-type"
    """Whatever the model type: the class of the tokenizer is named."""
    TOKENIZER = "tokenizer"


def auto_problems(
    model: Model,
    major: int,
    version: Release = NEWEST,
    loads: Loads = Loads.ALL,
    own: OwnTypes = NO_OWN_TYPES,
) -> tuple[Problem, ...]:
    """Why ``version`` of transformers 4 or 5 does not load config, tokenizer or code of a folder for an
    engine that brings ``own``.

    Weights are not looked at: `weight_formats` does.
    """
    native = loaders(major).knows(model.model_type, version)
    whole = loads is not Loads.TOKENIZER
    return (
        *_config_problems(model, loads, native=native or model.model_type in own.types),
        *_vocabulary_problems(loaded_vocabulary(model, major, version)),
        # A model type that is known is loaded by the library's own code, whatever auto_map says.
        *(_code_problems(model, major, loads, own) if whole and not native else ()),
        *(_field_problems(model, major) if whole and version >= _CHECKS_FIELDS else ()),
        *(_rope_problems(model, major, loads, own) if version >= _READ_ROPE[major] else ()),
        *_content_problems(model, version, whole=whole),
        *_type_problems(model, loads),
    )


def _config_problems(model: Model, loads: Loads, *, native: bool) -> Iterator[Problem]:
    config, kind = model.json(CONFIG), model.model_type
    if not config.present:
        yield Problem(message("engine-cannot-find-config", "config.json is missing"))
    elif config.unreadable:
        yield Problem(message("engine-cannot-read-config", "config.json cannot be read"))
    elif not kind and loads is not Loads.TOKENIZER:
        yield Problem(message("engine-cannot-tell-model-type", "config.json has no model_type"))
    if model.json(TOKENIZER_CONFIG).unreadable:
        yield Problem(message("engine-cannot-read-tokenizer-config", "tokenizer_config.json cannot be read"))
    if loads is Loads.ALL and kind and not native and not _own_code(model.config, "AutoConfig"):
        yield unknown_type(kind)


def _code_problems(model: Model, major: int, loads: Loads, own: OwnTypes) -> Iterator[Problem]:
    """Missing files of the code that is needed: an engine with a config class or a model of its own for this
    type does without the folder's, and then nobody has to trust the code of the tokenizer where its class has
    a plain name, or transformers has its own class for it.
    """
    known = loaders(major)
    reads_config = loads is Loads.ANY_TYPE or model.model_type in own.types
    builds = loads is Loads.ANY_TYPE or architecture(model) in own.architectures
    name = model.tokenizer_config.get("tokenizer_class")
    plain = reads_config and (
        (isinstance(name, str) and name in known.tokenizer_classes)
        or passes_over_code(model, known, major)
        or model.model_type in own.tokenizers
    )
    done: dict[str, bool] = {CONFIG: reads_config, TOKENIZER_CONFIG: plain}
    needed = {
        code.file
        for code in code_files(model)
        if not (done.get(code.named_in, builds) or (builds and code.key.startswith("AutoModel")))
    }
    for file in sorted(needed):
        if not model.has(file):
            yield missing_code_file(file)


def _vocabulary_problems(found: Vocabulary) -> Iterator[Problem]:
    if found is Vocabulary.EMPTY:
        yield Problem(
            message("engine-has-no-vocabulary", "there is no vocabulary: the tokenizer it makes is empty"),
            Effect.UNCERTAIN,
        )
    elif found is Vocabulary.BROKEN:
        yield unreadable_file(TEKKEN)
    elif found is Vocabulary.OTHER:
        yield Problem(
            message(
                "engine-cannot-take-vocabulary",
                "tokenizer_class asks for a vocabulary with scores, and that of tokenizer.json has none",
            )
        )
    elif found is Vocabulary.NONE:
        yield NO_TOKENIZER


def _content_problems(model: Model, version: Release, *, whole: bool) -> Iterator[Problem]:
    for key in unreadable_named_tokens(model):
        yield Problem(
            message(
                "engine-cannot-take-token",
                "{key} of tokenizer_config.json is neither text nor an AddedToken",
                key=key,
            )
        )
    if whole and looks_up_without_end(model):
        yield unreadable_value("unk_token", TOKENIZER_CONFIG)
    # `get_text_config` raises where it finds two.
    if whole and sum(model.config.get(key) is not None for key in NESTED_PARTS) > 1:
        yield Problem(
            message("engine-cannot-choose-part", "config.json has more than one part for the language model")
        )
    if model.has(FAST_TOKENIZER) and (model.tokenizer_problem is not None or not model.tokenizer_head):
        yield Problem(message("engine-cannot-read-tokenizer", "tokenizer.json cannot be read"))
    if version >= READS_JINJA and model.jinja.problem is not None:
        yield Problem(message("engine-cannot-read-template", "chat_template.jinja cannot be read"))


def _type_problems(model: Model, loads: Loads) -> Iterator[Problem]:
    """Values whose type the code of both classes is not ready for."""
    for key in NESTED_PARTS if loads is Loads.ALL else ():
        if model.config.get(key) and not isinstance(model.config[key], dict):
            yield refused_value(key)
    if not isinstance(model.config.get("auto_map", {}), dict | list | str):
        yield unreadable_value("auto_map", CONFIG)
    settings = model.tokenizer_config
    if not isinstance(settings.get("auto_map", {}), dict | list):
        yield unreadable_value("auto_map", TOKENIZER_CONFIG)
    if not isinstance(settings.get("tokenizer_class"), str | None):
        yield unreadable_value("tokenizer_class", TOKENIZER_CONFIG)


def _own_code(config: JsonObject, name: str) -> bool:
    auto_map = config.get("auto_map")
    return isinstance(auto_map, dict) and name in auto_map


def _field_problems(model: Model, major: int) -> Iterator[Problem]:
    """Values in config.json, and in its nested text_config, that the config's class refuses."""
    known = loaders(major)
    for kind, config in _configs(model):
        for key in known.fields:
            if key in config and known.refused(kind, key, config[key]):
                yield refused_value(key)


def _rope_problems(model: Model, major: int, loads: Loads, own: OwnTypes) -> Iterator[Problem]:
    """RoPE settings that a class does not take: in the language model's part, or beside it."""
    if loads is Loads.TOKENIZER and model.tokenizer_config.get("tokenizer_class") is not None:
        return  # then config.json is not asked
    part = text_part(model, major)
    levels = [(part.kind, part.values)]
    if not is_flat(model) and part.values is not model.config:
        levels.append((model.model_type, model.config))
    for kind, values in levels:
        if not values.keys() & {OLD, NEW} or kind in own.types:
            continue
        traits = rope_traits(kind, major)
        if values is model.config and loads is Loads.ANY_TYPE and kind not in loaders(major).model_types:
            # The class that all are made of is taken, unless the folder's own is there for who trusts it.
            own_class = [code for code in code_files(model) if code.key == "AutoConfig"]
            traits = None if own_class and all(model.has(code.file) for code in own_class) else RopeTraits()
        refused = refused_rope if major > _OLDER else refused_old_rope
        key = None if traits is None else refused(values, traits._replace(guarded=own.guards_rope))
        if key is not None:
            yield refused_value(key)
            return


def limit_problems(model: Model) -> Iterator[Problem]:
    """Why a tokenizer that is loaded cannot be asked how long a text may be."""
    if isinstance(model.tokenizer_config.get("model_max_length"), str | list | dict):
        yield unreadable_value("model_max_length", TOKENIZER_CONFIG)


def _configs(model: Model) -> Iterator[tuple[str, JsonObject]]:
    for config in (model.config, model.config.get("text_config")):
        kind: JsonValue = config.get("model_type") if isinstance(config, dict) else None
        if isinstance(config, dict) and isinstance(kind, str):
            yield kind, config
