"""Generates with transformers, 4 or 5, by the three lines that every model card shows."""

from pathlib import Path

import torch
import transformers
from generating import LIMIT, MESSAGES, generate
from transformers import AutoModelForCausalLM, AutoTokenizer


def answer(folder: Path) -> tuple[str, int]:
    """How the answer of one checkpoint ends."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [*MESSAGES], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    made = model.generate(**prompt, max_new_tokens=LIMIT)
    tokens = made.shape[1] - prompt["input_ids"].shape[1]
    return ("stop" if tokens < LIMIT else "length"), tokens


if __name__ == "__main__":
    generate(
        {
            "engine": f"transformers{transformers.__version__.split('.')[0]}",
            "version": transformers.__version__,
            "libraries": {"torch": torch.__version__},
        },
        answer,
    )
