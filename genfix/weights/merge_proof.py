"""Whether an adapter is in the weights: a few numbers of its matrices, compared with what it says.

At most 16 MiB of tensor data are read, and of files elsewhere 200 ranges. Thresholds are measured
(docs/merge-proof.md); what cannot be told is said to be so, with its reason, and is never a pass.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.errors import GenfixError
from genfix.json_types import JsonValue
from genfix.message import Message, message, text
from genfix.model import Model
from genfix.weights.adapter_changes import read_changes
from genfix.weights.adapter_recipe import CONFIG, Recipe, read_recipe
from genfix.weights.merge_replay import Judgement, Kind
from genfix.weights.merge_samples import Change, Read, Readers, Wanted, looked_at, wanted
from genfix.weights.placed_changes import Placed, placed
from genfix.weights.sample_plan import LEVELS, spread
from genfix.weights.tensor_names import TensorNames
from genfix.weights.tensor_reader import Ledger, Spent, TensorReader

_MOST_CHANGES: Final = 2048
"""So many changes are looked at, spread over all."""
_AT_ONCE: Final = 32
_ENOUGH: Final = 24
"""So many matrices that differ in another way are looked at with more care."""
_PART: Final = 0.75
"""A difference that has less of the update is another's; one that has more, and is no multiple of it, may
be this one and more."""
_SURE: Final = 3.0
"""Standard errors."""


class Verdict(StrEnum):
    """What became of an adapter."""

    MERGED = "merged"
    """It is in the weights, as it says."""
    NOT_MERGED = "not-merged"
    """The weights are the base's."""
    PARTLY = "partly"
    """Some matrices have it, others are the base's."""
    SCALED = "scaled"
    """It is there at another scale."""
    OTHER = "other"
    """The weights differ from the base, and not by this adapter."""
    UNTOLD = "untold"
    """It cannot be told."""


class Proven(NamedTuple):
    """What one changed matrix shows."""

    label: str
    kind: Kind | None = None
    """`None` where it cannot be told."""
    scale: float = 1.0
    residual: float = 0.0
    shown: int = 0
    reason: Message | None = None


class MergeProof(NamedTuple):
    """What was found out about an adapter."""

    verdict: Verdict
    matrices: tuple[Proven, ...] = ()
    """Those that were looked at, and those that could not be."""
    total: int = 0
    """How many matrices the adapter changes."""
    scale: float = 1.0
    """At which multiple of its own scale it is in the weights."""
    reason: Message | None = None
    """Why it cannot be told."""
    recipe: Recipe = Recipe()
    spent: Spent = Spent()

    def labels(self, *kinds: Kind) -> tuple[str, ...]:
        """The matrices that show one of ``kinds``."""
        return tuple(matrix.label for matrix in self.matrices if matrix.kind in kinds)

    @property
    def shown(self) -> int:
        """How many matrices tell something."""
        return sum(matrix.kind in _TELLING for matrix in self.matrices)


_TELLING: Final = (Kind.HAS, Kind.BASE, Kind.SCALED, Kind.OTHER)


def prove_merge(merged: Model, base: Model, adapter: Model, ledger: Ledger | None = None) -> MergeProof:
    """Look whether the adapter was merged into the base, and gave these weights; as far as ``ledger``
    affords.
    """
    recipe = read_recipe(adapter.object(CONFIG))
    if recipe.refusal is not None:
        return MergeProof(Verdict.UNTOLD, reason=recipe.refusal, recipe=recipe)
    try:
        refusal = _refusal(merged, base)
        if refusal is not None:
            return MergeProof(Verdict.UNTOLD, reason=refusal, recipe=recipe)
        changes = read_changes(adapter.weights, recipe)
        if changes.refusal is not None:
            return MergeProof(Verdict.UNTOLD, reason=changes.refusal, recipe=recipe)
        names = (TensorNames(base.weights.tensors), TensorNames(merged.weights.tensors))
        found = placed(changes, *names, recipe)
        ledger = ledger or Ledger()
        readers = Readers(
            TensorReader(base.folder, ledger),
            TensorReader(merged.folder, ledger),
            TensorReader(adapter.folder, ledger),
        )
        try:
            judged = _Looking(readers, recipe).all_of(found)
        finally:
            readers.close()
    except GenfixError as error:
        reason = message("proof-unreadable", "the tensors cannot be read: {why}", why=error.said)
        return MergeProof(Verdict.UNTOLD, reason=reason, recipe=recipe)
    return _concluded(judged, found, recipe)._replace(spent=ledger.spent)


def _refusal(merged: Model, base: Model) -> Message | None:
    """Why the weights of the two folders cannot be compared."""
    for model, side in ((merged, text("merged folder")), (base, text("base"))):
        kind = model.weights.facts.quantization
        if not model.weights.has_tensors:
            return message("proof-no-tensors", "the {side} has no safetensors to look at", side=side)
        if kind is not None:
            return message(
                "proof-quantised",
                "the weights of the {side} are quantised ({method}): rounding hides what was merged",
                side=side,
                method=kind,
            )
    return None


class _Looking:
    """Reads and judges one change after another, with more care where the first look tells nothing."""

    def __init__(self, readers: Readers, recipe: Recipe) -> None:
        self.readers = readers
        self.scales = _wrong_scales(recipe)
        self.found: dict[int, Judgement] = {}
        self.changes: dict[int, Change] = {}

    def all_of(self, placed_changes: Placed) -> Mapping[str, Judgement | None]:
        """The judgement of each change by its label; `None` for those that were not looked at."""
        changes: list[Change] = [
            *(placed_changes.updates),
            *(placed_changes.vectors),
            *(placed_changes.wholes),
        ]
        self._look(spread(changes)[:_MOST_CHANGES], 0)
        for level in range(1, 1 if self.readers.is_far else len(LEVELS)):
            hidden = [number for number, found in self.found.items() if found.kind is Kind.HIDDEN]
            others = [number for number, found in self.found.items() if found.kind is Kind.OTHER]
            again = [*hidden, *others[:_ENOUGH]]
            self._look([(number, changes[number]) for number in again], level)
        return {change.label: self.found.get(number) for number, change in enumerate(changes)}

    def _look(self, changes: Sequence[tuple[int, Change]], level: int) -> None:
        asked_for = [*self._affordable(changes, level)]
        for start in range(0, len(asked_for), _AT_ONCE):
            batch = asked_for[start : start + _AT_ONCE]
            wants = [asked for _, asked in batch]
            data = Read(
                self.readers.base.read([span for asked in wants for span in asked.base]),
                self.readers.merged.read([span for asked in wants for span in asked.merged]),
                self.readers.adapter.read([span for asked in wants for span in asked.adapter]),
            )
            for number, asked in batch:
                if data.has(asked):
                    self.found[number] = looked_at(asked, data, self.scales)

    def _affordable(self, changes: Sequence[tuple[int, Change]], level: int) -> Iterable[tuple[int, Wanted]]:
        """What may still be read, reserved before it is."""
        ledger, planned = self.readers.ledger, Spent()
        for number, change in changes:
            asked = wanted(change, number, level, is_far=self.readers.is_far)
            total = Spent.total((planned, asked.cost(self.readers)))
            if ledger.affords(total):
                planned = total
                yield number, asked


def _wrong_scales(recipe: Recipe) -> tuple[float, ...]:
    """Multiples of the right scale that errors lead to: alpha alone, no scale, rsLoRA taken for LoRA."""
    rank, scale = float(recipe.rank), recipe.scale_of("")
    wrong = [rank, math.sqrt(rank), 1 / math.sqrt(rank), 1 / rank]
    return (*wrong, 1 / scale) if scale else (*wrong,)


# -- conclusion ----------------------------------------------------------------------------------


def _concluded(judged: Mapping[str, Judgement | None], found: Placed, recipe: Recipe) -> MergeProof:
    looked = {label: judgement for label, judgement in judged.items() if judgement is not None}
    matrices = [
        Proven(label, judgement.kind, judgement.scale, judgement.residual, judgement.shown)
        for label, judgement in looked.items()
    ]
    matrices += [Proven(label, reason=why) for label, why in found.untold.items()]
    kinds = Counter(matrix.kind for matrix in matrices)
    proof = MergeProof(Verdict.UNTOLD, tuple(matrices), found.total, recipe=recipe)
    if kinds[Kind.OTHER]:
        return _differing(proof, [*looked.values()])
    if kinds[Kind.SCALED]:
        return _scaled(proof, [*looked.values()])
    if kinds[Kind.BASE]:
        return proof._replace(verdict=Verdict.PARTLY if kinds[Kind.HAS] else Verdict.NOT_MERGED)
    if kinds[Kind.HAS] and not found.untold:
        return proof._replace(verdict=Verdict.MERGED)
    return proof._replace(reason=_why_untold(kinds, found))


def _why_untold(kinds: Mapping[Kind | None, int], found: Placed) -> Message:
    if found.untold:
        label, why = next(iter(found.untold.items()))
        return message(
            "proof-changes-untold",
            "{label} cannot be judged: {why}",
            "{count} of {total} changes cannot be judged, {label} for one: {why}",
            count=len(found.untold),
            total=found.total,
            label=label,
            why=why,
        )
    if kinds.get(Kind.HIDDEN, 0):
        return message(
            "proof-hidden", "its changes are so small that rounding takes them away wherever genfix looked"
        )
    return message("proof-zero", "it changes nothing: its updates are zero wherever genfix looked")


def _scaled(proof: MergeProof, judged: Sequence[Judgement]) -> MergeProof:
    """The scale that most have, each weighed by what it shows."""
    scales = sorted(found.scale for found in judged if found.kind is Kind.SCALED)
    middle = scales[len(scales) // 2]
    if proof.recipe.changed_base is not None:
        return proof._replace(reason=_changed_base(proof.recipe.changed_base))
    return proof._replace(verdict=Verdict.SCALED, scale=middle)


def _differing(proof: MergeProof, judged: Sequence[Judgement]) -> MergeProof:
    """Whether what differs from the base is another change, or this one and more."""
    others = [found for found in judged if found.kind is Kind.OTHER]
    if proof.recipe.changed_base is not None:
        return proof._replace(reason=_changed_base(proof.recipe.changed_base))
    have = proof.labels(Kind.HAS, Kind.SCALED)
    if have:
        reason = message(
            "proof-mixed",
            "{count} matrix has it, and these differ from the base in another way: {labels}",
            "{count} matrices have it, and these differ from the base in another way: {labels}",
            count=len(have),
            labels=shown_names(proof.labels(Kind.OTHER)),
        )
        return proof._replace(reason=reason)
    share, error = _share(others)
    if share + _SURE * error < _PART:
        return proof._replace(verdict=Verdict.OTHER, scale=share)
    reason = message(
        "proof-more",
        "the weights differ from the base by more than this adapter: they were merged or trained further, or "
        "made from another base ({share} % of the update is in the difference)",
        share=round(100 * share),
    )
    return proof._replace(reason=reason, scale=share)


def _share(others: Sequence[Judgement]) -> tuple[float, float]:
    """How much of the update is in what differs, the mean over matrices, and its standard error."""
    shares, squares = list[float](), 0.0
    for found in others:
        if found.energy and found.freedom:
            share = found.along / found.energy
            shares.append(share)
            squares += max(found.whole - share * found.along, 0.0) / found.energy / found.freedom
    if not shares:
        return 1.0, math.inf
    return sum(shares) / len(shares), math.sqrt(squares) / len(shares)


_NAMED: Final = 5
"""So many matrices are named in a sentence."""


def shown_names(labels: Sequence[str]) -> list[JsonValue]:
    """The first of ``labels``."""
    return [*labels[:_NAMED]]


def _changed_base(start: str) -> Message:
    return message(
        "proof-base-changed",
        "the adapter was begun with {start}, which takes a part out of the base's weights: only the base "
        "that it left tells",
        start=start,
    )
