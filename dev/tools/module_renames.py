"""The renames that transformers 5 applies to tensors while it loads: ``conversion_mapping.py`` as data.

The function that puts them together is followed as far as it is literals, names, ``+`` and ``copy()``; of the
classes of steps the kind is kept, and of conversions of values that they are some.
"""

import ast
from collections.abc import Mapping
from typing import Final

from genfix.json_types import JsonValue

__all__ = ["rename_lines"]

_KINDS: Final = {
    "WeightRenaming": "name",
    "GroupWeightRename": "group",
    "WeightConverter": "merge",
    "PrefixChange": "prefix",
}


_MOVES: Final = "moves"
_MOVING: Final = frozenset(
    [
        "MergeModulelist",
        "Concatenate",
        "Chunk",
        "Split",
        "Transpose",
        "Interleave",
        "PermuteForRope",
        "SplitModulelist",
    ]
)
"""Operations that put the same numbers elsewhere."""


def rename_lines(tree: ast.Module) -> list[JsonValue]:
    """One line an owner."""
    reader = _Follower()
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                reader.names[name] = reader.value(value)
            case ast.FunctionDef(name="_build_checkpoint_conversion_mapping", body=body):
                reader.run(body)
            case _:
                pass
    mapping = reader.names["mapping"]
    aliases = reader.names["_MODEL_TO_CONVERSION_PATTERN"]
    assert isinstance(mapping, dict)
    assert isinstance(aliases, dict)
    for name, of in aliases.items():
        mapping.setdefault(name, mapping[str(of)])
    return [[f"renames {name}", *_steps(steps)] for name, steps in sorted(mapping.items())]


def _steps(steps: JsonValue) -> list[JsonValue]:
    return [
        step if isinstance(step, list) else ["?", [], []]
        for step in (steps if isinstance(steps, list) else [None])
    ]


class _Follower:
    """The values of names."""

    def __init__(self) -> None:
        self.names: dict[str, JsonValue] = {}

    def run(self, body: list[ast.stmt]) -> None:
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.names[name] = self.value(value)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
                    self._at(name)[str(self.value(key))] = self.value(value)
                case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name), slice=key), value=value):
                    held = self._at(name)
                    more, known = self.value(value), held[str(self.value(key))]
                    held[str(self.value(key))] = [*_list(known), *_list(more)]
                case ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=target, attr="extend" | "append" as how), args=[more]
                    )
                ):
                    of = self.value(target)
                    if isinstance(of, list):
                        of.extend(_list(self.value(more)) if how == "extend" else [self.value(more)])
                case ast.For(target=ast.Name(id=name), iter=iterated, body=inner):
                    for each in _list(self.value(iterated)):
                        self.names[name] = each
                        self.run(inner)
                case _:
                    pass

    def _at(self, name: str) -> dict[str, JsonValue]:
        held = self.names[name]
        assert isinstance(held, dict)
        return held

    def value(self, node: ast.expr) -> JsonValue:  # noqa: C901, PLR0911, PLR0912 - one case a kind of node
        match node:
            case ast.Constant(value=(str() | int() | float() | bool() | None) as value):
                return value
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._parts(parts)
            case ast.Dict(keys=keys, values=values):
                found: dict[str, JsonValue] = {}
                for key, of in zip(keys, values, strict=True):
                    if key is not None:
                        found[str(self.value(key))] = self.value(of)
                return found
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _added(self.value(left), self.value(right))
            case ast.Subscript(value=held, slice=place):
                return self._item(self.value(held), self.value(place))
            case ast.Call(func=ast.Attribute(value=held, attr="copy")):
                copied = self.value(held)
                return [*copied] if isinstance(copied, list) else copied
            case ast.Call(func=ast.Name(id="deepcopy" | "list"), args=[held]):
                copied = self.value(held)
                return [*copied] if isinstance(copied, list) else copied
            case ast.Call(func=ast.Name(id=name)) if name[:1].isupper():
                return self._step(name, node)
            case ast.ListComp(
                elt=ast.Name(id=name), generators=[ast.comprehension(target=ast.Name(id=of), iter=held)]
            ):
                return self.value(held) if name == of else None
            case ast.JoinedStr(values=parts):
                return "".join(
                    str(self.value(p.value if isinstance(p, ast.FormattedValue) else p)) for p in parts
                )
            case _:
                return None

    def _parts(self, parts: list[ast.expr]) -> list[JsonValue]:
        found: list[JsonValue] = []
        for part in parts:
            match part:
                case ast.Starred(value=inner):
                    found += _list(self.value(inner))
                case _:
                    found.append(self.value(part))
        return found

    def _item(self, held: JsonValue, key: JsonValue) -> JsonValue:
        if isinstance(held, dict):
            return held.get(str(key))
        return held[key] if isinstance(held, list) and isinstance(key, int) and key < len(held) else None

    def _step(self, name: str, call: ast.Call) -> JsonValue:
        if name in _MOVING:
            return ["?", _MOVES]
        given = [self.value(argument) for argument in call.args]
        named = {keyword.arg or "": self.value(keyword.value) for keyword in call.keywords}
        if name == "PrefixChange":
            return ["prefix", *_prefix(named, given)]
        sources = named.get("source_patterns", given[0] if given else None)
        targets = named.get("target_patterns", given[1] if len(given) > 1 else None)
        kind = _KINDS.get(name, "?")
        if kind == "merge" and not _keeps_all(named.get("operations")):
            kind = "convert"
        return [kind, _texts(sources), _texts(targets)]


def _keeps_all(operations: JsonValue) -> bool:
    """Whether the operations only move numbers about."""
    names = operations if isinstance(operations, list) else [None]
    return all(isinstance(each, list) and each[0] == "?" and each[1:] == [_MOVES] for each in names)


def _prefix(named: Mapping[str, JsonValue], given: list[JsonValue]) -> list[JsonValue]:
    add = named.get("prefix_to_add", given[0] if given else None)
    remove = named.get("prefix_to_remove", given[1] if len(given) > 1 else None)
    of = named.get("model_prefix", given[2] if len(given) > 2 else None)
    prefix = rf"{of}\." if of else ""
    if add is not None:
        return [[rf"^{prefix}(?:(?!{add}\.))(.+)"], [rf"{prefix}{add}\.\1"]]
    return [[rf"^{prefix}{remove}\.(.+)"], [rf"{prefix}\1"]]


def _texts(value: JsonValue) -> list[JsonValue]:
    return [value] if isinstance(value, str) else _list(value)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _added(left: JsonValue, right: JsonValue) -> JsonValue:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    return None
