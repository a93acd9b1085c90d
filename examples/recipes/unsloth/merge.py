"""Adds a LoRA by PEFT and merges it by unsloth's own code: ``merge.py BASE OUT``.

unsloth asks for a graphics card as it is imported. ``UNSLOTH_ALLOW_CPU`` lets it start without, and what it
then asks of a card is answered here. Its ``from_pretrained`` goes no further: RoPE's tables go to the card.
So the model is loaded by transformers and gets unsloth's ways to save, as ``from_pretrained`` gives them.
"""

import os
import sys
from types import SimpleNamespace

import torch

os.environ["UNSLOTH_ALLOW_CPU"] = "1"
torch.cuda.get_device_properties = lambda *_: SimpleNamespace(
    name="none", major=8, minor=0, total_memory=2**33, multi_processor_count=1
)

from unsloth.save import patch_saving_functions  # noqa: E402, I001 - before what it patches
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

base, out = sys.argv[1:]
torch.manual_seed(1)
model = get_peft_model(
    AutoModelForCausalLM.from_pretrained(base), LoraConfig(target_modules=["q_proj", "v_proj"])
)
for name, parameter in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter, std=0.02)
tokenizer = AutoTokenizer.from_pretrained(base)
patch_saving_functions(model)
patch_saving_functions(tokenizer)
model.save_pretrained_merged(out, tokenizer, save_method="merged_16bit")
