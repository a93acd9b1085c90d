"""Models in a Hub cache of this machine, with weights of a few real numbers, and merges of them."""

import json
import random
from pathlib import Path

import pytest

from tests.support.folders import Files, chatml_files, dump, write_folder
from tests.support.merges import packed

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LAYERS = 6
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 1024,
}


def numbers(seed: int) -> dict[str, list[float]]:
    """The tensors of a small model."""
    chance = random.Random(seed)
    parts = ("self_attn.q", "mlp.up")
    names = [f"model.layers.{layer}.{part}.weight" for layer in range(LAYERS) for part in parts]
    return {name: [chance.gauss(0, 1) for _ in range(256)] for name in names}


def trained(
    tensors: dict[str, list[float]], seed: int, strength: float = 0.01, only: str = ""
) -> dict[str, list[float]]:
    """The tensors after a training, of those whose name has ``only`` in it."""
    chance = random.Random(seed)
    return {
        name: [number + strength * chance.gauss(0, 1) for number in values] if only in name else values
        for name, values in tensors.items()
    }


def weights(tensors: dict[str, list[float]], dtype: str = "F32") -> bytes:
    """A safetensors file of them."""
    return packed({name: (dtype, (16, 16), values) for name, values in tensors.items()})


def model_files(tensors: dict[str, list[float]] | None = None, **config: object) -> Files:
    """A ChatML model with real sizes, and with weights where they are given."""
    files = chatml_files()
    stated = json.loads(files["config.json"]) | SIZES | config
    more = {"model.safetensors": weights(tensors)} if tensors is not None else {}
    return files | {"config.json": dump(stated)} | more


def use_cache(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Make ``root`` the Hub's cache of a machine without network, also where huggingface_hub, which reads the
    environment when it is imported, already was.
    """
    monkeypatch.setenv("HF_HUB_CACHE", str(root))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def cached(root: Path, repo: str, files: Files) -> Path:
    """The snapshot of a repo in the cache at ``root``."""
    folder = root / f"models--{repo.replace('/', '--')}"
    snapshot = write_folder(folder / "snapshots" / COMMIT, files)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    return snapshot
