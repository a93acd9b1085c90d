"""Asks mistral.rs: a real ``Runner``, over a folder with weights of zeros beside its metadata.

Which ids end generation it says in its log; which template it renders shows in the length of a prompt, since
each copy of a template is given a tail of its own length. What a toy's config.json lacks of sizes is added.
"""

import json
import os
import re
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asking import ask, digest

os.environ["RUST_LOG"] = "mistralrs_core=trace"  # read when the engine is imported
from mistralrs import ChatCompletionRequest, Runner, Which

HIDDEN, INNER, HEADS, GROUPS, ROWS = 64, 64, 4, 2, 264
SIZES: dict[str, Any] = {
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "num_hidden_layers": 1,
    "vocab_size": ROWS,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "sliding_window": None,
    "max_window_layers": 1,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "head_dim": HIDDEN // HEADS,
    "partial_rotary_factor": 0.5,
}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_ENDS = re.compile(r"eos_toks = (.*?), unk_tok")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def weights() -> bytes:
    """All tensors of one layer of Qwen2, Llama and GLM-4, as zeros."""
    layer, head = "model.layers.0", HIDDEN // HEADS
    shapes: dict[str, list[int]] = {
        "model.embed_tokens.weight": [ROWS, HIDDEN],
        "lm_head.weight": [ROWS, HIDDEN],
        "model.norm.weight": [HIDDEN],
        f"{layer}.self_attn.o_proj.weight": [HIDDEN, HIDDEN],
        f"{layer}.mlp.gate_up_proj.weight": [2 * INNER, HIDDEN],
        f"{layer}.mlp.gate_proj.weight": [INNER, HIDDEN],
        f"{layer}.mlp.up_proj.weight": [INNER, HIDDEN],
        f"{layer}.mlp.down_proj.weight": [HIDDEN, INNER],
    }
    for letter, heads in (("q", HEADS), ("k", GROUPS), ("v", GROUPS)):
        shapes[f"{layer}.self_attn.{letter}_proj.weight"] = [heads * head, HIDDEN]
        shapes[f"{layer}.self_attn.{letter}_proj.bias"] = [heads * head]
    for norm in (
        "input_layernorm",
        "post_attention_layernorm",
        "post_self_attn_layernorm",
        "post_mlp_layernorm",
    ):
        shapes[f"{layer}.{norm}.weight"] = [HIDDEN]
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(end)


def parsed(path: Path) -> dict[str, Any] | None:
    """An object of JSON, or none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def letters(template: str) -> int:
    """How many tokens a chat has: the toy's vocabulary has letters alone."""
    chat = "userb" if "m.content" in template else ""
    return len(chat) + sum(map(str.isalpha, re.sub(r"{[%{#].*?[%}#]}", "", template, flags=re.DOTALL)))


def prepare(folder: Path, place: Path) -> dict[int, str]:
    """Copy ``folder`` with weights; its templates by the length of a chat, each with a tail of its own."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    (place / "model.safetensors").write_bytes(WEIGHTS)
    config = parsed(place / "config.json")
    if config is not None:
        (place / "config.json").write_text(json.dumps(SIZES | config | {"vocab_size": ROWS}))
    tokenizer = parsed(place / "tokenizer.json")
    if tokenizer is not None:  # it starts with none that is not of bytes
        (place / "tokenizer.json").write_text(json.dumps(tokenizer | {"decoder": BYTES}))
    tails: dict[int, str] = {}

    def marked(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        tail = "a" * (3 * len(tails) + 3)
        tails[letters(text + tail)] = text
        return text + tail

    for name in ("tokenizer_config.json", "chat_template.json", "processor_config.json"):
        found = parsed(place / name)
        if found is None or "chat_template" not in found:
            continue
        inline = found["chat_template"]
        if isinstance(inline, list):
            found["chat_template"] = [one | {"template": marked(one["template"])} for one in inline]
        else:
            found["chat_template"] = marked(inline)
        (place / name).write_text(json.dumps(found))
    jinja = place / "chat_template.jinja"
    if jinja.exists():
        jinja.write_bytes(marked(jinja.read_bytes().decode()).encode())
    return tails


@contextmanager
def log() -> Iterator[list[str]]:
    """What the engine prints meanwhile, past Python; it writes to the first output."""
    lines: list[str] = []
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield lines
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            lines.append(_COLORS.sub("", file.read().decode("utf-8", "replace")))


def started(place: Path) -> Any:
    """A runner; what Rust calls a panic is an error like others."""
    try:
        return Runner(which=Which.Plain(model_id=str(place)))
    except Exception:
        raise
    except BaseException as panic:
        raise RuntimeError(str(panic)) from None


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of mistral.rs tells, but the sampling, which it keeps for itself."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        tails = prepare(folder, place)
        with log() as lines:
            runner = started(place)
            told = {"template": digest(rendered(runner, tails))}
        tokenizer = json.loads((place / "tokenizer.json").read_bytes())
        ids = tokenizer["model"]["vocab"] | {one["content"]: one["id"] for one in tokenizer["added_tokens"]}
        ends = json.loads(f"[{_ENDS.findall(lines[0])[-1]}]")
        return told | {"stops": sorted({ids[end] for end in ends})}


def rendered(runner: Any, tails: dict[int, str]) -> str | None:
    """The template of a chat; none where the engine has none."""
    message = [{"role": "user", "content": "b"}]
    request = ChatCompletionRequest(messages=message, model="default", max_tokens=1)
    try:
        made = runner.send_chat_completion_request(request)
    except Exception as error:
        if "template" in str(error):
            return None
        raise
    return tails.get(made.usage.prompt_tokens)


if __name__ == "__main__":
    WEIGHTS = weights()
    out = os.fdopen(os.dup(1), "w")
    sys.stdout = out
    ask({"engine": "mistral.rs", "version": version("mistralrs"), "libraries": {}}, answer)
