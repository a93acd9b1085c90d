"""GF44x: an adapter that is not in the weights as it says, and weights that are the base's.

Who is right: the adapter about what it changes, the base about what was there before. A few numbers of each
changed matrix are compared, as `docs/merge-proof.md` tells. No repair writes weights.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.message import Message, message
from genfix.rules.core.chat_training import has_packed_weights, signs_of_training
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, Severity, Witness, shown
from genfix.rules.core.merge_commands import merge_again
from genfix.rules.core.questions import MERGE
from genfix.rules.core.rule import Rule, rule


@rule(
    "GF441",
    "adapter-not-merged",
    Severity.ERROR,
    question=MERGE,
    harm=Harm.WORSE,
    needs_base=True,
    shows="the fine-tune has no effect: the model answers as its base",
)
def _not_merged(context: Context, rule: Rule) -> Iterator[Finding]:
    """The adapter's matrices are the base's in the merged weights, all of them or some.

    Why: The merge did nothing, or left layers out: the names of the adapter did not fit the model, experts
    were skipped, the base was saved in place of the result. Everything loads, and the training has no effect,
    or half of it.

    Fix: None. The message names the matrices, and the command that merges again.

    Safety: Manual. Error where `--adapter` names the adapter. Warning where it was only found beside the
    folder: it may be another checkpoint's. A matrix counts only where at least 8 of the numbers that were
    compared would have changed.

    Sources:
    - OpenBMB/MiniCPM-V#559
    - huggingface/peft#918
    - unslothai/unsloth#5410
    """
    proof = context.proof
    if proof is None:
        return
    from genfix.weights.merge_proof import Verdict  # noqa: PLC0415 - most have no adapter
    from genfix.weights.merge_replay import Kind  # noqa: PLC0415

    if proof.verdict not in (Verdict.NOT_MERGED, Verdict.PARTLY):
        return
    base, have = proof.labels(Kind.BASE), proof.labels(Kind.HAS)
    if proof.verdict is Verdict.NOT_MERGED:
        found = message(
            "adapter-not-merged",
            "the adapter is not in the weights: the {count} matrix of it that tells is the base's",
            "the adapter is not in the weights: all {count} matrices of it that tell are the base's",
            count=len(base),
        )
    else:
        found = message(
            "adapter-partly-merged",
            "{have} of {total} matrices have the adapter's update; the base's are {names}",
            have=len(have),
            total=len(have) + len(base),
            names=shown(base),
        )
    yield _finding(context, rule, found)


@rule(
    "GF442",
    "adapter-at-other-scale",
    Severity.ERROR,
    question=MERGE,
    harm=Harm.WORSE,
    needs_base=True,
    shows="the fine-tune is too weak or too strong: answers repeat or break down",
)
def _scale(context: Context, rule: Rule) -> Iterator[Finding]:
    """The adapter's update is in the weights at another scale than its config says: twice, half, without
    `alpha / r`.

    Why: It was merged twice, `lora_alpha` or `use_rslora` was changed or dropped on the way, or a tool does
    not know `rank_pattern` and `alpha_pattern`. The model is over- or undertuned, and nothing fails.

    Fix: None. The message says the scale.

    Safety: Manual. Error where `--adapter` names the adapter, warning where it was found beside the folder.

    Sources:
    - peft 0.21.2: tuners/lora/layer.py (scaling)
    - Blaizzy/mlx-vlm#841
    - huggingface/peft#3473
    """
    proof = context.proof
    if proof is None:
        return
    from genfix.weights.merge_proof import Verdict  # noqa: PLC0415 - most have no adapter
    from genfix.weights.merge_replay import Kind  # noqa: PLC0415

    if proof.verdict is not Verdict.SCALED:
        return
    scaled, others = proof.labels(Kind.SCALED), proof.labels(Kind.HAS, Kind.BASE)
    if not others:
        found = message(
            "adapter-scaled", "the adapter's update is in the weights {times}", times=_times(proof.scale)
        )
    else:
        found = message(
            "adapter-scaled-in-part",
            "the adapter's update is in {count} matrix {times}: {names}",
            "the adapter's update is in {count} matrices {times}: {names}",
            count=len(scaled),
            times=_times(proof.scale),
            names=shown(scaled),
        )
    yield _finding(context, rule, found)


def _times(scale: float) -> Message:
    """How often the update is there, in words where it is usual."""
    if abs(scale - 2) < _EXACT:
        return message("times-twice", "twice: it was merged into weights that had it already")
    if abs(scale + 1) < _EXACT:
        return message("times-taken-out", "with the opposite sign: it was taken out instead of put in")
    return message("times-other", "{scale} times as strong as it says", scale=float(f"{scale:.3g}"))


_EXACT: Final = 0.02


@rule(
    "GF443",
    "other-adapter-merged",
    Severity.ERROR,
    question=MERGE,
    harm=Harm.WORSE,
    needs_base=True,
    shows="the model was tuned, but not by this adapter",
)
def _other(context: Context, rule: Rule) -> Iterator[Finding]:
    """The weights differ from the base, and the adapter's update is not in the difference.

    Why: Another adapter or checkpoint was merged, or the weights are of another training. What is served is
    not what was evaluated.

    Fix: None. The message says how much of the update is in the difference.

    Safety: Manual. Error where `--adapter` names the adapter, warning where it was found beside the folder.
    Only where the share of the update in the difference is, with three standard errors, below 75 %; more may
    be this adapter and a further training, which GF444 tells.

    Sources:
    - genfix: docs/merge-proof.md
    """
    proof = context.proof
    if proof is None:
        return
    from genfix.weights.merge_proof import Verdict  # noqa: PLC0415 - most have no adapter

    if proof.verdict is not Verdict.OTHER:
        return
    found = message(
        "other-adapter-merged",
        "the weights differ from the base, and not by this adapter: {share} % of its update is in them",
        share=max(round(100 * proof.scale), 0),
    )
    yield _finding(context, rule, found)


@rule("GF444", "merge-not-provable", Severity.INFO, question=MERGE, needs_base=True)
def _untold(context: Context, rule: Rule) -> Iterator[Finding]:
    """Whether the adapter is in the weights cannot be told.

    Why: The message has the reason: quantised weights, an update that rounding takes away, a kind of adapter
    or a setting that genfix does not know, weights that were trained further. It is no pass.

    Fix: None.

    Safety: Manual, for information: nothing is known to be wrong.

    Sources:
    - genfix: docs/merge-proof.md
    """
    proof = context.proof
    if proof is None:
        return
    from genfix.weights.merge_proof import Verdict  # noqa: PLC0415 - most have no adapter

    if proof.verdict is not Verdict.UNTOLD or proof.reason is None:
        return
    if not proof.matrices and context.adapter is not None and not context.adapter.is_named:
        return  # nobody asked, and nothing was looked at
    yield rule.finding(
        _file(context),
        message(
            "merge-not-provable",
            "whether the adapter is in the weights cannot be told: {why}",
            why=proof.reason,
        ),
        witness=Witness.ADAPTER,
        fix=Fix.manual(
            message(
                "why-not-provable",
                "compare answers of the merged model with those of the adapter on its base",
            )
        ),
    )


@rule(
    "GF445",
    "weights-equal-base",
    Severity.WARNING,
    question=MERGE,
    harm=Harm.WORSE,
    needs_base=True,
    shows="the fine-tune has no effect: the model answers as its base",
)
def _equal(context: Context, rule: Rule) -> Iterator[Finding]:
    """The weights are the base's wherever genfix looked, and the folder says that it was tuned.

    Why: The merge or the saving of the trained weights did nothing; trainers and exporters do so silently.

    Fix: None.

    Safety: Manual. Short pieces of each tensor are compared; of a base elsewhere digests that are listed, or
    at most 200 ranges, of which a training is found out by the first, and of each kind of tensor at least
    eight. Nothing is said where an adapter tells (GF441), where weights are quantised, or where no file
    speaks of a training: a folder that was only converted is equal, too. A training of single rows is not
    seen.

    Sources:
    - verl-project/verl#7341
    - huggingface/trl#386
    """
    merged, base = context.merged, context.base
    if base is None or context.adapter is not None:
        return
    signs = signs_of_training(merged, base)
    if not signs or any(map(has_packed_weights, (merged, base))):
        return
    equal = context.equality
    if equal is None:
        return
    yield rule.finding(
        _file(context),
        _how_equal(equal.seen, equal.total),
        witness=Witness.BASE,
        evidence=signs[:1],
        fix=Fix.manual(
            message(
                "why-save-again", "save the trained weights again, or merge the adapter into the base again"
            )
        ),
    )


def _how_equal(seen: int, total: int) -> Message:
    if seen < total:
        return message(
            "weights-equal-base-where-seen",
            "{count} of {total} tensors were compared, some of each kind, and all are the base's: nothing "
            "was trained into them",
            count=seen,
            total=total,
        )
    return message(
        "weights-equal-base",
        "{count} tensor was compared, and is the base's: nothing was trained into the weights",
        "{count} tensors were compared, and all are the base's: nothing was trained into the weights",
        count=seen,
    )


def _finding(context: Context, rule: Rule, found: Message) -> Finding:
    adapter = context.adapter
    is_named = adapter is not None and adapter.is_named
    said = (
        [message("evidence-adapter", "the adapter is {folder}", folder=str(adapter.folder.origin))]
        if adapter is not None
        else []
    )
    return rule.finding(
        _file(context),
        found,
        severity=rule.severity if is_named else Severity.WARNING,
        witness=Witness.ADAPTER,
        evidence=said,
        fix=Fix.manual(merge_again(adapter)) if adapter is not None else None,
    )


def _file(context: Context) -> str:
    """The weights that are meant."""
    files = context.merged.weights.chosen.files
    return files[0] if files else CONFIG


RULES: Final = (_not_merged, _scale, _other, _untold, _equal)
