"""Trains nothing, merges a real adapter: ``merge.py BASE OUT``."""

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

base, out = sys.argv[1:]
torch.manual_seed(1)
model = get_peft_model(
    AutoModelForCausalLM.from_pretrained(base), LoraConfig(target_modules=["q_proj", "v_proj"])
)
for name, parameter in model.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter, std=0.02)
model.merge_and_unload().save_pretrained(out)
