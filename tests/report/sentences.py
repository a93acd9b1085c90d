"""The English sentences of errors and notes, as templates, from the source."""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import genfix

__all__ = ["templates"]

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


def templates() -> set[str]:
    """Each sentence that an error is raised with; ``{}`` stands for what is filled in."""
    found: set[str] = set()
    for path in sorted(Path(genfix.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS:
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                found.update(text for argument in arguments for text in _texts(argument, constants))
    one = {re.sub(r"(\{\})+", "{}", text) for text in found}
    return {text for text in one if text.replace("{}", "").strip(" :;,()")}


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
