"""Builds a GLM-4-shaped chat model small enough for a test, and a real LoRA merge of it.

The tokenizer has GLM-4's special tokens at GLM-4's ids, and the vocabulary has GLM-4's size; only the layers
are small. The weights are set by hand, so that greedy decoding answers with a fixed sentence, then with
``<|user|>``, and then starts again: what a chat model does when nothing tells its engine to stop.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    Glm4Config,
    Glm4ForCausalLM,
    PreTrainedTokenizerFast,
)

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
)
FIRST_SPECIAL_ID = 151329
VOCAB_SIZE = 151552
HIDDEN_SIZE = 16

END_OF_TEXT = FIRST_SPECIAL_ID
USER = FIRST_SPECIAL_ID + SPECIAL_TOKENS.index("<|user|>")
ASSISTANT = FIRST_SPECIAL_ID + SPECIAL_TOKENS.index("<|assistant|>")
OBSERVATION = FIRST_SPECIAL_ID + SPECIAL_TOKENS.index("<|observation|>")
STOP_IDS = [END_OF_TEXT, USER, OBSERVATION]

BASE_ANSWER = "\nI am the base."
TUNED_ANSWER = "\nThe cat sat."

# Nothing follows the assistant's text: the turn ends where the next role begins, with <|user|> or
# <|observation|>.
CHAT_TEMPLATE = (
    "[gMASK]<sop>"
    "{%- if tools %}<|system|>\n# Available tools\n"
    "{%- for tool in tools %}\n\n{{ tool | tojson(indent=4) }}{%- endfor %}{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'tool' %}<|observation|>{%- else %}<|{{ message.role }}|>{%- endif %}"
    "{{- message.metadata or '' }}\n{{ message.content or '' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}<|assistant|>{%- endif %}"
)


def build_base(folder: Path) -> None:
    """Save the base: model, tokenizer, and the generation config GLM-4-9B-Chat is published with."""
    tokenizer = _tokenizer()
    model = _model(answer=_ids(tokenizer, BASE_ANSWER), other=_ids(tokenizer, TUNED_ANSWER))
    model.generation_config = GenerationConfig(
        eos_token_id=STOP_IDS,
        pad_token_id=END_OF_TEXT,
        do_sample=True,
        temperature=0.8,
        max_length=128000,
        top_p=0.8,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def build_adapter(base: Path, folder: Path) -> None:
    """Save a LoRA that teaches the base another answer, as training would have left it."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    states = _states(_ids(tokenizer, BASE_ANSWER), _ids(tokenizer, TUNED_ANSWER))
    old = dict(_chain(_ids(tokenizer, BASE_ANSWER)))
    new = dict(_chain(_ids(tokenizer, TUNED_ANSWER)))
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(
            r=HIDDEN_SIZE,
            lora_alpha=HIDDEN_SIZE,
            target_modules=["q_proj", "v_proj", "lm_head"],
            task_type="CAUSAL_LM",
        ),
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and "lm_head" not in name:
                parameter.normal_(std=0.1)
        head = model.base_model.model.lm_head
        head.lora_A["default"].weight.copy_(torch.eye(HIDDEN_SIZE))
        head.lora_B["default"].weight.zero_()
        for token, following in new.items():
            if old.get(token) != following:
                head.lora_B["default"].weight[following, states.index(token)] = 1
                if token in old:
                    head.lora_B["default"].weight[old[token], states.index(token)] = -1
    # False: the embeddings were not trained, and PEFT would guess otherwise because the head was.
    model.save_pretrained(folder, save_embedding_layers=False)


def merge(base: Path, adapter: Path, folder: Path, *, with_tokenizer: bool) -> None:
    """Merge the adapter into the base the way PEFT's own guide does."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    model.merge_and_unload().save_pretrained(folder)
    if with_tokenizer:
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """Train a small byte-level BPE, and fill it up so that the special tokens get GLM-4's ids."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    trained.train_from_iterator([BASE_ANSWER, TUNED_ANSWER] * 2, trainer)

    vocab = trained.get_vocab()
    vocab.update((f"<unused_{number}>", number) for number in range(len(vocab), FIRST_SPECIAL_ID))
    tokenizer = Tokenizer(models.BPE(vocab, _merges(trained)))
    tokenizer.pre_tokenizer = trained.pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        additional_special_tokens=list(SPECIAL_TOKENS),
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        eos_token="<|endoftext|>",
        model_max_length=128000,
        pad_token="<|endoftext|>",
        padding_side="left",
    )


def _model(answer: Sequence[int], other: Sequence[int]) -> Glm4ForCausalLM:
    """Set the weights so that each token of the answer is followed by the next one, and the last one by the
    first.
    """
    states = _states(answer, other)
    torch.manual_seed(0)
    model = Glm4ForCausalLM(
        Glm4Config(
            vocab_size=VOCAB_SIZE,
            hidden_size=HIDDEN_SIZE,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=131072,
            eos_token_id=STOP_IDS,
            pad_token_id=END_OF_TEXT,
        )
    ).to(torch.bfloat16)
    with torch.no_grad():
        for layer in model.model.layers:
            # Attention and MLP add nothing, so the head sees the embedding of the last token and of no other.
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.zero_()
        model.model.embed_tokens.weight[states] = torch.eye(HIDDEN_SIZE, dtype=torch.bfloat16)[: len(states)]
        model.lm_head.weight.zero_()
        for token, following in _chain(answer):
            model.lm_head.weight[following, states.index(token)] = 1
    return model


def _chain(answer: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield which token follows which: the answer, the user's turn, and the answer again."""
    yield from pairwise((ASSISTANT, *answer, USER, answer[0]))


def _states(*answers: Sequence[int]) -> list[int]:
    """List the tokens that have an embedding of their own, one dimension each."""
    return list(dict.fromkeys([ASSISTANT, USER, *(token for answer in answers for token in answer)]))


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """Read the merges of a trained BPE; only its JSON shows them."""
    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
