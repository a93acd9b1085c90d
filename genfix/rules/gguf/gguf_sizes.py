"""Sizes and tensors of a GGUF: GF404, GF411, GF414, GF513, GF521, GF522, GF712."""

import re
from collections.abc import Iterator
from typing import Final

from genfix.engines.gguf_converter import context_length
from genfix.engines.gguf_runtime import ID
from genfix.engines.shared.view import Effect, Problem
from genfix.gguf import GgufType
from genfix.json_types import JsonValue, Missing
from genfix.message import message
from genfix.model.gguf_model import GgufModel
from genfix.model.rope import RopePart, read_rope
from genfix.rules.config.config_values import EITHER_LENGTH, length_differs
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.reasons import WEIGHTS_LOST
from genfix.rules.core.registry import RULES
from genfix.rules.files.shards import CUT_OFF, shards_missing
from genfix.rules.gguf.gguf_context import GgufContext
from genfix.rules.gguf.gguf_texts import CONVERT_AGAIN
from genfix.rules.loading.engine_problems import UNDECIDED, problem_said
from genfix.rules.weights.layer_counts import layers_counted, layers_missing

_PART: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_THETA: Final = 10000.0
"""What llama.cpp computes with where the file says nothing (src/llama-model.cpp)."""
_OF_ROWS: Final = "engine-cannot-use-rows"
_OF_TYPE: Final = "engine-cannot-use-value"
_NO_EOS: Final = "engine-has-no-eos"
_COUNTS: Final = ("engine-cannot-use-list", _OF_ROWS)


def size_findings(context: GgufContext) -> Iterator[Finding]:
    """Everything about sizes and tensors."""
    yield from _torn(context)
    yield from _parts_missing(context)
    yield from _layers(context)
    yield from _length(context)
    yield from _theta(context)
    for problem in context.engine_views[ID].problems:
        if problem.id != _NO_EOS or not _said_of_eos(context):
            yield _problem(context, problem)


def _torn(context: GgufContext) -> Iterator[Finding]:
    header = context.file.header
    if header.data_end > header.file_size:
        yield RULES["GF522"].finding(
            context.file.name,
            CUT_OFF,
            witness=Witness.WEIGHTS,
            engines=tuple(context.views),
            fix=WEIGHTS_LOST,
        )


def _parts_missing(context: GgufContext) -> Iterator[Finding]:
    found = _PART.fullmatch(context.file.name)
    if found is None or context.file.parts == 1:
        return
    names = [
        f"{found[1]}-{number:05}-of-{found[3]}.gguf" for number in range(1, min(context.file.parts, 9999) + 1)
    ]
    missing = [name for name in names if not context.file.has(name)]
    if missing and context.file.folder.origin.kind == "local":
        yield RULES["GF521"].finding(
            missing[0],
            shards_missing(missing),
            witness=Witness.FOLDER,
            engines=tuple(context.views),
            fix=WEIGHTS_LOST,
        )


def _layers(context: GgufContext) -> Iterator[Finding]:
    model = context.file
    facts, count = model.weights.facts, model.size("block_count")
    if model.parts > 1 or count is None:
        return
    pointer = f"/{model.architecture}.block_count"
    if facts.gaps:
        yield RULES["GF414"].finding(
            model.name,
            layers_missing(facts.gaps),
            witness=Witness.WEIGHTS,
            pointer=pointer,
            engines=tuple(context.views),
            fix=WEIGHTS_LOST,
        )
        return
    extra = model.size("nextn_predict_layers") or 0
    if facts.layers is None or facts.layers in (count, count - extra):
        return
    lists = any(
        entry.type is GgufType.ARRAY and entry.items == count and key.startswith(f"{model.architecture}.")
        for key, entry in model.header.entries.items()
    )
    objection = message(
        "why-gguf-lists-per-layer", "lists with an entry per layer have to change too: convert it again"
    )
    yield RULES["GF414"].finding(
        model.name,
        layers_counted(count, facts.layers),
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=count,
        expected=facts.layers,
        engines=tuple(context.views),
        fix=Fix.manual(objection)
        if lists
        else Fix.safe(
            message("why-gguf-layers", "each layer is there, and llama.cpp loads no other number"),
            context.set(pointer[1:], facts.layers),
        ),
    )


def _length(context: GgufContext) -> Iterator[Finding]:
    model, base = context.file, context.base
    ours = model.size("context_length")
    if base is None or ours is None:
        return
    theirs = base.size("context_length") if isinstance(base, GgufModel) else context_length(base)
    if type(theirs) is int and theirs != ours:
        key = f"{model.architecture}.context_length"
        yield RULES["GF404"].finding(
            model.name,
            length_differs(key, ours, theirs),
            witness=context.witness,
            pointer=f"/{key}",
            current=ours,
            expected=theirs,
            fix=EITHER_LENGTH,
        )


def _theta(context: GgufContext) -> Iterator[Finding]:
    """Another base of RoPE than the other side's: long texts turn to noise."""
    base = context.base
    key = f"{context.file.architecture}.rope.freq_base"
    ours = _number(context.file.header.value(key), _THETA)
    theirs = None
    if isinstance(base, GgufModel):
        theirs = _number(base.header.value(f"{base.architecture}.rope.freq_base"), _THETA)
    elif base is not None:
        rope = read_rope(RopePart.of(base)) or {}
        theirs = _number(rope.get("", {}).get("rope_theta"))
    if base is None or theirs is None or ours is None or abs(ours - theirs) <= 1e-6 * abs(theirs):
        return
    current = context.file.header.value(key)
    yield RULES["GF712"].finding(
        context.file.name,
        message(
            "gguf-rope-differs",
            "{key} is {ours!r}; the base has {theirs!r}",
            key=key,
            ours=ours,
            theirs=theirs,
        ),
        witness=context.witness,
        pointer=f"/{key}",
        current=Missing.MISSING if current is None else current,
        expected=theirs,
        engines=tuple(context.views),
        fix=Fix.unsafe(
            message("why-gguf-rope", "the file's own value may be a tuning for length"),
            context.set(key, theirs),
        ),
    )


def _number(value: JsonValue, default: float | None = None) -> float | None:
    if value is None:
        return default
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _said_of_eos(context: GgufContext) -> bool:
    """Whether another finding is about the EOS that is missing, or there is nothing to stop."""
    return context.base is not None and "eos" in context.base_slots


def _problem(context: GgufContext, problem: Problem) -> Finding:
    """What llama.cpp cannot take, under the code that says so of a folder."""
    rule = RULES["GF411" if problem.id == _OF_ROWS else "GF110" if problem.id == _NO_EOS else "GF513"]
    key = problem.message.args.get("key")
    key = key if isinstance(key, str) else ""
    starts = problem.effect is not Effect.NO_START
    return rule.finding(
        context.file.name,
        problem_said(problem),
        severity=Severity.INFO if starts else Severity.ERROR,
        witness=Witness.ENGINE,
        pointer=f"/{key}" if key else None,
        engines=tuple(context.views),
        fix=_retyped(context, key)
        if problem.id == _OF_TYPE
        else CONVERT_AGAIN
        if problem.id in _COUNTS
        else UNDECIDED,
    )


def _retyped(context: GgufContext, key: str) -> Fix:
    value = context.file.header.value(key)
    number = type(value) is int and 0 <= value < 2**32
    if not number and not (isinstance(value, bool) or value in (0, 1)):
        return UNDECIDED
    return Fix.safe(
        message("why-gguf-type", "the value stays, in the type that llama.cpp asks for"),
        context.set(key, value),
    )
