"""GGUF files as targets and bases: on this machine, on the Hub, or at any web address."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from genfix.errors import InputError, RefusedError
from genfix.folder import LocalFolder
from genfix.folder.kinds import CONFIG
from genfix.message import Message, text
from genfix.model import Model
from genfix.model.gguf_model import GgufModel
from genfix.model.weight_sets import LAYER_COUNTS
from genfix.resolver.case import Case, ModelLocation
from genfix.resolver.finder.base import resolve_base
from genfix.resolver.finder.target import is_address, names_gguf
from genfix.resolver.naming.spec import AUTO, HubSpec, is_repo_id, parse_spec

_PART: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_MOST_PARTS: Final = 9999
_BASES: Final = ("general.base_model.0.repo_url", "general.source.huggingface.repository")
"""Where the converter notes what a model was made from (gguf-py, metadata.py)."""
_MODELFILE: Final = "Modelfile"


class OpenedGguf(NamedTuple):
    """A GGUF, and what it is judged by."""

    model: GgufModel
    source: Model | None
    """The folder that it lies in, where it was converted from that."""
    base: Model | None
    notes: tuple[Message, ...]
    suggested: str | None
    """What to name as the base, where none was named and the file names one."""


def open_ggufs(case: Case) -> OpenedGguf:
    """The GGUF of ``case``, the folder it lies in and its base.

    Raises `GgufError` for a file that is none, `RefusedError` for a base of other sizes, and as
    `resolve_base` does.
    """
    if case.adapter is not None:
        raise InputError(
            "an adapter says nothing of a GGUF", "judge the merged folder with --adapter, and convert it then"
        )
    model, notes = open_gguf(case.target, offline=case.offline)
    source, named = _source(model), _named_base(model)
    given = None if case.base is None else os.fspath(case.base)
    if given == AUTO:
        if named is None:
            raise InputError(
                "{file} names no base", "name it: --base ./folder or --base org/name", file=model.name
            )
        given = named
    base = None
    if given is not None:
        base, more = _open_base(given, case)
        notes += more
        _prove(model, base, case)
    if source is not None:
        notes += (
            text(
                "{file} was converted from the folder it lies in, as sizes tell: it is judged by that too",
                file=model.name,
            ),
        )
    return OpenedGguf(model, source, base, notes, named if base is None else None)


def open_gguf(target: ModelLocation, *, offline: bool = False) -> tuple[GgufModel, tuple[Message, ...]]:
    """The GGUF at a path or an address, and what to say about it. Raises `InputError` where there is none."""
    given = os.fspath(target)
    model, notes = _open_address(given, offline=offline) if is_address(given) else (_open_path(given), ())
    number = model.header.value("split.no")
    if isinstance(number, int) and number > 0:
        raise InputError(
            "{file} is part {number} of {count}",
            "name the first part: only that one has the keys",
            file=model.name,
            number=number + 1,
            count=model.parts,
        )
    if model.parts > 1:
        notes += (
            text(
                "{file} is the first of {count} parts: its keys are those of all, the tensors of the other "
                "parts are not judged",
                file=model.name,
                count=model.parts,
            ),
        )
    return model, notes


def _open_path(given: str) -> GgufModel:
    path = Path(given)
    try:
        is_there = path.is_file()
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        raise InputError("there is no file {path}", "check the path of the GGUF", path=given)
    beside = [path.name, _MODELFILE, *_parts(path.name)]
    names = frozenset(name for name in beside if (path.parent / name).is_file())
    return GgufModel(LocalFolder(path.parent, given, names=names), path.name)


def _parts(name: str) -> Iterator[str]:
    found = _PART.fullmatch(name)
    count = min(int(found[3]), _MOST_PARTS) if found is not None else 0
    for number in range(1, count + 1):
        yield _PART.sub(rf"\g<1>-{number:05}-of-\g<3>.gguf", name)


def _open_address(given: str, *, offline: bool) -> tuple[GgufModel, tuple[Message, ...]]:
    """A file of a repo on the Hub, pinned to a commit; else of any server that answers with parts of it."""
    found = _on_hub(given)
    if found is None:
        if urlsplit(given).scheme not in ("http", "https"):
            raise InputError(
                "{address} is no address of a GGUF",
                "write hf://org/name/file.gguf, or https://...",
                address=given,
            )
        from genfix.resolver.web_file import open_web_file  # noqa: PLC0415 - few are there

        file = open_web_file(given, offline=offline)
        (name,) = file.names()
        return GgufModel(file, name), ()
    from genfix.resolver.hub.hub_repo import open_hub  # noqa: PLC0415 - a file on this machine needs none of it

    spec, name = found
    hub = open_hub(spec, offline=offline)
    if name not in hub.folder.names():
        raise InputError(
            "there is no {file} in {repo}", "check the name of the GGUF", file=name, repo=str(spec)
        )
    commit = hub.folder.origin.revision
    hub.folder.origin = hub.folder.origin._replace(label=f"hf://{spec.repo_id}/{name}")
    pinned = text("{address} is judged at commit {commit}", address=given, commit=commit)
    return GgufModel(hub.folder, name), (*hub.notes, pinned)


def _on_hub(given: str) -> tuple[HubSpec, str] | None:
    """The repo and the file in it; `None` for an address of another server."""
    scheme, _, rest = given.partition("://")
    parts = unquote(rest).split("/")
    if scheme == "hf" and len(parts) > 2:
        repo, at, revision = parts[1].partition("@")
        if is_repo_id(f"{parts[0]}/{repo}"):
            return HubSpec(f"{parts[0]}/{repo}", revision if at else None), "/".join(parts[2:])
    try:
        spec = parse_spec(given)
    except InputError:
        return None
    pages = unquote(urlsplit(given).path).strip("/").split("/")
    is_file = isinstance(spec, HubSpec) and len(pages) > 4
    return (spec, "/".join(pages[4:])) if is_file and isinstance(spec, HubSpec) else None


def _source(model: GgufModel) -> Model | None:
    """The model in the folder that the file lies in, where all their sizes are the same."""
    folder = model.folder
    if not isinstance(folder, LocalFolder) or not (folder.root / CONFIG).is_file():
        return None
    found = Model(LocalFolder(folder.root))
    return found if _sizes_of(found) and not [*_differences(model, found)] else None


def _named_base(model: GgufModel) -> str | None:
    for key in _BASES:
        value = model.header.value(key)
        repo = value.removeprefix("https://huggingface.co/") if isinstance(value, str) else ""
        if is_repo_id(repo):
            return repo
    return None


def _open_base(given: str, case: Case) -> tuple[Model, tuple[Message, ...]]:
    if names_gguf(given):
        return open_gguf(given, offline=case.offline)
    found = resolve_base(given, offline=case.offline, progress=case.progress)
    return found.facts, found.notes


def _prove(model: GgufModel, base: Model, case: Case) -> None:
    """Raise where ``base`` is none of the file's, unless that is allowed."""
    found = tuple(_differences(model, base))
    if found and not case.allow_base_mismatch:
        raise RefusedError(
            "{base} is not the base of {target}: {why}",
            "name the base it was trained from, or add --allow-base-mismatch if you are sure",
            base=str(base.folder.origin),
            target=model.folder.origin.label,
            why=found,
        )


def _sizes_of(model: Model) -> dict[str, int]:
    names: dict[str, tuple[str, ...]] = {"embedding_length": ("hidden_size",), "block_count": LAYER_COUNTS}
    found: dict[str, int] = {}
    for key, theirs in names.items():
        stated = [model.size(key)] if isinstance(model, GgufModel) else map(model.config_value, theirs)
        number = next((value for value in stated if type(value) is int), None)
        if isinstance(number, int):
            found[key] = number
    return found


def _differences(model: GgufModel, other: Model) -> Iterator[Message]:
    """Sizes that are not the same; layers that predict further tokens may be counted or not."""
    theirs, extra = _sizes_of(other), model.size("nextn_predict_layers") or 0
    for key, ours in _sizes_of(model).items():
        if key in theirs and theirs[key] not in (ours, ours - extra):
            yield text("{key} is {ours} here and {theirs} there", key=key, ours=ours, theirs=theirs[key])
