"""Which of the safetensors files in a folder are the model: the one place that decides.

Readers differ. transformers 5.23.0 and 4.57.6 (modeling_utils.py) read ``model.safetensors`` where it is
there, else what the index names, else ``pytorch_model.bin``. vLLM 0.32.0 (model_loader/default_loader.py) and
SGLang 0.5.23 (model_loader/weight_utils.py) read every ``*.safetensors``, or of them what the index names.
Names alone settle nothing: headers say what is in a file, numbers in names how many belong together, and
config.json what a model of its kind has.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from genfix.json_types import JsonObject
from genfix.model.safetensors import Header, Tensor
from genfix.model.weight_facts import language_tensors, only_predict, weight_facts

SINGLE: Final = "model.safetensors"
"""The whole model in one file: transformers reads it where it is there, and no index."""
LAYER_COUNTS: Final = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")
PREDICTION_COUNTS: Final = ("num_nextn_predict_layers", "mtp_num_hidden_layers")

_NUMBERED: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<of>\d+)\.safetensors", re.ASCII)
_MOST_SHARDS: Final = 10_000
_STEM: Final = "model"
_PREDICTION: Final = "prediction"


class Declared(NamedTuple):
    """What config.json says a model has."""

    layers: int | None = None
    prediction_layers: int = 0
    senses: frozenset[str] = frozenset()
    has_head: bool = False
    """Whether it says that the head is a tensor of its own."""


NOTHING_DECLARED: Final = Declared()


class WeightSet(NamedTuple):
    """The files of the model, and what lies beside them."""

    files: tuple[str, ...] = ()
    """Those of the model, as far as they are there."""
    missing: tuple[str, ...] = ()
    """Those of the model that are not there."""
    omitted: tuple[str, ...] = ()
    """Of `files`, those that the index leaves out though config.json declares what only they have."""
    unsettled: tuple[str, ...] = ()
    """Shards of the same series that the index leaves out, for a reason that nothing here tells."""
    strays: tuple[str, ...] = ()
    """Those of another save."""
    rivals: tuple[str, ...] = ()
    """A second whole model: nothing here tells which of the two is meant."""
    unclear: tuple[str, ...] = ()
    """Files without an index: they may belong to the model."""

    @property
    def stub(self) -> str | None:
        """``model.safetensors`` that is none of the model, and that readers take first."""
        return SINGLE if SINGLE in self.strays else None


def declared(config: JsonObject, text: JsonObject) -> Declared:
    """What config.json declares, ``text`` being the part of the language model."""
    values = {**text, **{key: value for key, value in config.items() if value is not None}}
    layers = next((values[key] for key in LAYER_COUNTS if type(values.get(key)) is int), None)
    predicting = next((values[key] for key in PREDICTION_COUNTS if type(values.get(key)) is int), 0)
    return Declared(
        layers if isinstance(layers, int) else None,
        predicting if isinstance(predicting, int) else 0,
        frozenset(sense for sense in ("vision", "audio") if isinstance(config.get(f"{sense}_config"), dict)),
        has_head=values.get("tie_word_embeddings") is False,
    )


def numbered(files: Iterable[str]) -> set[str]:
    """All files of the series that ``files`` belong to: ``model-00001-of-00004.safetensors`` is one
    of four.
    """
    found = (_NUMBERED.fullmatch(name) for name in files)
    series = {(match["stem"], len(match["number"]), match["of"]) for match in found if match}
    return {
        f"{stem}-{number:0{width}}-of-{of}.safetensors"
        for stem, width, of in series
        if int(of) <= _MOST_SHARDS
        for number in range(1, int(of) + 1)
    }


def choose(
    headers: Mapping[str, Header],
    index: Mapping[str, str] | None,
    names: Iterable[str] = (),
    says: Declared = NOTHING_DECLARED,
) -> WeightSet:
    """The model's files among those with ``headers``; ``names`` are all files of the folder."""
    return _Choice(headers, index or {}, frozenset(names), says).made()


class _Choice:
    """One folder's choice."""

    def __init__(
        self, headers: Mapping[str, Header], index: Mapping[str, str], names: frozenset[str], says: Declared
    ) -> None:
        self.headers, self.index, self.names, self.says = headers, index, names, says
        self.listed = listed = frozenset(index.values())
        self.single = tuple(sorted(listed & headers.keys())) if SINGLE in listed else (SINGLE,)

    def made(self) -> WeightSet:
        shards = self._shards()
        if SINGLE not in self.headers:
            return shards
        if not shards.files:
            return self._with_others(self.single)
        single = self.single
        beside = tuple(sorted(self.headers.keys() - {*single, *shards.unclear}))
        stub = shards._replace(strays=tuple(sorted((*shards.strays, *single))))
        if shards.rivals or (shards.missing and not self._is_sound((*single, *shards.files))):
            return WeightSet(single, rivals=beside)  # nothing of it is sure
        if shards.missing:
            return WeightSet(single, strays=beside) if self._is_enough(single) else stub
        if self._is_less(single, shards.files):
            return stub
        if self._is_less(shards.files, single):
            return WeightSet(single, strays=beside)
        return WeightSet(single, rivals=shards.files, strays=shards.strays)

    def _shards(self) -> WeightSet:
        """The model in several files, ``model.safetensors`` aside."""
        there = self.listed & self.headers.keys() - {*self.single}
        series = self._series()
        whole = [files for files in series if numbered(files) == files and self._is_sound(files)]
        if there:
            absent = self.listed - self.names
            if absent and numbered(there) <= there and self._is_enough(there):
                # Copied from a save that also had layers of prediction: the others are all here.
                lost = {name: Tensor("", (), file) for name, file in self.index.items() if file in absent}
                absent = frozenset() if only_predict(lost) else absent
            found = self._with_others(there)._replace(missing=tuple(sorted(absent)))
            if absent and whole:  # the newer save, or the older one: no reason to move it away
                rivals = frozenset[str]().union(*whole) & {*found.strays}
                return found._replace(
                    strays=tuple(sorted({*found.strays} - rivals)), rivals=tuple(sorted(rivals))
                )
            return found
        if not series:
            loose = () if SINGLE in self.headers else tuple(sorted(self.headers))
            return WeightSet(loose, tuple(sorted(self.listed - self.names)) if loose else (), unclear=loose)
        if len(whole) == 1:
            return self._with_others(whole[0])
        if whole:
            first, *others = sorted(map(sorted, whole))
            return WeightSet(tuple(first), rivals=tuple(sorted(name for files in others for name in files)))
        here = set().union(*series)
        return self._with_others(here)._replace(missing=tuple(sorted(numbered(here) - self.names)))

    def _series(self) -> list[set[str]]:
        """The files of each series that are there; where one is called ``model-*``, only of such."""
        found: dict[tuple[str, int, str], set[str]] = {}
        for name in self.headers:
            match = _NUMBERED.fullmatch(name)
            if match:
                found.setdefault((match["stem"], len(match["number"]), match["of"]), set()).add(name)
        usual = [files for key, files in found.items() if key[0] == _STEM]
        return usual or list(found.values())

    def _with_others(self, main: Iterable[str]) -> WeightSet:
        """``main`` and what belongs to it of the other files; those left are of another save."""
        files = set(main)
        left = sorted(self.headers.keys() - files - {*self.single})
        if not left:
            return WeightSet(tuple(sorted(files)))
        series = numbered(files) if numbered(files) <= self.headers.keys() else set()
        omitted, unsettled, strays = set[str](), set[str](), set[str]()
        here, lacks = self._tensors(files), self._lacks(files)
        for name in left:
            tensors = self.headers[name].tensors
            is_number = _NUMBERED.fullmatch(name) is not None
            if not self._is_sound((name,)) or not here.keys().isdisjoint(tensors):
                strays.add(name)
            elif lacks and (name in series or not is_number) and self._lacks((*files, name)) < lacks:
                files.add(name)
                omitted.add(name)
                here, lacks = self._tensors(files), self._lacks(files)
            else:
                (unsettled if name in series else strays).add(name)
        has_index = not self.listed.isdisjoint(files)
        unclear = set[str]() if has_index else {name for name in strays if not _NUMBERED.fullmatch(name)}
        return WeightSet(
            tuple(sorted(files)),
            omitted=tuple(sorted(omitted)),
            unsettled=tuple(sorted(unsettled)),
            strays=tuple(sorted(strays - unclear)),
            unclear=tuple(sorted(unclear)),
        )

    def _tensors(self, files: Iterable[str]) -> dict[str, Tensor]:
        return {name: tensor for file in files for name, tensor in self.headers[file].tensors.items()}

    def _is_sound(self, files: Iterable[str]) -> bool:
        return not any(self.headers[file].problem for file in files)

    def _is_enough(self, files: Iterable[str]) -> bool:
        """Whether ``files`` lack nothing that is known, but for multi-token prediction."""
        return self._lacks(files) <= {_PREDICTION}

    def _lacks(self, files: Iterable[str]) -> set[str]:
        """What config.json declares and ``files`` do not have."""
        says = self.says
        facts = weight_facts({n: t for n, t in self._tensors(files).items() if 0 not in t.shape})
        lacks = set(says.senses - facts.senses)
        if facts.embedding is None:
            lacks.add("embedding")
        if says.has_head and facts.head is None:
            lacks.add("head")
        if says.prediction_layers and not facts.prediction_layers:
            lacks.add(_PREDICTION)
        layers = facts.layers or 0
        if facts.stacks <= 1 and says.layers not in (None, layers, layers - says.prediction_layers):
            lacks.add("layers")
        return lacks

    def _is_less(self, files: Iterable[str], others: Iterable[str]) -> bool:
        """Whether ``files`` are no whole model beside ``others``: unreadable, empty or with fewer tensors."""
        if not self._is_sound(files):
            return self._is_sound(others)
        ours, theirs = self._lacks(files) - {_PREDICTION}, self._lacks(others) - {_PREDICTION}
        if ours != theirs and (ours < theirs or theirs < ours):
            return theirs < ours
        mine = language_tensors(self._tensors(files), self.says.layers)
        other = language_tensors(self._tensors(others), self.says.layers)
        return mine < other
