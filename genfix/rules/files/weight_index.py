"""GF523: the index of the weight files, and what is really in them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from genfix.message import Message, message
from genfix.model import Model
from genfix.model.safetensors import Tensor
from genfix.model.weight_facts import only_predict
from genfix.model.weight_sets import SINGLE
from genfix.model.weights import INDEX, Weights
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, WriteFile, shown
from genfix.rules.core.questions import FILES
from genfix.rules.core.rule import Rule, rule


def base_has_the_same(context: Context, files: Iterable[str]) -> bool:
    """Whether the base has files of these names and sizes, and its index names the same files as here."""
    base, merged = context.base, context.merged
    if base is None or {*(base.weights.index or {}).values()} != {*(merged.weights.index or {}).values()}:
        return False
    return all(
        base.has(name) and base.folder.stat(name).size == merged.folder.stat(name).size for name in files
    )


@rule(
    "GF523",
    "index-wrong",
    Severity.ERROR,
    question=FILES,
    shows="loading fails, or tensors are made up at random",
)
def _index(context: Context, rule: Rule) -> Iterator[Finding]:
    """`model.safetensors.index.json` is missing beside several shards, does not say what their headers
    say, or leaves out a file of the model.

    Why: transformers finds no weights without it, and looks for tensors in the wrong file with a wrong
    one (the base's, copied). Tensors it leaves out are made up at random. vLLM and SGLang find no weights
    where it names none of the files that are there, `model.safetensors` too.

    Fix: The index is rebuilt from the headers, with each file that has what config.json declares (layers, a
    tower, a head, layers of multi-token prediction) and the others have not.

    Safety: Safe: all shards of the series are there and whole, and no tensor is in two of them; what a
    copied index says of shards that are not there counts for nothing. Unsafe where shards of another save
    lie beside and no index tells, or where it leaves out a shard of its own series. Otherwise manual. The
    base's index is never copied.

    Sources:
    - unslothai/unsloth#1521
    - sgl-project/sglang#32279
    - ml-explore/mlx-vlm#1464
    - vLLM 0.32.0: model_executor/model_loader/default_loader.py
    - SGLang 0.5.23: srt/model_loader/weight_utils.py
    """
    weights = context.merged.weights
    if not weights.is_whole or weights.chosen.unclear:
        return
    found = _index_fault(context.merged)
    if found is None:
        return
    chosen = weights.chosen
    severity = rule.severity
    if found.id in {"index-omits", "index-omits-shards"}:
        if base_has_the_same(context, (*chosen.omitted, *chosen.unsettled)):
            severity = Severity.INFO
        elif not chosen.omitted or only_predict(_tensors_of(weights, chosen.omitted)):
            severity = Severity.WARNING
    yield rule.finding(
        INDEX,
        found,
        severity=severity,
        witness=Witness.WEIGHTS,
        engines=() if severity is not rule.severity else _readers(context),
        fix=_rebuilding(weights),
    )


def _readers(context: Context) -> tuple[str, ...]:
    """The engines that read the index: transformers does not beside ``model.safetensors``."""
    is_single = SINGLE in context.merged.weights.chosen.files
    return tuple(name for name in context.views if not (is_single and name.startswith("transformers")))


def _index_fault(merged: Model) -> Message | None:
    """How the index differs from the headers of the model's files; `None` where no reader minds."""
    weights = merged.weights
    if merged.has(INDEX) and not weights.index:
        return message("index-unreadable", "has no weight_map that can be read")
    if SINGLE in weights.chosen.files and _is_enough_for_one_file(weights):
        return None
    if weights.index is None:
        return message("index-missing", "is missing: no engine knows which file has which tensor")
    if {*weights.index.values()} & merged.folder.names() - weights.headers.keys():
        return None  # files in a folder below, whose headers nobody has read
    return _difference(weights, weights.index)


def _is_enough_for_one_file(weights: Weights) -> bool:
    """Whether a whole model in one file is found: of an index readers then use the files' names only. Where
    it names the files beside, another rule tells of them.
    """
    chosen, listed = weights.chosen, {*(weights.index or {}).values()}
    names_others = not listed.isdisjoint(weights.headers.keys() - {*chosen.files})
    return names_others or (listed <= {*chosen.files} and not (listed and chosen.omitted))


def _difference(weights: Weights, index: Mapping[str, str]) -> Message | None:
    chosen = weights.chosen
    # of a tensor that is there twice it may name either file
    ours: dict[str | None, Mapping[str, Tensor]]
    ours = {file: weights.headers[file].tensors for file in chosen.files if file in weights.headers}
    wrong = [] if _lists_just(ours, index) else [*_misplaced(weights.tensors, ours, index)]
    if any(name not in weights.tensors or weights.tensors[name].file not in chosen.omitted for name in wrong):
        return message(
            "index-wrong",
            "{count} tensor is not where it says: {tensors}",
            "{count} tensors are not where it says: {tensors}",
            tensors=shown(wrong),
            count=len(wrong),
        )
    if wrong:
        return message(
            "index-omits",
            "leaves out {files}, though only there is what config.json declares",
            files=shown(chosen.omitted),
        )
    if chosen.unsettled:
        return message(
            "index-omits-shards",
            "leaves out shards of its own series: {files}",
            files=shown(chosen.unsettled),
        )
    return None


def _misplaced(
    tensors: Mapping[str, Tensor], ours: Mapping[str | None, Mapping[str, Tensor]], index: Mapping[str, str]
) -> Iterator[str]:
    yield from (name for name in tensors if name not in ours.get(index.get(name), {}))
    yield from (
        name for name, file in index.items() if name not in tensors and name not in ours.get(file, {})
    )


def _lists_just(ours: Mapping[str | None, Mapping[str, Tensor]], index: Mapping[str, str]) -> bool:
    """Whether the index has just what the headers have: file by file, for one table of a million is slow."""
    listed: dict[str | None, set[str]] = {file: set() for file in ours}
    for name, file in index.items():
        if file not in listed:
            return False
        listed[file].add(name)
    return all(ours[file].keys() == names for file, names in listed.items())


def _rebuilding(weights: Weights) -> Fix:
    chosen = weights.chosen
    rebuilt = WriteFile(INDEX, _rebuilt(weights))
    twice = _twice(weights)
    if twice:
        return Fix.manual(
            message(
                "why-tensors-twice",
                "tensors stand in two files, one of them from an earlier save: {tensors}",
                tensors=shown(twice),
            )
        )
    if chosen.unsettled:
        return Fix.unsafe(
            message("why-shards-left-out", "somebody may have taken these tensors out on purpose"), rebuilt
        )
    if any(name != SINGLE for name in chosen.strays) and not _names_any(weights, chosen.files):
        return Fix.unsafe(
            message("why-two-saves", "shards of another save lie beside, and may be the newer ones"), rebuilt
        )
    return Fix.safe(
        message("why-index-rebuilt", "all weight files are here; their headers say what is in them"), rebuilt
    )


def _names_any(weights: Weights, files: Iterable[str]) -> bool:
    return not {*(weights.index or {}).values()}.isdisjoint(files)


def _tensors_of(weights: Weights, files: Iterable[str]) -> dict[str, Tensor]:
    return {name: tensor for file in files for name, tensor in weights.headers[file].tensors.items()}


def _twice(weights: Weights) -> list[str]:
    """Tensors that more than one file has."""
    files = Counter(
        name
        for file in (*weights.chosen.files, *weights.chosen.rivals)
        if file != SINGLE
        for name in weights.headers[file].tensors
    )
    return [name for name, count in files.items() if count > 1]


def _rebuilt(weights: Weights) -> bytes:
    """The index as transformers writes it: tensors by name, the size of their data in all."""
    files = (*weights.chosen.files, *weights.chosen.unsettled)
    tensors = _tensors_of(weights, files)
    document = {
        "metadata": {"total_size": sum(tensor.size for tensor in tensors.values())},
        "weight_map": {name: tensors[name].file for name in sorted(tensors)},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


RULES: Final = (_index,)
