"""Which processor SGLang makes of a folder, for models that read images or sounds as well as text.

Read in SGLang 0.5.23: srt/configs/model_config.py (``is_multimodal``), srt/utils/hf_transformers/common.py
(``get_hf_text_config``), srt/utils/hf_transformers/processor.py (``get_processor``), and transformers 5.19.0:
models/auto/processing_auto.py.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import architecture, code_files
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.templates import has_processor_config, processor_problems
from genfix.engines.shared.text_part import is_composite, text_part
from genfix.engines.shared.view import Problem
from genfix.engines.shared.wording import NO_PROCESSOR, missing_code_file
from genfix.model import Model

__all__ = ["cannot_make_processor", "has_processor", "takes_template_of_processor"]

_TEXT_ALONE: Final = frozenset(
    [
        "Gemma3ForConditionalGeneration",
        "Llama4ForConditionalGeneration",
        "Step3VLForConditionalGeneration",
        "InklingForConditionalGeneration",
    ]
)
"""Architectures of several parts that are served as language models, unless ``--enable-multimodal`` is set.
"""
_WITHOUT_PARTS: Final = frozenset(["WhisperForConditionalGeneration"])
"""Architectures that want a processor though their config has no part for a language model
(``multimodal_model_archs``).
"""
_OF_PARTS: Final = frozenset(["qwen3_asr"])
"""Model types whose processor is SGLang's own, made of its parts, so that no file gives it a template
(configs/qwen3_asr.py).
"""
_REGISTERED: Final = frozenset(
    ["deepseek-ocr", "deepseek_vl_v2", "dots_ocr", "dots_vlm", "multi_modality", "unlimited-ocr"]
)
"""Model types for which SGLang tells transformers of a processor (``AutoProcessor.register``)."""


def has_processor(model: Model) -> bool:
    """Whether the server wants a processor."""
    if architecture(model) in _TEXT_ALONE or model.config.get("language_model_only"):
        return False
    if architecture(model) in _WITHOUT_PARTS:
        return True
    part = text_part(model)  # of encoder-decoders that have no part of their own it is the whole
    return is_composite(model) and (part.values is not model.config or part.kind != model.model_type)


def takes_template_of_processor(model: Model) -> bool:
    """Whether it reads a chat template from the processor's files."""
    return has_processor(model) and model.model_type not in _OF_PARTS


def cannot_make_processor(model: Model) -> Iterator[Problem]:
    """Why the processor is not made. Where nobody has a class for one, the tokenizer takes its place, unless
    the folder names its own.
    """
    kind = model.model_type
    if kind not in loaders(5).processors | _REGISTERED:
        named = {code.file for code in code_files(model) if code.key == "AutoProcessor"}
        yield from (missing_code_file(file) for file in sorted(named) if not model.has(file))
        return
    if not has_processor_config(model):
        yield NO_PROCESSOR
    if kind not in _OF_PARTS:
        yield from processor_problems(model)
