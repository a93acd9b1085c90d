"""Weights and activations in FP8, without calibration data: ``quantize.py BASE OUT``."""

import sys

from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier
from transformers import AutoModelForCausalLM, AutoTokenizer

base, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base)
oneshot(model=model, recipe=QuantizationModifier(targets="Linear", scheme="FP8_DYNAMIC", ignore=["lm_head"]))
model.save_pretrained(out)
AutoTokenizer.from_pretrained(base).save_pretrained(out)
