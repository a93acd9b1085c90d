"""Names that a release of transformers knows: what its auto classes map, and the classes behind model files.

Read in a wheel's code as text: nothing of it is imported.
"""

import ast
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dev.tools.wheel_fields import ConfigNode, fields_of, read_config
from genfix.json_types import JsonValue

__all__ = ["ClassName", "Wheel", "mapped_types", "read_wheel"]

_MODELS: Final = "transformers/models/"
_AUTO: Final = "transformers/models/auto/"
_SETTINGS: Final = "transformers/generation/configuration_utils.py"
_KINDS: Final = {
    "modeling": "model",
    "processing": "processor",
    "image_processing": "image",
    "video_processing": "video",
    "feature_extraction": "audio",
    "tokenization": "tokenizer",
}
"""By what a file's name begins with: what its classes are."""
_MAPPINGS: Final = {
    "CONFIG_MAPPING_NAMES": "config",
    "IMAGE_PROCESSOR_MAPPING_NAMES": "image",
    "VIDEO_PROCESSOR_MAPPING_NAMES": "video",
    "FEATURE_EXTRACTOR_MAPPING_NAMES": "audio",
    "MISSING_FEATURE_EXTRACTOR_MAPPING_NAMES": "audio",
    "PROCESSOR_MAPPING_NAMES": "processor",
    "TOKENIZER_MAPPING_NAMES": "tokenizer",
}
"""Columns of the table; every other mapping of the auto classes is one of models."""
_PARTS: Final = frozenset(
    ["self", "tokenizer", "image_processor", "video_processor", "feature_extractor", "chat_template"]
)


class ClassName(NamedTuple):
    """One class of a release."""

    kind: str
    types: frozenset[str]
    """Model types it is made for, where its code or a mapping says so."""
    needed: Mapping[str, JsonValue] = {}
    """Arguments of a processor that are none by default and used all the same: the text that the code
    compares to, null where it computes."""


class Wheel(NamedTuple):
    """One release."""

    fields: Mapping[str, Mapping[str, JsonValue]]
    """By model type, the fields of its config class with their defaults."""
    columns: Mapping[str, Mapping[str, Sequence[str]]]
    """By model type and column, the names of classes."""
    classes: Mapping[str, ClassName]
    settings: frozenset[str]
    """The keys of ``GenerationConfig``."""


class _Node(NamedTuple):
    kind: str
    bases: Sequence[str]
    config: str = ""
    needed: Mapping[str, JsonValue] = {}


def read_wheel(path: Path) -> Wheel:
    """Read all of a release that the table has."""
    seen = _Seen({}, {}, {}, {}, set())
    archive = zipfile.ZipFile(path)
    for name in archive.namelist():
        is_config = name.startswith(_MODELS) and name.rpartition("/")[2].startswith("configuration_")
        kind = "config" if is_config else _kind(name)
        if name.startswith(_AUTO):
            seen.add_mappings(ast.parse(archive.read(name).decode()))
        elif name == _SETTINGS:
            seen.settings.update(_popped(ast.parse(archive.read(name).decode())))
        elif kind:
            seen.add_classes(ast.parse(archive.read(name).decode()), kind)
    for owner, written in seen.configs.items():
        if written.model_type:
            seen.columns.setdefault(written.model_type, {}).setdefault("config", []).append(owner)
    owners = {kind: each["config"][0] for kind, each in seen.columns.items() if "config" in each}
    modern = not path.name.startswith("transformers-4")
    return Wheel(
        {
            kind: fields_of(owner, seen.configs, modern=modern)
            for kind, owner in owners.items()
            if owner in seen.configs
        },
        {
            kind: {column: [*dict.fromkeys(names)] for column, names in each.items()}
            for kind, each in seen.columns.items()
        },
        _classes(seen, owners),
        frozenset(seen.settings),
    )


def mapped_types(path: Path) -> frozenset[str]:
    """The model types that a release's ``AutoConfig`` knows."""
    archive = zipfile.ZipFile(path)
    trees = (ast.parse(archive.read(name).decode()) for name in archive.namelist() if name.startswith(_AUTO))
    return frozenset(kind for tree in trees for column, kind, _ in _mappings(tree) if column == "config")


class _Seen(NamedTuple):
    """What has been read of a release."""

    configs: dict[str, ConfigNode]
    nodes: dict[str, _Node]
    columns: dict[str, dict[str, list[str]]]
    mapped: dict[str, set[str]]
    """By class of models, the types that the auto classes make one of."""
    settings: set[str]

    def add_mappings(self, tree: ast.Module) -> None:
        for column, model_type, names in _mappings(tree):
            if column == "model":
                for found in names:
                    self.mapped.setdefault(found, set()).add(model_type)
            else:
                self.columns.setdefault(model_type, {}).setdefault(column, []).extend(names)

    def add_classes(self, tree: ast.Module, kind: str) -> None:
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        if kind == "config":
            self.configs.update((node.name, read_config(node)) for node in classes)
            return
        self.nodes.update((node.name, _read(node, kind)) for node in classes)
        self.nodes.update((alias, _Node(kind, ())) for alias in _aliases(tree))


def _kind(name: str) -> str:
    """What the classes of a file are; empty for files that hold none of interest."""
    directory, _, file = name.rpartition("/")
    if directory == "transformers" and file.startswith("tokenization_"):
        return "tokenizer"
    if not name.startswith(_MODELS) or not file.endswith(".py"):
        return ""
    return next((kind for start, kind in _KINDS.items() if file.startswith(f"{start}_")), "")


def _mappings(tree: ast.Module) -> Iterator[tuple[str, str, list[str]]]:
    """Column, model type and class names of each ``..._MAPPING_NAMES``, however it is put together."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) or node.value is None:
            continue
        name = ast.unparse(node).partition("=")[0].partition(".update")[0].partition(":")[0].strip()
        if not name.endswith("_NAMES") or not name.isupper():
            continue
        for key, value in _pairs(node.value):
            yield _MAPPINGS.get(name, "model"), key, [*_texts(value)]


def _pairs(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match value:
        case ast.Call():
            for inner in [*value.args, *(keyword.value for keyword in value.keywords)]:
                yield from _pairs(inner)
        case ast.List(elts=parts):
            for part in parts:
                match part:
                    case ast.Tuple(elts=[ast.Constant(value=str(key)), names]):
                        yield key, names
                    case _:
                        pass
        case ast.Dict(keys=keys, values=values):
            for each, of in zip(keys, values, strict=True):
                if isinstance(each, ast.Constant):
                    yield str(each.value), of
        case _:
            pass


def _texts(value: ast.expr) -> Iterator[str]:
    """The names in a value: one, a tuple of two, or those of two backends."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _texts(part)
        case ast.Dict(values=parts):
            for part in parts:
                yield from _texts(part)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case _:
            pass


def _aliases(tree: ast.Module) -> Iterator[str]:
    """``BertTokenizerFast = BertTokenizer``."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name()) if name[:1].isupper():
                yield name
            case _:
                pass


def _read(node: ast.ClassDef, kind: str) -> _Node:
    config = ""
    for part in node.body:
        match part:
            case ast.AnnAssign(target=ast.Name(id="config"), annotation=annotation):
                config = ast.unparse(annotation).strip("'\"")
            case ast.Assign(targets=[ast.Name(id="config_class")], value=ast.Name(id=name)):
                config = name
            case _:
                pass
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return _Node(kind, bases, config, dict(_needed(node)) if kind == "processor" else {})


def _needed(node: ast.ClassDef) -> Iterator[tuple[str, JsonValue]]:
    """Arguments without a value by default, which a method computes with or compares to a text."""
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    init = next((method for method in methods if method.name == "__init__"), None)
    if init is None:
        return
    arguments = init.args.args
    given: list[ast.expr | None] = [None] * (len(arguments) - len(init.args.defaults))
    given += init.args.defaults
    parts = [part for method in methods if method is not init for part in ast.walk(method)]
    for argument, default in zip(arguments, given, strict=True):
        name = argument.arg
        is_open = default is None or (isinstance(default, ast.Constant) and default.value is None)
        if is_open and name not in _PARTS and not _is_guarded(node, name):
            if any(_computes(part, name) for part in parts):
                yield name, None
            else:
                yield from ((name, text) for part in parts for text in _compared(part, name))


def _is_guarded(node: ast.ClassDef, name: str) -> bool:
    """Whether the class asks anywhere if the argument is there."""
    for part in ast.walk(node):
        match part:
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]) if _is(left, name):
                return True
            case ast.BoolOp(op=ast.Or(), values=[left, *_]) if _is(left, name):
                return True
            case ast.If(test=test) | ast.IfExp(test=test) if _is(test, name):
                return True
            case _:
                pass
    return False


def _computes(part: ast.AST, name: str) -> bool:
    return isinstance(part, ast.BinOp) and (_is(part.left, name) or _is(part.right, name))


def _compared(part: ast.AST, name: str) -> Iterator[str]:
    """The text that an argument is compared to."""
    match part:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str(text))]) if _is(
            left, name
        ):
            yield text
        case _:
            pass


def _is(node: ast.expr, name: str) -> bool:
    """Whether this is ``name`` or ``self.name``."""
    match node:
        case ast.Name(id=found) | ast.Attribute(value=ast.Name(id="self"), attr=found):
            return found == name
        case _:
            return False


def _popped(tree: ast.Module) -> Iterator[str]:
    """The keys that ``GenerationConfig`` takes out of its arguments."""
    made = (
        method
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "GenerationConfig"
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
    )
    for node in (node for method in made for node in ast.walk(method)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="kwargs"), attr="pop"),
                args=[ast.Constant(value=str(key)), *_],
            ) if not key.startswith("_"):
                yield key
            case _:
                pass


def _classes(seen: _Seen, owners: Mapping[str, str]) -> Mapping[str, ClassName]:
    """The classes that files of a model folder can name."""
    by_config: dict[str, set[str]] = {}
    for model_type, config in owners.items():
        by_config.setdefault(config, set()).add(model_type)
    types = {name: {*kinds} for name, kinds in seen.mapped.items()}
    for model_type, each in seen.columns.items():
        for name in (name for column, names in each.items() if column != "config" for name in names):
            types.setdefault(name, set()).add(model_type)
    found: dict[str, ClassName] = {}
    for name, node in seen.nodes.items():
        line = [*_ancestry(name, seen.nodes)]
        if name.startswith("_") or (node.kind == "model" and not _is_model(name, line)):
            continue
        kin = [seen.nodes[each] for each in line if each in seen.nodes]
        config = next((each.config for each in kin if each.config), "")
        needed = next((each.needed for each in kin if each.needed), {})
        found[name] = ClassName(
            node.kind, frozenset(types.get(name, set()) | by_config.get(config, set())), needed
        )
    return found


def _is_model(name: str, line: Sequence[str]) -> bool:
    return not name.endswith("PreTrainedModel") and any(each.endswith("PreTrainedModel") for each in line)


def _ancestry(name: str, nodes: Mapping[str, _Node], depth: int = 0) -> Iterator[str]:
    yield name
    if name in nodes and depth < 12:
        for base in nodes[name].bases:
            yield from _ancestry(base, nodes, depth + 1)
