"""What the proof of a merge costs as the weights grow: the ratio of 100 GB to 1 GB.

    python -m dev.benchmarks.proof [RUNS]

The case: 196 matrices in sparse files, 1 GB and 100 GB, and an adapter of rank 8 with real numbers for each;
the weights are the base's, so that every matrix is looked at and told. Both are timed in turn in one process,
with cold objects; the median of the ratios is what to quote. Nothing is asserted.
"""

import json
import random
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.weights.merge_proof import MergeProof, Verdict, prove_merge

LAYERS, RANK = 28, 8
PARTS = (
    *(f"self_attn.{part}_proj" for part in "qkvo"),
    *(f"mlp.{part}_proj" for part in ("gate", "up", "down")),
)
WIDTHS = {"1 GB": 1600, "100 GB": 16000}


def make(place: Path, width: int) -> None:
    """A model of square matrices, and its adapter."""
    modules = [f"model.layers.{layer}.{part}" for layer in range(LAYERS) for part in PARTS]
    (place / "model").mkdir(parents=True)
    (place / "model" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    size = width * width * 2
    header = {
        f"{module}.weight": {
            "dtype": "BF16",
            "shape": [width, width],
            "data_offsets": [number * size, (number + 1) * size],
        }
        for number, module in enumerate(modules)
    }
    text = json.dumps(header).encode()
    with (place / "model" / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + len(modules) * size)
    (place / "adapter").mkdir()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 16}
    (place / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    size = width * RANK * 4
    header = {}
    for module in modules:
        for side, shape in (("A", [RANK, width]), ("B", [width, RANK])):
            at = len(header) * size
            name = f"base_model.model.{module}.lora_{side}.weight"
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
    numbers = random.Random(1)
    factor = b"".join(struct.pack("<f", numbers.gauss(0, 0.02)) for _ in range(width * RANK))
    text = json.dumps(header).encode()
    with (place / "adapter" / "adapter_model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in header:
            file.write(factor)


def prove(place: Path) -> tuple[float, MergeProof]:
    """CPU time of one proof, on folders never seen before."""
    base, merged, adapter = (Model(LocalFolder(place / name)) for name in ("model", "model", "adapter"))
    start = time.process_time()
    proof = prove_merge(merged, base, adapter)
    seconds = time.process_time() - start
    if proof.verdict is not Verdict.NOT_MERGED or proof.shown != LAYERS * len(PARTS):
        raise ValueError(f"the weights are the base's, and this was found: {proof.verdict}, {proof.reason}")
    return seconds, proof


def main(runs: int) -> None:
    """Measure, and print medians and their ratio."""
    with tempfile.TemporaryDirectory() as root:
        places = [Path(root) / name.replace(" ", "") for name in WIDTHS]
        for place, width in zip(places, WIDTHS.values(), strict=True):
            make(place, width)
        pairs = [[prove(place) for place in places] for _ in range(runs + 1)][1:]
    for name, found in zip(WIDTHS, zip(*pairs, strict=True), strict=True):
        median = statistics.median(seconds for seconds, _ in found)
        print(f"{name:>7}: {median:.3f} s, {found[0][1].spent.data / 2**20:.1f} MiB of tensor data")
    ratio = statistics.median(large[0] / small[0] for small, large in pairs)
    print(f"{runs} runs: ratio {ratio:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
