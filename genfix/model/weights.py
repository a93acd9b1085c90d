"""What the weights say about themselves: safetensors headers, read by range and never further."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, cast

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import FileKind, kind_of
from genfix.json_types import JsonValue
from genfix.model.safetensors import Header, Tensor, read_header
from genfix.model.weight_facts import WeightFacts, weight_facts

SINGLE: Final = "model.safetensors"
"""The whole model in one file: transformers reads it where it is there, and no index."""
INDEX: Final = "model.safetensors.index.json"

_ADAPTER: Final = "adapter_model.safetensors"
_NUMBERED: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<of>\d+)\.safetensors", re.ASCII)
_MOST_SHARDS: Final = 10_000
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 4096


class Weights:
    """The tensors of a folder, by name; empty where there are no safetensors, or none that can be read."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Weight files at the top of the folder, of any format, sorted."""
        return tuple(
            sorted(name for name in self.folder.names() if "/" not in name and _is_full_weights(name))
        )

    @cached_property
    def headers(self) -> Mapping[str, Header]:
        """The header of each ``*.safetensors`` file of the model.

        ``consolidated*``, the same weights under other names, count only where there is nothing else.
        """
        names = [file for file in self.files if file.endswith(".safetensors")]
        plain = [name for name in names if not name.startswith("consolidated")]
        return {name: read_header(self.folder, name) for name in plain or names}

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
    def tensors(self) -> Mapping[str, Tensor]:
        """All tensors that the headers name; those of files that an index leaves out are not loaded, nor
        here.
        """
        listed = frozenset(self.index.values()) if self.index and SINGLE not in self.headers else None
        found: dict[str, Tensor] = {}
        for file, header in self.headers.items():
            if listed is None or file in listed or listed.isdisjoint(self.headers):
                found.update(header.tensors)
        return found

    @cached_property
    def facts(self) -> WeightFacts:
        """What names, shapes and dtypes say together."""
        return weight_facts(self.tensors)

    @cached_property
    def outline(self) -> WeightFacts:
        """`facts`, or what an index alone tells by its names: enough for a base whose weights are
        elsewhere.
        """
        return self.facts if self.tensors else self.named or self.facts

    @property
    def named(self) -> WeightFacts | None:
        """What an index alone tells by its names; `None` without one."""
        if not self.index:
            return None
        return weight_facts({name: Tensor("", (), file) for name, file in self.index.items()})

    @property
    def is_whole(self) -> bool:
        """Whether all weights are here as far as headers, the index and the numbers in file names tell."""
        if not self.headers or any(header.problem for header in self.headers.values()):
            return False
        return not self.missing

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Shards that the index, or the numbers in the names of the others, say there are."""
        if SINGLE in self.headers:
            return ()
        names = self.folder.names()
        listed = set(self.index.values()) if self.index else numbered(self.headers)
        return tuple(sorted(name for name in listed if name not in names))

    @cached_property
    def adapter_tensors(self) -> Mapping[str, Tensor]:
        """The tensors of ``adapter_model.safetensors``."""
        return read_header(self.folder, _ADAPTER).tensors if _ADAPTER in self.folder.names() else {}

    def sample(self, name: str, length: int) -> bytes:
        """At most the first ``length`` bytes of a tensor's data.

        Raises `KeyError` for an unknown tensor, `FolderFileError` where the file cannot be read in parts.
        """
        tensor = self.tensors[name]
        return self.folder.read_range(tensor.file, tensor.start, min(length, tensor.size))

    def same_values(self, name: str, other: str) -> bool | None:
        """Whether two tensors have equal bytes wherever a few samples look; `None` where they cannot be
        compared.
        """
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


def _is_full_weights(name: str) -> bool:
    if kind_of(name) is not FileKind.WEIGHTS:
        return False
    return name.endswith(".safetensors") or name.startswith(("pytorch_model", "model", "consolidated"))
