"""Safetensors files and whole sets of weights, made on the spot: headers are real, data is a few bytes."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from tests.support.folders import Files, dump

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

_BYTES = {"F64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "U8": 1, "I8": 1, "F8_E4M3": 1}

ROWS, HIDDEN = 1024, 4
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


def weight_file(
    tensors: Shapes,
    dtype: str | Mapping[str, str] = "BF16",
    *,
    fill: Mapping[str, int] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A file with these tensors; ``fill`` gives the byte the data of some is made of (else 0)."""

    def entries() -> Iterable[tuple[str, str, Sequence[int], bytes]]:
        for name, shape in tensors.items():
            kind = dtype if isinstance(dtype, str) else dtype.get(name, "BF16")
            yield name, kind, shape, bytes([(fill or {}).get(name, 0)]) * (math.prod(shape) * _BYTES[kind])

    return safetensors_of(entries(), metadata)


def safetensors_of(
    entries: Iterable[tuple[str, str, Sequence[int], bytes]], metadata: Mapping[str, str] | None = None
) -> bytes:
    """A file of tensors, each with its name, format, shape and data."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"} if metadata is None else dict(metadata)}
    data = bytearray()
    for name, kind, shape, content in entries:
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": kind, "shape": [*shape], "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def causal(
    layers: int = 2, *, rows: int = ROWS, head: bool = True, prefix: str = "model.", experts: int = 0
) -> dict[str, tuple[int, ...]]:
    """The tensors of a small language model, as Qwen2 and Llama name them."""
    tensors: dict[str, tuple[int, ...]] = {f"{prefix}embed_tokens.weight": (rows, HIDDEN)}
    for layer in range(layers):
        at = f"{prefix}layers.{layer}."
        tensors[f"{at}self_attn.q_proj.weight"] = (HIDDEN, HIDDEN)
        if experts:
            for expert in range(experts):
                tensors[f"{at}mlp.experts.{expert}.down_proj.weight"] = (HIDDEN, HIDDEN)
        else:
            tensors[f"{at}mlp.down_proj.weight"] = (HIDDEN, HIDDEN)
        tensors[f"{at}input_layernorm.weight"] = (HIDDEN,)
    tensors[f"{prefix}norm.weight"] = (HIDDEN,)
    if head:
        tensors["lm_head.weight"] = (rows, HIDDEN)
    return tensors


def sharded(tensors: Shapes, count: int = 2) -> Files:
    """The same tensors in ``count`` files, with their index."""
    names = list(tensors)
    parts = [names[start::count] for start in range(count)]
    files: Files = {}
    places: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-{count:05}.safetensors"
        files[file] = weight_file({name: tensors[name] for name in part})
        places |= dict.fromkeys(part, file)
    total = sum(math.prod(shape) * 2 for shape in tensors.values())
    files[INDEX] = dump({"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))})
    return files
