"""Plans that are kept: `save_plan` writes one to a file, `load_plan` makes it a plan again, to be applied."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from genfix.api.opening import whole_folder
from genfix.applier import check_names, recover, write_report
from genfix.errors import ChangedError, GenfixError, InputError, PlanError
from genfix.folder import Folder, FolderFileError, LocalFolder, Origin, input_digest
from genfix.folder.user_file import read_user_file
from genfix.message import Message, text
from genfix.planner.plan import Plan, Source
from genfix.planner.saving import LARGEST, encode, plan_id
from genfix.resolver import existing_folder, files_of, is_address, open_address, open_target
from genfix.resolver.case import ModelLocation
from genfix.resolver.naming.spec import is_repo_id
from genfix.rules import Witness
from genfix.version import __version__

if TYPE_CHECKING:
    from genfix.planner.document import SourceDocument


def id_of(plan: Plan) -> str:
    """The id of ``plan``, which its plan file has; empty for one that fits into no file."""
    try:
        return plan_id(plan, __version__)
    except ValueError:  # a number that JSON has not
        return ""


def save_plan(plan: Plan, path: ModelLocation) -> str:
    """Write ``plan`` to a file that `load_plan` and ``genfix apply`` read; what was there is replaced.

    Returns the plan's id. The same plan gives the same id and the same bytes, up to where the folders lie as
    seen from the file. Raises `GenfixError` where the file cannot be written, or would lie in the model
    folder.
    """
    from genfix.planner.loading import decode  # noqa: PLC0415 - brings pydantic

    file = Path(path)
    far = is_address(plan.target)
    places = {"target": plan.target if far else _seen_from(file, plan.target)}
    for witness in (Witness.BASE, Witness.ADAPTER):
        origin = plan.sources[witness].origin if witness in plan.sources else None
        local = origin is not None and origin.kind == "local" and Path(origin.label).is_dir()
        places[str(witness)] = _seen_from(file, origin.label) if origin is not None and local else None
    content = encode(plan, places, __version__)
    try:
        saved = decode(content).id
    except GenfixError as error:
        raise PlanError(
            "the plan cannot be kept in a file: {error}",
            "use `genfix repair`, which needs no file",
            error=error.message,
        ) from error
    write_report(file, content, outside=None if far else existing_folder(plan.target))
    return saved


def load_plan(
    path: ModelLocation,
    *,
    target: ModelLocation | None = None,
    base: ModelLocation | None = None,
    adapter: ModelLocation | None = None,
    offline: bool = False,
    state_dir: Path | None = None,
    finish: bool = False,
) -> Plan:
    """The plan in a file, checked, for its folder or for ``target``, another copy of it.

    Nothing is written, unless ``finish`` lets what an interrupted repair began there be brought to its end;
    only a folder on this machine will do then.

    ``base`` and ``adapter`` say where those of the plan are now. A folder that is already as the plan makes
    it gives a plan without changes, and a note.

    Raises `InputError` where the file is no plan as genfix writes one, `ChangedError` where a file of the
    folder, or of a base or adapter that is still there, is not what it was.
    """
    from genfix.planner.loading import assemble, decode  # noqa: PLC0415 - brings pydantic

    file = Path(path)
    document = decode(read_user_file(file, text("the plan file"), LARGEST))
    check_names([change.file for change in document.changes])
    place = _place(file, document.places.target)
    if target is None and place is None:
        raise InputError("the plan does not say where its folder is", "name it with --target DIR")
    where = target if target is not None else place or ""
    notes: tuple[Message, ...] = ()
    if is_address(where) and not finish:
        seen, notes = open_address(os.fspath(where), offline=offline, progress=None)
        _check_commit(document.places.target, seen.origin)
    else:
        if finish:
            recover(open_target(where).root, state_dir=state_dir)
        seen = whole_folder(open_target(where), state_dir)
    specs = {
        Witness.BASE: _spec(base, document.base, _place(file, document.places.base)),
        Witness.ADAPTER: _spec(adapter, document.adapter, _place(file, document.places.adapter)),
    }
    plan = assemble(
        document, seen, lambda witness, name: _fetched(specs[witness], witness, name, offline=offline)
    )
    if document.changes and not plan.changes:
        notes = (*notes, text("the plan was applied already: the folder is as it makes it"))
    sources = {witness: _found(source, specs[witness]) for witness, source in plan.sources.items()}
    loaded = replace(plan, sources=sources, base=_called(sources), notes=notes)
    check_sources(loaded)
    return loaded


def _check_commit(place: str | None, seen: Origin) -> None:
    """Raise `ChangedError` where a repo is at another commit than the one that the plan was made at."""
    if place is None or not is_address(place):
        return
    label, _, commit = place.rpartition("@")
    if label == seen.label and commit != seen.revision:
        raise ChangedError(
            "stale plan: it was made at commit {commit} of {repo}, which is at {head} now",
            "make the plan again, or name the branch that it was made for: --target {repo}@BRANCH",
            commit=commit[:12],
            repo=seen.label,
            head=(seen.revision or "")[:12],
        )


def check_sources(plan: Plan) -> None:
    """Raise `ChangedError` where a file of the base or the adapter is not what it was when the plan was made.

    One that is not there any more is no obstacle: the plan has the bytes. A repo is pinned by its commit.
    """
    for witness, source in plan.sources.items():
        root = Path(source.origin.label)
        if source.origin.kind != "local" or not root.is_dir():
            continue
        folder = LocalFolder(root)
        for name, digest in source.inputs.items():
            if _digest(folder, name) != digest:
                raise ChangedError(
                    "stale plan: {name} of the {witness} {origin} changed since the plan was made",
                    "make the plan again, then apply that one",
                    name=name,
                    witness=witness,
                    origin=source.origin.label,
                )


def _digest(folder: LocalFolder, name: str) -> str:
    try:
        return input_digest(folder, name) if name in folder.names() else ""
    except FolderFileError:
        return ""


def _seen_from(file: Path, folder: str) -> str | None:
    """The way from the plan file to a folder; `None` where there is none that can be written down."""
    try:
        way = os.path.relpath(os.path.realpath(folder), os.path.realpath(file.parent)).replace(os.sep, "/")
    except ValueError:  # on another drive
        return None
    return way if way.isprintable() else None


def _place(file: Path, way: str | None) -> str | None:
    """Where the folder is that a plan file tells the way to; of a repo the address."""
    if way is None or is_address(way):
        return way
    if not way.isprintable() or PurePosixPath(way).is_absolute() or PureWindowsPath(way).anchor:
        raise InputError(
            "the plan file names the folder '{way}', which is no way from it", "make the plan again", way=way
        )
    if ".." in PurePosixPath(way).parts:
        return os.path.normpath(os.path.join(os.path.realpath(file.parent), way))  # noqa: PTH118 - with normpath
    return str(file.parent / way)


def _spec(named: ModelLocation | None, source: "SourceDocument | None", place: str | None) -> str | None:
    """What to open for a base or an adapter; `None` where that is not known."""
    if named is not None:
        return os.fspath(named)
    if source is None or source.kind == "local":
        # With the ./ it is a folder, and never a repo of that name.
        return place if place is None or os.path.isabs(place) else os.path.join(".", place)  # noqa: PTH117, PTH118
    if not is_repo_id(source.name.removeprefix("ms://") if source.kind == "modelscope" else source.name):
        raise InputError(
            "the plan file names the base '{name}', which is no id of a repo",
            "make the plan again",
            name=source.name,
        )
    return str(Origin(source.kind, source.name, source.revision))


def _fetched(spec: str | None, witness: Witness, name: str, *, offline: bool) -> bytes:
    """A file that is too large for the plan file."""
    if spec is not None and Path(spec).is_dir():
        folder: Folder = LocalFolder(Path(spec), spec)
    elif spec is not None and ("://" in spec or is_repo_id(spec.partition("@")[0])):
        folder = files_of(spec, offline=offline)
    else:
        raise InputError(
            "the plan takes {name} from the {witness}, which is not in {spec}",
            "say where it is now with --{witness}",
            name=name,
            witness=witness,
            spec=spec or "a known place",
        )
    if name not in folder.names():
        raise InputError(
            "the {witness} {spec} has no {name}",
            "name the right one with --{witness}",
            witness=witness,
            spec=spec,
            name=name,
        )
    return folder.read(name)


def _found(source: Source, spec: str | None) -> Source:
    """A base or an adapter, by the place where it is now."""
    if source.origin.kind != "local" or spec is None:
        return source
    return replace(source, origin=source.origin._replace(label=spec))


def _called(sources: Mapping[Witness, Source]) -> str | None:
    return str(sources[Witness.BASE].origin) if Witness.BASE in sources else None
