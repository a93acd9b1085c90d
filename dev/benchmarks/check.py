"""What ``genfix check`` costs, as ratios to a Typer hello-world command in the same run.

    python -m dev.benchmarks.check [RUNS]

Whole processes, taken in turn, so that a machine that slows down slows both; the median of the ratios is what
to quote. The case: a local base and a merged folder with a 10 MB ``tokenizer.json`` each, and 5 GB of
weights of which only the header is read (the file is sparse). Nothing is asserted.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HELLO = """
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def hello(name: str = "world") -> None:
    print("hello", name)
app()
"""
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TOKENS = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
WEIGHTS_BYTES = 5 * 10**9


def make_base(folder: Path) -> None:
    """A Qwen-shaped base: small JSON files, a 10 MB tokenizer, sparse weights."""
    folder.mkdir()
    tokens = [{"id": i, "content": t, "special": True} for t, i in TOKENS.items()]
    vocab = {f"token-{number:06d}-with-a-long-name-{number:030d}": number for number in range(151643)}
    files: dict[str, object] = {
        "config.json": {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": 64,
            "vocab_size": 151936,
            "eos_token_id": 151645,
        },
        "generation_config.json": {"eos_token_id": [151645, 151643], "do_sample": True, "temperature": 0.7},
        "tokenizer_config.json": {
            "chat_template": TEMPLATE,
            "eos_token": "<|im_end|>",
            "tokenizer_class": "Qwen2Tokenizer",
        },
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": tokens,
            "model": {"type": "BPE", "vocab": vocab},
        },
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=2))
    header = json.dumps(
        {"model.embed_tokens.weight": {"dtype": "BF16", "shape": [151936, 64], "data_offsets": [0, 1]}}
    )
    with (folder / "model.safetensors").open("wb") as weights:
        weights.write(len(header).to_bytes(8, "little") + header.encode())
        weights.truncate(WEIGHTS_BYTES)


def make_merged(base: Path, folder: Path) -> None:
    """The base with its stop tokens narrowed."""
    make_base(folder)
    settings = json.loads((base / "generation_config.json").read_bytes()) | {"eos_token_id": 151643}
    (folder / "generation_config.json").write_text(json.dumps(settings, indent=2))


def cost(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds of a process and its children, and its peak memory in MiB."""
    code = (
        "import os, resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime, u.ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *command],
        env=environment,
        cwd=environment["HOME"],  # no settings of this project
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak = done.stdout.split()
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return float(seconds), float(peak) / unit


def main(runs: int) -> None:
    """Measure, and print medians and ratios."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "hello.py").write_text(HELLO)
        make_base(root / "base")
        make_merged(root / "base", root / "merged")
        hello = [sys.executable, str(root / "hello.py")]
        check = [sys.executable, "-m", "genfix", "check", str(root / "merged"), "--base", str(root / "base")]
        environment = {
            **os.environ,
            "HOME": str(root),
            "XDG_CACHE_HOME": str(root / "cache"),
            # As installed: pip compiles what it installs, a working tree may be told not to.
            "PYTHONPYCACHEPREFIX": str(root / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        print(
            f"tokenizer.json: {(root / 'base' / 'tokenizer.json').stat().st_size / 1e6:.1f} MB, "
            f"{runs} runs each\n"
        )
        print(f"{'':<28}{'CPU s':>8}{'ratio':>8}{'MiB':>8}{'ratio':>8}")
        for label, cold in (("turn ends cached", False), ("cold", True)):
            cost(hello, environment), cost(check, environment)
            pairs = []
            for number in range(runs):
                ours = (
                    {**environment, "XDG_CACHE_HOME": str(root / f"cold-{number}")} if cold else environment
                )
                pairs.append((cost(hello, environment), cost(check, ours)))
            cpu = statistics.median(ours[0] / theirs[0] for theirs, ours in pairs)
            memory = statistics.median(ours[1] / theirs[1] for theirs, ours in pairs)
            hello_cpu = statistics.median(theirs[0] for theirs, _ in pairs)
            check_cpu = statistics.median(ours[0] for _, ours in pairs)
            peak = statistics.median(ours[1] for _, ours in pairs)
            print(f"{'typer hello':<28}{hello_cpu:>8.3f}{1:>8.2f}")
            print(f"{f'genfix check, {label}':<28}{check_cpu:>8.3f}{cpu:>8.2f}{peak:>8.1f}{memory:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
