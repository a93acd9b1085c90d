"""The package's own source, parsed once."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.support.places import ROOT

__all__ = ["MODULES", "parsed"]

MODULES: Mapping[str, Path] = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "genfix").rglob("*.py"))
}


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return _tree(path.read_bytes())


@cache
def _tree(source: bytes) -> ast.Module:
    return ast.parse(source)
