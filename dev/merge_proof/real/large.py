"""A model of 0.6 GB, an adapter for its 168 matrices, and the right merge. Runs in an environment with torch.

python large.py OUT
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

LAYERS, WIDTH, RANK = 24, 1344, 16
PARTS = (
    *(f"self_attn.{part}_proj" for part in "qkvo"),
    *(f"mlp.{part}_proj" for part in ("gate", "up", "down")),
)


def main(out: Path) -> None:
    """Write ``base``, ``adapter`` and ``merged``."""
    torch.manual_seed(1)
    base, merged, adapter = {}, {}, {}
    for module in (f"model.layers.{layer}.{part}" for layer in range(LAYERS) for part in PARTS):
        weight = (torch.randn(WIDTH, WIDTH) * 0.02).to(torch.bfloat16)
        first, second = torch.randn(RANK, WIDTH) * 0.03, torch.randn(WIDTH, RANK) * 0.02
        base[f"{module}.weight"] = weight
        merged[f"{module}.weight"] = (weight.float() + 2 * second @ first).to(torch.bfloat16)
        adapter[f"base_model.model.{module}.lora_A.weight"] = first
        adapter[f"base_model.model.{module}.lora_B.weight"] = second
    config = {"model_type": "llama", "num_hidden_layers": LAYERS, "tie_word_embeddings": False}
    for name, tensors in (("base", base), ("merged", merged)):
        (out / name).mkdir(parents=True, exist_ok=True)
        (out / name / "config.json").write_text(json.dumps(config))
        save_file(tensors, out / name / "model.safetensors", {"format": "pt"})
    (out / "adapter").mkdir(exist_ok=True)
    targets = sorted(part.rpartition(".")[2] for part in PARTS)
    said = {"peft_type": "LORA", "r": RANK, "lora_alpha": 2 * RANK, "target_modules": targets}
    (out / "adapter" / "adapter_config.json").write_text(json.dumps(said))
    save_file(adapter, out / "adapter" / "adapter_model.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
