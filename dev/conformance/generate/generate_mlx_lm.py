"""Generates with MLX-LM, through the functions under ``mlx_lm.generate`` and ``mlx_lm.server``."""

from pathlib import Path

import mlx.core
import mlx_lm
import transformers
from generating import LIMIT, MESSAGES, generate


def answer(folder: Path) -> tuple[str, int]:
    """How the answer of one checkpoint ends."""
    model, tokenizer = mlx_lm.load(str(folder))
    prompt = tokenizer.apply_chat_template([*MESSAGES], add_generation_prompt=True)
    *_, last = mlx_lm.stream_generate(model, tokenizer, prompt, max_tokens=LIMIT)
    return last.finish_reason, last.generation_tokens


if __name__ == "__main__":
    generate(
        {
            "engine": "mlx-lm",
            "version": mlx_lm.__version__,
            "libraries": {"mlx": mlx.core.__version__, "transformers": transformers.__version__},
        },
        answer,
    )
