"""Model folders as values: small files are bytes, weights are links to where they lie."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from genfix.json_types import JsonValue

__all__ = ["PARTS", "Files", "dumped", "keys_of_parts", "parsed", "read_folder", "write_folder"]

Files: TypeAlias = Mapping[str, bytes | Path]

_WEIGHTS: Final = (".safetensors", ".bin", ".gguf", ".pt", ".xml")
_PROCESSOR: Final = frozenset(
    {"preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"}
)
_NO_MODEL_FILES: Final = frozenset({".gitattributes", "LICENSE", "README.md", "NOTICE", "USE_POLICY.md"})


def _is_weights(name: str) -> bool:
    return name.endswith((*_WEIGHTS, ".index.json"))


def _of_tokenizer(name: str) -> bool:
    return not (
        _is_weights(name)
        or name in _PROCESSOR | _NO_MODEL_FILES
        or name in {"config.json", "generation_config.json"}
    )


PARTS: Final[Mapping[str, Callable[[str], bool]]] = {
    "config": lambda name: name == "config.json" or name.endswith(".py"),
    "generation": lambda name: name in {"config.json", "generation_config.json"} or name.endswith(".py"),
    "tokenizer": lambda name: name == "config.json" or _of_tokenizer(name),
    "processor": lambda name: name == "config.json" or name in _PROCESSOR or _of_tokenizer(name),
    "model": lambda name: name == "config.json" or _is_weights(name) or name.endswith(".py"),
}
"""By part, the files it is loaded from."""


def keys_of_parts(files: Files) -> Mapping[str, str]:
    """By part that the folder has, a digest of what it is loaded from."""
    digests = {
        name: str(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
        for name, content in sorted(files.items())
    }
    there = {
        "config": "config.json" in files,
        "generation": "config.json" in files or "generation_config.json" in files,
        "tokenizer": any(name.startswith(("tokenizer", "vocab", "merges")) for name in files),
        "processor": any(name in _PROCESSOR for name in files),
        "model": any(_is_weights(name) for name in files),
    }
    return {
        part: hashlib.sha256(repr([item for item in digests.items() if reads(item[0])]).encode()).hexdigest()
        for part, reads in PARTS.items()
        if there[part]
    }


def read_folder(folder: Path) -> dict[str, bytes | Path]:
    """The files of ``folder``; weights by their path."""
    return {
        path.relative_to(folder).as_posix(): path
        if _is_weights(path.name) and path.suffix != ".json"
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _NO_MODEL_FILES
    }


def write_folder(files: Files, folder: Path) -> Path:
    """Write the files below ``folder``; weights become links on the same disk."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            os.link(content, path)
        else:
            path.write_bytes(content)
    return folder


def parsed(files: Files, name: str) -> dict[str, JsonValue] | None:
    """A file's JSON object; `None` where there is none."""
    content = files.get(name)
    if not isinstance(content, bytes):
        return None
    try:
        value: JsonValue = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def dumped(value: JsonValue) -> bytes:
    """As transformers writes it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
