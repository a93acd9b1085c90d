"""Keys of config files that the code of an engine names, whether its view knows them or not.

They stand in the files of which the view names functions (`dev.conformance.sources`): what is looked up by a
constant name, or is an attribute of something called a config. A release that reads a new key has it in one
of these, and so is asked about it before anybody has read of it.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dev.conformance.sources import PACKAGES, files_of, named_functions

__all__ = ["keys_in", "keys_read", "keys_read_by"]

_KEY: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CONFIG: Final = re.compile(r"config\w*$|cfg$|kwargs$|params$")
_BY_NAME: Final = frozenset(["get", "pop", "setdefault", "getattr", "hasattr", "setattr"])


def keys_read(engine: str, root: Path) -> tuple[str, ...]:
    """Of the engine whose package is ``root``; sorted."""
    files = {path for named in named_functions(engine) for path in files_of(root, named)}
    return tuple(sorted({key for file in files for key in keys_in(file.read_text("utf-8"))}))


def keys_read_by(engine: str, python: Path) -> tuple[str, ...]:
    """Of the engine that ``python`` has; none where its code is no Python, or is not there."""
    if engine not in PACKAGES:
        return ()
    ask = "import importlib.util as found, sys; print(found.find_spec(sys.argv[1]).origin)"
    done = subprocess.run(
        [python, "-c", ask, PACKAGES[engine].folder], capture_output=True, text=True, check=False
    )
    return () if done.returncode else keys_read(engine, Path(done.stdout.strip()).parent)


def keys_in(code: str) -> frozenset[str]:
    """What ``code`` looks up by name."""
    nodes = [*ast.walk(ast.parse(code))]
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    found = (key for node in nodes if id(node) not in called for key in _of(node))
    return frozenset(key for key in found if _KEY.fullmatch(key) and key != "self")


def _of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[of, ast.Constant(value=str(key)), *_]):
            if name in _BY_NAME and _is_config(of):
                yield key
        case ast.Call(func=ast.Attribute(value=of, attr=name), args=[ast.Constant(value=str(key)), *_]):
            if name in _BY_NAME and _is_config(of):
                yield key
        case ast.Subscript(value=of, slice=ast.Constant(value=str(key))):
            if _is_config(of):
                yield key
        case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()]):
            yield key
        case ast.Attribute(value=of, attr=key):
            if _is_config(of):
                yield key
        case ast.Assign(value=ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts)):
            yield from (
                part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )
        case _:
            pass


def _is_config(node: ast.expr) -> bool:
    return _CONFIG.search(ast.unparse(node)) is not None
