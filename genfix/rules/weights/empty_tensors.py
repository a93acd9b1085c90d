"""GF435: tensors without data. Who is right: nobody; they were never gathered."""

from collections.abc import Iterator
from typing import Final

from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.examples import examples


@rule(
    "GF435",
    "tensors-without-data",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `size mismatch ... torch.Size([0])`",
)
def _empty(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors are saved without data: their shape is `[0]`.

    Why: ZeRO-3 and FSDP leave such stubs where the parts of a model were not gathered before it was saved.
    Nothing loads them.

    Fix: None.

    Safety: Manual: gather the weights and save again (`zero_to_fp32.py`, `accelerate merge-weights`), or
    merge the adapter into a base that is loaded whole. Information where the base has the same.

    Sources:
    - huggingface/peft#1381
    - transformers 5.24.0: modeling_utils.py
    """
    merged = context.merged
    empty = [name for name, tensor in merged.weights.tensors.items() if 0 in tensor.shape]
    if not empty:
        return
    base = context.base
    is_new = base is None or any(
        name not in base.weights.tensors or 0 not in base.weights.tensors[name].shape for name in empty
    )
    yield rule.finding(
        merged.weights.tensors[empty[0]].file,
        message(
            "tensors-without-data",
            "{count} tensor has no data, only a shape of 0: {names}",
            "{count} tensors have no data, only a shape of 0: {names}",
            count=len(empty),
            names=examples(empty),
        ),
        severity=rule.severity if is_new else Severity.INFO,
        witness=Witness.WEIGHTS,
        engines=tuple(context.views) if is_new else (),
        fix=Fix.manual(
            message(
                "why-gather-weights",
                "gather the weights and save again: `zero_to_fp32.py` of the checkpoint, or "
                "`accelerate merge-weights`",
            )
        )
        if is_new
        else BASE_HAS_IT_TOO,
    )


RULES: Final = (_empty,)
