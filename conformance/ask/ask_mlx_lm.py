"""Asks MLX-LM: what ``mlx_lm.load`` reads before it comes to weights."""

import logging
import warnings
from pathlib import Path
from typing import Any

import mlx_lm
import transformers
from asking import ask, digest
from mlx_lm.utils import load_config, load_tokenizer


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of MLX-LM tells."""
    config = load_config(folder)
    tokenizer = load_tokenizer(folder, eos_token_ids=config.get("eos_token_id", None))
    return {
        "stops": sorted(tokenizer.eos_token_ids, key=str),
        "sampling": {},
        "tokenizer_eos": tokenizer._tokenizer.eos_token_id,
        "template": digest(tokenizer._tokenizer.chat_template),
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
