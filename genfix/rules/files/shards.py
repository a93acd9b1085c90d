"""GF52x: weight files: all there, whole, and none of another save beside.

Which of them are the model: `genfix.model.weight_sets`. Lost tensors no tool brings back.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.message import Message, message
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.model.weight_sets import SINGLE
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, shown
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import PULL_FROM_LFS, WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.files.weight_index import base_has_the_same


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
    finding, and neither is an index of another save over a whole series: that is GF523.

    Sources:
    - sgl-project/sglang#32279
    - unslothai/unsloth#2355
    """
    missing = context.merged.weights.chosen.missing
    if not missing:
        return
    yield rule.finding(
        missing[0],
        shards_missing(missing),
        witness=Witness.FOLDER,
        engines=tuple(context.views),
        fix=WEIGHTS_LOST,
    )


def shards_missing(missing: Sequence[str]) -> Message:
    """What is said of weight files that are not there."""
    return message(
        "shards-missing",
        "{count} of the weight files is missing: {files}",
        "{count} of the weight files are missing: {files}",
        files=shown(missing),
        count=len(missing),
    )


CUT_OFF: Final = message("shard-is-cut-off", "ends before the data its header promises")


@rule("GF522", "shard-torn", Severity.ERROR, question=FILES, shows="loading fails")
def _torn(context: Context, rule: Rule) -> Iterator[Finding]:
    """A safetensors file has no header that can be read, or ends before the data its header promises.

    Why: No engine loads it. A copy or a download was interrupted, or the disk was full. A file that is
    none of the model's is GF524.

    Fix: None.

    Safety: Manual: the file has to be copied again, or the merge repeated.

    Sources:
    - safetensors: src/tensor.rs
    """
    weights = context.merged.weights
    for name, header in weights.headers.items():
        if header.problem is None or name in weights.chosen.strays:
            continue
        fix = WEIGHTS_LOST
        if header.problem == "size":
            found = CUT_OFF
        elif read_lfs_pointer(context.merged.folder, name):
            found = message("shard-is-lfs-pointer", "is a Git LFS pointer, and not the weights themselves")
            fix = PULL_FROM_LFS
        else:
            found = message("shard-has-no-header", "is no safetensors file: its header cannot be read")
        yield rule.finding(name, found, witness=Witness.WEIGHTS, engines=tuple(context.views), fix=fix)


@rule(
    "GF524",
    "stray-weights",
    Severity.WARNING,
    question=FILES,
    shows="engines load different weights from the same folder",
)
def _stray(context: Context, rule: Rule) -> Iterator[Finding]:
    """There are weight files that are none of the model's: of another save, a second whole model, or a
    `model.safetensors` that is unreadable, empty or has fewer tensors than the shards beside it.

    Why: Engines differ in what they load: transformers takes `model.safetensors` first, and no `.bin`
    beside it; vLLM and SGLang what the index names, or else every file. Files of an earlier save load as
    the wrong model; a stub does not load, or its gaps are filled at random: an error.

    Fix: None.

    Safety: Manual: genfix never moves weights. Headers, the index, the numbers in file names and the
    layers that config.json declares tell which are the model's. Where two models are whole, only their
    author knows. Information without a base, or where the base has the same files, but for a stub.

    Sources:
    - transformers 5.23.0: modeling_utils.py
    - transformers 4.57.6: modeling_utils.py
    - vLLM 0.32.0: model_executor/model_loader/default_loader.py
    - SGLang 0.5.23: srt/model_loader/weight_utils.py
    """
    weights = context.merged.weights
    chosen = weights.chosen
    if chosen.stub is not None:
        files = chosen.files or [name for name in weights.files if name != chosen.stub]
        has_index = not {*(weights.index or {}).values()}.isdisjoint(chosen.files)
        is_the_bases = base_has_the_same(context, weights.files)
        yield rule.finding(
            chosen.stub,
            message(
                "stub-beside-weights",
                "is not the model, and transformers reads it first; the model is in {files}",
                files=shown(files),
            ),
            severity=Severity.INFO if is_the_bases else Severity.ERROR,
            witness=Witness.WEIGHTS,
            engines=tuple(view for view in context.views if not has_index or view.startswith("transformers")),
            fix=Fix.manual(
                message(
                    "why-stub",
                    "move {file} away: it cannot be read, is empty or lacks tensors that the others have",
                    file=chosen.stub,
                )
            ),
        )
    strays = [name for name in chosen.strays if name != SINGLE]
    if strays:
        found = message(
            "weights-beside-the-others",
            "{count} weight file is none of the model's: {files}",
            "{count} weight files are none of the model's: {files}",
            files=shown(strays),
            count=len(strays),
        )
        yield _beside(context, rule, strays, found, _EARLIER_SAVE)
    if chosen.rivals:
        found = message(
            "weights-twice",
            "a second whole model lies beside {model}: {files}",
            model=shown(chosen.files),
            files=shown(chosen.rivals),
        )
        yield _beside(context, rule, chosen.rivals, found, _TWO_MODELS)


_EARLIER_SAVE: Final = message(
    "why-weights-beside", "move the files of an earlier save away: engines differ in which they load"
)
_TWO_MODELS: Final = message(
    "why-weights-twice", "keep the one you mean, and move the other away: engines differ in which they load"
)


def _beside(context: Context, rule: Rule, files: Sequence[str], found: Message, why: Message) -> Finding:
    is_usual = context.base is None or base_has_the_same(context, files)
    return rule.finding(
        files[0],
        found,
        severity=Severity.INFO if is_usual else rule.severity,
        witness=Witness.FOLDER,
        fix=Fix.manual(why),
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
    strays = context.merged.weights.chosen.strays
    named = [
        name
        for name, header in context.merged.weights.headers.items()
        if header.has_metadata and header.format is None and name not in strays
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


RULES: Final = (_missing, _torn, _stray, _without_format)
