"""Asks SGLang: its own config, tokenizer, templates, what it checks of a request and what ends one, without
kernels.
"""

import without_torchvision  # noqa: F401  # isort: skip

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sglang
import transformers
from asking import ask, brief, digest
from sglang.srt.configs.model_config import ModelConfig
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest
from sglang.srt.managers.schedule_batch import Req
from sglang.srt.parser import template_manager
from sglang.srt.sampling.sampling_params import SamplingParams
from sglang.srt.utils.hf_transformers_utils import get_processor, get_tokenizer, get_tokenizer_from_processor


def stops(config: Any, tokenizer: Any) -> list[int]:
    """The tokens after which a request of this model is finished."""
    plain = SimpleNamespace(ignore_eos=False, stop_token_ids=None)
    request = SimpleNamespace(
        sampling_params=plain, eos_token_ids=config.hf_eos_token_id, tokenizer=tokenizer, output_ids=[0]
    )
    ids = [*config.hf_eos_token_id, tokenizer.eos_token_id, *(tokenizer.additional_stop_token_ids or ())]
    named = {int(entry) for entry in ids if isinstance(entry, int | float) and entry >= 0}
    # The whole vocabulary of toys, and what a file, a class or the tokenizer may name beyond it.
    tokens = sorted({*range(512), *named})
    return [token for token in tokens if Req._check_token_based_finish(request, [token])]


def fails(config: Any, tokenizer: Any, defaults: dict[str, Any]) -> str | None:
    """Why a chat request that sets nothing is refused, by what the tokenizer manager does with it."""
    asked = ChatCompletionRequest(messages=[{"role": "user", "content": "a"}], model="asked")
    try:
        params = SamplingParams(**asked.to_sampling_params(stop=[], model_generation_config=defaults))
        params.normalize(tokenizer)
        params.verify(config.vocab_size)
    except Exception as error:
        return brief(error)
    return None


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of SGLang tells."""
    config = ModelConfig(str(folder), trust_remote_code=False, sampling_defaults="model")
    processor = None
    if config.is_multimodal:  # as the tokenizer manager does
        processor = get_processor(str(folder))
        tokenizer = get_tokenizer_from_processor(processor)
    else:
        tokenizer = get_tokenizer(str(folder))
    templates = template_manager.TemplateManager()
    asking = SimpleNamespace(tokenizer=tokenizer, processor=processor, model_config=config)
    templates.load_chat_template(asking, None, str(folder))
    name = templates.chat_template_name
    by_code = "MistralCommon" in type(tokenizer).__name__  # which then has a placeholder for a template
    template = "renderer mistral" if by_code else tokenizer.chat_template
    sampling = config.get_default_sampling_params()
    return {
        "stops": stops(config, tokenizer),
        "fails": fails(config, tokenizer, sampling),
        "sampling": sampling,
        "tokenizer_eos": tokenizer.eos_token_id,
        "template": digest(template if name is None else f"conversation {name}"),
        "context": config.context_len,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    # A server's settings, of which templates ask one: --hf-chat-template-name, by default none.
    template_manager.get_serving = lambda: SimpleNamespace(hf_chat_template_name=None)
    ask(
        {
            "engine": "sglang",
            "version": sglang.__version__,
            "libraries": {"transformers": transformers.__version__},
        },
        answer,
    )
