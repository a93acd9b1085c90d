"""Asks transformers, 4 or 5, through the code that ``AutoModelForCausalLM.from_pretrained`` and ``generate``
run.
"""

import torchvision_beside  # noqa: F401  # isort: skip

import logging
import warnings
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from asking import ask, brief, digest
from transformers import (
    AutoConfig,
    AutoProcessor,
    AutoTokenizer,
    EosTokenCriteria,
    GenerationConfig,
    GenerationMixin,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

NEW = int(transformers.__version__.split(".")[0]) >= 5
SAMPLING = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "num_beams",
    "max_length",
    "max_new_tokens",
)

SETTINGS = ("preprocessor_config.json", "processor_config.json")
SMALL = dict.fromkeys(("num_attention_heads", "num_key_value_heads", "num_hidden_layers"), 1)
SMALL |= dict.fromkeys(("hidden_size", "intermediate_size"), 4)
MODEL = Qwen2ForCausalLM(Qwen2Config(vocab_size=264, **SMALL)).eval()
"""Weights of chance: ``generate`` is run with each folder's generation config, and its text is of no
interest.
"""


def generation_config(folder: Path, config: Any) -> Any:
    """The generation config of a model that was loaded from ``folder``."""
    made = GenerationConfig.from_model_config(config)  # as the model's __init__ does, in both versions
    model = SimpleNamespace(generation_config=made, can_generate=lambda: True)
    place = {"cache_dir": None, "force_download": False, "proxies": None, "local_files_only": True}
    place |= {"token": None, "revision": "main", "subfolder": ""}
    if NEW:
        GenerationMixin.adjust_generation_fn(
            model,
            generation_config=None,
            from_auto_class=False,
            from_pipeline=None,
            pretrained_model_name_or_path=str(folder),
            trust_remote_code=False,
            **place,
        )
        return model.generation_config
    with suppress(OSError):  # this stands in the middle of 4's from_pretrained
        model.generation_config = GenerationConfig.from_pretrained(
            str(folder), _from_auto=False, _from_pipeline=None, **place
        )
    model.config = config
    return GenerationMixin._prepare_generation_config(model, None)[0]  # as generate() does first


def template(folder: Path, config: Any, tokenizer: Any) -> str | None:
    """The processor's template, where the model has one and the folder its settings; else the tokenizer's."""
    if config.model_type in PROCESSOR_MAPPING_NAMES and any((folder / name).is_file() for name in SETTINGS):
        processor = AutoProcessor.from_pretrained(str(folder))
        if processor.chat_template is not None:
            return digest(processor.chat_template)
    return digest(tokenizer.chat_template)


def stops(generation: Any) -> list[int]:
    """The ids at which ``generate`` ends. Only what is an index of the vocabulary can be one."""
    held = deepcopy(generation)
    MODEL._prepare_special_tokens(held, device="cpu")
    if held._eos_token_tensor is None:
        return []
    ends = EosTokenCriteria(held._eos_token_tensor)
    tokens = {token for token in held._eos_token_tensor.flatten().tolist() if token >= 0}
    return [token for token in sorted(tokens) if ends(torch.tensor([[token]]), None).item()]


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of transformers tells."""
    config = AutoConfig.from_pretrained(str(folder))
    generation = generation_config(folder, config)
    sampling = {key: getattr(generation, key) for key in SAMPLING}
    strings = generation.stop_strings
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    ends, fails = [], None
    try:
        ends = stops(generation)
        MODEL.generation_config = deepcopy(generation)
        MODEL.generation_config.stop_strings = None  # their letters are not in the toy vocabulary
        MODEL.generate(torch.tensor([[1, 2]]), max_new_tokens=1)
    except Exception as error:
        fails = brief(error)
    return {
        "stops": ends,
        "fails": fails,
        "sampling": sampling,
        "stop_strings": [strings] if isinstance(strings, str) else strings or [],
        "tokenizer_eos": tokenizer.eos_token_id,
        "template": template(folder, config, tokenizer),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    bare = GenerationConfig()
    ask(
        {
            "engine": "transformers5" if NEW else "transformers4",
            "version": transformers.__version__,
            "libraries": {"torch": torch.__version__},
            "defaults": {key: getattr(bare, key) for key in SAMPLING},
        },
        answer,
    )
