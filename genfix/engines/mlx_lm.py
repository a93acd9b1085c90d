"""MLX-LM: ``mlx_lm.generate`` and ``mlx_lm.server``.

Read in mlx-lm 0.32.2: utils.py (``load_config``, ``load_model``, ``_get_classes``), tokenizer_utils.py
(``load``, the set of EOS ids), and in every version named below.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import ids_of_set
from genfix.engines.shared.hf_loading import Loads, auto_problems, limit_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.loaders import loaders, own_types
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.templates import tokenizer_template
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    UNREADABLE_GENERATION_CONFIG,
    stop_from,
    stop_of_tokenizer,
    unknown_type,
    unreadable_value,
)
from genfix.folder.kinds import CONFIG, TOKENIZER_CONFIG
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.message import Message
from genfix.model import Model
from genfix.model.model import JsonFile

_ID: Final = "mlx-lm"
_VERSION: Final = "0.32.2"
_OLDEST: Final = "0.19.3"

_CONFIG: Final = (0, 20, 3)
"""First to take the ids of config.json, and the tokenizer's EOS only where there are none (PR 1141 of
mlx-examples)."""
_GENERATION: Final = (0, 30, 1)
"""First to take those of generation_config.json before them (PRs 701 and 708)."""
_UNION: Final = (0, 32, 0)
"""First to add the tokenizer's EOS to them."""
_NAMED_MODULES: Final = (0, 32, 2)
"""The release that was read to import what ``chat_template_type`` and ``tool_parser_type`` name."""
_MODULES: Final[Mapping[str, Release]] = {"muse_spark_open": (0, 32, 1), "muse_spark": (0, 32, 2)}
"""Model types whose module names ids for folders that name none, and since when."""
_CHAT: Final = "chat_template_type"
_PARSER: Final = "tool_parser_type"
_MODULE_IDS: Final = (200001, 200008)
_IGNORED: Final = frozenset([JsonProblemKind.SYNTAX, JsonProblemKind.EMPTY, JsonProblemKind.BOM])
"""What makes ``json`` raise the one error that is caught; others end the start."""


class _Ends(NamedTuple):
    """The ids of a file; `None` where it names none, so that the tokenizer is asked."""

    ids: tuple[int, ...] | None
    file: str
    problems: tuple[Problem, ...] = ()


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """generation_config.json's ids if there are any, else those of config.json's top; and the tokenizer's
    EOS.
    """
    ends = _ends(model, version)
    trace: list[Message] = []
    if ends.ids is not None:
        trace.append(stop_from(ends.file, ends.ids))
    own = loaded_eos(model) if ends.ids is None or version >= _UNION else None
    if own is not None:
        trace.append(stop_of_tokenizer(model.tokenizer.eos_token, own))
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(ends.ids or (), [] if own is None else [own]),
        sampling={},
        chat_template=_template(model, version),
        context_length=None,
        problems=(*_load_problems(model), *_module_problems(model, version), *ends.problems),
        trace=tuple(trace),
    )


def _load_problems(model: Model) -> tuple[Problem, ...]:
    """Those of the tokenizer, which transformers makes for types that it does not know, too; and a type that
    nobody has: neither MLX-LM a module nor transformers a class, nor the folder code in their place.
    """
    kind = model.model_type
    known = kind in own_types(_ID).types or kind in loaders(5).model_types
    unknown = bool(kind) and not known and not {"auto_map", "model_file"} & model.config.keys()
    return (
        *auto_problems(model, 5, loads=Loads.ANY_TYPE),
        *((unknown_type(kind),) if unknown else ()),
        *weight_problems(model, _ID),
        *limit_problems(model),
    )


def _template(model: Model, version: Release) -> TemplateSource | None:
    """Code of MLX-LM's own where tokenizer_config.json names it; a processor is never made."""
    name = model.tokenizer_config.get(_CHAT)
    if version < _NAMED_MODULES or not isinstance(name, str) or name not in own_types(_ID).modules[_CHAT]:
        return tokenizer_template(model)
    return TemplateSource.of(f"chat_templates {name}", f"chat_templates {name}")


def _module_problems(model: Model, version: Release) -> Iterator[Problem]:
    """Modules that tokenizer_config.json names, and that MLX-LM does not have."""
    for key, names in own_types(_ID).modules.items() if version >= _NAMED_MODULES else ():
        value = model.tokenizer_config.get(key)
        is_none = value is None if key == _PARSER else not value
        if not is_none and not (isinstance(value, str) and value in names):
            yield unreadable_value(key, TOKENIZER_CONFIG)


def _ends(model: Model, version: Release) -> _Ends:
    file, value = CONFIG, model.config.get("eos_token_id")
    if version < _CONFIG:
        return _Ends(None, file)
    if version >= _GENERATION:
        generation = model.generation_config
        if _stops_the_start(generation):
            return _Ends(None, file, (UNREADABLE_GENERATION_CONFIG,))
        first = (generation.value or {}).get("eos_token_id")
        if first:  # zero and an empty list are passed over
            file, value = generation.name, first
    if value is None:
        since = _MODULES.get(model.model_type)
        return _Ends(None if since is None or version < since else _MODULE_IDS, file)
    if value == 0.0 and isinstance(value, float) and version >= _UNION:
        return _Ends((), file)
    ids = ids_of_set(value)
    return _Ends(ids, file, (unreadable_value("eos_token_id", file),) if ids is None else ())


def _stops_the_start(file: JsonFile) -> bool:
    """Whether generation_config.json is JSON but no object, or not UTF-8."""
    if not file.unreadable:
        return False
    return not (isinstance(file.problem, JsonProblem) and file.problem.kind in _IGNORED)


ENGINE: Final = Engine(_ID, "MLX-LM", _VERSION, _OLDEST, view, server=None, shows_tokens=False)
