"""GF310: the vocabulary that slow tokenizers and converters read.

Who is right: the base, as far as nothing says that tokens or the way text is cut were changed.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder import FolderFileError
from genfix.folder.kinds import ADDED_TOKENS, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Operation, RestoreFile, SetField, Severity, Witness, shown
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.restoring import rows_differ
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import DECODER

_SENTENCEPIECE: Final = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")

_OF_SLOW_CLASSES: Final = ("vocab.json", "merges.txt", "vocab.txt")


@rule(
    "GF310",
    "slow-vocabulary-missing",
    Severity.WARNING,
    question=TOKENS,
    needs_base=True,
    shows="no GGUF can be made, or slow tokenizers do not load",
)
def _slow_vocabulary(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tokenizer.json` is here, and the vocabulary that slow tokenizers and converters read is gone.

    Why: llama.cpp's converter needs `tokenizer.model` for Gemma, Phi-3, InternLM, Baichuan and MiniCPM, and
    stops without it; Llama and Mistral lose the scores by which text is cut. Ollama takes them for another
    kind of tokenizer. `vocab.json` and `merges.txt` are read by `use_fast=False` of transformers 4 alone.

    Fix: The base's files, byte-identical. With a SentencePiece file also the added tokens, in
    `added_tokens_decoder` and `added_tokens.json`: those who read it do not look into `tokenizer.json`.

    Safety: Safe where `tokenizer.json` is the base's, or its added tokens, normalizer, pre-tokenizer and the
    rows of the embedding are. Otherwise unsafe. Information where only slow classes of transformers 4 read
    it.

    Sources:
    - ggml-org/llama.cpp#19152
    - llama.cpp: conversion/gemma.py, conversion/phi.py, gguf-py/gguf/vocab.py `LlamaHfVocab`
    - Ollama: convert/tokenizer.go
    """
    base, merged = context.base, context.merged
    if base is None or not merged.has(FAST_TOKENIZER) or merged.tokenizer_problem is not None:
        return  # without tokenizer.json the loss is another rule's
    lost = [name for name in base.vocabularies if not merged.has(name)]
    pieces = [name for name in lost if _is_sentencepiece(base, name)]
    own_code = _has_slow_code(merged)
    if not own_code:
        lost = [name for name in lost if name in (*pieces, *_OF_SLOW_CLASSES)]
    if not lost:
        return
    yield rule.finding(
        lost[0],
        message(
            "sentencepiece-missing",
            "is missing; llama.cpp and Ollama convert from it ({files})",
            files=[*lost],
        )
        if pieces
        else message(
            "slow-vocabulary-missing", "is missing; slow tokenizers read it ({files})", files=[*lost]
        ),
        severity=Severity.WARNING if pieces or own_code else Severity.INFO,
        witness=Witness.BASE,
        fix=_vocabulary_of_base(context, base, lost, with_pieces=bool(pieces)),
    )


def _vocabulary_of_base(context: Context, base: Model, lost: list[str], *, with_pieces: bool) -> Fix:
    objection = _vocabulary_objection(context, base)
    operations: list[Operation] = [RestoreFile(name) for name in lost]
    if with_pieces:
        operations += _tokens_beside(context.merged, base, with_file=objection is None)
    return Fix.safe_unless(
        objection,
        message(
            "why-vocabulary-same", "tokenizer.json has the base's tokens and cuts text as the base's does"
        ),
        tuple(operations),
    )


def _is_sentencepiece(base: Model, name: str) -> bool:
    """Whether the file is a protobuf message that starts with a piece: others use the name for a list of text
    lines.
    """
    if name not in _SENTENCEPIECE:
        return False
    try:
        return base.folder.read_range(name, 0, 1) == b"\n"
    except FolderFileError:
        return False


def _has_slow_code(merged: Model) -> bool:
    """Whether the tokenizer is a slow class of the model's own, which reads these files and no
    tokenizer.json.
    """
    code = merged.tokenizer_config.get("auto_map")
    names = code.get("AutoTokenizer") if isinstance(code, dict) else None
    return isinstance(names, list) and len(names) == 2 and names[0] is not None and names[1] is None


def _vocabulary_objection(context: Context, base: Model) -> Message | None:
    """What speaks against the base's vocabulary being this folder's; `None` where nothing does."""
    merged = context.merged
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    trained = context.adapter.tokenizer.ids if context.adapter is not None else {}
    added = [text for text, token_id in (*ours.items(), *trained.items()) if theirs.get(text) != token_id]
    if added and base.tokenizer.is_known:
        return message(
            "why-vocabulary-tokens-added", "{tokens} are not in the base's vocabulary", tokens=shown(added)
        )
    rows = rows_differ(merged.vocab_rows, base.vocab_rows)
    if rows is not None or context.same_as_base(FAST_TOKENIZER):
        return rows
    heads = merged.tokenizer_head, base.tokenizer_head
    alike = all(heads[0].get(part) == heads[1].get(part) for part in ("normalizer", "pre_tokenizer"))
    if ours != theirs or not all(heads) or not alike:
        return message(
            "why-vocabulary-unproven", "tokenizer.json is not the base's, so its vocabulary may not be either"
        )
    return None


def _tokens_beside(merged: Model, base: Model, *, with_file: bool) -> Iterator[Operation]:
    """What makes converters that go by the SentencePiece file see the added tokens, which it does not have.

    llama.cpp's converter then takes them from these two places only, Ollama from the file, neither from
    tokenizer.json (conversion/base.py, convert/tokenizer_spm.go).
    """
    if with_file and base.has(ADDED_TOKENS) and not merged.has(ADDED_TOKENS):
        yield RestoreFile(ADDED_TOKENS)
    entries = merged.tokenizer_head.get("added_tokens")
    if merged.json(TOKENIZER_CONFIG).value is None or DECODER in merged.tokenizer_config:
        return
    decoder: dict[str, JsonValue] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and type(entry.get("id")) is int:
            decoder[str(entry["id"])] = {key: value for key, value in sorted(entry.items()) if key != "id"}
    if decoder:
        yield SetField(TOKENIZER_CONFIG, f"/{DECODER}", decoder, base.keys(TOKENIZER_CONFIG))


RULES: Final = (_slow_vocabulary,)
