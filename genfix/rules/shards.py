"""GF52x: weight files: all there, whole, and found by the index.

Who is right: the headers. The index is rebuilt from them, never copied; lost tensors no tool brings back.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.model.weights import INDEX, SINGLE, Weights, numbered
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, Severity, Witness, WriteFile
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_SHOWN: Final = 5


def _shown(names: list[str]) -> list[JsonValue]:
    return [*names[:_SHOWN]]


def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    weights = context.merged.weights
    if not weights.headers or not weights.missing:
        return  # a folder of config files, to look at them
    missing = [*weights.missing]
    yield rule.finding(
        missing[0],
        message("shards-missing", files=_shown(missing), count=len(missing)),
        witness=Witness.FOLDER,
        engines=tuple(context.views),
        fix=Fix(Applicability.MANUAL, message("why-weights-lost")),
    )


def _torn(context: Context, rule: Rule) -> Iterator[Finding]:
    for name, header in context.merged.weights.headers.items():
        if header.problem is None:
            continue
        if header.problem == "size":
            found, way = message("shard-is-cut-off"), message("why-weights-lost")
        elif read_lfs_pointer(context.merged.folder, name):
            found, way = message("shard-is-lfs-pointer"), message("why-lfs-pull")
        else:
            found, way = message("shard-has-no-header"), message("why-weights-lost")
        yield rule.finding(
            name,
            found,
            witness=Witness.WEIGHTS,
            engines=tuple(context.views),
            fix=Fix(Applicability.MANUAL, way),
        )


def _index(context: Context, rule: Rule) -> Iterator[Finding]:
    weights = context.merged.weights
    if SINGLE in weights.headers or not weights.headers or _torn_or_missing(weights):
        return
    if any(not name.startswith("model-") for name in weights.headers):
        return  # a layout of its own: which files belong to the model, nobody can tell
    found = _index_fault(context, _files_by_tensor(weights))
    if found is None:
        return
    twice = _twice(weights)
    yield rule.finding(
        INDEX,
        found,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views),
        fix=Fix(Applicability.MANUAL, message("why-tensors-twice", tensors=_shown(twice)))
        if twice
        else Fix(
            Applicability.SAFE,
            message("why-index-rebuilt"),
            (WriteFile(INDEX, _rebuilt(weights)),),
        ),
    )


def _files_by_tensor(weights: Weights) -> dict[str, str]:
    return {name: file for file, header in weights.headers.items() for name in header.tensors}


def _index_fault(context: Context, there: dict[str, str]) -> Message | None:
    """How the index differs from what is ``there``; `None` where it may be right."""
    weights, index = context.merged.weights, context.merged.weights.index
    if index is None:
        return message("index-unreadable") if context.merged.has(INDEX) else message("index-missing")
    if context.merged.has(INDEX) and set(weights.headers) - set(index.values()):
        return None  # files beside the index: the other rule asks which of them count
    # of a tensor that is there twice it may name either file
    wrong = [name for name in {**there, **index} if not _has(weights, index.get(name), name)]
    return message("index-wrong", tensors=_shown(wrong), count=len(wrong)) if wrong else None


def _has(weights: Weights, file: str | None, name: str) -> bool:
    header = weights.headers.get(file) if file is not None else None
    return header is not None and name in header.tensors


def _twice(weights: Weights) -> list[str]:
    """Tensors that more than one file has."""
    files = Counter(name for header in weights.headers.values() for name in header.tensors)
    return [name for name, count in files.items() if count > 1]


def _torn_or_missing(weights: Weights) -> bool:
    """Whether shards of the series are not there; what the index itself names does not count."""
    return any(header.problem for header in weights.headers.values()) or bool(
        numbered(weights.headers) - weights.headers.keys()
    )


def _rebuilt(weights: Weights) -> bytes:
    """The index as transformers writes it: tensors by name, the size of their data in all."""
    size = sum(tensor.size for header in weights.headers.values() for tensor in header.tensors.values())
    document = {
        "metadata": {"total_size": size},
        "weight_map": dict(sorted(_files_by_tensor(weights).items())),
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _stray(context: Context, rule: Rule) -> Iterator[Finding]:
    weights = context.merged.weights
    names = set(weights.headers)
    index = weights.index
    if SINGLE in names:
        stray = sorted(name for name in names - {SINGLE} if name.startswith("model-"))
    elif index is not None and not names.isdisjoint(index.values()):
        stray = sorted(names - set(index.values()))
    else:
        series = Counter(name.rpartition("-of-")[2] for name in names if "-of-" in name)
        stray = sorted(name for name in names if len(series) > 1 and name.startswith("model-"))
    if not stray:
        return
    yield rule.finding(
        stray[0],
        message("weights-beside-the-others", files=_shown(stray), count=len(stray)),
        severity=Severity.INFO if context.base is None or context.base.has(stray[0]) else rule.severity,
        witness=Witness.FOLDER,
        fix=Fix(Applicability.MANUAL, message("why-weights-beside")),
    )


def _without_format(context: Context, rule: Rule) -> Iterator[Finding]:
    named = [
        name
        for name, header in context.merged.weights.headers.items()
        if header.has_metadata and header.format is None
    ]
    if named:
        yield rule.finding(
            named[0],
            message("safetensors-without-format", files=_shown(named), count=len(named)),
            witness=Witness.ENGINE,
            fix=Fix(Applicability.MANUAL, message("why-format-missing")),
        )


RULES: Final = (
    Rule(
        code="GF521",
        name="shard-missing",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A weight file is missing that the index, or the numbers in the names of the others, say there is.",
            why="The model does not load; some engines load the rest and fill the gaps with random numbers.",
            fix="None.",
            safety="Manual: the file has to be copied again, or the merge repeated. A folder without any weights is no finding.",
            sources=("sgl-project/sglang#32279", "unslothai/unsloth#2355"),
        ),
        check=_missing,
    ),
    Rule(
        code="GF522",
        name="shard-torn",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="A safetensors file has no header that can be read, or ends before the data its header promises.",
            why="No engine loads it. A copy or a download was interrupted, or the disk was full.",
            fix="None.",
            safety="Manual: the file has to be copied again, or the merge repeated.",
            sources=("safetensors: src/tensor.rs",),
        ),
        check=_torn,
    ),
    Rule(
        code="GF523",
        name="index-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="`model.safetensors.index.json` is missing beside several shards, or does not say what their headers say.",
            why=(
                "transformers finds no weights without it, and looks for tensors in the wrong file with a wrong one (the "
                "base's, copied). Tensors it leaves out are made up at random."
            ),
            fix="The index is rebuilt from the headers.",
            safety=(
                "Safe: all shards of the series are there and whole, and no tensor is in two of them. Otherwise manual. The "
                "base's index is never copied."
            ),
            sources=("unslothai/unsloth#1521", "sgl-project/sglang#32279", "ml-explore/mlx-vlm#1464"),
        ),
        check=_index,
    ),
    Rule(
        code="GF524",
        name="stray-weights",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="There are weight files that the index does not name, or shards beside `model.safetensors`.",
            why=(
                "Engines differ in what they load: transformers takes `model.safetensors` first, vLLM what the index names, "
                "others every file. Files of an earlier save load as the wrong model."
            ),
            fix="None.",
            safety="Manual: which of them is the model, only its author knows.",
            sources=("transformers 5.23.0: modeling_utils.py", "vLLM 0.32.0: model_loader/weight_utils.py"),
        ),
        check=_stray,
    ),
    Rule(
        code="GF525",
        name="safetensors-without-format",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="The header of a safetensors file has metadata, and no `format` among it.",
            why=(
                "transformers 4 does not load it: `Incompatible safetensors file`, or `does not contain the valid "
                "metadata`. Without any metadata it does."
            ),
            fix="None.",
            safety="Manual: the header is a part of the weight file, which genfix never writes. Save it again with `metadata={'format': 'pt'}`.",
            sources=("transformers 4.57.6: modeling_utils.py", "hiyouga/LLaMA-Factory#6803"),
        ),
        check=_without_format,
    ),
)
