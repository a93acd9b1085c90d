"""What the views of engines cost, as a ratio to parsing the JSON files of the same folder.

    python -m dev.benchmarks.engines [RUNS]

CPU time inside one process, after all imports; the two taken in turn, so that a machine that slows down slows
both; the median of the ratios is what to quote. The case: a folder with the metadata of a real model of the
size of Qwen2.5 and GLM-4 (an 11 MB ``tokenizer.json`` with vocabulary and merges); whole, and then without
the ids of both config files, so that engines come to the defaults of config classes. Nothing is asserted.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from genfix.engines.every import all_engines, engine_view, every_view
from genfix.folder import LocalFolder
from genfix.model import Model

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = 151643
TOKENS = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}


def make_folder(folder: Path) -> None:
    """Metadata only: the views do not read weights."""
    tokens = [{"id": number, "content": text} | FLAGS for text, number in TOKENS.items()]
    files: dict[str, object] = {
        "config.json": {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": 3584,
            "max_position_embeddings": 32768,
            "vocab_size": 152064,
            "eos_token_id": 151645,
        },
        "generation_config.json": {"eos_token_id": [151645, 151643], "do_sample": True, "temperature": 0.7},
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                str(number): {"content": text} | FLAGS for text, number in TOKENS.items()
            },
            "chat_template": TEMPLATE,
            "eos_token": "<|im_end|>",
            "model_max_length": 131072,
            "tokenizer_class": "Qwen2Tokenizer",
        },
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": tokens,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "model": {
                "type": "BPE",
                "vocab": {f"word-{number:017d}": number for number in range(WORDS)},
                "merges": [f"word {number:017d}" for number in range(WORDS)],
            },
        },
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=2), encoding="utf-8")


def views(folder: Path) -> None:
    """The engines asked by default, from nothing."""
    every_view(Model(LocalFolder(folder)))


def all_views(folder: Path) -> None:
    """Those asked by name, too."""
    model = Model(LocalFolder(folder))
    for name in all_engines():
        engine_view(name, model)


def parse(folder: Path) -> None:
    """The JSON files."""
    for path in folder.glob("*.json"):
        json.loads(path.read_bytes())


def cost(work: Callable[[Path], None], folder: Path) -> float:
    """CPU milliseconds."""
    before = time.process_time()
    work(folder)
    return (time.process_time() - before) * 1000


def main(runs: int) -> None:
    """Measure, and print medians and their ratio."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_folder(folder)
        print(
            f"tokenizer.json: {(folder / 'tokenizer.json').stat().st_size / 1e6:.1f} MB, {runs} runs each\n"
        )
        print(f"{'':<38}{'CPU ms':>8}{'ratio':>8}")
        measure("whole", folder, runs)
        (folder / "generation_config.json").unlink()
        config = json.loads((folder / "config.json").read_bytes())
        del config["eos_token_id"]
        (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        measure("no ids", folder, runs)


def measure(label: str, folder: Path, runs: int) -> None:
    """Print the lines of one folder."""
    first = cost(views, folder)
    cost(parse, folder)
    cost(all_views, folder)
    rows = [(cost(parse, folder), cost(views, folder), cost(all_views, folder)) for _ in range(runs)]
    parsing = statistics.median(row[0] for row in rows)
    print(f"{f'{label}: json.loads of all files':<38}{parsing:>8.2f}{1:>8.3f}")
    for column, said in ((1, "the views asked by default"), (2, "all views")):
        viewing = statistics.median(row[column] for row in rows)
        ratio = statistics.median(row[column] / row[0] for row in rows)
        print(f"{f'{label}: {said}':<38}{viewing:>8.2f}{ratio:>8.3f}")
    print(f"{f'{label}: the first time':<38}{first:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
