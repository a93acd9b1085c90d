"""Asks vLLM: all that ``vllm serve`` does with a folder before it comes to weights, and one chat request
after it.

The config, the tokenizer, the renderer and the processor of requests are the server's own; the request goes
through the encoder and the decoder that stand between the server and its engine core. Only the two things are
done in another way that need no folder: the class of a model is looked at in this process and not in a child
of its own, and a failed reading of a config is tried again at once and not after two seconds.

A model that also sees is asked as a server of text (``--language-model-only``) where its folder has no
settings of a processor: the folders that have none are about other things.
"""

import logging
import os
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ |= {"VLLM_LOGGING_LEVEL": "CRITICAL", "VLLM_CPU_KVCACHE_SPACE": "1"}

import torchvision_beside  # noqa: F401  # isort: skip

import torch
import transformers
import vllm
from asking import ask, brief, digest
from vllm.engine.arg_utils import EngineArgs
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.inputs import TokensPrompt
from vllm.model_executor.models import registry
from vllm.renderers.hf import resolve_chat_template, safe_apply_chat_template
from vllm.renderers.registry import _VLLM_RENDERERS
from vllm.tokenizers.registry import cached_get_tokenizer, tokenizer_args_from_config
from vllm.transformers_utils import processor as processors
from vllm.transformers_utils import repo_utils
from vllm.v1.engine import EngineCoreRequest
from vllm.v1.engine.input_processor import InputProcessor
from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

registry._run_in_subprocess = lambda function: function()
repo_utils.time = SimpleNamespace(sleep=lambda _: None)

CHAT = {"messages": [{"role": "user", "content": "Hello"}], "model": "asked"}
TO_CORE, IN_CORE = MsgpackEncoder(), MsgpackDecoder(EngineCoreRequest)


def request(processor: InputProcessor, sampling: dict[str, Any], longest: int, runner: str) -> Any:
    """What the engine core gets to see of a chat request that sets nothing; a model that is served for
    vectors or scores answers none.
    """
    tasks = ("generate",) if runner == "generate" else ()
    most = min(longest - 1, sampling.get("max_tokens", longest))  # as ``get_max_tokens`` has it
    asked = ChatCompletionRequest(**CHAT).to_sampling_params(most, sampling)
    made = processor.process_inputs("1", TokensPrompt(prompt_token_ids=[1]), asked, supported_tasks=tasks)
    return IN_CORE.decode(TO_CORE.encode(made)).sampling_params


def forget() -> None:
    """What is kept for the next request: 128 real tokenizers fill the memory."""
    cached_get_tokenizer.cache_clear()
    processors.cached_get_processor.cache_clear()


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of vLLM tells."""
    forget()
    senses = (folder / "preprocessor_config.json").is_file()
    config = EngineArgs(model=str(folder), language_model_only=not senses).create_engine_config()
    model_config = config.model_config
    processor = InputProcessor(config)
    tokenizer = processor.get_tokenizer()
    sampling = model_config.get_diff_sampling_param()
    stops: list[Any] = []
    fails = None
    try:
        params = request(processor, sampling, model_config.max_model_len, model_config.runner_type)
        # A negative number is in the set, and no token has it.
        stops = [
            number
            for number in (params.eos_token_id, *(params.stop_token_ids or ()))
            if number is not None and number >= 0
        ]
    except Exception as error:
        fails = brief(error)
    mode, *_ = tokenizer_args_from_config(model_config)
    if model_config.hf_config.model_type == "gpt_oss":  # as renderers/online_renderer.py asks
        mode, written_by_code = "harmony", True
    else:
        written_by_code = _VLLM_RENDERERS[mode][0] != "hf"
    template = (
        f"renderer {mode}"
        if written_by_code
        else resolve_chat_template(tokenizer, None, None, model_config=model_config)
    )
    if not written_by_code and template is not None and fails is None and senses:
        try:
            safe_apply_chat_template(model_config, tokenizer, CHAT["messages"], tokenize=False)
        except Exception as error:
            fails = brief(error)
    if "max_tokens" in sampling:
        sampling["max_new_tokens"] = sampling.pop("max_tokens")
    return {
        "stops": list(dict.fromkeys(stops)),
        "fails": fails,
        "sampling": sampling,
        "tokenizer_eos": tokenizer.eos_token_id,
        "template": digest(template),
        "context": model_config.max_model_len,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    ask(
        {
            "engine": "vllm",
            "version": vllm.__version__,
            "libraries": {"transformers": transformers.__version__, "torch": torch.__version__},
        },
        answer,
    )
