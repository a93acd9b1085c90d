"""A language model small enough for a test that has learned genfix's own texts and the answers to some of its
questions by heart, and broken copies.

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
from genfix.probe.probe_values import Prompt
from genfix.probe.prompts import quality_prompts
from genfix.probe.quality.answer_checks import AnswerCheck, ContainsCheck, NumberCheck, SequenceCheck
from genfix.probe.quality.shape_checks import CopyCheck

VOCABULARY = 420
SPECIAL = ("<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "<s>{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
    "{% if m.role == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXTS = tuple(one for one in built_in_texts() if one.text and one.language != "zh")
"""English and code: a vocabulary this small cuts Chinese into bytes, which takes long to learn."""
THETA = 1e6
KINDS = ("number", "answer", "copy", "memory", "stop")
"""The kinds of questions whose right answer can be read off their check."""
QUESTIONS = tuple(one for one in quality_prompts(KINDS) if one.language == "en")
_KNOWN = 1.2
"""Nats per token of the texts at which training ends; a guess among all tokens takes log(420), 6.0."""
_SAID = 0.02
"""Of the answers: each token of them is then the likeliest."""
_STEPS = 400


def train(folder: Path) -> tuple[float, float]:
    """Write the model; gives back its loss in nats per token, of the texts and of the answers."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # threads of a model this small wait for each other
    texts = [one.text for one in TEXTS]
    tokenizer = _tokenizer([*texts, *(str(one.messages) + _answer(one) for one in QUESTIONS)])
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=2,
            num_attention_heads=2,  # vLLM on a processor takes heads of 32 and more
            num_key_value_heads=2,
            max_position_embeddings=4096,
            rope_parameters={"rope_type": "default", "rope_theta": THETA},
            tie_word_embeddings=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    rows = [(ids, 0) for ids in (tokenizer(text)["input_ids"] for text in texts)]
    halves = [row for row in rows if len(row[0]) < 400], [row for row in rows if len(row[0]) >= 400]
    losses = _learn(
        model, [_batch(half) for half in (*halves, [_asked(tokenizer, one) for one in QUESTIONS])]
    )
    model.save_pretrained(folder)
    _for_old_readers(folder)
    tokenizer.save_pretrained(folder)
    return losses


def _answer(question: Prompt) -> str:
    """A right answer."""
    match question.check:
        case NumberCheck(value=value):
            return f"{value:g}"
        case AnswerCheck(right=(word, *_)):
            return word
        case CopyCheck(text=text):
            return text
        case ContainsCheck(all=groups) | SequenceCheck(items=groups):
            return ", ".join(group[0] for group in groups)
    raise AssertionError(question.id)


def _asked(tokenizer: PreTrainedTokenizerFast, question: Prompt) -> tuple[list[int], int]:
    """A question with its answer, and how many tokens the question has."""
    asked = tokenizer.apply_chat_template([*question.messages], add_generation_prompt=True, tokenize=False)
    before, after = (tokenizer.encode(part, add_special_tokens=False) for part in (asked, _answer(question)))
    return [*before, *after, tokenizer.eos_token_id], len(before)


def _batch(rows: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
    """Rows of one length: neither what fills them up nor their first tokens, so many, are learned."""
    longest = max(len(row) for row, _ in rows)
    ids = torch.tensor([row + [0] * (longest - len(row)) for row, _ in rows])
    there = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in rows])
    given = torch.tensor([[place < before for place in range(longest)] for _, before in rows])
    return {"input_ids": ids, "attention_mask": there, "labels": ids.masked_fill((there == 0) | given, -100)}


def _learn(model: LlamaForCausalLM, batches: list[dict[str, torch.Tensor]]) -> tuple[float, float]:
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    known, said = float("inf"), float("inf")
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 8e-3 * min(1.0, (step + 1) / 20)
        losses = [model(**batch).loss for batch in batches]
        optimizer.zero_grad()
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        *texts, said = (float(one.detach()) for one in losses)
        known = max(texts)
        if step % 20 == 0:
            print("step", step, "texts", known, "answers", said, flush=True)
        if known < _KNOWN and said < _SAID:
            break
    return known, said


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[*SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    trained.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=[*SPECIAL[2:]],
        chat_template=TEMPLATE,
    )


def _for_old_readers(folder: Path) -> None:
    """MLX-LM reads the old spelling of theta only."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"rope_theta": THETA}), "utf-8")


def _other_theta(folder: Path, theta: float = 10000.0) -> None:
    """Another base of RoPE's frequencies: the class's own, as in a config that lost it."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for place in (config, config.get("rope_parameters") or {}):
        if "rope_theta" in place:
            place["rope_theta"] = theta
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


def with_theta(sound: Path, theta: float, folder: Path) -> None:
    """A copy of the model whose config has another theta."""
    shutil.copytree(sound, folder)
    _other_theta(folder, theta)
