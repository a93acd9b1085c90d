"""What the weights say about themselves: safetensors headers, read by range and never further."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, cast

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import FileKind, kind_of
from genfix.json_types import JsonValue
from genfix.model.lfs_pointer import read_lfs_pointer
from genfix.model.safetensors import Header, Tensor, read_header
from genfix.model.weight_facts import WeightFacts, weight_facts
from genfix.model.weight_sets import NOTHING_DECLARED, SINGLE, Declared, WeightSet, choose

INDEX: Final = "model.safetensors.index.json"

_ADAPTERS: Final = ("adapter_model.safetensors", "adapters.safetensors")
"""PEFT's and mlx-lm's."""
_EXPORTS: Final = (".onnx", ".gguf", "openvino_model.xml", "openvino_language_model.xml")
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 4096


class Weights:
    """The tensors of a folder, by name; empty where there are no safetensors, or none that can be read."""

    def __init__(
        self, folder: Folder, says: Declared = NOTHING_DECLARED, before: "Weights | None" = None
    ) -> None:
        """``before`` are those of the same folder before a change: it never touches the bytes of weights."""
        self.folder = folder
        self.says = says
        self._before = before
        self._compared: dict[tuple[str, str], bool | None] = {}

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Weight files at the top of the folder, of any format, sorted."""
        return tuple(
            sorted(name for name in self.folder.names() if "/" not in name and _is_full_weights(name))
        )

    @property
    def is_export(self) -> bool:
        """Whether there is a graph (OpenVINO, ONNX) or a GGUF, and no weights: what was exported stands in
        it, and config.json builds no model here.
        """
        if any(not name.endswith(".onnx") for name in self.files) or INDEX in self.folder.names():
            return False
        return any(name.endswith(_EXPORTS) for name in self.folder.names())

    @cached_property
    def headers(self) -> Mapping[str, Header]:
        """The header of each ``*.safetensors`` file of the model.

        ``consolidated*``, the same weights under other names, count only where there is nothing else.
        """
        names = [file for file in self.files if file.endswith(".safetensors")]
        plain = [name for name in names if not name.startswith("consolidated")]
        known = self._before.headers if self._before is not None else {}
        return {name: known.get(name) or read_header(self.folder, name) for name in plain or names}

    @cached_property
    def index(self) -> Mapping[str, str] | None:
        """Which file has which tensor, as ``model.safetensors.index.json`` tells; `None` without a readable
        one.
        """
        if INDEX not in self.folder.names():
            return None
        try:
            document: JsonValue = json.loads(self.folder.read(INDEX))
        except (FolderFileError, ValueError, RecursionError):
            return None
        entries = document.get("weight_map") if isinstance(document, dict) else None
        if not isinstance(entries, dict):
            return None
        if {*map(type, entries.values())} <= {str}:  # nearly always: no entry is looked at in Python
            return cast("dict[str, str]", entries)
        return {name: file for name, file in entries.items() if isinstance(file, str)}

    @cached_property
    def chosen(self) -> WeightSet:
        """Which files are the model's, and which lie beside them."""
        found = choose(self.headers, self.index, self.folder.names(), self.says)
        return WeightSet(strays=found.files) if self._is_a_stub_beside_pickles(found) else found

    def _is_a_stub_beside_pickles(self, found: WeightSet) -> bool:
        """Whether the model is in ``pytorch_model*.bin``, and a ``model.safetensors`` that holds nothing, or
        cannot be read, hides it.
        """
        if found.files != (SINGLE,) or read_lfs_pointer(self.folder, SINGLE):
            return False
        header, size = self.headers[SINGLE], self.folder.stat(SINGLE).size
        is_empty = header.problem is not None or not any(
            0 not in tensor.shape for tensor in header.tensors.values()
        )
        return is_empty and any(
            name.startswith("pytorch_model") and self.folder.stat(name).size > size for name in self.files
        )

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """All tensors of the model's files; those of another save are not loaded, nor here."""
        tensors: dict[str, Tensor] = {}
        for table in self._tables:
            tensors.update(table)
        return tensors

    @cached_property
    def _tables(self) -> Sequence[Mapping[str, Tensor]]:
        """The tensors of each of the model's files: what can is asked of these, for one table of a million is
        slow.
        """
        found = {*self.chosen.files, *self.chosen.unclear}
        return [header.tensors for file, header in self.headers.items() if file in found]

    @property
    def has_tensors(self) -> bool:
        """Whether there is any tensor of the model."""
        return any(self._tables)

    @cached_property
    def facts(self) -> WeightFacts:
        """What names, shapes and dtypes say together."""
        return weight_facts(*self._tables)

    @cached_property
    def outline(self) -> WeightFacts:
        """`facts`, or what an index alone tells by its names: enough for a base whose weights are
        elsewhere.
        """
        return self.facts if self.has_tensors else self.named or self.facts

    @property
    def named(self) -> WeightFacts | None:
        """What an index alone tells by its names; `None` without one."""
        if not self.index:
            return None
        return weight_facts({name: Tensor("", (), file) for name, file in self.index.items()})

    @property
    def is_whole(self) -> bool:
        """Whether all weights are here as far as headers, the index and the numbers in file names tell."""
        found = self.chosen
        if not found.files or found.missing or any(self.headers[file].problem for file in found.files):
            return False
        # where another whole model lies beside, only what both say is known
        rivals = {
            name: tensor.shape for file in found.rivals for name, tensor in self.headers[file].tensors.items()
        }
        return not rivals or rivals == {name: tensor.shape for name, tensor in self.tensors.items()}

    @property
    def adapter_file(self) -> str | None:
        """The file with the tensors of an adapter; `None` where there is none that is opened."""
        return next((name for name in _ADAPTERS if name in self.folder.names()), None)

    @cached_property
    def adapter_header(self) -> Header:
        """The header of that file; an empty one without it."""
        file = self.adapter_file
        return read_header(self.folder, file) if file is not None else Header()

    def sample(self, name: str, length: int) -> bytes:
        """At most the first ``length`` bytes of a tensor's data.

        Raises `KeyError` for an unknown tensor, `FolderFileError` where the file cannot be read in parts.
        """
        tensor = self.tensors[name]
        return self.folder.read_range(tensor.file, tensor.start, min(length, tensor.size))

    def same_values(self, name: str, other: str) -> bool | None:
        """Whether two tensors have equal bytes wherever a few samples look; `None` where they cannot be
        compared. They are read once, however many ask.
        """
        if (name, other) not in self._compared:
            self._compared[name, other] = self._same_values(name, other)
        return self._compared[name, other]

    def _same_values(self, name: str, other: str) -> bool | None:
        left, right = self.tensors[name], self.tensors[other]
        if left.shape != right.shape or left.dtype != right.dtype or left.size != right.size or not left.size:
            return None if left.dtype != right.dtype else False
        step = max(left.size // _SAMPLES, 1)
        try:
            return all(
                self.folder.read_range(left.file, left.start + at, min(_SAMPLE_BYTES, left.size - at))
                == self.folder.read_range(right.file, right.start + at, min(_SAMPLE_BYTES, left.size - at))
                for at in range(0, left.size, step)
            )
        except FolderFileError:
            return None

    @property
    def embedding_rows(self) -> int | None:
        """Rows of the input embedding, the largest token id plus one the model can take; `None` where
        unknown.
        """
        return self.facts.embedding_rows


def _is_full_weights(name: str) -> bool:
    if kind_of(name) is not FileKind.WEIGHTS:
        return False
    return name.endswith(".safetensors") or name.startswith(("pytorch_model", "model", "consolidated"))
