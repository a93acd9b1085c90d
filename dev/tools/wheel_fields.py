"""Fields of config classes, and their defaults, read in a release's code as text.

What is no plain value is ``{"=": "hidden_size // num_attention_heads"}`` where the class fills in an
expression of other fields, and ``{"?": 1}`` where only running the class would tell.
"""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from genfix.json_types import JsonValue

__all__ = ["ConfigNode", "fields_of", "read_config"]

_UNKNOWN: dict[str, JsonValue] = {"?": 1}
_LONGEST = 120
_USUAL_THETA = 10_000.0
"""modeling_rope_utils.py of transformers 5: ``RotaryEmbeddingConfigMixin.default_theta``."""


class ConfigNode(NamedTuple):
    """One class as it is written."""

    model_type: str | None
    bases: Sequence[str]
    fields: Mapping[str, JsonValue]
    """Its own, by name; inherited ones are not here."""


def fields_of(name: str, classes: Mapping[str, ConfigNode], *, modern: bool) -> Mapping[str, JsonValue]:
    """All fields of a class, those it inherits too; ``modern``: of transformers 5."""
    found: dict[str, JsonValue] = {}
    for owner in reversed([*_ancestry(name, classes)]):
        found.update(owner.fields)
    theta = found.pop("default_theta", _USUAL_THETA)
    if modern and "rope_parameters" in found:
        found.setdefault("rope_theta", theta if found["rope_parameters"] is None else _UNKNOWN)
    return found


def _ancestry(name: str, classes: Mapping[str, ConfigNode]) -> Iterator[ConfigNode]:
    if name in classes:
        yield classes[name]
        for base in classes[name].bases:
            yield from _ancestry(base, classes)


def read_config(node: ast.ClassDef) -> ConfigNode:
    """What the class itself says."""
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
    return ConfigNode(model_type, [base.id for base in node.bases if isinstance(base, ast.Name)], fields)


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
