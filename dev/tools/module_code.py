"""What a class of transformers builds in its ``__init__``, as short programs that can be kept as data.

Python's syntax tree goes in, nested lists come out; nothing is imported and nothing runs. What has no form
here becomes ``["_"]``: whoever reads it knows nothing about it, and says nothing.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genfix.json_types import JsonValue

__all__ = ["UNKNOWN", "Written", "expression", "read_class"]

UNKNOWN: Final[list[JsonValue]] = ["_"]
_OPERATORS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.USub: "neg",
}
_HARMLESS: Final = frozenset(
    [
        "post_init",
        "init_weights",
        "_init_weights",
        "warn",
        "warning",
        "warning_once",
        "info",
        "reset_parameters",
    ]
)
"""Calls that build nothing."""
_FACTS: Final = (
    "base_model_prefix",
    "_tied_weights_keys",
    "_keys_to_ignore_on_load_missing",
    "_keys_to_ignore_on_load_unexpected",
)
"""Attributes of a class that say how its tensors are called, and which may be absent."""


class Written(NamedTuple):
    """One class, as its file has it."""

    name: str
    bases: Sequence[str]
    parameters: Sequence[str] = ()
    defaults: Mapping[str, JsonValue] = {}
    body: list[JsonValue] | None = None
    """The program of ``__init__``; `None` where the class has none of its own."""
    facts: Mapping[str, JsonValue] = {}


def read_class(node: ast.ClassDef) -> Written:
    """The class as data."""
    bases = [dotted(base) for base in node.bases]
    facts: dict[str, JsonValue] = {}
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _FACTS:
                facts[name] = _constant(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in _FACTS:
                facts[name] = _constant(value)
            case _:
                pass
    init = methods.get("__init__")
    if init is None:
        return Written(node.name, bases, facts=facts)
    named = [argument.arg for argument in (*init.args.args[1:], *init.args.kwonlyargs)]
    given = [*init.args.defaults]
    defaults: dict[str, JsonValue] = {}
    if given:
        plain = [argument.arg for argument in init.args.args[1:]]
        defaults |= {name: expression(value) for name, value in zip(plain[-len(given) :], given, strict=True)}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if default is not None:
            defaults[argument.arg] = expression(default)
    body = [*_Reader(methods).statements(init.body)]
    return Written(node.name, bases, named, defaults, body, facts)


def dotted(node: ast.expr) -> str:
    """``nn.Linear`` as text; empty for anything else than names with dots."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            left = dotted(value)
            return f"{left}.{attr}".replace("torch.nn.", "nn.") if left else ""
        case ast.Subscript(value=value):
            return dotted(value)
        case _:
            return ""


def _constant(node: ast.expr) -> JsonValue:
    """A literal; sets and tuples as lists; `None` for what is computed."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return _plain(value)


def _plain(value: object) -> JsonValue:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool) else None


class _Reader:
    """The statements of one ``__init__``."""

    def __init__(self, methods: Mapping[str, ast.FunctionDef]) -> None:
        self.methods = methods

    def statements(self, nodes: Sequence[ast.stmt]) -> Iterator[JsonValue]:
        for node in nodes:
            yield from self.statement(node)

    def statement(  # noqa: C901, PLR0912 - one case a kind of node
        self, node: ast.stmt
    ) -> Iterator[JsonValue]:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assigned(target, value)
            case ast.AugAssign(target=target, op=op, value=value):
                left = expression(target)
                if isinstance(left, str):
                    yield ["=", left, [_OPERATORS.get(type(op), "_"), left, expression(value)]]
            case ast.If(test=test, body=body, orelse=orelse):
                yield ["if", expression(test), [*self.statements(body)], [*self.statements(orelse)]]
            case ast.For(target=target, iter=iterated, body=body):
                yield ["for", _target(target), expression(iterated), [*self.statements(body)]]
            case ast.Expr(value=ast.Call() as call):
                yield from self._called(call)
            case ast.Delete(targets=targets):
                yield from (["del", expression(target)] for target in targets)
            case ast.With(body=body) | ast.Try(body=body):
                yield from self.statements(body)
            case ast.Return():
                yield ["end"]
            case ast.Break():
                yield ["break"]
            case ast.Continue():
                yield ["next"]
            case ast.While() | ast.FunctionDef():
                yield ["open"]
            case _:
                pass

    def _assigned(self, target: ast.expr, value: ast.expr) -> Iterator[JsonValue]:
        match target, value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for each, of in zip(targets, values, strict=True):
                    yield from self._assigned(each, of)
            case ast.Tuple(elts=targets), _:
                for each in targets:
                    yield ["=", _target(each), UNKNOWN]
            case ast.Name() | ast.Attribute(), _:
                yield ["=", _target(target), expression(value)]
            case ast.Subscript(value=inner), _:
                yield ["=[", expression(inner), expression(target.slice), expression(value)]
            case _:
                yield ["open"]

    def _called(self, call: ast.Call) -> Iterator[JsonValue]:
        match call.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
                yield ["super", "", *_arguments(call)]
            case ast.Attribute(value=ast.Name(id=base), attr="__init__") if base[:1].isupper():
                yield ["super", base, *_arguments(call, skip=1)]
            case ast.Attribute(attr=name) if name in _HARMLESS or name.startswith("reset_"):
                return
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self.methods:
                if _builds(self.methods[name]):
                    yield ["open"]
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="nn"), attr="init")):
                return
            case ast.Name(id="setattr"):
                match call.args:
                    case [ast.Name(id="self"), named, given]:
                        yield ["set", expression(named), expression(given)]
                    case _:
                        yield ["open"]
            case ast.Attribute():
                yield ["do", expression(call)]
            case _:
                pass


def _builds(method: ast.FunctionDef) -> bool:
    """Whether a method sets attributes of the object."""
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        for node in ast.walk(method)
    ) or any(
        isinstance(node, ast.Attribute) and node.attr.startswith(("register_", "add_module"))
        for node in ast.walk(method)
    )


def _target(node: ast.expr) -> JsonValue:
    match node:
        case ast.Tuple(elts=parts):
            return ["l", *(_target(part) for part in parts)]
        case _:
            return expression(node)


def _arguments(call: ast.Call, skip: int = 0) -> list[JsonValue]:
    """Positional and named arguments."""
    named: dict[str, JsonValue] = {}
    for keyword in call.keywords:
        named[keyword.arg or "**"] = expression(keyword.value)
    return [[expression(argument) for argument in call.args[skip:]], named]


def expression(node: ast.expr) -> JsonValue:  # noqa: C901, PLR0911, PLR0912 - one case a kind of node
    """An expression as data."""
    match node:
        case ast.Constant(value=str(text)):
            return ["'", text]
        case ast.Constant(value=(bool() | int() | float() | None) as value):
            return value
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return f"@{attr}"
        case ast.Attribute() if dotted(node).startswith("nn."):
            return dotted(node)  # a class that a table or a variable holds
        case ast.Attribute(value=value, attr=attr):
            return [".", expression(value), attr]
        case ast.Call(func=function):
            name = "" if isinstance(function, ast.Subscript) else dotted(function)
            is_name = name and not name.startswith("self.") and name.split(".")[0] in _ROOTS | {name}
            is_class = name[:1].isupper() and "." in name
            return ["(", name if is_name or is_class else expression(function), *_arguments(node)]
        case ast.BinOp(left=left, op=op, right=right):
            return [_OPERATORS.get(type(op), "_"), expression(left), expression(right)]
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return [_OPERATORS[type(op)], expression(left), expression(right)]
        case ast.BoolOp(op=op, values=values):
            return [_OPERATORS[type(op)], *map(expression, values)]
        case ast.UnaryOp(op=op, operand=operand):
            return [_OPERATORS.get(type(op), "_"), expression(operand)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ["?", expression(test), expression(body), expression(orelse)]
        case ast.Subscript(value=value, slice=place) if not isinstance(place, ast.Slice | ast.Tuple):
            return ["[", expression(value), expression(place)]
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=None)):
            return [
                "[:",
                expression(value),
                None if lower is None else expression(lower),
                None if upper is None else expression(upper),
            ]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return ["l", *map(expression, parts)]
        case ast.Starred(value=value):
            return ["*", expression(value)]
        case ast.ListComp(elt=element, generators=[each]) | ast.GeneratorExp(elt=element, generators=[each]):
            only = expression(each.ifs[0]) if len(each.ifs) == 1 else (UNKNOWN if each.ifs else None)
            return ["for", expression(element), _target(each.target), expression(each.iter), only]
        case ast.DictComp(key=name_of, value=value_of, generators=[each]) if not each.ifs:
            item: JsonValue = ["l", expression(name_of), expression(value_of)]
            return ["d", ["for", item, _target(each.target), expression(each.iter), None]]
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            pairs: list[JsonValue] = [
                ["l", expression(entry), expression(of)]
                for entry, of in zip(keys, values, strict=True)
                if entry
            ]
            return ["d", ["l", *pairs]]
        case ast.JoinedStr(values=parts):
            return [
                "f",
                *(expression(part.value if isinstance(part, ast.FormattedValue) else part) for part in parts),
            ]
        case _:
            return UNKNOWN


_ROOTS: Final = frozenset(["nn", "torch", "math", "np", "copy"])
