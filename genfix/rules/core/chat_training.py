"""What proves that a model was trained on chats, and is not a pretrained model whose repo ships a chat
template.

A pretrained model may come with the chat template of its sibling (Qwen2.5): its stop set is right for it.
Only where a turn end was trained does its absence from the stop set do harm, so stop tokens that the base's
own set lacks are added on such proof alone. Any one piece will do; only a run that says of itself that it was
on plain text takes what other papers and the weights say with it.
"""

import re
from collections.abc import Iterator
from typing import Final

from genfix.errors import BaseModelError
from genfix.folder import FolderFileError, same_but_for_line_ends, same_file
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.front_matter import front_matter_list
from genfix.model.provenance import base_hint
from genfix.model.siblings import is_chat_name

_TRAINER_FILES: Final = (
    "training_args.bin",  # transformers Trainer, TRL, LLaMA-Factory
    "trainer_state.json",
    "train_results.json",
    "trainer_log.jsonl",  # LLaMA-Factory
    "training_args.yaml",  # LLaMA-Factory's web page
    "args.json",  # ms-swift
)
_SWIFT_RUN: Final = "args.json"
_SWIFT_TRAINS: Final = ("learning_rate", "num_train_epochs", "train_iters", "max_epochs")
"""What only the arguments of a training have: ms-swift writes the file also where it quantises or converts.
"""
_FACTORY_RUN: Final = "training_args.yaml"
_PLAIN_STAGE: Final = r"(?m)^stage:[ \t]*['\"]?pt['\"]?[ \t]*\r?$"
_TRAINER_TAGS: Final = frozenset(
    ["generated_from_trainer", "trl", "sft", "dpo", "llama-factory", "axolotl", "alignment-handbook"]
)
"""Tags that training frameworks write into a model card's front matter."""


def chat_training(merged: Model, base: Model | None, adapter: Model | None) -> tuple[Message, ...]:
    """Every piece of evidence that the folder tells, the cheapest to find first; empty where there
    is none.
    """
    on_plain_text = _is_on_plain_text(merged, base, adapter)
    papers = () if on_plain_text else _papers(merged, base, adapter)
    found = (*papers, *_tokens(merged, base))
    if found or base is None or on_plain_text:
        return found
    return tuple(_weights(merged, base))


def signs_of_training(merged: Model, base: Model) -> tuple[Message, ...]:
    """What the folder's files say of a training, on chats or not; no byte of the weights is asked for."""
    return tuple(_papers(merged, base, None))


def _is_on_plain_text(merged: Model, base: Model | None, adapter: Model | None) -> bool:
    """Whether the last training says that it was a pretraining: then it taught no turn end."""
    if not has_same(merged, base, _SWIFT_RUN) and merged.object(_SWIFT_RUN).get("use_chat_template") is False:
        return True
    if _FACTORY_RUN in merged.folder.names() and not has_same(merged, base, _FACTORY_RUN):
        try:
            text = merged.folder.read(_FACTORY_RUN).decode("utf-8", "replace")
        except FolderFileError:
            return False
        return re.search(_PLAIN_STAGE, text) is not None
    if adapter is None:
        return False
    try:
        return adapter.object(_SWIFT_RUN).get("use_chat_template") is False
    except BaseModelError:  # a witness's broken file is an error where its content is taken, not here
        return False


def _papers(merged: Model, base: Model | None, adapter: Model | None) -> Iterator[Message]:
    if adapter is not None:
        yield message(
            "proof-adapter", "chats were trained: {folder} is the adapter", folder=adapter.folder.origin.label
        )
    for name in _TRAINER_FILES:
        if merged.has(name) and not has_same(merged, base, name) and _is_of_training(merged, name):
            yield message("proof-trainer-file", "chats were trained: {file} is a trainer's", file=name)
    if merged.has("README.md") and not has_same(merged, base, "README.md"):
        tags = [tag for tag in front_matter_list(merged.folder, "tags") if tag.lower() in _TRAINER_TAGS]
        if tags:
            yield message(
                "proof-model-card", "chats were trained: a trainer tagged the model card {tag}", tag=tags[0]
            )


def _is_of_training(merged: Model, name: str) -> bool:
    if name != _SWIFT_RUN:
        return True
    run = merged.object(name)
    return any(isinstance(run.get(key), int | float) for key in _SWIFT_TRAINS)


def _tokens(merged: Model, base: Model | None) -> Iterator[Message]:
    """The folder's own template and tokens, as far as the base has others."""
    if base is None:
        yield from _named(merged)
        return
    if not merged.end_ids:
        return
    template = merged.chat_template
    if template is not None and not base.copies_of(template):
        yield message(
            "proof-own-template", "chats were trained: {file} is not the base's template", file=template.file
        )
    if base.tokenizer.is_known:
        added = [token for token in merged.end_ids if token not in base.tokenizer.ids]
        if added:
            yield message("proof-tokens-added", "chats were trained: {tokens} were added", tokens=[*added])
    eos = merged.tokenizer.eos_token
    if eos in merged.end_ids and base.tokenizer.eos_token not in {None, eos}:
        yield message(
            "proof-eos-changed",
            "chats were trained: the tokenizer's EOS was changed to the turn end {token}",
            token=eos,
        )


def _named(merged: Model) -> Iterator[Message]:
    """Whether the folder says that it was made from a chat model, or is one.

    Nothing is proven of a folder that was not kept whole: config files, and not all of them.
    """
    if not (merged.generation_config.present or merged.weights.files):
        return
    named = base_hint(merged)
    if named is not None and is_chat_name(named):
        yield message(
            "proof-chat-name", "chats were trained: the folder names {base}, a chat model", base=named
        )


def has_same(merged: Model, witness: Model | None, name: str) -> bool:
    """Whether both have the file, with equal bytes or, of a text, equal lines; not where one cannot be read,
    which its own rule tells.
    """
    if witness is None or not witness.has(name) or not merged.has(name):
        return False
    try:
        return same_but_for_line_ends(merged.folder, witness.folder, name)
    except FolderFileError:
        return False


# -- weights -------------------------------------------------------------------------------------

SAMPLE_BYTES: Final = 4096
_SAMPLES: Final = 4
"""So many matrices of each kind are compared, spread over the layers: an adapter may change one kind alone.
"""
_NUMBER: Final = r"\d+"


def _weights(merged: Model, base: Model) -> Iterator[Message]:
    """Whether the weights differ, from a few rows of each where both are on this machine, else by digest.

    A quantised model differs from its base without any training.
    """
    if has_packed_weights(merged):
        return
    file = _comparable_file(merged, base)
    if file is not None and base.folder.stat(file).sha256 and not _is_other(merged, base, file):
        return  # its listed digest tells: no byte of the base's weights is asked for
    if has_packed_weights(base):
        return
    changed = _changed_tensor(merged, base)
    if changed is not None:
        yield message("proof-weights", "the weights were trained: {tensor} is not the base's", tensor=changed)
    elif file is not None and not base.weights.has_tensors and _is_other(merged, base, file):
        yield message("proof-weights-file", "the weights were trained: {file} is not the base's", file=file)


def has_packed_weights(model: Model) -> bool:
    """By its config, or by its tensors where the config has lost the entry."""
    said = any(model.config_value(key) is not None for key in ("quantization_config", "quantization"))
    return said or model.weights.outline.quantization is not None


def _changed_tensor(merged: Model, base: Model) -> str | None:
    return next((name for name in sampled_matrices(merged, base) if _differs(merged, base, name)), None)


def sampled_matrices(merged: Model, base: Model) -> Iterator[str]:
    """Matrices of one shape and type in both: of each kind (``layers.*.mlp.down_proj``) a few."""
    kinds: dict[str, list[str]] = {}
    theirs = base.weights.tensors
    for name, tensor in merged.weights.tensors.items():
        other = theirs.get(name)
        if other is None or len(tensor.shape) != 2:
            continue
        if (tensor.dtype, tensor.shape, tensor.size) == (other.dtype, other.shape, other.size):
            kinds.setdefault(re.sub(_NUMBER, "*", name), []).append(name)
    for names in kinds.values():
        last = len(names) - 1
        yield from dict.fromkeys(names[last * part // (_SAMPLES - 1)] for part in range(_SAMPLES))


def _differs(merged: Model, base: Model, name: str) -> bool:
    """Whether the first rows differ, as far as both files have them: one that was cut off proves nothing."""
    try:
        ours = merged.weights.sample(name, SAMPLE_BYTES)
        theirs = base.weights.sample(name, SAMPLE_BYTES)
    except FolderFileError:
        return False
    return len(ours) == len(theirs) and ours != theirs


def _comparable_file(merged: Model, base: Model) -> str | None:
    """A weights file of equal size in both, whose digests tell: other sizes may be another layout of the
    same.

    The smallest, for it is read whole; but none with far fewer tensors than others, where an embedding may be
    alone that no adapter changed.
    """
    shared = [name for name in merged.weights.files if name in base.weights.files]
    alike = [name for name in shared if merged.folder.stat(name).size == base.folder.stat(name).size]
    headers = merged.weights.headers
    count = {name: len(headers[name].tensors) if name in headers else 0 for name in alike}
    most = max(count.values(), default=0)
    full = [name for name in alike if 2 * count[name] >= most]
    return min(full, key=lambda name: merged.folder.stat(name).size, default=None)


def _is_other(merged: Model, base: Model, file: str) -> bool:
    try:
        return not same_file(merged.folder, base.folder, file)
    except FolderFileError:
        return False
