"""The English sentences of errors and notes, as templates, from the source."""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from tests.support.sources import MODULES, parsed

__all__ = ["note_templates", "templates"]

_ERRORS: Final = frozenset(
    {
        "InputError",
        "BaseModelError",
        "StorageError",
        "RefusedError",
        "ChangedError",
        "ProbeError",
        "GenfixError",
    }
)
"""Not `PlanError`: a bug is reported in English."""

_NOTES: Final = frozenset({"notes", "passed"})
"""What notes are gathered in."""
_TELLERS: Final = frozenset({"_taken", "trace_note", "told_gone", "_moved", "_left_out"})
"""Functions that return or yield notes, beside all of `genfix.resolver.finder.lineage` that yield."""


@cache
def templates() -> frozenset[str]:
    """Each sentence that an error is raised with; ``{}`` stands for what is filled in."""
    found: set[str] = set()
    for path in MODULES.values():
        tree = parsed(path)
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS:
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                found.update(text for argument in arguments for text in _texts(argument, constants))
    return _sentences(found)


@cache
def note_templates() -> frozenset[str]:
    """Each sentence that is told as a note."""
    found: set[str] = set()
    for path in MODULES.values():
        tree = parsed(path)
        constants = dict(_constants(tree))
        for node in _notes(tree, every_yield=path.stem == "lineage"):
            told = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
            found.update(text for one in told for text in _texts(one, constants))
    return _sentences(found)


def _notes(tree: ast.Module, *, every_yield: bool) -> Iterator[ast.expr]:
    """The expressions that are added to notes, or come from a function that tells them."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[told]) if (
                name in _NOTES
            ):
                yield told
            case ast.AugAssign(target=ast.Name(id=name), value=told) if name in _NOTES:
                yield told
            case ast.Assign(targets=[ast.Name(id=name)], value=told) if name in _NOTES:
                yield told
            case ast.Call(func=ast.Attribute(attr="notes"), args=[told]):
                yield told
            case ast.Yield(value=ast.expr() as told) if every_yield:
                yield told
            case ast.FunctionDef(name=name) if name in _TELLERS:
                yield from (
                    inner.value
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None
                )
            case _:
                continue


def _sentences(found: set[str]) -> frozenset[str]:
    one = {re.sub(r"(\{\})+", "{}", text) for text in found}
    return frozenset(text for text in one if text.replace("{}", "").strip(" :;,()"))


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Texts with a name at the top of a module."""
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield name, value.value


def _texts(node: ast.expr, constants: Mapping[str, str]) -> list[str]:
    """What an expression may be; a value that is known only when it runs is ``{}``."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name):
            return [constants.get(name, "{}")]
        case ast.FormattedValue(value=value, conversion=-1):
            return _texts(value, constants) if isinstance(value, ast.Name | ast.IfExp) else ["{}"]
        case ast.JoinedStr(values=values):
            parts = [_texts(value, constants) for value in values]
            return ["".join(some) for some in itertools.product(*parts)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in _texts(left, constants) for b in _texts(right, constants)]
        case ast.IfExp(body=body, orelse=orelse):
            return _texts(body, constants) + _texts(orelse, constants)
        case _:
            return ["{}"]
