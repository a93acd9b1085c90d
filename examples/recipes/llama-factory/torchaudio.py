"""Stands for torchaudio, whose wheel needs CUDA; LLaMA-Factory imports it with its code for sound."""
