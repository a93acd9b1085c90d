"""All model classes of a release, and who is made from whom."""

import ast
import zipfile
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dev.tools.module_code import Written, expression, read_class
from dev.tools.module_pruning import asked
from genfix.json_types import JsonValue

__all__ = ["NOTHING", "ClassOf", "Release"]

_MODELS: Final = "transformers/models/"
_LAYERS: Final = "transformers/modeling_layers.py"
"""Where the heads are that many classes share."""
NOTHING: Final = frozenset(
    [
        *("nn.Module", "Module", "GradientCheckpointingLayer", "PreTrainedModel", "GenerationMixin"),
        *("ABC", "object", "Generic", "Cache", "PushToHubMixin", "ModuleUtilsMixin"),
        *("EmbeddingAccessMixin", "ModelOutput", "Protocol"),
    ]
)
"""Bases whose ``__init__`` builds nothing."""


class ClassOf(NamedTuple):
    """One class and its file."""

    file: str
    written: Written


class Release:
    """All classes of a release."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.files: dict[str, dict[str, Written]] = {}
        self.everywhere: dict[str, ClassOf] = {}
        self.constants: dict[str, dict[str, JsonValue]] = {}
        """By file, the dictionaries that stand at its top."""
        self.torch: dict[str, frozenset[str]] = {}
        """By file, the names that it has from torch.nn."""
        for path in _modeling(archive):
            tree = ast.parse(archive.read(path))
            classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
            self.torch[path] = frozenset(_from_torch(tree))
            self.constants[path] = dict(_constants(tree))
            self.files[path] = {node.name: read_class(node) for node in classes}
            for name, written in self.files[path].items():
                self.everywhere.setdefault(name, ClassOf(path, written))
        self.used = self._used()

    def find(self, name: str, file: str) -> ClassOf | None:
        """The class that ``name`` is in ``file``."""
        written = self.files[file].get(name)
        return ClassOf(file, written) if written is not None else self.everywhere.get(name)

    def line(self, of: ClassOf, depth: int = 0) -> Iterator[ClassOf]:
        """The class and those it is made from, as Python looks for attributes: nearly."""
        yield of
        if depth < 15:
            for base in of.written.bases:
                found = self.find(base, of.file)
                if found is not None and found.written is not of.written:
                    yield from self.line(found, depth + 1)

    def is_model(self, of: ClassOf) -> bool:
        """Whether it is a model, with a config and names in files."""
        return any("PreTrainedModel" in each.written.bases for each in self.line(of))

    def builder(self, of: ClassOf) -> ClassOf | str | None:
        """Who has the ``__init__``: a class, a class of torch, `None` where nobody knows."""
        if of.written.body is not None:
            return of
        return self.base_builder(of)

    def base_builder(self, of: ClassOf) -> ClassOf | str | None:
        """Whose ``__init__`` is ``super().__init__`` in ``of``."""
        for base in of.written.bases:
            if base in NOTHING or base.endswith("Mixin"):
                continue
            if base.startswith("nn."):
                return base
            found = self.find(base, of.file)
            if found is None or found.written is of.written:
                return None
            built = self.builder(found)
            if built != "":
                return built
        return ""

    def fact(self, of: ClassOf, name: str) -> JsonValue:
        """An attribute of the class, as Python finds it."""
        return next((each.written.facts[name] for each in self.line(of) if name in each.written.facts), None)

    def _used(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """By class, the attributes that others ask for: its ancestors and descendants of their own object,
        and all of its file of another.
        """
        read: dict[tuple[str, str], set[str]] = {}
        by_file: dict[str, set[str]] = {}
        for path, classes in self.files.items():
            for name, written in classes.items():
                found = read[path, name] = set[str]()
                asked([*(written.body or []), *written.defaults.values()], found)
                by_file.setdefault(path, set()).update(each for each in found if each.startswith("."))
        used = {key: {each for each in found if each.startswith("@")} for key, found in read.items()}
        for path, classes in self.files.items():
            for name, written in classes.items():
                line = [*self.line(ClassOf(path, written))]
                for each in line[1:]:
                    key = (each.file, each.written.name)
                    used[key] |= {x for x in read[path, name] if x.startswith("@")} | by_file[path]
                    used[path, name] |= {x for x in read[key] if x.startswith("@")}
        return {key: frozenset(found | by_file[key[0]]) for key, found in used.items()}


def _constants(tree: ast.Module) -> Iterator[tuple[str, JsonValue]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=(ast.Dict() | ast.Constant()) as value):
                yield name, expression(value)
            case _:
                pass


def _from_torch(tree: ast.Module) -> Iterator[str]:
    """``from torch.nn import LayerNorm``."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="torch.nn" | "torch.nn.parameter", names=names):
                yield from (name.name for name in names)
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Attribute(value=ast.Name(id="nn"), attr=attr)
            ):
                if name == attr:
                    yield name
            case _:
                pass


def _modeling(archive: zipfile.ZipFile) -> Iterator[str]:
    for path in archive.namelist():
        name = path.rpartition("/")[2]
        is_code = name.startswith("modeling_") and not name.startswith(("modeling_tf_", "modeling_flax_"))
        if path == _LAYERS or (path.startswith(_MODELS) and "/auto/" not in path and is_code):
            yield path
