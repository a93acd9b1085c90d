"""A base spec to a base: found, opened, pinned, and readable."""

import os
from pathlib import Path
from typing import ClassVar, NamedTuple

from genfix.errors import BaseModelError, InputError
from genfix.folder import Folder, LocalFolder
from genfix.folder.capsule import MANIFEST
from genfix.folder.kinds import is_json_config
from genfix.model import JsonFile, Model
from genfix.model.json_read import JsonProblem
from genfix.resolver.spec import HubSpec, LocalSpec, ModelScopeSpec, is_commit, is_repo_id, parse_spec
from genfix.resolver.target import refuse_other_layouts

__all__ = ["Base", "BaseFacts", "resolve_base"]


class BaseFacts(Model):
    """The facts of a witness. A file of it that cannot be read is an error, never a finding."""

    role: ClassVar[str] = "base"
    """What it is called when a file of it is refused."""

    def __init__(self, folder: Folder, *, is_named: bool = True) -> None:
        super().__init__(folder)
        self.is_named = is_named

    def json(self, name: str) -> JsonFile:
        """The JSON file called ``name``. Raises `BaseModelError` where it cannot be read."""
        file = super().json(name)
        problem = file.problem
        if problem is None:
            return file
        if isinstance(problem, JsonProblem):
            reason = f"line {problem.line}, column {problem.column}: {problem.detail}"
        else:
            reason = problem.message
        raise BaseModelError(
            f"{name} of the {self.role} {self.folder.origin} cannot be used: {reason}",
            f"get the {self.role}'s file again, or name another {self.role}",
        )


class Base(NamedTuple):
    """A base that was found."""

    facts: BaseFacts
    notes: tuple[str, ...] = ()
    """What the user should know about how it was found, a sentence each."""

    @property
    def folder(self) -> Folder:
        """Its files."""
        return self.facts.folder


def resolve_base(
    spec: str, *, offline: bool = False, near: Folder | None = None, by_hint: bool = False
) -> Base:
    """Find the base that ``spec`` names: a directory, ``org/name[@revision]`` or ``ms://org/name[@revision]``.

    A file of a remote base that ``near`` (the merged folder) has with the same digest is read from there. With ``by_hint`` it
    was the merged folder that named the base, not the user: its code is not taken for granted.

    Raises `BaseModelError` where it is not found, not reachable or not readable.
    """
    match parse_spec(spec):
        case LocalSpec() as local:
            folder, notes = _open_directory(local.path, spec)
            if local.shadows_repo:
                notes += (f"{spec} is a folder here and was taken as such, not as a Hub repo",)
            _refuse(folder)
            facts = BaseFacts(folder, is_named=not by_hint)
            for name in sorted(folder.names()):
                if is_json_config(name):
                    facts.json(name)
            return Base(facts, notes)
        case HubSpec() as hub:
            # Imported here: the Hub client costs more than a whole check of a local base.
            from genfix.resolver.hub import open_hub  # noqa: PLC0415

            found = open_hub(hub, offline=offline)
            return _remote(found.folder, found.notes, near, by_hint=by_hint)
        case ModelScopeSpec() as model:
            # Imported here: the HTTP client is nothing that a check of a local base needs.
            from genfix.resolver.modelscope import open_modelscope  # noqa: PLC0415

            opened = open_modelscope(model, offline=offline)
            return _remote(opened.folder, opened.notes, near, by_hint=by_hint)


def _remote(folder: Folder, notes: tuple[str, ...], near: Folder | None, *, by_hint: bool) -> Base:
    from genfix.folder.remote import RemoteFolder  # noqa: PLC0415 - a local base needs none of it

    if near is not None and isinstance(folder, RemoteFolder):
        folder.borrow(near)
    _refuse(folder)
    return Base(BaseFacts(folder, is_named=not by_hint), notes)


def _open_directory(path: Path, spec: str) -> tuple[Folder, tuple[str, ...]]:
    """The folder there, or the base of which it is a capsule, and what to say about that."""
    if not path.is_dir():
        raise BaseModelError(
            f"there is no base folder {spec}", "check the path, or name a Hub repo as org/name"
        )
    folder = _snapshot(path) or LocalFolder(path, spec)
    if MANIFEST not in folder.names():
        return folder, ()
    # Imported here: few bases are capsules.
    from genfix.resolver.capsule import open_capsule  # noqa: PLC0415

    capsule = open_capsule(folder)
    return capsule, (f"{spec} is a capsule of {capsule.contents.origin}",)


def _snapshot(path: Path) -> LocalFolder | None:
    """The folder where it is a snapshot in a Hub cache, whose place says which repo and commit it is."""
    place = Path(os.path.realpath(path))
    repo = place.parent.parent.name
    repo_id = repo.removeprefix("models--").replace("--", "/")
    if place.parent.name != "snapshots" or not repo.startswith("models--"):
        return None
    if not (is_commit(place.name) and is_repo_id(repo_id)):
        return None
    return LocalFolder(path, repo_id, revision=place.name)


def _refuse(folder: Folder) -> None:
    try:
        refuse_other_layouts(folder)
    except InputError as error:
        raise BaseModelError(
            f"the base cannot be used: {error.message}",
            error.hint,
        ) from error
