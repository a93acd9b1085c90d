"""A language model small enough for a test that has learned genfix's own texts by heart, and broken copies.

It is trained on the spot until it knows them: what a fault costs is then far above what any luck of the
training changes.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from genfix.probe.likelihood.scored_texts import built_in_texts

VOCABULARY = 420
TEXTS = tuple(one for one in built_in_texts() if one.text and one.language != "zh")
"""English and code: a vocabulary this small cuts Chinese into bytes, which takes long to learn."""
THETA = 1e6
_KNOWN = 1.2
"""Nats per token at which training ends; a guess among all tokens takes log(420), 6.0."""
_STEPS = 250


def train(folder: Path) -> float:
    """Write the model; gives back its loss in nats per token."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # threads of a model this small wait for each other
    texts = [one.text for one in TEXTS]
    tokenizer = _tokenizer(texts)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=4096,
            rope_parameters={"rope_type": "default", "rope_theta": THETA},
            tie_word_embeddings=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    rows = [tokenizer(text)["input_ids"] for text in texts]
    halves = [row for row in rows if len(row) < 400], [row for row in rows if len(row) >= 400]
    loss = _learn(model, [_batch(half) for half in halves if half])
    model.save_pretrained(folder)
    _for_old_readers(folder)
    tokenizer.save_pretrained(folder)
    return loss


def _batch(rows: list[list[int]]) -> dict[str, torch.Tensor]:
    """Rows of one length: what fills them up is not learned."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    there = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": there, "labels": ids.masked_fill(there == 0, -100)}


def _learn(model: LlamaForCausalLM, batches: list[dict[str, torch.Tensor]]) -> float:
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    loss = float("inf")
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 8e-3 * min(1.0, (step + 1) / 20)
        losses = [model(**batch).loss for batch in batches]
        optimizer.zero_grad()
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss = max(float(one.detach()) for one in losses)
        if step % 20 == 0:
            print("step", step, "loss", loss, flush=True)
        if loss < _KNOWN:
            break
    return loss


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    trained.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=trained, bos_token="<s>", eos_token="</s>")


def _for_old_readers(folder: Path) -> None:
    """MLX-LM reads the old spelling of theta only."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"rope_theta": THETA}), "utf-8")


def _other_theta(folder: Path) -> None:
    """The class's default base of RoPE's frequencies, as in a config that lost its own."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for place in (config, config.get("rope_parameters") or {}):
        if "rope_theta" in place:
            place["rope_theta"] = 10000.0
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def _shuffled_rows(folder: Path) -> None:
    """Rows of the embedding that belong to other tokens."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    rows = tensors["model.embed_tokens.weight"]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    tensors["model.embed_tokens.weight"] = rows[order].contiguous()
    save_file(tensors, file, metadata={"format": "pt"})


def _lost_merges(folder: Path) -> None:
    """A tokenizer that spells everything byte by byte."""
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text("utf-8"))
    tokenizer["model"]["merges"] = []
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


FAULTS: Mapping[str, Callable[[Path], None]] = {
    "theta": _other_theta,
    "rows": _shuffled_rows,
    "merges": _lost_merges,
}


def broken(sound: Path, fault: str, folder: Path) -> None:
    """A copy of the model with one of `FAULTS`."""
    shutil.copytree(sound, folder)
    FAULTS[fault](folder)
