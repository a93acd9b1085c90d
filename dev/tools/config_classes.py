"""Writes which model types released versions of transformers know, and the defaults of their config classes.

    python -m dev.tools.config_classes genfix/engines/data/config_classes.jsonl WHEEL ...

The wheels are releases, oldest first (``pip download --no-deps transformers==4.57.6``). Their code is read as
text and never runs. The first line of the table names the releases; each other line is one model type, the
first and the last release that have it, its fields whose default is the same in all of them, and for each
other field its defaults: first release, last release, default. What is no plain value is written as
``{"=": "hidden_size // num_attention_heads"}`` where the class fills in an expression of other fields, and as
``{"?": 1}`` where only running the class would tell.
"""

import ast
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from genfix.json_types import JsonValue

__all__ = ["main"]

_UNKNOWN: dict[str, JsonValue] = {"?": 1}
_LONGEST = 120
_USUAL_THETA = 10_000.0
"""modeling_rope_utils.py of transformers 5: ``RotaryEmbeddingConfigMixin.default_theta``."""


class _Class(NamedTuple):
    model_type: str | None
    bases: Sequence[str]
    fields: Mapping[str, JsonValue]
    """Its own, by name; inherited ones are not here."""


def main(out: Path, *wheels: Path) -> int:
    """Write the table; the exit code."""
    releases = [wheel.name.split("-")[1] for wheel in wheels]
    read = [_model_types(wheel) for wheel in wheels]
    lines: list[JsonValue] = [[*releases]]
    for kind in sorted(set().union(*read)):
        known = [index for index, types in enumerate(read) if kind in types]
        lines.append([kind, known[0], known[-1], *_columns({index: read[index][kind] for index in known})])
    text = "".join(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n" for line in lines)
    out.write_text(text, "utf-8")
    print(f"{len(lines) - 1} model types of {len(releases)} releases")
    return 0


def _columns(fields: Mapping[int, Mapping[str, JsonValue]]) -> tuple[JsonValue, JsonValue]:
    """Fields with one default in all releases, and the others with their history."""
    same: dict[str, JsonValue] = {}
    changed: dict[str, JsonValue] = {}
    for name in sorted(set().union(*fields.values())):
        runs: list[list[JsonValue]] = []
        for index, values in fields.items():
            if name not in values:
                continue
            if runs and runs[-1][1] == index - 1 and _spelled(runs[-1][2]) == _spelled(values[name]):
                runs[-1][1] = index
            else:
                runs.append([index, index, values[name]])
        if len(runs) == 1 and runs[0][:2] == [min(fields), max(fields)]:
            same[name] = runs[0][2]
        else:
            changed[name] = [*runs]
    return same, changed


def _spelled(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _model_types(wheel: Path) -> Mapping[str, Mapping[str, JsonValue]]:
    """The fields of each model type that a release has a config class for."""
    archive = zipfile.ZipFile(wheel)
    classes: dict[str, _Class] = {}
    named: dict[str, str] = {}
    for name in archive.namelist():
        if name.startswith("transformers/models/") and name.rpartition("/")[2].startswith("configuration_"):
            tree = ast.parse(archive.read(name).decode())
            classes.update((node.name, _read(node)) for node in tree.body if isinstance(node, ast.ClassDef))
        if name in {
            f"transformers/models/auto/{file}.py" for file in ("configuration_auto", "auto_mappings")
        }:
            named.update(_mapping(ast.parse(archive.read(name).decode())))
    for name, found in classes.items():
        if found.model_type:
            named.setdefault(found.model_type, name)
    modern = not wheel.name.startswith("transformers-4")
    return {kind: _fields(name, classes, modern) for kind, name in named.items() if name in classes}


def _mapping(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Model type and class of ``CONFIG_MAPPING_NAMES``, however that is put together."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.Expr) and ast.unparse(node).startswith("CONFIG_MAPPING_NAMES"):
            for part in ast.walk(node.value):
                pairs: Iterator[tuple[ast.expr | None, ast.expr]] = iter(())
                if isinstance(part, ast.Dict):
                    pairs = zip(part.keys, part.values, strict=True)
                elif isinstance(part, ast.Tuple) and len(part.elts) == 2:
                    pairs = iter([(part.elts[0], part.elts[1])])
                for key, value in pairs:
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                        yield str(key.value), str(value.value)


def _fields(name: str, classes: Mapping[str, _Class], modern: bool) -> Mapping[str, JsonValue]:  # noqa: FBT001 - a fact of the release
    """All fields of a class, those it inherits too."""
    found: dict[str, JsonValue] = {}
    for owner in reversed([*_ancestry(name, classes)]):
        found.update(owner.fields)
    theta = found.pop("default_theta", _USUAL_THETA)
    if modern and "rope_parameters" in found:
        found.setdefault("rope_theta", theta if found["rope_parameters"] is None else _UNKNOWN)
    return found


def _ancestry(name: str, classes: Mapping[str, _Class]) -> Iterator[_Class]:
    if name in classes:
        yield classes[name]
        for base in classes[name].bases:
            yield from _ancestry(base, classes)


def _read(node: ast.ClassDef) -> _Class:
    model_type: str | None = None
    fields: dict[str, JsonValue] = {}
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id="model_type")], value=ast.Constant(value=str(text))):
                model_type = text
            case ast.Assign(targets=[ast.Name(id="default_theta")]):
                fields["default_theta"] = _value(part.value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) if "ClassVar" not in ast.unparse(
                part.annotation
            ):
                fields[name] = _value(part.value)
            case ast.FunctionDef(name="__init__" | "__post_init__"):
                fields.update(_arguments(part))
                fields.update((name, _UNKNOWN) for name in _replaced(part) if name in fields)
                fields.update(_filled_in(part, {**fields}))
            case _:
                pass
    return _Class(model_type, [base.id for base in node.bases if isinstance(base, ast.Name)], fields)


def _arguments(function: ast.FunctionDef) -> Iterator[tuple[str, JsonValue]]:
    arguments = function.args
    named = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    yield from zip((arg.arg for arg in named), map(_value, arguments.defaults), strict=True)
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield arg.arg, _value(default)


def _filled_in(function: ast.FunctionDef, own: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    """What the class puts in the place of a null, and what it gives to its parent where nothing is said."""
    for node in ast.walk(function):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="kwargs"), attr="setdefault"),
                args=[ast.Constant(value=str(name)), value],
            ):
                yield name, _value(value)
            case ast.If(test=test):
                name = _asked(test)
                if name in own and own[name] is None:
                    values = [*_assigned(node.body, name)]
                    always = [part.value for part in node.body if isinstance(part, ast.Assign)]
                    is_plain = len(values) == 1 and values[0] in always
                    yield name, _expression(values[0], own) if is_plain else _UNKNOWN
                elif name and name not in own and isinstance(test, ast.Compare):
                    yield from ((name, _UNKNOWN) for _ in _assigned(node.body, name))  # an inherited field
            case ast.Assign(targets=[target], value=ast.IfExp() | ast.BoolOp(op=ast.Or())):
                name = _name(target)
                other = _otherwise(node.value, name)
                if other is not None and name in own and own[name] is None:
                    yield name, _expression(other, own)
            case _:
                pass


def _replaced(function: ast.FunctionDef) -> Iterator[str]:
    """Fields that the class sets whatever the file says."""
    for node in function.body:
        match node:
            case ast.Assign(targets=[ast.Attribute() as target], value=value):
                name = _name(target)
                if _name(value) != name and _otherwise(value, name) is None:
                    yield name
            case _:
                pass


def _otherwise(value: ast.expr, name: str) -> ast.expr | None:
    """What stands for a null: ``x or OTHER``, ``x if x is not None else OTHER``."""
    match value:
        case ast.BoolOp(values=[first, other]) if _name(first) == name:
            return other
        case ast.IfExp(body=body, orelse=other) if _name(body) == name:
            return other
        case ast.IfExp(body=body, orelse=orelse) if _name(orelse) == name:
            return body
        case _:
            return None


def _asked(test: ast.expr) -> str:
    """``x`` of ``x is None``."""
    match test:
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return _name(left)
        case _:
            return ""


def _assigned(body: Sequence[ast.stmt], name: str) -> Iterator[ast.expr]:
    """What ``name`` is set to, anywhere in these statements."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and name in map(_name, node.targets):
                yield node.value


def _name(node: ast.expr) -> str:
    """``x`` of ``x`` and of ``self.x``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
        case _:
            return ""


def _value(node: ast.expr | None) -> JsonValue:
    """A plain value; that of ``interval(...)(default=VALUE)`` and of ``4096 * 32`` too."""
    match node:
        case ast.Call():
            return next((_value(word.value) for word in node.keywords if word.arg == "default"), _UNKNOWN)
        case ast.BinOp(ast.Constant(value=int(left)), ast.Mult(), ast.Constant(value=int(right))):
            return left * right
        case None:
            return _UNKNOWN
        case _:
            pass
    try:
        text = json.dumps(ast.literal_eval(node))
    except (ValueError, TypeError):
        return _UNKNOWN
    value: JsonValue = json.loads(text)
    return value if len(text) <= _LONGEST else _UNKNOWN


def _expression(node: ast.expr, fields: Mapping[str, JsonValue]) -> JsonValue:
    """A plain value; a field, or the quotient of two."""
    match node:
        case ast.Name() | ast.Attribute() if _name(node) in fields:
            return {"=": _name(node)}
        case ast.BinOp(left, ast.FloorDiv(), right) if {_name(left), _name(right)} <= fields.keys():
            return {"=": f"{_name(left)} // {_name(right)}"}
        case _:
            return _value(node)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(Path, sys.argv[2:])))
