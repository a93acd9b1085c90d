"""What config classes of transformers do beyond having fields: other names, parts, and what they compute."""

import ast
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dev.tools.module_code import dotted
from genfix.json_types import JsonValue

__all__ = ["config_lines"]

_MODELS: Final = "transformers/models/"
_ALL: Final = "transformers/configuration_utils.py"


class _Config(NamedTuple):
    bases: tuple[str, ...]
    model_type: str
    names: Mapping[str, str]
    parts: Mapping[str, str]
    computed: frozenset[str]
    forced: Mapping[str, JsonValue]


def config_lines(archive: zipfile.ZipFile) -> list[JsonValue]:
    """One line a model type."""
    found: dict[str, _Config] = {}
    for path in archive.namelist():
        file = path.rpartition("/")[2]
        if path.startswith(_MODELS) and file.startswith("configuration_") and file.endswith(".py"):
            nodes = ast.parse(archive.read(path)).body
            found |= {node.name: _read(node) for node in nodes if isinstance(node, ast.ClassDef)}
    lines: list[JsonValue] = []
    for name, config in sorted(found.items(), key=lambda item: item[1].model_type):
        if config.model_type:
            line = [*_line(name, found)]
            names = {key: value for each in reversed(line) for key, value in each.names.items()}
            parts = {key: value for each in reversed(line) for key, value in each.parts.items()}
            kinds = {key: found[of].model_type if of in found else _any(of) for key, of in parts.items()}
            computed = frozenset().union(*(each.computed for each in line))
            if names or kinds or computed:
                facts: list[JsonValue] = [{**names}, {**kinds}, [*sorted(computed)], _forced(line)]
                lines.append([f"config {config.model_type}", *facts])
    return [*lines, *_layer_types(ast.parse(archive.read(_ALL)))]


def _forced(line: Sequence[_Config]) -> dict[str, JsonValue]:
    """What is set to one value whatever the file says: the nearest class that sets a field decides."""
    found: dict[str, JsonValue] = {}
    for each in reversed(line):
        found = {field: value for field, value in found.items() if field not in each.computed}
        found |= each.forced
    return found


def _layer_types(tree: ast.Module) -> Iterator[JsonValue]:
    """The older names of kinds of layers, which all configs take."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="_LEGACY_LAYER_TYPE_REMAP")], value=ast.Dict() as value):
                pairs = zip(value.keys, value.values, strict=True)
                yield ["layer types", {_text(old): _text(new) for old, new in pairs}]
            case _:
                pass


def _any(name: str) -> str:
    return name if name.startswith("*") else ""


def _line(name: str, found: Mapping[str, _Config], depth: int = 0) -> Iterator[_Config]:
    if name in found and depth < 8:
        yield found[name]
        for base in found[name].bases:
            yield from _line(base, found, depth + 1)


def _read(node: ast.ClassDef) -> _Config:
    model_type, names = "", dict[str, str]()
    parts: dict[str, str] = {}
    computed: set[str] = set()
    forced: dict[str, JsonValue] = {}
    for part in node.body:
        target, value = _assigned(part)
        match target, value:
            case "model_type", ast.Constant(value=str(text)):
                model_type = text
            case "attribute_map", ast.Dict(keys=keys, values=values):
                names = {_text(key): _text(each) for key, each in zip(keys, values, strict=True)}
            case "sub_configs" | "sub_configs_defaults", ast.Dict(keys=keys, values=values):
                parts |= {_text(key): _part(each) for key, each in zip(keys, values, strict=True)}
            case _:
                pass
        if isinstance(part, ast.FunctionDef):
            if any(dotted(each) == "property" for each in part.decorator_list):
                computed.add(part.name)
            elif part.name in ("__init__", "__post_init__"):
                computed.update(_stored(part))
                forced |= _constants(part)
    return _Config(tuple(map(dotted, node.bases)), model_type, names, parts, frozenset(computed), forced)


def _part(node: ast.expr) -> str:
    """The class of a part; ``*TYPE`` where any may stand there, and one of that type by default."""
    if not isinstance(node, ast.Call):
        return dotted(node)
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    owner = named.get("config_class", node.args[0] if node.args else None)
    name = dotted(owner) if owner is not None else ""
    return f"*{_text(named.get('model_type'))}" if name in ("", "AutoConfig") else name


def _assigned(part: ast.stmt) -> tuple[str, ast.expr | None]:
    match part:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return name, value
        case _:
            return "", None


def _text(node: ast.expr | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _stored(method: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store()):
                yield attr
            case _:
                pass


def _constants(method: ast.FunctionDef) -> dict[str, JsonValue]:
    """Fields that a method sets once, under no condition, to a value that stands in the code."""
    times = Counter(_stored(method))
    found: dict[str, JsonValue] = {}
    for part in method.body:
        match part:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=field)],
                value=ast.Constant(value=bool() | int() | float() | str() | None as value),
            ) if times[field] == 1:
                found[field] = value
            case _:
                pass
    return found
