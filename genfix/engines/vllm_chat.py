"""How vLLM writes a conversation: by code of its own for some models, else by a template.

Read in vLLM 0.7.3 to 0.33.0: renderers/hf.py (``resolve_chat_template``,
``_try_get_processor_chat_template``; entrypoints/chat_utils.py in older ones), renderers/registry.py
(``_VLLM_RENDERERS``), renderers/online_renderer.py (``use_harmony``), config/model.py (the mode of the
tokenizer by the architecture), tokenizers/registry.py (``tokenizer_args_from_config``). What is asked is a
request that names no tools; with tools, the tokenizer's template is taken.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.common import architecture
from genfix.engines.shared.release import Release
from genfix.engines.shared.templates import (
    makes_processor,
    processor_problems,
    processor_template,
    tokenizer_template,
)
from genfix.engines.shared.view import Effect, Problem, TemplateSource
from genfix.engines.shared.vocabularies import in_mistral_format
from genfix.message import message
from genfix.model import Model

_OWN: Final = (0, 32)
"""The oldest release in which code in the place of templates was read."""
_PROCESSOR: Final = (0, 8, 5)
"""First that was read to ask the processor before the tokenizer; 0.8.0 does not."""
_RENDERERS: Final[Mapping[str, str]] = {
    "DeepseekV32ForCausalLM": "deepseek_v32",
    "DeepseekV4ForCausalLM": "deepseek_v4",
    "DeepseekV4ForConditionalGeneration": "deepseek_v4",
    "DeepseekV41ForCausalLM": "deepseek_v41",
    "InklingForCausalLM": "inkling",
    "InklingForConditionalGeneration": "inkling",
    "KimiK3ForConditionalGeneration": "kimi_k3",
}
"""Architectures whose chats are written by code, and its name; no template of the folder is asked."""


class Chat(NamedTuple):
    """What writes a conversation, and why none is written."""

    source: TemplateSource | None
    problems: tuple[Problem, ...] = ()


def chat(model: Model, version: Release, major: int) -> Chat:
    """The code or template for chats, with transformers 4 or 5."""
    own = _renderer(model) if version >= _OWN else None
    if own is not None:
        return Chat(TemplateSource.of(f"renderer {own}", f"renderer {own}"))
    tokenizer = tokenizer_template(model)
    if not makes_processor(model, major):
        return Chat(tokenizer)
    problems = processor_problems(model, major)
    found = processor_template(model, major) if version >= _PROCESSOR and not problems else None
    if found is None:
        return Chat(tokenizer, problems)
    return Chat(found.source, (_several(),) if found.others else problems)


def _several() -> Problem:
    """The processor's are handed on as they are, and no template engine takes a mapping."""
    return Problem(
        message(
            "engine-fails-on-several-templates",
            "chat requests fail: its processor has several templates, and none is chosen of them",
        ),
        Effect.NO_ANSWER,
    )


def _renderer(model: Model) -> str | None:
    if model.model_type == "gpt_oss":
        return "harmony"
    return "mistral" if in_mistral_format(model) else _RENDERERS.get(architecture(model) or "")
