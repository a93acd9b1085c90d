"""Which tensors of a folder the class that config.json names takes, and which it lacks.

The newest transformers that was read decides, by its code (`dev/tools/module_table.py`). What cannot be told
from that is left out: a part that its ``__init__`` builds in a way that is not followed may hold anything.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.modeling.checkpoint_names import Renamed, Renamer
from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_lines import ModelClass, model_class
from genfix.engines.modeling.module_nodes import Node, Parameter, Wanted, wanted
from genfix.engines.modeling.module_programs import Builder
from genfix.json_types import JsonObject
from genfix.model.safetensors import Tensor

__all__ = ["Fit", "Mismatch", "fit"]

_ALWAYS_IGNORED: Final = re.compile(r"(?:rotary_emb\.inv_freq|position_ids|\.masked_bias|attn\.bias)$")


class Mismatch(NamedTuple):
    """A tensor of another shape than the class has."""

    name: str
    """In the folder."""
    shape: tuple[int, ...]
    wanted: tuple[int | None, ...]


class Fit(NamedTuple):
    """How the tensors of a folder and a class fit together."""

    owner: str
    """The class."""
    count: int
    """How many tensors the class has, as far as that is known."""
    missing: tuple[str, ...] = ()
    """By the names of the class: what it lacks, and makes up."""
    incomplete: tuple[str, ...] = ()
    """Of which only a part is there: what is put together of several, and some are absent."""
    mismatched: tuple[Mismatch, ...] = ()
    unexpected: tuple[str, ...] = ()
    """By the names in the folder: what it does not read."""
    fused: tuple[str, ...] = ()
    """What the folder has put together already, where files usually have it apart."""


def fit(config: JsonObject, owner: str, tensors: Mapping[str, Tensor]) -> Fit | None:
    """Hold ``tensors`` against the class ``owner``; `None` where it is not known."""
    known = model_class(owner)
    kind = config.get("model_type")
    if known is None or not isinstance(kind, str):
        return None
    root = Builder().model(owner, ConfigView(config, kind))
    if root is None:
        return None
    return _Judge(known, root, tensors).fit()


class _Judge:
    """One folder."""

    def __init__(self, known: ModelClass, root: Node, tensors: Mapping[str, Tensor]) -> None:
        self.known, self.tensors = known, tensors
        self.wanted: Wanted = wanted(root)
        self.renamer = Renamer(known.prefix, self.wanted.models, self.wanted.tensors)
        self.parts: dict[str, set[str]] = {}
        """Of each converted tensor, the patterns of which something is there."""
        self.siblings: dict[str, int] = {}

    def fit(self) -> Fit:
        there: dict[str, str] = {}
        unexpected: list[str] = []
        mismatched: list[Mismatch] = []
        names = self.wanted.tensors
        for name, tensor in self.tensors.items():
            renamed = self._renamed(name)
            known = [each for each in renamed.names if each in names]
            for each in known:
                there[each] = name
                self._note(each, renamed)
            if not known and not self._is_expected(name, renamed.names):
                unexpected.append(name)
            elif len(known) == 1 and not renamed.source:
                found = _mismatch(name, tensor, names[known[0]])
                if found is not None:
                    mismatched.append(found)
        missing = self._missing(there)
        incomplete = [n for n, parts in self.parts.items() if len(parts) < self.siblings[n]]
        return Fit(
            self.known.name,
            len(names),
            tuple(missing),
            tuple(incomplete),
            tuple(mismatched),
            tuple(unexpected),
        )

    def _renamed(self, name: str) -> Renamed:
        renamed = self.renamer.rename(name)
        if not any(each in self.wanted.tensors for each in renamed.names) and name in self.wanted.tensors:
            return Renamed((name,))
        return renamed

    def _note(self, name: str, renamed: Renamed) -> None:
        if renamed.source and renamed.siblings > 1 and len(renamed.names) == 1:
            self.parts.setdefault(name, set()).add(renamed.source)
            self.siblings[name] = renamed.siblings

    def _is_expected(self, name: str, names: Sequence[str]) -> bool:
        if _ALWAYS_IGNORED.search(name) or not self.renamer.is_known:
            return True
        models = [node.owner for node in self.wanted.models.values()]
        patterns = [p for owner in models if (found := model_class(owner)) for p in found.may_have]
        if any(re.search(pattern, each) for pattern in patterns for each in (name, *names)):
            return True
        return any(each.startswith(prefix) for prefix in self.wanted.open for each in names)

    def _missing(self, there: Mapping[str, str]) -> list[str]:
        if not self.renamer.is_known:
            return []
        absent = [name for name, parameter in self.wanted.tensors.items() if parameter.is_needed and name not in there]
        if not absent:
            return []
        for pattern in self._may_miss():
            absent = [name for name in absent if not re.search(pattern, name)]
        tied = self._tied()
        return [name for name in absent if not _is_tied(name, tied, there)]

    def _may_miss(self) -> list[str]:
        owners = [node.owner for node in self.wanted.models.values()]
        return [pattern for owner in owners if (found := model_class(owner)) for pattern in found.may_miss]

    def _tied(self) -> list[tuple[str, str, str]]:
        """Of every model: its path, and what is which other tensor."""
        pairs: list[tuple[str, str, str]] = []
        for path, node in self.wanted.models.items():
            found = model_class(node.owner)
            config = node.attributes.get("config")
            tied = node.attributes.get("_tied_weights_keys", found.tied if found is not None else {})
            if not isinstance(tied, dict) or any(not isinstance(each, str) for each in tied.values()):
                pairs.append((path, "", ""))
                continue
            if isinstance(config, ConfigView) and config.get("tie_word_embeddings") is False:
                continue
            start = f"{path}." if path else ""
            pairs += [(start, target, source) for target, source in tied.items()]
        return pairs


def _is_tied(name: str, tied: Sequence[tuple[str, str, str]], there: Mapping[str, str]) -> bool:
    """Whether the tensor is another one that is there, either way."""
    for start, target, source in tied:
        if not name.startswith(start):
            continue
        rest = name[len(start) :]
        if re.search(target, rest) or re.search(source, rest) or rest.startswith((target, source)):
            return True
    return False


def _mismatch(name: str, tensor: Tensor, parameter: Parameter) -> Mismatch | None:
    """A shape that cannot be the class's."""
    shape = parameter.shape
    if shape is None or not tensor.dtype.startswith(("F", "BF")):
        return None
    if len(shape) == len(tensor.shape) and all(
        size is None or size == own for size, own in zip(shape, tensor.shape, strict=True)
    ):
        return None
    return Mismatch(name, tensor.shape, shape)
