"""Capsules: what to save of a base so that it can be one without network, and how a saved one is opened.

A capsule is the same bytes whenever and wherever it is made from the same base: no paths, no times. It is
trusted no more than any other base: its manifest is checked, and every file against its digest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from genfix.errors import BaseModelError, GenfixError
from genfix.folder import FileKind, FolderFileError, LocalFolder, is_safe_name, kind_of, read_cap
from genfix.folder.capsule import MANIFEST, PARTS, CapsuleFolder, Contents
from genfix.folder.folder import FileStat, Folder, Origin
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonError, read_json_object
from genfix.message import text
from genfix.model import Model
from genfix.model.front_matter import CARD
from genfix.resolver.naming.candidates import repo_of_cache
from genfix.resolver.naming.digests import SHA1, SHA256
from genfix.rules.core.chat_training import SAMPLE_BYTES, sampled_matrices

_FORMAT: Final = 1
_HEX: Final = {"git_sha1": SHA1, "sha256": SHA256}
_MOST_BYTES: Final = 64 * 1024 * 1024
_HASHED: Final = 4 * 1024 * 1024
"""So large a file is hashed although it is not stored: rules ask whether the merged folder has the same."""
_LEFT_OUT: Final = frozenset({FileKind.WEIGHTS, FileKind.GGUF, FileKind.OTHER})


# -- saving --------------------------------------------------------------------------------------


def capsule_files(base: Model) -> Mapping[str, bytes]:
    """The files of a capsule: config files, custom code, licence, card, manifest, and parts of weights.

    Parts (headers, and the first bytes of those tensors by which rules see a training) come from weights on
    this machine only. Raises a `GenfixError` where a file cannot be read.
    """
    folder = base.folder
    stored = {name: folder.read(name) for name in sorted(folder.names()) if _is_stored(folder, name)}
    files = {name: _stat(folder, name, stored.get(name)) for name in sorted(folder.names())}
    ranges, blob = _parts(base)
    parts = {"ranges": ranges, "sha256": hashlib.sha256(blob).hexdigest()} if blob else None
    origin = origin_of(folder)
    manifest = {
        "format": _FORMAT,
        "origin": {"is_folder": origin.kind == "local", "label": origin.label, "revision": origin.revision},
        "files": {name: {**stat._asdict(), "stored": name in stored} for name, stat in files.items()},
        "parts": parts,
    }
    written = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    return {**stored, **({PARTS: blob} if blob else {}), MANIFEST: written.encode()}


def origin_of(folder: Folder) -> Origin:
    """Where a base is from, without a path of this machine."""
    if isinstance(folder, CapsuleFolder):
        return folder.contents.origin
    if not isinstance(folder, LocalFolder) or folder.origin.kind != "local":
        return folder.origin
    real = Path(folder.root).resolve()
    return Origin("local", repo_of_cache(str(real)) or real.name)


def _is_stored(folder: Folder, name: str) -> bool:
    if folder.stat(name).size > read_cap(name):
        return False
    kind = kind_of(name)
    if kind is FileKind.ADAPTER:
        return name.endswith(".json")
    return kind not in _LEFT_OUT or name == CARD


def _stat(folder: Folder, name: str, content: bytes | None) -> FileStat:
    listed = folder.stat(name)
    if content is not None:
        return listed._replace(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    if isinstance(folder, LocalFolder) and listed.size <= _HASHED:
        try:
            return listed._replace(sha256=folder.sha256(name))
        except FolderFileError:  # a link to nowhere, a FIFO: it is listed, and nothing more
            return listed
    return listed


def _parts(base: Model) -> tuple[dict[str, list[list[int]]], bytes]:
    """Headers of the weights and the beginnings of some tensors: where they are, and their bytes."""
    ranges: dict[str, list[list[int]]] = {}
    pieces: list[bytes] = []
    if isinstance(base.folder, LocalFolder | CapsuleFolder):
        for file, wanted in _wanted(base).items():
            for start, length in _joined(wanted):
                piece = base.folder.read_range(file, start, length)
                ranges.setdefault(file, []).append([start, len(piece)])
                pieces.append(piece)
    return ranges, b"".join(pieces)


def _wanted(base: Model) -> Mapping[str, list[tuple[int, int]]]:
    wanted: dict[str, list[tuple[int, int]]] = {}
    for file, header in base.weights.headers.items():
        if header.problem is None:
            wanted[file] = [(0, 8 + int.from_bytes(base.folder.read_range(file, 0, 8), "little"))]
    for name in sampled_matrices(base, base):
        tensor = base.weights.tensors[name]
        if tensor.file in wanted and tensor.size:
            wanted[tensor.file].append((tensor.start, min(SAMPLE_BYTES, tensor.size)))
    return {file: wanted[file] for file in sorted(wanted)}


def _joined(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges in order, those that touch each other as one."""
    start = end = 0
    for first, length in sorted(ranges):
        if first > end:
            yield start, end - start
            start = first
        end = max(end, first + length)
    yield start, end - start


# -- opening -------------------------------------------------------------------------------------


def open_capsule(folder: LocalFolder) -> CapsuleFolder:
    """The base of which ``folder`` is a capsule; every file in it has the digest of the manifest.

    Raises `BaseModelError` where one has not, and names it.
    """
    label = folder.origin.label
    try:
        contents = _contents(read_json_object(folder.read(MANIFEST)))
    except (JsonError, FolderFileError, _ManifestError) as error:
        raise BaseModelError(
            "{file} of the capsule {capsule} cannot be used: {why}",
            _AGAIN,
            file=MANIFEST,
            capsule=label,
            why=error.said,
        ) from error
    for name in sorted(contents.stored):
        _verify(folder, name, contents.files[name].sha256)
    if contents.parts_sha256 is not None:
        _verify(folder, PARTS, contents.parts_sha256)
    return CapsuleFolder(folder, contents)


_AGAIN: Final = text("make the capsule again: genfix capsule BASE OUT")
_INCOMPLETE: Final = text("what it says about parts of weights is incomplete")


class _ManifestError(GenfixError):
    """The manifest is not as it is written."""


def _verify(folder: LocalFolder, name: str, sha256: str | None) -> None:
    label = folder.origin.label
    if name not in folder.names():
        raise BaseModelError("{name} is gone from the capsule {capsule}", _AGAIN, name=name, capsule=label)
    if folder.sha256(name) != sha256:
        raise BaseModelError(
            "{name} in the capsule {capsule} is not the file that was saved: its digest is another one",
            _AGAIN,
            name=name,
            capsule=label,
        )


def _contents(manifest: JsonObject) -> Contents:
    """The manifest's values, each checked. Raises `_ManifestError` with what is wrong."""
    if manifest.get("format") != _FORMAT:
        raise _ManifestError("its format is not {format}, the one that this genfix reads", format=_FORMAT)
    match manifest:
        case {"origin": dict(origin), "files": dict(rows)}:
            pass
        case _:
            raise _ManifestError("it does not say what it is of, or which files there are")
    files = {name: _file(name, row) for name, row in rows.items()}
    stored = frozenset(
        name for name, row in rows.items() if isinstance(row, dict) and row.get("stored") is True
    )
    unproven = sorted(name for name in stored if files[name].sha256 is None)
    if unproven:
        raise _ManifestError("{file} has no digest", file=unproven[0])
    return Contents(_origin(origin), files, stored, *_kept_parts(manifest.get("parts"), files))


def _origin(value: JsonObject) -> Origin:
    match value:
        case {"is_folder": bool(is_folder), "label": str(label), "revision": str() | None as revision}:
            return Origin("local" if is_folder else "hub", label, revision)
        case _:
            raise _ManifestError("it does not say which model it is of")


def _file(name: str, row: JsonValue) -> FileStat:
    if not is_safe_name(name):
        raise _ManifestError("the file name '{name}' is not safe to use", name=name)
    match row:
        case {"size": int(size), "git_sha1": git_sha1, "sha256": sha256} if size >= 0:
            return FileStat(size, _digest("git_sha1", git_sha1), _digest("sha256", sha256))
        case _:
            raise _ManifestError("what it says about {file} is incomplete", file=name)


def _digest(kind: str, value: JsonValue) -> str | None:
    if value is None or (isinstance(value, str) and _HEX[kind].fullmatch(value)):
        return value
    raise _ManifestError("{digest} is no {kind}", digest=repr(value), kind=kind)


def _kept_parts(
    value: JsonValue, files: Mapping[str, FileStat]
) -> tuple[Mapping[str, list[tuple[int, int]]], str | None]:
    match value:
        case None:
            return {}, None
        case {"ranges": dict(ranges), "sha256": str(sha256)} if SHA256.fullmatch(sha256):
            if not ranges.keys() <= files.keys():
                raise _ManifestError("it has parts of files that it does not list")
            return {file: [_range(entry) for entry in _list(ranges[file])] for file in ranges}, sha256
        case _:
            raise _ManifestError(_INCOMPLETE)


def _list(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise _ManifestError(_INCOMPLETE)
    return value


def _range(value: JsonValue) -> tuple[int, int]:
    match value:
        case [int(start), int(length)] if start >= 0 and length >= 0:
            return start, length
        case _:
            raise _ManifestError(_INCOMPLETE)
