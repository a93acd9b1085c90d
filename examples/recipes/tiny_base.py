"""Makes a chat model small enough for any machine, with the files of a model on the Hub:
``tiny_base.py DIR``.

The weights are random. The config files are written by hand, as model authors publish them, and not by
transformers.
"""

import json
import sys
from pathlib import Path
from typing import Final

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

TOKENS: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ENDOFTEXT, IM_START, IM_END = 256, 257, 258


def build(folder: Path) -> None:
    """Write the model."""
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE({char: number for number, char in enumerate(_alphabet())}, []))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in TOKENS])
    tokenizer.save(str(folder / "tokenizer.json"))
    _dump(folder / "config.json", _config())
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    _dump(folder / "config.json", _config())
    _dump(folder / "generation_config.json", _generation_config())
    _dump(folder / "tokenizer_config.json", _tokenizer_config())
    (folder / "LICENSE").write_text("Apache License, Version 2.0\n", encoding="utf-8")
    (folder / "README.md").write_text("# tiny\n", encoding="utf-8")


def _alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _config() -> dict[str, object]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "bos_token_id": ENDOFTEXT,
        "eos_token_id": IM_END,
        "hidden_act": "silu",
        "hidden_size": 32,
        "intermediate_size": 64,
        "max_position_embeddings": 32768,
        "model_type": "qwen2",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": 264,
    }


def _generation_config() -> dict[str, object]:
    return {
        "bos_token_id": ENDOFTEXT,
        "do_sample": True,
        "eos_token_id": [IM_END, ENDOFTEXT],
        "pad_token_id": ENDOFTEXT,
        "repetition_penalty": 1.05,
        "temperature": 0.7,
        "top_k": 20,
        "top_p": 0.8,
    }


def _tokenizer_config() -> dict[str, object]:
    ids = dict(zip((ENDOFTEXT, IM_START, IM_END), TOKENS, strict=True))
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    return {
        "added_tokens_decoder": {str(number): {"content": token, **flags} for number, token in ids.items()},
        "additional_special_tokens": list(TOKENS[1:]),
        "bos_token": None,
        "chat_template": TEMPLATE,
        "eos_token": "<|im_end|>",
        "model_max_length": 32768,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "Qwen2Tokenizer",
    }


def _dump(path: Path, document: dict[str, object]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
