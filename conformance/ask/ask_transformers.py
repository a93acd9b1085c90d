"""Asks transformers, 4 or 5, through the code that ``AutoModelForCausalLM.from_pretrained`` and ``generate`` run."""

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from asking import ask, brief, digest
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, GenerationMixin
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES
from transformers.processing_utils import ProcessorMixin

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
    try:  # these lines stand in the middle of 4's from_pretrained
        return GenerationConfig.from_pretrained(str(folder), _from_auto=False, _from_pipeline=None, **place)
    except OSError:
        return made


def template(folder: Path, config: Any, tokenizer: Any) -> str | None:
    """The tokenizer's template, else that of the processor, where the model has one."""
    own = digest(tokenizer.chat_template)
    if own is None and tokenizer.chat_template is None and config.model_type in PROCESSOR_MAPPING_NAMES:
        found, _ = ProcessorMixin.get_processor_dict(str(folder))
        return digest(found.get("chat_template"))
    return own


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of transformers tells."""
    config = AutoConfig.from_pretrained(str(folder))
    generation = generation_config(folder, config)
    sampling = {key: getattr(generation, key) for key in SAMPLING}
    strings = generation.stop_strings
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    stops, fails = [], None
    try:
        model = SimpleNamespace(config=config, device="cpu")
        GenerationMixin._prepare_special_tokens(model, generation, device="cpu")
        tensor = generation._eos_token_tensor
        stops = [] if tensor is None else tensor.flatten().tolist()
        if tensor is not None and tensor.ndim > 1:
            torch.isin(torch.tensor([1]), tensor)
    except Exception as error:
        fails = brief(error)
    return {
        "stops": stops,
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
