"""GF72x: what training and merging left in the folder.

Who is right: the weights. Only a file that makes an engine load another model is moved; the rest is somebody's.
"""

from collections.abc import Iterator
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import message
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, Quarantine, Severity, Witness
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_ADAPTER: Final = "adapter_config.json"
_ADAPTER_WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin")
_TRAINER: Final = frozenset(
    ["optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "trainer_state.json", "training_args.bin"]
)
_RUN: Final = frozenset(["args.json"])
_SHOWN: Final = 5


def _adapter(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    if not merged.has(_ADAPTER) or not merged.weights.files or (base is not None and base.has(_ADAPTER)):
        return
    if merged.config.get("has_lora_adapter"):
        return  # speech models with an adapter of their own (Granite)
    weights = next((name for name in _ADAPTER_WEIGHTS if merged.has(name)), None)
    named = merged.object(_ADAPTER).get("base_model_name_or_path")
    yield rule.finding(
        _ADAPTER,
        message("adapter-beside-weights", base=named)
        if isinstance(named, str)
        else message("adapter-beside-weights-unnamed"),
        witness=Witness.WEIGHTS,
        engines=tuple(name for name in context.views if name.startswith("transformers")),
        evidence=[message("evidence-adapter-weights", file=weights)] if weights else [],
        fix=Fix(Applicability.UNSAFE, message("why-adapter-moved"), (Quarantine(_ADAPTER),)),
    )


def _trainer_files(context: Context, rule: Rule) -> Iterator[Finding]:
    names = context.merged.folder.names()
    left = sorted(
        name
        for name in names
        if name in _TRAINER
        or (name in _RUN and not context.same_as_base(name))
        or name.startswith("rng_state")
    )
    if not left:
        return
    shown: list[JsonValue] = [*left[:_SHOWN]]
    yield rule.finding(
        left[0],
        message("trainer-files-left", files=shown),
        witness=Witness.FOLDER,
        fix=Fix(Applicability.MANUAL, message("why-trainer-files")),
    )


RULES: Final = (
    Rule(
        code="GF721",
        name="adapter-beside-weights",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="`adapter_config.json` stands beside the whole weights.",
            why=(
                "transformers sees an adapter, loads the model that the file names instead of the weights that are here, "
                "and puts the adapter on it: the merge is never used, or loading fails where that path is gone."
            ),
            fix="The file is moved into the backup, from where `genfix undo` brings it back.",
            safety=(
                "Unsafe: some folders keep an adapter on purpose. Adapter weights are never touched; move them away by hand, "
                "since vLLM without an index loads every `*.safetensors`. Nothing is said where the base has the file too."
            ),
            sources=("huggingface/peft#1381", "transformers 5.23.0: models/auto/auto_factory.py"),
        ),
        check=_adapter,
    ),
    Rule(
        code="GF722",
        name="trainer-files-left",
        severity=Severity.INFO,
        needs_base=False,
        doc=RuleDoc(
            what="Files of the training run are in the folder: optimizer, scheduler, random state, arguments.",
            why="No engine reads them. They may be large, are pickles that nobody should load, or name paths of your machine.",
            fix="None.",
            safety="Manual: a run may be continued from them.",
            sources=("transformers 5.23.0: trainer.py",),
        ),
        check=_trainer_files,
    ),
)
