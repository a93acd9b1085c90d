"""GF52x: weight files: all there, whole, and found by the index.

Who is right: the headers. The index is rebuilt from them, never copied; lost tensors no tool brings back.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

from genfix.message import Message, message
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.model.weights import INDEX, SINGLE, Weights, numbered
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, WriteFile, shown
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import PULL_FROM_LFS, WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule


@rule(
    "GF521",
    "shard-missing",
    Severity.ERROR,
    question=FILES,
    shows="loading fails, or gaps are filled at random",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """A weight file is missing that the index, or the numbers in the names of the others, say there is.

    Why: The model does not load; some engines load the rest and fill the gaps with random numbers.

    Fix: None.

    Safety: Manual: the file has to be copied again, or the merge repeated. A folder without any weights is no
    finding.

    Sources:
    - sgl-project/sglang#32279
    - unslothai/unsloth#2355
    """
    weights = context.merged.weights
    if not weights.headers or not weights.missing:
        return  # a folder of config files, to look at them
    missing = weights.missing
    yield rule.finding(
        missing[0],
        message(
            "shards-missing",
            "{count} of the weight files is missing: {files}",
            "{count} of the weight files are missing: {files}",
            files=shown(missing),
            count=len(missing),
        ),
        witness=Witness.FOLDER,
        engines=tuple(context.views),
        fix=WEIGHTS_LOST,
    )


@rule("GF522", "shard-torn", Severity.ERROR, question=FILES, shows="loading fails")
def _torn(context: Context, rule: Rule) -> Iterator[Finding]:
    """A safetensors file has no header that can be read, or ends before the data its header promises.

    Why: No engine loads it. A copy or a download was interrupted, or the disk was full.

    Fix: None.

    Safety: Manual: the file has to be copied again, or the merge repeated.

    Sources:
    - safetensors: src/tensor.rs
    """
    for name, header in context.merged.weights.headers.items():
        if header.problem is None:
            continue
        fix = WEIGHTS_LOST
        if header.problem == "size":
            found = message("shard-is-cut-off", "ends before the data its header promises")
        elif read_lfs_pointer(context.merged.folder, name):
            found = message("shard-is-lfs-pointer", "is a Git LFS pointer, and not the weights themselves")
            fix = PULL_FROM_LFS
        else:
            found = message("shard-has-no-header", "is no safetensors file: its header cannot be read")
        yield rule.finding(name, found, witness=Witness.WEIGHTS, engines=tuple(context.views), fix=fix)


@rule(
    "GF523",
    "index-wrong",
    Severity.ERROR,
    question=FILES,
    shows="loading fails, or tensors are made up at random",
)
def _index(context: Context, rule: Rule) -> Iterator[Finding]:
    """`model.safetensors.index.json` is missing beside several shards, or does not say what their headers
    say.

    Why: transformers finds no weights without it, and looks for tensors in the wrong file with a wrong one
    (the base's, copied). Tensors it leaves out are made up at random.

    Fix: The index is rebuilt from the headers.

    Safety: Safe: all shards of the series are there and whole, and no tensor is in two of them. Otherwise
    manual. The base's index is never copied.

    Sources:
    - unslothai/unsloth#1521
    - sgl-project/sglang#32279
    - ml-explore/mlx-vlm#1464
    """
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
        fix=Fix.manual(
            message(
                "why-tensors-twice",
                "tensors stand in two files, one of them from an earlier save: {tensors}",
                tensors=shown(twice),
            )
        )
        if twice
        else Fix.safe(
            message("why-index-rebuilt", "all weight files are here; their headers say what is in them"),
            WriteFile(INDEX, _rebuilt(weights)),
        ),
    )


def _files_by_tensor(weights: Weights) -> dict[str, str]:
    return {name: file for file, header in weights.headers.items() for name in header.tensors}


def _index_fault(context: Context, there: dict[str, str]) -> Message | None:
    """How the index differs from what is ``there``; `None` where it may be right."""
    weights, index = context.merged.weights, context.merged.weights.index
    if index is None:
        if context.merged.has(INDEX):
            return message("index-unreadable", "has no weight_map that can be read")
        return message("index-missing", "is missing: no engine knows which file has which tensor")
    if context.merged.has(INDEX) and set(weights.headers) - set(index.values()):
        return None  # files beside the index: the other rule asks which of them count
    # of a tensor that is there twice it may name either file
    wrong = [name for name in {**there, **index} if not _has(weights, index.get(name), name)]
    if not wrong:
        return None
    return message(
        "index-wrong",
        "{count} tensor is not where it says: {tensors}",
        "{count} tensors are not where it says: {tensors}",
        tensors=shown(wrong),
        count=len(wrong),
    )


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


@rule(
    "GF524",
    "stray-weights",
    Severity.WARNING,
    question=FILES,
    shows="engines load different weights from the same folder",
)
def _stray(context: Context, rule: Rule) -> Iterator[Finding]:
    """There are weight files that the index does not name, or shards beside `model.safetensors`.

    Why: Engines differ in what they load: transformers takes `model.safetensors` first, vLLM what the index
    names, others every file. Files of an earlier save load as the wrong model.

    Fix: None.

    Safety: Manual: which of them is the model, only its author knows.

    Sources:
    - transformers 5.23.0: modeling_utils.py
    - vLLM 0.32.0: model_loader/weight_utils.py
    """
    names, index = set(context.merged.weights.headers), context.merged.weights.index
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
        message(
            "weights-beside-the-others",
            "{count} weight file is not one of the model's, as its index tells: {files}",
            "{count} weight files are none of the model's, as its index tells: {files}",
            files=shown(stray),
            count=len(stray),
        ),
        severity=Severity.INFO if context.base is None or context.base.has(stray[0]) else rule.severity,
        witness=Witness.FOLDER,
        fix=Fix.manual(
            message(
                "why-weights-beside",
                "move the files of an earlier save away: engines differ in which they load",
            )
        ),
    )


@rule(
    "GF525",
    "safetensors-without-format",
    Severity.WARNING,
    question=FILES,
    shows="transformers 4 does not load the folder",
)
def _without_format(context: Context, rule: Rule) -> Iterator[Finding]:
    """The header of a safetensors file has metadata, and no `format` among it.

    Why: transformers 4 does not load it: `Incompatible safetensors file`, or `does not contain the valid
    metadata`. Without any metadata it does.

    Fix: None.

    Safety: Manual: the header is a part of the weight file, which genfix never writes. Save it again with
    `metadata={'format': 'pt'}`.

    Sources:
    - transformers 4.57.6: modeling_utils.py
    - hiyouga/LLaMA-Factory#6803
    """
    named = [
        name
        for name, header in context.merged.weights.headers.items()
        if header.has_metadata and header.format is None
    ]
    if named:
        yield rule.finding(
            named[0],
            message(
                "safetensors-without-format",
                "transformers 4 refuses {count} weight file without `format` in the metadata: {files}",
                "transformers 4 refuses {count} weight files without `format` in the metadata: {files}",
                files=shown(named),
                count=len(named),
            ),
            witness=Witness.ENGINE,
            fix=Fix.manual(
                message(
                    "why-format-missing",
                    "genfix never writes weights: save them again with the metadata format=pt",
                )
            ),
        )


RULES: Final = (_missing, _torn, _index, _stray, _without_format)
