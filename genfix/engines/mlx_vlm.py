"""mlx-vlm: ``mlx_vlm.generate`` and ``mlx_vlm.server``; LM Studio runs MLX models of images with it.

Read and run in mlx-vlm 0.7.10: utils.py (``load_config``, ``get_model_and_args``, ``load_processor``,
``resolve_eos_token_ids``), generate/common.py (``resolve_sampling_defaults``), prompt_utils.py
(``get_chat_template``).
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.hf_loading import Loads, auto_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.loaders import NO_OWN_TYPES, OwnTypes, loaders, own_types
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.taken_settings import Kind, Table, Taken, failing, refused
from genfix.engines.shared.templates import (
    LEGACY,
    has_processor_config,
    processor_problems,
    template_source,
    token_problems,
    tokenizer_template,
)
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_PROCESSOR,
    UNREADABLE_GENERATION_CONFIG,
    stop_from,
    stop_of_tokenizer,
    unknown_type,
    unreadable_file,
)
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.message import Message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.model import JsonFile

_ID: Final = "mlx-vlm"
_VERSION: Final = "0.7.10"

_TAKEN: Final[Table] = {"temperature": Taken(), "top_p": Taken(), "top_k": Taken(Kind.INTEGER)}
"""Defaults for sampling, and what is taken for each: sample_utils.py (``make_sampler``, ``apply_top_k``)."""
_OF_PROCESSORS: Final = (LEGACY, JINJA_FILE)
_SETTINGS: Final = "processor_config.json"
_PASSED_OVER: Final = frozenset(
    [JsonProblemKind.SYNTAX, JsonProblemKind.EMPTY, JsonProblemKind.BOM, JsonProblemKind.NOT_AN_OBJECT]
)
_PROCESSORS: Final = frozenset(
    [
        *("bark", "bros", "cohere_compass", "diffusion_gemma", "evolla", "gemma4", "gemma4_unified"),
        *("glm5_next", "hunyuan_vl", "inkling_mm_model", "kimi_k25", "lfm2_vl", "llama4", "minicpmv4_6"),
        *("minicpmv4_7", "minimax_m3_vl", "mistral3", "molmo2", "muse_glimmer", "nemotron_h_omni", "nougat"),
        *("paddleocr_vl", "pixtral", "qwen2_5_vl", "qwen2_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl"),
        *("qwen3_vl_moe", "qwen4_exp", "sam3", "sam3_video", "step3p7"),
    ]
)
"""Model types whose processor is made without preprocessor_config.json: mostly mlx-vlm's own."""
_BY_SETTINGS: Final = frozenset(
    ["minimax_m3_vl", "qwen2_5_vl", "qwen2_vl", "qwen3_omni_moe", "qwen3_vl", "zaya1_vl"]
)
_GIVING: Final = _BY_SETTINGS | {
    *("cohere_compass", "dots_ocr", "gemma3", "gemma3n", "gemma4", "gemma4_unified", "glm4v", "glm4v_moe"),
    *("glm5_next", "glm_ocr", "granite4_vision", "granite_vision", "hunyuan_vl", "idefics2", "idefics3"),
    *("internvl", "internvl_chat", "lfm2-vl", "lfm2_vl", "llama4", "llava", "llava_next", "llava_onevision"),
    *("mage_vl", "minicpmo", "minicpmv4_6", "minicpmv4_7", "mistral3", "mllama", "molmo_point"),
    *("moondream1", "moondream2", "moondream3", "muse_glimmer", "muse_spark", "muse_spark_open"),
    *("nemotron_h_nano_omni", "nemotron_h_omni", "nemotronh_nano_omni_reasoning_v3", "paligemma"),
    *("phi4-siglip", "pixtral", "smolvlm"),
}
"""Model types whose processor, of mlx-vlm's own, reads templates itself (``load_chat_template``), and of them
those that take the one in processor_config.json first.
"""
_OWN: Final = frozenset(
    [
        *("bonsai", "bunny-llama", "clef", "cohere2moe", "colidefics3", "colqwen2_5", "d1", "d1_omni"),
        *("decider2", "deepseek_vl_v2", "deepseekocr", "deepseekocr_2", "dots_ocr", "ernie4_5_moe_vl"),
        *("falcon-perception", "falcon_ocr", "falcon_perception", "fastvlm", "gliner2_5", "got"),
        *("granite-vision", "granite4-vision", "granite_vision", "indic_ocr", "inkling", "internvl_chat"),
        *("jina_vlm", "jvlm", "k2_horizon", "klear", "laya", "lille_130m", "llada2_moe", "llava-qwen2"),
        *("llava_bunny", "llava_qwen2", "llmjpvl", "locateanything", "longcat_flash_sparse", "mage_vl"),
        *("mimo_v2", "minicpmo", "minimax_h3", "minimax_m3", "mistral_large3", "molmo", "molmo_point"),
        *("moondream1", "moondream2", "moondream3", "multi_modality", "muse_spark_open"),
        *("nemotron_h_nano_omni", "nemotron_h_puzzle", "nemotron_labs_diffusion", "nemotron_nas"),
        *("nemotron_parse", "nemotron_voicechat", "nemotronh_nano_omni_reasoning_v3", "phi3_v"),
        *(
            "phi4-siglip",
            "phi4_siglip",
            "phi4mm",
            "plamo2vl",
            "unlimited-ocr",
            "xing4_0",
            "youtu_vl",
            "zaya1_vl",
        ),
    ]
)
"""Model types that it has a module for, and neither transformers nor MLX-LM knows."""


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """generation_config.json's ids if the key is there, else those of config.json's top; and the tokenizer's
    EOS.
    """
    file = model.generation_config
    written = file.value or {}
    settings = {**model.config, **written}
    source = file.name if "eos_token_id" in written else CONFIG
    ids = _ids(settings.get("eos_token_id"))
    own = loaded_eos(model)
    trace: list[Message] = [stop_from(source, ids)] if ids else []
    if own is not None:
        trace.append(stop_of_tokenizer(model.tokenizer.eos_token, own))
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(ids, [] if own is None else [own]),
        sampling=_sampling(settings),
        chat_template=_template(model),
        context_length=None,
        problems=(*_problems(model), *_setting_problems(model, settings)),
        trace=tuple(trace),
    )


def _ids(value: JsonValue) -> tuple[int, ...]:
    """Integers, ``true`` among them; all else in a list is passed over."""
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(int(entry) for entry in entries if isinstance(entry, int) and entry >= 0))


def _sampling(settings: JsonObject) -> JsonObject:
    found: dict[str, JsonValue] = {key: settings[key] for key in _TAKEN if settings.get(key) is not None}
    return {**found, "temperature": 0.0} if settings.get("do_sample") is False else found


def _setting_problems(model: Model, settings: JsonObject) -> tuple[Problem, ...]:
    """Of ``make_sampler``: a temperature of 0 asks for nothing else."""
    sampling = _sampling(settings)
    table = _TAKEN if sampling.get("temperature", 0) != 0 else {"temperature": _TAKEN["temperature"]}
    written = model.generation_config.value or {}
    key = next(refused(sampling, table), "")
    return failing([key] if key else [], model.generation_config.name if key in written else CONFIG)


def _template(model: Model) -> TemplateSource | None:
    """A processor of mlx-vlm's own gives its tokenizer that of chat_template.json, else of the .jinja file;
    some take that of their settings first. Others are transformers'.
    """
    kind = model.model_type
    if kind not in _GIVING and kind not in _PROCESSORS:
        return template_source(model)
    own = model.object(_SETTINGS).get("chat_template") if kind in _BY_SETTINGS else None
    if isinstance(own, str):
        return TemplateSource.of(_SETTINGS, own)
    return template_source(model, _OF_PROCESSORS) or tokenizer_template(model)


def _problems(model: Model) -> Iterator[Problem]:
    kind, own = model.model_type, OwnTypes(own_types("mlx-lm").types | _OWN)
    native = kind in loaders(5).model_types
    yield from auto_problems(model, 5, loads=Loads.ANY_TYPE, own=NO_OWN_TYPES if native else own)
    known = native or kind in own.types
    if kind and not known and not {"auto_map", "model_file"} & model.config.keys():
        yield unknown_type(kind)
    if kind in loaders(5).processors - _PROCESSORS:  # those that transformers makes
        if not has_processor_config(model):
            yield NO_PROCESSOR
        else:
            yield from token_problems(model) if kind in _GIVING else processor_problems(model)
    if kind in _GIVING and model.has(LEGACY) and "chat_template" not in model.object(LEGACY):
        yield unreadable_file(LEGACY)
    yield from weight_problems(model, _ID)
    if _stops_the_start(model.generation_config):
        yield UNREADABLE_GENERATION_CONFIG


def _stops_the_start(file: JsonFile) -> bool:
    """Whether generation_config.json is no UTF-8."""
    if not file.unreadable:
        return False
    return not (isinstance(file.problem, JsonProblem) and file.problem.kind in _PASSED_OVER)


ENGINE: Final = Engine(
    _ID, "mlx-vlm", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False
)
