"""The functions of an engine that its view names: whether their code is still what was read.

A view names its sources in the docstrings of its modules: a file, and in brackets behind it names in double
backquotes. Of each such function, class or constant the hash of its code is kept beside the version that was
read, in ``dev/conformance/sources/ENGINE.json``; comments, docstrings and layout do not count.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Final, NamedTuple

from genfix.engines import every

__all__ = [
    "MODULES",
    "Changed",
    "Read",
    "changed",
    "code_of",
    "files_of",
    "named_functions",
    "read_of",
    "write_read",
]

PLACE: Final = Path(__file__).parent / "sources"
_HERE: Final = Path(every.__file__).parent
_OF_TRANSFORMERS: Final = (
    *("shared/generating.py", "shared/hf_loading.py", "shared/taken_settings.py", "shared/templates.py"),
)
MODULES: Final[Mapping[str, Sequence[str]]] = {
    "transformers5": ("transformers5.py", "shared/rope_loading.py", "shared/text_part.py", *_OF_TRANSFORMERS),
    "transformers4": ("transformers4.py", *_OF_TRANSFORMERS),
    "vllm": ("vllm.py", "vllm_chat.py", "vllm_classes.py", "vllm_length.py", "vllm_rope.py"),
    "sglang": ("sglang.py", "sglang_processors.py"),
    "lmdeploy": ("lmdeploy.py",),
    "mlx-lm": ("mlx_lm.py",),
}
"""By engine whose code is Python, the modules of its view."""


class Package(NamedTuple):
    """How an engine is published."""

    name: str
    """On PyPI."""
    folder: str
    """Of its code."""


PACKAGES: Final[Mapping[str, Package]] = {
    "transformers5": Package("transformers", "transformers"),
    "transformers4": Package("transformers", "transformers"),
    "vllm": Package("vllm", "vllm"),
    "sglang": Package("sglang", "sglang"),
    "lmdeploy": Package("lmdeploy", "lmdeploy"),
    "mlx-lm": Package("mlx-lm", "mlx_lm"),
}

_FILE: Final = re.compile(r"([\w/]+\.py)\s*\(([^()]*)\)")
_NAME: Final = re.compile(r"``(\w+)``")


class Read(NamedTuple):
    """What was read of an engine."""

    version: str
    functions: Mapping[str, str]
    """By file and name, the hash of the code."""


class Changed(NamedTuple):
    """One function whose code is not what was read."""

    name: str
    diff: str
    """For people; empty where the code that was read is not at hand."""


def named_functions(engine: str) -> tuple[str, ...]:
    """What the docstrings of the engine's view name, as ``FILE NAME``; sorted."""
    found = set[str]()
    for module in MODULES[engine]:
        said = ast.get_docstring(ast.parse((_HERE / module).read_text("utf-8"))) or ""
        for file, names in _FILE.findall(said):
            found |= {f"{file} {name}" for name in _NAME.findall(names)}
    return tuple(sorted(found))


def code_of(root: Path, named: str) -> str | None:
    """The code of everything called so in a file of the package ``root``, without what does not count; `None`
    where the file or the name is not there.
    """
    name = named.partition(" ")[2]
    parts = [
        part
        for path in files_of(root, named)
        for part in _definitions(ast.parse(path.read_text("utf-8")), name)
    ]
    return "\n\n".join(parts) or None


def files_of(root: Path, named: str) -> Sequence[Path]:
    """The files of the package ``root`` that such a name may mean."""
    file = named.partition(" ")[0]
    return [root / file] if (root / file).is_file() else sorted(root.rglob(file))


def _definitions(tree: ast.AST, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name == name:
                yield ast.unparse(_without_docstrings(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in {ast.unparse(target).rpartition(".")[2] for target in targets} and node.value:
                yield ast.unparse(node)


def _without_docstrings(top: ast.AST) -> ast.AST:
    for node in ast.walk(top):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return top


def _hash(code: str | None) -> str:
    return "" if code is None else hashlib.sha256(code.encode()).hexdigest()[:16]


def read_of(engine: str, place: Path = PLACE) -> Read:
    """What was read of ``engine``; of nothing where it never was."""
    file = place / f"{engine}.json"
    if not file.is_file():
        return Read("", {})
    document = json.loads(file.read_text("utf-8"))
    return Read(document["version"], document["functions"])


def write_read(engine: str, version: str, root: Path, names: Sequence[str], place: Path = PLACE) -> None:
    """Say that the code of ``version`` under ``root`` was read."""
    functions = {name: _hash(code_of(root, name)) for name in names}
    document = {"version": version, "functions": functions}
    (place / f"{engine}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def changed(read: Read, names: Sequence[str], new: Path, old: Path | None = None) -> Iterator[Changed]:
    """The functions of ``names`` whose code under ``new`` is not what was ``read``.

    ``old`` is the package as it was then, for the difference to look at.
    """
    for name in names:
        now = code_of(new, name)
        if _hash(now) == read.functions.get(name):
            continue
        before = code_of(old, name) if old is not None else None
        lines = unified_diff(
            (before or "").splitlines(), (now or "").splitlines(), f"{name} (read)", name, lineterm=""
        )
        yield Changed(name, "\n".join(lines))
