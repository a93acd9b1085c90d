"""What proves that a model was trained on chats, and is not a pretrained model whose repo ships a chat template.

A pretrained model may come with the chat template of its sibling (Qwen2.5): its stop set is right for it. Only
where a turn end was trained does its absence from the stop set do harm, so stop tokens that the base's own
set lacks are added on such proof alone. Any one piece will do.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from genfix.folder import FolderFileError, same_file
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.front_matter import front_matter_list

__all__ = ["chat_training"]

_TRAINER_FILES: Final = (
    "training_args.bin",  # transformers Trainer, TRL, LLaMA-Factory
    "trainer_state.json",
    "train_results.json",
    "trainer_log.jsonl",  # LLaMA-Factory
    "training_args.yaml",
    "args.json",  # ms-swift
)
_TRAINER_TAGS: Final = frozenset(
    ["generated_from_trainer", "trl", "sft", "dpo", "llama-factory", "axolotl", "alignment-handbook", "swift"]
)
"""Tags that training frameworks, and nobody by hand, write into a model card's front matter."""


def chat_training(merged: Model, base: Model | None, adapter: Model | None) -> tuple[Message, ...]:
    """Every piece of evidence that the folder tells, the cheapest to find first; empty where there is none."""
    found = (*_papers(merged, base, adapter), *_tokens(merged, base))
    if found or base is None:
        return found
    return tuple(_weights(merged, base))


def _papers(merged: Model, base: Model | None, adapter: Model | None) -> Iterator[Message]:
    if adapter is not None:
        yield message("proof-adapter", folder=adapter.folder.origin.label)
    for name in _TRAINER_FILES:
        if merged.has(name) and not _same(merged, base, name):
            yield message("proof-trainer-file", file=name)
    if merged.has("README.md") and not _same(merged, base, "README.md"):
        tags = [tag for tag in front_matter_list(merged.folder, "tags") if tag in _TRAINER_TAGS]
        if tags:
            yield message("proof-model-card", tag=tags[0])


def _tokens(merged: Model, base: Model | None) -> Iterator[Message]:
    """The folder's own template and tokens, as far as the base has others."""
    if base is None or not merged.end_ids:
        return
    template = merged.chat_template
    if template is not None and not any(template.same_text(copy) for copy in base.template_copies):
        yield message("proof-own-template", file=template.file)
    if base.tokenizer.is_known:
        added = [token for token in merged.end_ids if token not in base.tokenizer.ids]
        if added:
            yield message("proof-tokens-added", tokens=[*added])
    eos = merged.tokenizer.eos_token
    if eos in merged.end_ids and base.tokenizer.eos_token not in {None, eos}:
        yield message("proof-eos-changed", token=eos)


def _same(merged: Model, base: Model | None, name: str) -> bool:
    """Whether the base has the very same file, which then says nothing about this model."""
    if base is None or not base.has(name):
        return False
    try:
        return same_file(merged.folder, base.folder, name)
    except FolderFileError:
        return False


# -- weights --------------------------------------------------------------------------------------------------

_SAMPLE_BYTES: Final = 4096
_SAMPLES: Final = 24
"""So many matrices are compared, spread over the model: training changes at least a row of one of them."""


def _weights(merged: Model, base: Model) -> Iterator[Message]:
    """Whether the weights differ, from a few rows of each where both are on this machine, else by digest.

    A quantised model differs from its base without any training.
    """
    if _is_quantised(merged) or _is_quantised(base):
        return
    changed = _changed_tensor(merged, base)
    if changed is not None:
        yield message("proof-weights", tensor=changed)
    elif not base.weights.tensors:
        file = _changed_file(merged, base)
        if file is not None:
            yield message("proof-weights-file", file=file)


def _is_quantised(model: Model) -> bool:
    return any(model.config_value(key) is not None for key in ("quantization_config", "quantization"))


def _changed_tensor(merged: Model, base: Model) -> str | None:
    ours, theirs = merged.weights.tensors, base.weights.tensors
    alike = [
        name
        for name, tensor in ours.items()
        if len(tensor.shape) == 2
        and name in theirs
        and (tensor.dtype, tensor.shape) == (theirs[name].dtype, theirs[name].shape)
    ]
    step = max(1, len(alike) // _SAMPLES)
    for name in islice(alike, 0, None, step):
        try:
            if merged.weights.sample(name, _SAMPLE_BYTES) != base.weights.sample(name, _SAMPLE_BYTES):
                return name
        except FolderFileError:
            return None
    return None


def _changed_file(merged: Model, base: Model) -> str | None:
    """The smallest weights file of equal size and other digest: other sizes may be another layout of the same."""
    shared = [name for name in merged.weights.files if name in base.weights.files]
    alike = [name for name in shared if merged.folder.stat(name).size == base.folder.stat(name).size]
    for name in sorted(alike, key=lambda name: merged.folder.stat(name).size)[:1]:
        try:
            return None if same_file(merged.folder, base.folder, name) else name
        except FolderFileError:
            return None
    return None
