"""LMDeploy: its server and pipeline.

Read from 0.10.0 on, the first whose chats are written by the folder's template; run in LMDeploy 0.18.0 with
transformers 5.23.0: utils.py (``get_hf_gen_cfg``, ``_get_and_verify_max_len``), messages.py
(``__post_init__``), pytorch/messages.py (``from_gen_config``), serve/core/async_engine.py (stop ids),
serve/core/generation_config.py (``resolve_default_gen_config``), model.py (``HFChatTemplate``), tokenizer.py
(``HuggingFaceTokenizer``), archs.py (which models are served with images).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines.shared.common import architecture, chosen, is_no_object, joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import ids_of_set
from genfix.engines.shared.generating import setting_problems
from genfix.engines.shared.hf_loading import auto_problems, limit_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.loaders import OwnTypes, loaders, own_types
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.stop_files import generation_stop
from genfix.engines.shared.taken_settings import Table, Taken, failing, refused
from genfix.engines.shared.templates import (
    additional_templates,
    has_processor_config,
    makes_processor,
    processor_problems,
    processor_template,
    tokenizer_template,
)
from genfix.engines.shared.text_part import TextPart, text_part
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    NO_PROCESSOR,
    UNREADABLE_GENERATION_CONFIG,
    no_answer_for_eos,
    refused_value,
    stop_of_tokenizer,
    unreadable_value,
)
from genfix.folder.kinds import CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, is_finite
from genfix.message import Message, message
from genfix.model import Model

_ID: Final = "lmdeploy"
_VERSION: Final = "0.18.0"
_OLDEST: Final = "0.10.0"

_PROCESSOR: Final = (0, 14, 0)
"""First to ask the processor for a template where the tokenizer has none (PR 4411)."""
_DEFAULTS: Final = (0, 15, 0)
"""First to take sampling defaults of generation_config.json (PR 4708)."""
_FALLBACK: Final = (0, 18, 0)
"""First to take ids of config.json where that file is missing or no JSON; 0.17.0 takes none."""

_TAKEN: Final[Table] = {
    "top_p": Taken(lowest=0, highest=1),
    "top_k": Taken(lowest=0),
    "min_p": Taken(lowest=0, highest=1),
    "temperature": Taken(lowest=0, highest=2, finite=True),
    "repetition_penalty": Taken(),
    "min_new_tokens": Taken(),
}
"""Defaults for sampling, and what is taken for each; without an error, what is out of range is corrected."""
_LENGTHS: Final = (
    *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    *("model_max_length", "max_sequence_length", "max_seq_length", "seq_len"),
)
_USUAL_LENGTH: Final = 2048
_WITH_IMAGES: Final = frozenset(
    [
        *("CogVLMForCausalLM", "Gemma3ForConditionalGeneration", "Glm4vForConditionalGeneration"),
        *("Llama4ForConditionalGeneration", "Phi3VForCausalLM"),
        *("InternS1ForConditionalGeneration", "InternS1ProForConditionalGeneration"),
        *("InternS1_1_ForConditionalGeneration", "InternS2MobiusForCausalLM"),
        *("InternS2MobiusForConditionalGeneration", "InternS2PreviewForCausalLM"),
        *("InternS2PreviewForConditionalGeneration", "InternVLForConditionalGeneration"),
        *("KimiK25ForConditionalGeneration", "Kimi_K25ForConditionalGeneration"),
        *("LlavaForConditionalGeneration", "LlavaNextForConditionalGeneration"),
        *("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"),
        *("Qwen3OmniMoeForConditionalGeneration", "Qwen3VLForConditionalGeneration"),
        *("Qwen3VLMoeForConditionalGeneration", "Qwen3_5ForConditionalGeneration"),
        "Qwen3_5MoeForConditionalGeneration",
    ]
)
"""Architectures whose server loads transformers' processor first."""


class _Stop(NamedTuple):
    """What a file gives."""

    ids: tuple[int, ...] | None
    """`None`: each request fails."""
    trace: tuple[Message, ...]
    settings: JsonObject


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """The tokenizer's EOS and generation_config.json; the config object where that cannot be read."""
    own, file, part = loaded_eos(model), model.generation_config, text_part(model)
    stop = _file_stop(model, version)
    of_tokenizer = [] if own is None else [stop_of_tokenizer(model.tokenizer.eos_token, own)]
    problems = [
        *auto_problems(model, 5, own=_own_types(model)),
        *weight_problems(model, _ID),
        *_start_problems(model),
    ]
    problems += [problem for problem in setting_problems(file, stop.settings) if problem not in problems]
    if stop.ids is None:
        problems.append(no_answer_for_eos(file.name))
    sampling = chosen(file.value or {}, _TAKEN) if version >= _DEFAULTS else {}
    problems += failing(refused(sampling, _TAKEN), file.name)
    length, rope = _context_length(part), part.refused_rope
    if length is None or rope is not None:
        problem = refused_value(rope or "max_position_embeddings")
        problems += [] if problem in problems else [problem]
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([] if own is None else [own], stop.ids or ()),
        sampling=sampling,
        chat_template=_template(model, version),
        context_length=length,
        problems=tuple(problems),
        trace=(*of_tokenizer, *stop.trace),
    )


def _own_types(model: Model) -> OwnTypes:
    """What it builds itself it builds from any config (hf_configs, ``config_from_pretrained``)."""
    own = own_types(_ID)
    known = architecture(model) in own.architectures and model.model_type not in loaders(5).model_types
    return own._replace(types=own.types | {model.model_type}) if known else own


def _file_stop(model: Model, version: Release) -> _Stop:
    stop, file = generation_stop(model, 5), model.generation_config
    if file.value is not None:
        return _Stop(ids_of_set(_cut(file.value.get("eos_token_id"))), stop.trace, stop.settings)
    return _Stop(stop.eos.ids, stop.trace, stop.settings) if version >= _FALLBACK else _Stop((), (), {})


def _template(model: Model, version: Release) -> TemplateSource | None:
    """The tokenizer's; the processor's where that has none."""
    found = tokenizer_template(model)
    if found is not None or version < _PROCESSOR or _names_templates(model) or not makes_processor(model):
        return found
    of_processor = None if processor_problems(model) else processor_template(model)
    return None if of_processor is None else of_processor.source


def _names_templates(model: Model) -> bool:
    """Whether the tokenizer has templates, if none for chats."""
    return bool(additional_templates(model)) or model.tokenizer_config.get("chat_template") is not None


def _cut(value: JsonValue) -> JsonValue:
    """Fractions in a list lose what is behind the point."""
    if not isinstance(value, list):
        return value
    return [int(entry) if isinstance(entry, float) and is_finite(entry) else entry for entry in value]


def _start_problems(model: Model) -> Iterator[Problem]:
    file = model.generation_config
    if is_no_object(file):
        yield UNREADABLE_GENERATION_CONFIG
    elif not _has_eos(model) and file.present:
        # The tokenizer is given the EOS of this file, and everything must be right.
        if file.value is None:
            yield UNREADABLE_GENERATION_CONFIG
        elif "eos_token_id" not in file.value:
            yield Problem(
                message(
                    "engine-cannot-do-without-eos",
                    "the tokenizer has no EOS, and generation_config.json no eos_token_id instead",
                )
            )
        elif not _names_a_token(file.value["eos_token_id"]):
            yield unreadable_value("eos_token_id", file.name)
    yield from limit_problems(model)
    first = architecture(model)
    if model.json(CONFIG).value is not None and first is None and "auto_map" not in model.config:
        yield NO_ARCHITECTURE
    elif first in _WITH_IMAGES:
        if not has_processor_config(model):
            yield NO_PROCESSOR
        yield from processor_problems(model)


def _has_eos(model: Model) -> bool:
    """Whether the tokenizer has an EOS token: named by a file, or by its class where no file tells
    the class.
    """
    if model.tokenizer.eos_token is not None or model.tokenizer_config.get("eos_token") == "":
        return True
    return not model.has(TOKENIZER_CONFIG) and loaders(5).makes_empty(model.model_type)


def _names_a_token(value: JsonValue) -> bool:
    return value is None or (isinstance(value, int) and value >= 0)


def _context_length(part: TextPart) -> int | None:
    """The smallest of all keys; `None` where one cannot be compared."""
    lengths: list[float] = []
    for key in _LENGTHS:
        value = part.get(key)
        if isinstance(value, int | float) and is_finite(value):
            lengths.append(value)
        elif value is not None:
            return None
    return int(min(lengths, default=_USUAL_LENGTH))


ENGINE: Final = Engine(_ID, "LMDeploy", _VERSION, _OLDEST, view, server="lmdeploy", shows_tokens=True)
