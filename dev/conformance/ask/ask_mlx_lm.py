"""Asks MLX-LM: what ``mlx_lm.load`` reads before it comes to weights."""

import logging
import warnings
from pathlib import Path
from typing import Any

import mlx_lm
import transformers
from asking import ask, digest
from mlx_lm.utils import _get_classes, load_config, load_tokenizer
from transformers import CONFIG_MAPPING


def ids(found: set[Any]) -> list[int]:
    """The entries at which generation ends.

    MLX-LM asks ``token in set``: there ``258.0`` and ``True`` are equal to the ids 258 and 1, and texts and
    negative numbers are equal to none.
    """
    numbers = (entry for entry in found if isinstance(entry, int | float))
    return sorted({int(entry) for entry in numbers if entry == int(entry) and entry >= 0})


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of MLX-LM tells."""
    config = load_config(folder)
    try:
        _get_classes(config)
    except ValueError:
        # Which architectures an engine has is no question of metadata; a type that nobody has is one.
        if config["model_type"] not in CONFIG_MAPPING and not {"auto_map", "model_file"} & config.keys():
            raise
    tokenizer = load_tokenizer(folder, eos_token_ids=config.get("eos_token_id", None))
    code = tokenizer._chat_template
    template = (
        tokenizer._tokenizer.chat_template if code is None else " ".join(code.__module__.split(".")[1:])
    )
    return {
        "stops": ids(tokenizer.eos_token_ids),
        "sampling": {},
        "tokenizer_eos": tokenizer._tokenizer.eos_token_id,
        "template": digest(template),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    ask(
        {
            "engine": "mlx-lm",
            "version": mlx_lm.__version__,
            "libraries": {"transformers": transformers.__version__},
        },
        answer,
    )
