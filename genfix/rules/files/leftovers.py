"""GF72x: what training and merging left in the folder.

Who is right: the weights. Only a file that makes an engine load another model is moved; the rest is
somebody's.
"""

from collections.abc import Iterator
from typing import Final

from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Quarantine, Severity, Witness, shown
from genfix.rules.core.questions import FILES
from genfix.rules.core.rule import Rule, rule

_ADAPTER: Final = "adapter_config.json"
_ADAPTER_WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin")
_TRAINER: Final = frozenset(
    ["optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "trainer_state.json", "training_args.bin"]
)
_RUN: Final = frozenset(["args.json"])


@rule(
    "GF721",
    "adapter-beside-weights",
    Severity.ERROR,
    question=FILES,
    shows="the merged weights are never used, or loading fails",
)
def _adapter(context: Context, rule: Rule) -> Iterator[Finding]:
    """`adapter_config.json` stands beside the whole weights.

    Why: transformers sees an adapter, loads the model that the file names instead of the weights that are
    here, and puts the adapter on it: the merge is never used, or loading fails where that path is gone.

    Fix: The file is moved into the backup, from where `genfix undo` brings it back.

    Safety: Unsafe: some folders keep an adapter on purpose. Adapter weights are never touched; move them away
    by hand, since vLLM without an index loads every `*.safetensors`. Nothing is said where the base has the
    file too.

    Sources:
    - huggingface/peft#1381
    - transformers 5.23.0: models/auto/auto_factory.py
    """
    merged, base = context.merged, context.base
    if not merged.has(_ADAPTER) or not merged.weights.files or (base is not None and base.has(_ADAPTER)):
        return
    if merged.config.get("has_lora_adapter"):
        return  # speech models with an adapter of their own (Granite)
    weights = next((name for name in _ADAPTER_WEIGHTS if merged.has(name)), None)
    named = merged.object(_ADAPTER).get("base_model_name_or_path")
    yield rule.finding(
        _ADAPTER,
        message(
            "adapter-beside-weights",
            "makes transformers load {base} with an adapter, and not the weights that are here",
            base=named,
        )
        if isinstance(named, str)
        else message(
            "adapter-beside-weights-unnamed",
            "makes transformers load another folder with an adapter, and not the weights that are here",
        ),
        witness=Witness.WEIGHTS,
        engines=tuple(name for name in context.views if name.startswith("transformers")),
        evidence=[
            message(
                "evidence-adapter-weights",
                "{file} is here too; vLLM without an index loads it as a part of the model",
                file=weights,
            )
        ]
        if weights
        else [],
        fix=Fix.unsafe(
            message(
                "why-adapter-moved",
                "the whole weights are here; where the adapter is meant to be used with them, leave it",
            ),
            Quarantine(_ADAPTER),
        ),
    )


@rule("GF722", "trainer-files-left", Severity.INFO, question=FILES)
def _trainer_files(context: Context, rule: Rule) -> Iterator[Finding]:
    """Files of the training run are in the folder: optimizer, scheduler, random state, arguments.

    Why: No engine reads them. They may be large, are pickles that nobody should load, or name paths of your
    machine.

    Fix: None.

    Safety: Manual: a run may be continued from them.

    Sources:
    - transformers 5.23.0: trainer.py
    """
    left = sorted(
        name
        for name in context.merged.folder.names()
        if name in _TRAINER
        or (name in _RUN and not context.same_as_base(name))
        or name.startswith("rng_state")
    )
    if not left:
        return
    yield rule.finding(
        left[0],
        message("trainer-files-left", "files of the training run are here: {files}", files=shown(left)),
        witness=Witness.FOLDER,
        fix=Fix.manual(
            message(
                "why-trainer-files", "no engine reads them; move them away before the folder is published"
            )
        ),
    )


RULES: Final = (_adapter, _trainer_files)
