"""SGLang: the server and its offline engine.

Read in 28 releases from 0.4.8 on, and run in SGLang 0.5.23 with transformers 5.19.0:
srt/configs/model_config.py (``_get_hf_eos_token_id``, ``get_default_sampling_params``),
srt/managers/schedule_batch.py (``_check_token_based_finish``), srt/utils/hf_transformers/common.py
(``get_context_length``, ``get_generation_config``, further stop tokens), srt/sampling/sampling_params.py
(``__post_init__``, ``verify``), srt/managers/tokenizer_manager.py
(processors), srt/parser/template_manager.py (``_resolve_hf_chat_template``, ``_select_named_template``) and
conversation.py (chat templates).
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.sglang_processors import cannot_make_processor, has_processor, takes_template_of_processor
from genfix.engines.shared.common import chosen, is_no_object, joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import ids_of_set
from genfix.engines.shared.generating import setting_problems
from genfix.engines.shared.hf_loading import auto_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.loaders import loaders, own_types
from genfix.engines.shared.mistral_library import (
    is_of_mistral,
    mistral_eos,
    mistral_problem,
    names_mistral_class,
)
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.taken_settings import Table, Taken, failing, refused
from genfix.engines.shared.templates import processor_template, tokenizer_template
from genfix.engines.shared.text_part import TextPart, is_composite, text_part
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    UNREADABLE_GENERATION_CONFIG,
    missing_file,
    refused_value,
    stop_by_text,
    stop_from,
    stop_of_class,
    stop_of_tokenizer,
    unreadable_value,
)
from genfix.folder.kinds import ADDITIONAL_TEMPLATES, CONFIG, FAST_TOKENIZER, TEKKEN, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, decimal, is_finite
from genfix.message import Message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read

_ID: Final = "sglang"
_VERSION: Final = "0.5.23"
_OLDEST: Final = "0.4.8"

_GENERATION: Final = (0, 4, 10)
"""First to read generation_config.json, for its ids (``get_generation_config``)."""
_DEFAULTS: Final = (0, 5, 4)
"""First to take sampling defaults of it (``--sampling-defaults model``)."""
_FIRST_NAMED: Final = (0, 5, 8)
"""First to take the first of several templates, whatever its name (``_select_named_template``)."""
_DECLARED_CLASS: Final = (0, 5, 12)
"""First to look into tokenizer_config.json again where no class is known
(``_load_tokenizer_by_declared_class``)."""
_NEWER_LIBRARY: Final = (0, 5, 10)
"""First to ask for transformers 5; 0.5.9 has 4.57.1."""

_MISTRAL_LIBRARY: Final = (0, 5, 23)
"""The release that was read to have Mistral's library make tokenizers (``is_bare_tekken_checkpoint``)."""
_OF_MISTRAL: Final = frozenset(
    ["ministral", "ministral3", "mistral", "mistral3", "mixtral", "pixtral", "voxtral", "voxtral_realtime"]
)
"""Model types whose tokenizer transformers makes by it where there is a tekken.json."""

_TAKEN: Final[Table] = {
    "repetition_penalty": Taken(lowest=0, highest=2, without_lowest=True),
    "temperature": Taken(lowest=0, finite=True),
    "top_k": Taken(lowest=1, unasked=(-1,)),
    "top_p": Taken(lowest=0, highest=1, without_lowest=True),
    "min_p": Taken(lowest=0, highest=1),
}
"""Defaults for sampling, and what is taken for each: a ``top_k`` of 0 is not."""
_GREEDY: Final = 1e-6
"""A temperature below this puts a 1 in the place of ``top_k``."""
_FURTHER: Final[Mapping[str, Release]] = {
    "<|eom_id|>": (0,),
    "<|content_model_end_sampling|>": (0, 5, 16),
    "<|ifm|im_end|>": (0, 5, 20),
}
"""Tokens that end an answer by their text, and since when."""
_LENGTHS: Final = (
    *("max_sequence_length", "seq_length", "max_seq_len", "model_max_length"),
    "max_position_embeddings",
)
_USUAL_LENGTH: Final = 2048
_OWN_TOKENIZERS: Final = frozenset(["internvl_chat"])
"""Model types for whose tokenizer it has a class of its own (``TOKENIZER_MAPPING``)."""
_CONVERSATIONS: Final[Mapping[str, tuple[str, Release]]] = {
    "internvl_chat": ("internvl-2-5", (0, 5, 2)),
    "deepseek_vl_v2": ("deepseek-vl2", (0, 5, 2)),
    "multi_modality": ("janus-pro", (0, 5, 2)),
    "phi4mm": ("phi-4-mm", (0, 5, 2)),
    "minicpmv": ("minicpmv", (0, 5, 2)),
    "minicpmo": ("minicpmo", (0, 5, 2)),
    "deepseek-ocr": ("deepseek-ocr", (0, 5, 4)),
    "paddleocr_vl": ("paddle-ocr", (0, 5, 7)),
    "whisper": ("whisper", (0, 5, 10)),
    "moss_vl": ("moss-vl", (0, 5, 12)),
    "unlimited-ocr": ("unlimited-ocr", (0, 5, 16)),
}
"""Model types whose chats are written by a template of SGLang's own, and since when; the folder's is not
asked.

A word in the path of the folder may choose one too, which no file tells.
"""


class _Stop(NamedTuple):
    """Ids of one source; `None` where it cannot be read."""

    ids: tuple[int, ...] | None = ()
    told: Message | None = None
    file: str = ""


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """The union of config.json, generation_config.json, the tokenizer's EOS and three tokens known by their
    text.
    """
    major = 5 if version >= _NEWER_LIBRARY else 4
    part = text_part(model, major)
    stops = (
        _config_stop(model, part),
        _file_stop(model, version),
        _tokenizer_stop(model, version),
        _end_texts(model, version),
    )
    problems = _load_problems(model, major, version)
    problems += [unreadable_value("eos_token_id", stop.file) for stop in stops if stop.ids is None]
    sampling = chosen(model.generation_config.value or {}, _TAKEN) if version >= _DEFAULTS else {}
    problems += failing(_refused_settings(sampling), model.generation_config.name)
    length = _context_length(part)
    if length is None:
        refused = refused_value(part.refused_rope or "max_position_embeddings")
        problems += [] if refused in problems else [refused]
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(*(stop.ids or () for stop in stops)),
        sampling=sampling,
        chat_template=_template(model, version),
        context_length=length,
        problems=tuple(problems),
        trace=tuple(stop.told for stop in stops if stop.told is not None),
    )


def _refused_settings(sampling: JsonObject) -> Iterator[str]:
    temperature = sampling.get("temperature")
    greedy = isinstance(temperature, int | float) and 0 <= temperature < _GREEDY
    return refused({**sampling, "top_k": 1} if greedy else sampling, _TAKEN)


def _config_stop(model: Model, part: TextPart) -> _Stop:
    """``eos_token_id`` of the config object: its top's, even null, or else that of the language
    model's part.
    """
    level = TextPart(model.config, model.model_type, part.major)
    if "eos_token_id" not in level.values and level.get("eos_token_id") is None:
        level = part
    value = level.get("eos_token_id")
    ids = ids_of_set(value)
    if value is not None and "eos_token_id" not in level.values:
        return _Stop(ids, stop_of_class(ids or ()), CONFIG)
    return _Stop(ids, None if ids is None else stop_from(CONFIG, ids), CONFIG)


def _file_stop(model: Model, version: Release) -> _Stop:
    file = model.generation_config
    if file.value is None or version < _GENERATION:
        return _Stop()
    value = file.value.get("eos_token_id")
    ids = ids_of_set(value) if value else ()  # zero is passed over
    return _Stop(ids, stop_from(file.name, ids or ()), file.name)


def _tokenizer_stop(model: Model, version: Release) -> _Stop:
    own = mistral_eos(model) if _has_mistral_tokenizer(model, version) else loaded_eos(model)
    return _Stop() if own is None else _Stop((own,), stop_of_tokenizer(model.tokenizer.eos_token, own))


def _end_texts(model: Model, version: Release) -> _Stop:
    known = (model.tokenizer.free_of_clash(text) for text, since in _FURTHER.items() if version >= since)
    ids = tuple(found for found in known if found is not None)
    return _Stop(ids, stop_by_text(ids) if ids else None)


def _load_problems(model: Model, major: int, version: Release) -> list[Problem]:
    own = own_types(_ID)._replace(guards_rope=True, tokenizers=_OWN_TOKENIZERS)
    problems = [*auto_problems(model, major, own=own), *weight_problems(model, _ID)]
    problems += [problem for problem in _start_problems(model, version) if problem not in problems]
    if _has_mistral_tokenizer(model, version):
        failure = mistral_problem(model, mistral_eos(model))
        problems = [problem for problem in problems if not is_of_mistral(problem)]
        problems += [failure] if failure is not None else []
    if version >= _GENERATION:
        made = setting_problems(model.generation_config, model.generation_config.value or {})
        problems += [problem for problem in made if problem not in problems]
    return problems


def _start_problems(model: Model, version: Release) -> Iterator[Problem]:
    if version >= _GENERATION and is_no_object(model.generation_config):
        yield UNREADABLE_GENERATION_CONFIG
    kind = model.model_type
    undeclared = version >= _DECLARED_CLASS and not model.has(TOKENIZER_CONFIG)
    if undeclared and not loaders(5).makes_empty(kind) and not _has_mistral_tokenizer(model, version):
        # The file is then asked for at the hub, where the path of a folder is no valid name.
        yield missing_file(TOKENIZER_CONFIG)
    if model.json(CONFIG).value is not None and not model.config.get("architectures"):
        yield NO_ARCHITECTURE
    elif has_processor(model):
        yield from cannot_make_processor(model)
    # It looks for the language model's part under other keys, and the whole has no such size.
    nested = [key for key in ("decoder", "generator") if isinstance(model.config.get(key), dict)]
    if (
        nested
        and is_composite(model)
        and kind in loaders(5).model_types
        and "hidden_size" not in model.config
    ):
        yield refused_value(nested[0])


def _has_mistral_tokenizer(model: Model, version: Release) -> bool:
    """Whether Mistral's library, which SGLang brings along, makes the tokenizer: where nothing else can,
    where its class is named, and for Mistral's own model types.
    """
    if version < _MISTRAL_LIBRARY:
        return False
    bare = not model.has(FAST_TOKENIZER) or model.model_type in _OF_MISTRAL
    return names_mistral_class(model) or (bare and model.has(TEKKEN))


def _template(model: Model, version: Release) -> TemplateSource | None:
    """SGLang's own by the model type, else the processor's, else the tokenizer's."""
    kind = model.model_type
    name, since = _CONVERSATIONS.get(kind, ("", NEWEST))
    if name and version >= since:
        return TemplateSource.of(f"conversation {name}", f"conversation {name}")
    if _has_mistral_tokenizer(model, version):
        return TemplateSource.of("renderer mistral", "renderer mistral")
    if takes_template_of_processor(model) and (found := processor_template(model)) is not None:
        if version < _FIRST_NAMED:
            return found.source
        return next(iter((*found.others, found.source)))  # as a mapping of files has them
    return _of_tokenizer(model) if version >= _FIRST_NAMED else tokenizer_template(model)


def _of_tokenizer(model: Model) -> TemplateSource | None:
    """Of several that have names the first, whatever it is called; files take the place of
    tokenizer_config.json.
    """
    files = [name for name in sorted(model.folder.names()) if name.startswith(ADDITIONAL_TEMPLATES)]
    default = f"{ADDITIONAL_TEMPLATES}default.jinja"
    has_jinja = model.jinja.text is not None  # which is called default, too, and comes first
    first = (default if default in files else JINJA_FILE) if has_jinja else next(iter(files), None)
    if first is not None:
        return TemplateSource.of(first, as_read(model.folder.read(first).decode("utf-8", "replace")))
    found = model.tokenizer_config.get("chat_template")
    if isinstance(found, list) and found:
        found = found[0].get("template") if isinstance(found[0], dict) else None
    return TemplateSource.of(TOKENIZER_CONFIG, found) if isinstance(found, str) else None


def _context_length(part: TextPart) -> int | None:
    """The first key that is there, times a scaling factor; `None` where the server does not start with it."""
    ropes = part.ropes
    if ropes is None:
        return None
    factor = 1 if part.rope_by_layer or not ropes else _scaling_factor(ropes[0], part)
    lengths = map(part.get, _LENGTHS)
    length: JsonValue = next((value for value in lengths if value is not None), _USUAL_LENGTH)
    if isinstance(length, str) and factor == 1 and isinstance(factor, int):
        length = decimal(length)
    if not isinstance(factor, int | float) or not isinstance(length, int | float):
        return None
    if not is_finite(factor) or not is_finite(length):
        return None
    found = factor * length
    return int(found) if is_finite(found) else None


def _scaling_factor(rope: JsonObject, part: TextPart) -> JsonValue:
    """1 where the length is the scaled one already."""
    kind = str(rope.get("rope_type", rope.get("type")))
    completed = part.completes_rope and kind in {"longrope", "yarn", "su"}
    if kind == "llama3" or completed or "original_max_position_embeddings" in rope:
        return 1
    return rope.get("factor", 1)


ENGINE: Final = Engine(_ID, "SGLang", _VERSION, _OLDEST, view, server="sglang", shows_tokens=True)
