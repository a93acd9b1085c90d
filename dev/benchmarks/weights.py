"""What judging the weights costs, as a ratio to reading their headers.

    python -m dev.benchmarks.weights [RUNS]

The case: 200 shards with 10,000 tensors of a mixture-of-experts model, and their index; the files are sparse.
Both sides are timed in turn in one process, with cold objects and warm disk; the median of the ratios is what
to quote. Nothing is asserted.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.rules import RULES, Context

SHARDS, LAYERS, EXPERTS = 200, 40, 80
JUDGES = ("GF41", "GF42", "GF43", "GF52")


def make_model(folder: Path) -> None:
    """Files as transformers saves them."""
    names = [
        f"model.layers.{n}.mlp.experts.{e}.{part}_proj.weight"
        for n in range(LAYERS)
        for e in range(EXPERTS)
        for part in ("gate", "up", "down")
    ]
    names += [f"model.layers.{n}.self_attn.{part}_proj.weight" for n in range(LAYERS) for part in "qkvo"]
    names += ["model.embed_tokens.weight", "lm_head.weight"]
    where: dict[str, str] = {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        part = names[shard::SHARDS]
        header: dict[str, object] = {"__metadata__": {"format": "pt"}}
        header |= {
            name: {"dtype": "BF16", "shape": [1024, 512], "data_offsets": [at * 2**20, (at + 1) * 2**20]}
            for at, name in enumerate(part)
        }
        text = json.dumps(header).encode()
        with (folder / file).open("wb") as data:
            data.write(len(text).to_bytes(8, "little") + text)
            data.truncate(8 + len(text) + len(part) * 2**20)
        where |= dict.fromkeys(part, file)
    config = {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "vocab_size": 1024,
        "num_hidden_layers": LAYERS,
        "num_experts": EXPERTS,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def read_headers(folder: Path) -> None:
    """The cheapest reading there is: each header once, parsed, and the index."""
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as data:
            json.loads(data.read(int.from_bytes(data.read(8), "little")))
    json.loads((folder / "model.safetensors.index.json").read_bytes())


def judge_weights(folder: Path) -> None:
    """All rules about weights on a folder never seen before."""
    context = Context(Model(LocalFolder(folder)))
    found = [f for code, rule in RULES.items() if code.startswith(JUDGES) for f in rule.check(context, rule)]
    if found:
        raise ValueError(f"the model is healthy, and this was found: {found}")


def seconds(work: Callable[[Path], None], folder: Path) -> float:
    """CPU time of one call."""
    start = time.process_time()
    work(folder)
    return time.process_time() - start


def main(runs: int) -> None:
    """Measure, and print medians and their ratio."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_model(folder)
        pairs = [(seconds(read_headers, folder), seconds(judge_weights, folder)) for _ in range(runs + 1)][1:]
    reading, judging = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(f"{SHARDS} shards, {runs} runs: headers {reading:.3f} s, judged {judging:.3f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
