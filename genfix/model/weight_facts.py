"""What tensor names, shapes and dtypes say about a model: layers, experts, heads, quantisation, odd names.

One pass over the headers. A fact that names cannot settle (two stacks of layers in an encoder-decoder model)
is `None`: nothing is concluded from it.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.model.safetensors import Tensor


class WeightFacts(NamedTuple):
    """Facts of one set of tensors. Counts are `None` where the names do not tell."""

    embedding: str | None = None
    """Name of the input embedding."""
    head: str | None = None
    """Name of the output head, where it is a tensor of its own."""
    has_other_head: bool = False
    """Whether a matrix outside the layers has as many rows as the embedding, under a name that is not known.
    """
    embedding_rows: int | None = None
    head_rows: int | None = None
    stacks: int = 0
    """Stacks of layers, without those that see or hear: 2 in an encoder-decoder model."""
    layers: int | None = None
    """Layers of the language model, without those of multi-token prediction; `None` also where some are
    missing."""
    gaps: tuple[int, ...] = ()
    """Layers that are missing between others."""
    prediction_layers: int = 0
    """Layers of multi-token prediction."""
    experts: int | None = None
    """Routed experts of a layer."""
    quantization: str | None = None
    """``gptq``, ``awq``, ``compressed-tensors``, ``bitsandbytes``, ``fp8``, ``modelopt``
    (NVFP4), ``mxfp4``, ``mlx``."""
    dtypes: Mapping[str, int] = {}
    """Bytes per dtype, in the names of safetensors (``BF16``)."""
    classifier: str | None = None
    """The weight of a classification or reward head."""
    senses: frozenset[str] = frozenset()
    """``vision`` and ``audio``, where there are tensors for them."""
    wrapped: str | None = None
    """A tensor whose name still has the wrapper of a trainer or compiler."""
    is_bare: bool = False
    """Whether the layers stand at the top, as a model without its head class is saved."""


_STACK: Final = re.compile(r"(?:(.*?)\.)?(layers|h|blocks?|layer)\.(\d{1,18})\.(.+)", re.DOTALL)
_SENSES: Final = re.compile(
    r"(?:^|[._])(?:(?P<vision>visual|vision\w*|vit|image\w*|siglip|vpm|resampler)|(?P<audio>audio\w*|speech\w*|whisper|apm))(?=[._]|$)"
)
_PREDICTION: Final = re.compile(r"(?:^|\.)mtp(?:_\w+)?\.")
_PREDICTION_PARTS: Final = ("eh_proj.weight", "enorm.weight", "hnorm.weight", "shared_head.norm.weight")
_EXPERT: Final = re.compile(r"(?:^|\.)experts\.(\d{1,18})\.")
_FUSED_EXPERTS: Final = re.compile(r"(?:^|\.)experts\.(?:gate_up_proj|down_proj|w1|w2)(?:_blocks)?$")
_EMBEDDINGS: Final = ("embed_tokens", "word_embeddings", "wte", "tok_embeddings", "embed_in")
_HEADS: Final = ("lm_head", "output_layer", "embed_out", "output")
_HEAD_NAMES: Final = frozenset(_HEADS)
_CLASSIFIERS: Final = ("score.weight", "classifier.weight", "v_head.summary.weight", "value_head.weight")
FLOATS: Final = frozenset(["F16", "BF16", "F32", "F64"])
"""Dtypes of weights that are not quantised."""
_WRAPPED: Final = re.compile(
    r"^base_model\.model\.|(?:^|\.)(?:_orig_mod|_fsdp_wrapped_module|base_layer|lora_[AB])\."
)


def weight_facts(*tables: Mapping[str, Tensor]) -> WeightFacts:
    """Judge all tensors of a model, of one table or of several."""
    seen = _Seen()
    for tensors in tables:
        seen.add(tensors)
    return seen.facts()


def only_predict(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are layers of multi-token prediction and nothing else."""
    seen = _Seen()
    seen.add(tensors)
    facts = seen.facts()
    others = (facts.layers, facts.embedding, facts.head, facts.classifier, *seen.others)
    return facts.prediction_layers > 0 and not facts.gaps and not facts.senses and not any(others)


def language_tensors(tensors: Mapping[str, Tensor], layers: int | None) -> set[str]:
    """The names of what any save of the language model itself has, with data in it.

    Not the head, which may be tied, nor what sees, hears or predicts, nor layers beyond the first ``layers``:
    saves of one model differ in those.
    """
    return {
        name for name, tensor in tensors.items() if 0 not in tensor.shape and _is_of_language(name, layers)
    }


def _is_of_language(name: str, layers: int | None) -> bool:
    if _SENSES.search(name) or _PREDICTION.search(name) or not _HEAD_NAMES.isdisjoint(name.split(".")):
        return False
    layer = _STACK.match(name)
    return layer is None or layers is None or int(layer[3]) < layers


_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


class _Form(NamedTuple):
    """What names that differ in their numbers only have in common: a model has few of them."""

    stack: str = ""
    """Which stack of layers; ``""`` where it is none of the language model's."""
    layer: tuple[int, int] = (0, 0)
    """Where the name has the number of the layer."""
    layers: set[str] | None = None
    """The numbers that were there."""
    expert: tuple[int, int] = (0, 0)
    experts: set[str] | None = None
    is_fused: bool = False
    """Whether the tensor holds all experts of a layer."""
    predicts: bool = False
    is_outside: bool = False


class _Seen:
    """What has been seen so far."""

    def __init__(self) -> None:
        self.forms: dict[bytes, _Form] = {}
        self.dtypes: dict[str, int] = {}
        self.other_prediction = False
        self.fused_experts: set[int] = set()
        self.marks: set[str] = set()
        self.senses: set[str] = set()
        self.embedding: tuple[str, Tensor] | None = None
        self.head: tuple[str, Tensor] | None = None
        self.others: list[tuple[int, ...]] = []
        self.classifier: str | None = None
        self.wrapped: str | None = None

    def add(self, tensors: Mapping[str, Tensor]) -> None:
        """One plain loop: a large model has tens of thousands of tensors."""
        forms, dtypes = self.forms, self.dtypes
        for name, tensor in tensors.items():
            dtype = tensor.dtype
            dtypes[dtype] = dtypes.get(dtype, 0) + tensor.size
            same = name.encode("utf-8", "surrogatepass").translate(_DIGITS)
            form = forms.get(same)
            if form is None:
                form = forms[same] = self._form(name)
            if form.layers is not None:
                start, end = form.layer
                form.layers.add(name[start:end])
                if form.experts is not None:
                    start, end = form.expert
                    form.experts.add(name[start:end])
                elif form.is_fused and len(tensor.shape) >= 3:
                    self.fused_experts.add(tensor.shape[0])
            elif form.is_outside:
                self._outside(name, tensor)

    def _form(self, name: str) -> _Form:
        """Judge the first name of a form."""
        self.marks.add(name[name.rfind(".") + 1 :])
        if self.wrapped is None and _WRAPPED.search(name):
            self.wrapped = name
        sense = _SENSES.search(name)
        if sense:
            self.senses.add("vision" if sense["vision"] else "audio")
            return _Form()
        if _PREDICTION.search(name):
            self.other_prediction = True
            return _Form()
        layer = _STACK.match(name)
        if layer is None:
            return _Form(is_outside=True)
        stack = f"{layer[1] or ''}.{layer[2]}"
        expert = _EXPERT.search(name, layer.start(4))
        return _Form(
            stack,
            layer.span(3),
            set(),
            expert.span(1) if expert else (0, 0),
            set() if expert else None,
            is_fused=_FUSED_EXPERTS.search(name) is not None,
            predicts=name.endswith(_PREDICTION_PARTS),
        )

    def _outside(self, name: str, tensor: Tensor) -> None:
        path, _, last = name.rpartition(".")
        stem = path[path.rfind(".") + 1 :]
        if stem in _EMBEDDINGS and (self.embedding is None or tensor.shape > self.embedding[1].shape):
            self.embedding = (name, tensor)
        elif stem in _HEADS and last != "bias" and (self.head is None or last == "weight"):
            self.head = (name, tensor)
        elif self.classifier is None and name.endswith(_CLASSIFIERS):
            self.classifier = name
        else:
            self.others.append(tensor.shape)

    def facts(self) -> WeightFacts:
        stacks: dict[str, set[int]] = {}
        predicting: set[int] = set()
        for form in self.forms.values():
            if form.layers is not None:
                layers = set(map(int, form.layers))
                stacks.setdefault(form.stack, set()).update(layers)
                predicting |= layers if form.predicts else set()
        stack = next(iter(stacks)) if len(stacks) == 1 else None
        main = stacks[stack] - predicting if stack is not None else set()
        gaps = tuple(sorted(set(range(max(main, default=-1) + 1)) - main))
        return WeightFacts(
            embedding=self.embedding[0] if self.embedding else None,
            head=self.head[0] if self.head else None,
            has_other_head=self._has_other_head(),
            embedding_rows=_rows(self.embedding),
            head_rows=_rows(self.head),
            stacks=len(stacks),
            layers=len(main) if main and not gaps else None,
            gaps=gaps,
            prediction_layers=len(predicting) or (1 if self.other_prediction else 0),
            experts=self._expert_count(),
            quantization=self._quantization(),
            dtypes=self.dtypes,
            classifier=self.classifier,
            senses=frozenset(self.senses),
            wrapped=self.wrapped,
            is_bare=stack is not None and stack.startswith("."),
        )

    def _has_other_head(self) -> bool:
        rows = set(self.embedding[1].shape[:1]) if self.embedding is not None else set()
        return any(len(shape) == 2 and not rows.isdisjoint(shape) for shape in self.others)

    def _expert_count(self) -> int | None:
        experts = {int(number) for form in self.forms.values() for number in form.experts or ()}
        if experts:
            return len(experts) if len(experts) == max(experts) + 1 else None
        return next(iter(self.fused_experts)) if len(self.fused_experts) == 1 else None

    def _quantization(self) -> str | None:
        """By the tensors a method adds: the loaders of transformers 5.23 and vLLM 0.32 look for the same
        names.
        """
        marks = self.marks
        signs = {
            "compressed-tensors": "weight_packed" in marks,
            "gptq": marks >= {"qweight", "g_idx"},
            "awq": marks >= {"qweight", "qzeros"},
            "": "qweight" in marks,  # packed in neither way: nothing is concluded
            "bitsandbytes": not marks.isdisjoint({"absmax", "SCB"})
            or any(mark.startswith("bitsandbytes__") for mark in marks),
            "modelopt": "weight_scale_2" in marks,
            "mxfp4": {mark[-7:] for mark in marks} >= {"_blocks", "_scales"},
            "fp8": any(dtype.startswith(("F8_E4", "F8_E5")) for dtype in self.dtypes),
            "mlx": "scales" in marks and "U32" in self.dtypes,
        }
        return next((method for method, is_there in signs.items() if is_there), None) or None


def _rows(found: tuple[str, Tensor] | None) -> int | None:
    """Rows of a plain matrix; a packed one has other shapes."""
    if found is None:
        return None
    name, tensor = found
    is_plain = name.endswith(".weight") and len(tensor.shape) == 2 and tensor.dtype in FLOATS
    return tensor.shape[0] if is_plain else None
