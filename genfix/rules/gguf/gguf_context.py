"""What a GGUF is judged from: itself, a folder or another GGUF, and how llama.cpp reads each of them."""

from collections.abc import Mapping
from functools import cached_property

from genfix.engines import EngineView, Reading, llama_cpp
from genfix.engines.gguf_converter import special_ids
from genfix.engines.gguf_runtime import ID, runtime_view
from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.gguf_model import GgufModel
from genfix.rules.core.context import Context
from genfix.rules.core.finding import SetField, Witness

STOP_KINDS = ("eos", "eot", "eom")
"""What the file can name as an end, the one that tokenizers know first."""


class GgufContext(Context):
    """A GGUF and its witness: the base, or the folder that it was converted from (the source)."""

    def __init__(self, merged: GgufModel, base: Model | None = None, *, is_source: bool = False) -> None:
        super().__init__(merged, base)
        self.file = merged
        self.is_source = is_source
        self.has_files = is_source

    @cached_property
    def views(self) -> Mapping[str, Reading]:
        """How llama.cpp reads the file."""
        return {name: _reading(view) for name, view in self.engine_views.items()}

    @cached_property
    def engine_views(self) -> Mapping[str, EngineView]:
        """What llama.cpp does with the file."""
        return {ID: runtime_view(self.file)}

    @cached_property
    def of_base(self) -> Context | None:
        """The witness in the place of the file; a folder as llama.cpp's converter reads it."""
        if isinstance(self.base, GgufModel):
            return GgufContext(self.base)
        return _Converted(self.base) if self.base is not None else None

    @property
    def witness(self) -> Witness:
        """Who a finding against the other side rests on."""
        return Witness.FOLDER if self.is_source else Witness.BASE

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Where llama.cpp ends generation."""
        return self.views[ID].stop_token_ids

    @cached_property
    def base_slots(self) -> Mapping[str, int]:
        """What the other side names as ``eos``, ``eot`` and ``eom``, as far as it is the same token here."""
        found = _slots(self.base) if self.base is not None else {}
        return {kind: found[kind] for kind in STOP_KINDS if kind in found and self.same_token(found[kind])}

    def same_token(self, token_id: int) -> bool:
        """Whether ``token_id`` is the same token on both sides, of whatever type, as far as files tell."""
        if self.base is None or not 0 <= token_id < len(self.file.token_texts):
            return 0 <= token_id < len(self.file.token_texts)
        theirs = self.base.token_texts if isinstance(self.base, GgufModel) else self.base.tokenizer.texts
        known = token_id < len(theirs) if isinstance(theirs, tuple) else token_id in theirs
        return not known or theirs[token_id] == self.file.token_texts[token_id]

    def set(self, key: str, value: JsonValue) -> SetField:
        """The operation that gives ``key`` another value."""
        return SetField(self.file.name, f"/{key}", value)


class _Converted(Context):
    """A folder as the converter makes a GGUF of it."""

    @cached_property
    def views(self) -> Mapping[str, Reading]:
        """How llama.cpp reads it."""
        return {name: _reading(view) for name, view in self.engine_views.items()}

    @cached_property
    def engine_views(self) -> Mapping[str, EngineView]:
        """What llama.cpp does with it."""
        return {ID: llama_cpp.view(self.merged)}


def _slots(model: Model) -> Mapping[str, int]:
    if isinstance(model, GgufModel):
        found = {kind: model.special_id(kind) for kind in STOP_KINDS}
        return {kind: token_id for kind, token_id in found.items() if token_id is not None}
    return special_ids(model).ids


def _reading(view: EngineView) -> Reading:
    return Reading(view.engine, view.stop_token_ids, view.sampling, view.trace)
