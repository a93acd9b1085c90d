"""Bases, adapters and their merges with real numbers, small and made without torch."""

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from genfix.weights.number_formats import rounded
from tests.support.folders import Files, dump
from tests.support.weight_files import SINGLE, safetensors_of
from tests.support.weighted import WEIGHTED

Matrix: TypeAlias = list[list[float]]
Tensors: TypeAlias = Mapping[str, tuple[str, Sequence[int], Sequence[float]]]
"""By name: format, shape, numbers."""

__all__ = [
    "ADAPTER_CONFIG",
    "HIDDEN",
    "MODULES",
    "RANK",
    "Matrix",
    "adapter_files",
    "adapter_of",
    "encoded",
    "flat",
    "merge",
    "model_of",
    "packed",
    "product",
    "random_matrix",
    "world",
]

ROWS, HIDDEN, RANK = 1024, 48, 4
MODULES = [
    f"model.layers.{layer}.{part}_proj"
    for layer in range(2)
    for part in ("self_attn.q", "self_attn.v", "mlp.down")
]
ADAPTER_CONFIG: Mapping[str, object] = {
    "peft_type": "LORA",
    "base_model_name_or_path": "Qwen/Qwen2.5-7B",
    "r": RANK,
    "lora_alpha": 8,
    "target_modules": ["q_proj", "v_proj", "down_proj"],
}


def packed(tensors: Tensors) -> bytes:
    """A safetensors file."""
    return safetensors_of(
        (name, dtype, shape, encoded(values, dtype)) for name, (dtype, shape, values) in tensors.items()
    )


def encoded(values: Sequence[float], dtype: str) -> bytes:
    """The bytes of numbers as F32, F16 or BF16."""
    if dtype == "BF16":
        words = struct.unpack(f"<{len(values)}I", struct.pack(f"<{len(values)}f", *rounded(values, dtype)))
        return struct.pack(f"<{len(values)}H", *(word >> 16 for word in words))
    return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)


def random_matrix(rows: int, columns: int, size: float, seed: int) -> Matrix:
    numbers = random.Random(seed)
    return [[numbers.gauss(0, size) for _ in range(columns)] for _ in range(rows)]


def flat(matrix: Matrix) -> list[float]:
    return [value for row in matrix for value in row]


def product(left: Matrix, right: Matrix) -> Matrix:
    columns = [*zip(*right, strict=True)]
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


def world(seed: int = 0) -> dict[str, Matrix]:
    """The matrices of a base."""
    return {
        module: random_matrix(HIDDEN, HIDDEN, 0.02, 100 * seed + number)
        for number, module in enumerate(MODULES)
    }


def adapter_of(seed: int = 1, strength: float = 0.02) -> dict[str, tuple[Matrix, Matrix]]:
    """A and B of each module."""
    return {
        module: (
            random_matrix(RANK, HIDDEN, 0.1, 1000 * seed + number),
            random_matrix(HIDDEN, RANK, strength, 2000 * seed + number),
        )
        for number, module in enumerate(MODULES)
    }


def merge(
    base: Mapping[str, Matrix],
    adapter: Mapping[str, tuple[Matrix, Matrix]],
    scale: Callable[[str], float] = lambda _: 8 / RANK,
) -> dict[str, Matrix]:
    """The base with ``scale`` times the product of the two factors, exactly."""
    merged: dict[str, Matrix] = {}
    for module, matrix in base.items():
        if module not in adapter:
            merged[module] = matrix
            continue
        first, second = adapter[module]
        update, factor = product(second, first), scale(module)
        merged[module] = [
            [value + factor * more for value, more in zip(row, delta, strict=True)]
            for row, delta in zip(matrix, update, strict=True)
        ]
    return merged


def model_of(matrices: Mapping[str, Matrix], dtype: str = "BF16") -> Files:
    """A whole small model with these matrices."""
    tensors: dict[str, tuple[str, Sequence[int], Sequence[float]]] = {
        "model.embed_tokens.weight": (dtype, (ROWS, 4), [0.0] * (4 * ROWS)),
        "model.norm.weight": (dtype, (HIDDEN,), [1.0] * HIDDEN),
        "lm_head.weight": (dtype, (ROWS, 4), [0.5] * (4 * ROWS)),
    }
    for module, matrix in matrices.items():
        tensors[f"{module}.weight"] = (dtype, (len(matrix), len(matrix[0])), rounded(flat(matrix), dtype))
    for layer in range(2):
        tensors[f"model.layers.{layer}.input_layernorm.weight"] = (dtype, (HIDDEN,), [1.0] * HIDDEN)
    return WEIGHTED | {SINGLE: packed(tensors)}


def adapter_files(
    adapter: Mapping[str, tuple[Matrix, Matrix]], dtype: str = "F32", **config: object
) -> Files:
    """The adapter's folder as PEFT writes it."""
    tensors: dict[str, tuple[str, Sequence[int], Sequence[float]]] = {}
    for module, (first, second) in adapter.items():
        for side, matrix in (("A", first), ("B", second)):
            name = f"base_model.model.{module}.lora_{side}.weight"
            tensors[name] = (dtype, (len(matrix), len(matrix[0])), flat(matrix))
    return {
        "adapter_config.json": dump({**ADAPTER_CONFIG, **config}),
        "adapter_model.safetensors": packed(tensors),
    }
