"""Asks vLLM: the functions that make a request's stop ids and sampling defaults of a folder, without an engine."""

import logging
import warnings
from pathlib import Path
from typing import Any

import transformers
import vllm
from asking import ask, digest
from transformers import AutoTokenizer
from vllm.sampling_params import SamplingParams
from vllm.transformers_utils.config import get_config, try_get_generation_config

SAMPLING = (
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "max_new_tokens",
)


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of vLLM tells."""
    get_config(str(folder), trust_remote_code=False)  # ModelConfig asks for it before anything else
    generation = try_get_generation_config(str(folder), trust_remote_code=False)
    taken = generation.to_diff_dict() if generation is not None else {}
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    request = SamplingParams()
    request.update_from_generation_config(taken, tokenizer.eos_token_id)
    primary = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return {
        "stops": [*primary, *(entry for entry in request.stop_token_ids or [] if entry not in primary)],
        "sampling": {key: taken[key] for key in SAMPLING if taken.get(key) is not None},
        "tokenizer_eos": tokenizer.eos_token_id,
        "template": digest(tokenizer.chat_template),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    ask(
        {
            "engine": "vllm",
            "version": vllm.__version__,
            "libraries": {"transformers": transformers.__version__},
        },
        answer,
    )
