"""`inspect_weights`: which tensors there are, which the class lacks, what became of the base's, and whether
the adapter is in them.
"""

from typing import Final, NamedTuple, Unpack

from genfix.api.keywords import WeightOptions
from genfix.api.opening import open_models
from genfix.display import in_notebook, printed
from genfix.engines.modeling.loaded_tensors import Mismatch
from genfix.engines.modeling.module_lines import release
from genfix.errors import InputError
from genfix.message import Message, text
from genfix.model import Model
from genfix.resolver.case import Case, ModelLocation
from genfix.rules.weights.class_fit import fit_of
from genfix.weights.merge_proof import MergeProof, Verdict, prove_merge
from genfix.weights.tensor_comparison import ComparedTensor, Comparison, State, compare_tensors
from genfix.weights.tensor_reader import MOST_BYTES, MOST_REQUESTS, Ledger, Spent

_SHARE: Final = 4
"""The comparison takes a quarter of what may be read, at most."""


class ClassTensors(NamedTuple):
    """The tensors of a folder against the class that its config.json names, as transformers loads them."""

    owner: str
    """The class."""
    release: str
    """The transformers whose code says so."""
    needed: int
    """How many tensors the class needs."""
    missing: tuple[str, ...]
    """Those that it does not find whole, and makes up; by its own names."""
    misshapen: tuple[Mismatch, ...]
    """Those that have another shape than config.json's sizes give."""
    unread: tuple[str, ...]
    """Tensors of the folder that it does not read."""


class WeightReport(NamedTuple):
    """What the weights of one folder say."""

    target: str
    """The folder as the caller wrote it, or ``hf://org/name@commit``."""
    base: str | None
    adapter: str | None
    files: tuple[str, ...]
    """The files that are the model."""
    unopened: tuple[str, ...]
    """Weight files that genfix does not open: pickles and exports."""
    tensors: tuple[ComparedTensor, ...]
    """All tensors, those included that only the base has; without a base none is compared."""
    of_class: ClassTensors | None
    """`None` where the class has code of its own, or is in no table."""
    proof: MergeProof | None
    """`None` without a base or an adapter."""
    is_named: bool
    """Whether the adapter was named, and not merely found beside the folder."""
    spent: Spent
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the answer came about, a sentence each."""

    def __repr__(self) -> str:
        """Short: there may be thousands of tensors."""
        return f"<WeightReport on {self.target}: {len(self.tensors)} tensors>"

    def __str__(self) -> str:
        return printed(self)

    def _repr_html_(self) -> str:
        return in_notebook(self)

    @property
    def is_compared(self) -> bool:
        """Whether there was a base with tensors to compare with."""
        return any(tensor.state is not State.UNSEEN for tensor in self.tensors)

    @property
    def is_faulty(self) -> bool:
        """Whether an adapter that was named is not in the weights as it says."""
        passed = (Verdict.MERGED, Verdict.UNTOLD)
        return self.is_named and self.proof is not None and self.proof.verdict not in passed


def inspect_weights(
    target: ModelLocation, base: ModelLocation | None = None, **options: Unpack[WeightOptions]
) -> WeightReport:
    """What the tensors of the model folder ``target`` are, and how they differ from those of ``base``.

    With an adapter: whether it was merged. Nothing is written; at most 16 MiB of tensor data are read, and of
    files elsewhere 200 ranges.

    Args:
        target: The merged model's folder, or ``hf://org/name[@revision]``.
        base: The model it was made from, as for `check`.
        options: As `WeightOptions` describes them.

    Raises:
        GenfixError: As `check`, and with ``exit_code`` 2 where a tensor cannot be read.

    """
    return weights_of_case(Case(target, base, **options))


def weights_of_case(case: Case) -> WeightReport:
    """As `inspect_weights`."""
    opened = open_models(case)
    merged, base, adapter = opened.merged, opened.base, opened.adapter
    own = merged.weights
    if not own.tensors and not own.files:
        raise InputError(
            text("{target} has no weights", target=str(merged.folder.origin)),
            "name the folder that the merge wrote",
        )
    compared = _compared(merged, base)
    proof = None
    if base is not None and adapter is not None:
        left = Ledger(MOST_BYTES - compared.spent.data, MOST_REQUESTS - compared.spent.requests)
        proof = prove_merge(merged, base, adapter, left)
    spent = [compared.spent, *([proof.spent] if proof is not None else [])]
    return WeightReport(
        target=str(merged.folder.origin),
        base=str(base.folder.origin) if base is not None else None,
        adapter=str(adapter.folder.origin) if adapter is not None else None,
        files=own.chosen.files,
        unopened=tuple(name for name in own.files if not name.endswith(".safetensors")),
        tensors=compared.tensors,
        of_class=_of_class(merged),
        proof=proof,
        is_named=case.adapter is not None,
        spent=Spent.total(spent),
        notes=opened.notes,
    )


def _of_class(merged: Model) -> ClassTensors | None:
    found = fit_of(merged)
    if found is None:
        return None
    fit = found.fit
    return ClassTensors(fit.owner, release(), len(fit.needed), found.lacks, fit.mismatched, fit.unexpected)


def _compared(merged: Model, base: Model | None) -> Comparison:
    if base is not None and base.weights.has_tensors:
        return compare_tensors(merged, base, Ledger(MOST_BYTES // _SHARE, MOST_REQUESTS // _SHARE))
    tensors = merged.weights.tensors.items()
    return Comparison(tuple(ComparedTensor(name, tensor, State.UNSEEN) for name, tensor in tensors))
