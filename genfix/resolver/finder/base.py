"""A base spec to a base: found, opened, pinned, and readable."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from genfix.errors import BaseModelError, InputError
from genfix.folder import Folder, FolderFileError, LocalFolder, Progress, is_far
from genfix.folder.capsule import MANIFEST
from genfix.folder.kinds import (
    ADDED_TOKENS,
    FAST_TOKENIZER,
    GENERATION_CONFIG,
    SPECIAL_TOKENS_MAP,
    TOKENIZER_CONFIG,
    is_json_config,
)
from genfix.jsontext.json_read import JsonProblem
from genfix.message import Arg, Message, text
from genfix.model import JsonFile, Weights
from genfix.model.safetensors import Header
from genfix.model.weight_facts import WeightFacts
from genfix.resolver.finder.folder_layouts import refuse_other_layouts
from genfix.resolver.naming.spec import (
    HubSpec,
    LocalSpec,
    ModelScopeSpec,
    is_commit,
    parse_spec,
    repo_of_folder,
)
from genfix.rules.core.context import BaseModel

READ_OF_ALL: Final = (
    "config.json",
    GENERATION_CONFIG,
    TOKENIZER_CONFIG,
    SPECIAL_TOKENS_MAP,
    ADDED_TOKENS,
    FAST_TOKENIZER,
    "chat_template.jinja",
    "chat_template.json",
    "processor_config.json",
)
"""Files that rules read of every model, whatever they find: those that have to be fetched are fetched at
once."""


class BaseFacts(BaseModel):
    """The facts of a witness. A file of it that cannot be read is an error, never a finding."""

    role: ClassVar[Message] = text("base")
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
        why = problem.said
        if isinstance(problem, JsonProblem):
            args: dict[str, Arg] = {"line": problem.line, "column": problem.column, "why": problem.detail}
            why = text("line {line}, column {column}: {why}", **args)
        raise BaseModelError(
            "{name} of the {role} {origin} cannot be used: {why}",
            "get the {role}'s file again, or name another {role}",
            name=name,
            role=self.role,
            origin=str(self.folder.origin),
            why=why,
        )

    @cached_property
    def weights(self) -> Weights:
        """Tensor names and shapes."""
        return _FarWeights(self.folder) if is_far(self.folder) else Weights(self.folder)

    @property
    def vocab_rows(self) -> int | None:
        """How many token ids the model can take.

        Of weights elsewhere only what nothing else tells is asked for: what is published loads, and so its
        config has the rows that its weights have.
        """
        by_config = self.rows_by_config if is_far(self.folder) else None
        return by_config or super().vocab_rows


class _FarWeights(Weights):
    """Weights of which each header costs a request."""

    @cached_property
    def headers(self) -> Mapping[str, Header]:
        """As of any weights; all are asked for at once."""
        # Imported here: a local base needs none of it.
        from genfix.folder.remote import RemoteFolder  # noqa: PLC0415

        if isinstance(self.folder, RemoteFolder):
            try:
                self.folder.fetch_ahead(name for name in self.files if name.endswith(".safetensors"))
            except FolderFileError:  # they cannot be had: rules go without
                return {}
        return super().headers

    @cached_property
    def outline(self) -> WeightFacts:
        """What an index tells by its names, or else the headers."""
        return self.named or self.facts


class ResolvedBase(NamedTuple):
    """A base that was found."""

    facts: BaseFacts
    notes: tuple[Message, ...] = ()
    """What the user should know about how it was found, a sentence each."""

    @property
    def folder(self) -> Folder:
        """Its files."""
        return self.facts.folder


def resolve_base(
    spec: str,
    *,
    offline: bool = False,
    near: Folder | None = None,
    by_trace: bool = False,
    progress: Progress | None = None,
) -> ResolvedBase:
    """Find the base that ``spec`` names: a directory, or ``org/name`` or ``ms://org/name[@revision]``.

    What ``near`` (the merged folder) has with the same digest is read there; what rules read of the rest is
    fetched at once. With ``by_trace`` it was the merged folder that named the base, not the user: its code is
    not taken for granted.

    Raises `BaseModelError` where it is not found, not reachable or not readable.
    """
    match parse_spec(spec):
        case LocalSpec() as local:
            folder, notes = _open_directory(local.path, spec)
            if local.shadows_repo:
                notes += (
                    text("{path} is a folder here and was taken as such, not as a Hub repo", path=spec),
                )
            _refuse(folder)
            facts = BaseFacts(folder, is_named=not by_trace)
            for name in sorted(folder.names()):
                if is_json_config(name):
                    facts.json(name)
            return ResolvedBase(facts, notes)
        case HubSpec() | ModelScopeSpec() as repo:
            folder, notes = open_repo(repo, offline=offline)
            _make_ready(folder, near, progress)
            return ResolvedBase(BaseFacts(folder, is_named=not by_trace), notes)


def files_of(spec: str, *, offline: bool = False) -> Folder:
    """The files that ``spec`` names, of a base or an adapter.

    For a caller that knows which it wants and verifies it. Raises as `resolve_base`.
    """
    match parse_spec(spec):
        case LocalSpec() as local:
            return LocalFolder(local.path, spec)
        case HubSpec() | ModelScopeSpec() as repo:
            return open_repo(repo, offline=offline)[0]


def open_repo(spec: HubSpec | ModelScopeSpec, *, offline: bool) -> tuple[Folder, tuple[Message, ...]]:
    """The files of a repo, and what to say about how it was found.

    Raises a `GenfixError` as `open_hub`.
    """
    # Imported here: a client costs more than a whole check of a local base.
    if isinstance(spec, HubSpec):
        from genfix.resolver.hub.hub_repo import open_hub  # noqa: PLC0415

        return open_hub(spec, offline=offline)
    from genfix.resolver.modelscope.modelscope_repo import open_modelscope  # noqa: PLC0415

    return open_modelscope(spec, offline=offline)


def _make_ready(folder: Folder, near: Folder | None, progress: Progress | None) -> None:
    _refuse(folder)
    if not is_far(folder):
        return
    from genfix.folder.remote import RemoteFolder  # noqa: PLC0415 - a local base needs none of it

    if isinstance(folder, RemoteFolder):
        if near is not None:
            folder.borrow(near)
        folder.fetch_ahead(READ_OF_ALL, progress)


def _open_directory(path: Path, spec: str) -> tuple[Folder, tuple[Message, ...]]:
    """The folder there, or the base of which it is a capsule, and what to say about that."""
    if not path.is_dir():
        raise BaseModelError(
            "there is no base folder {path}", "check the path, or name a Hub repo as org/name", path=spec
        )
    folder = _snapshot(path) or LocalFolder(path, spec)
    if MANIFEST not in folder.names():
        return folder, ()
    # Imported here: few bases are capsules.
    from genfix.resolver.finder.capsule_format import open_capsule  # noqa: PLC0415

    capsule = open_capsule(folder)
    return capsule, (text("{path} is a capsule of {base}", path=spec, base=str(capsule.contents.origin)),)


def _snapshot(path: Path) -> LocalFolder | None:
    """The folder where it is a snapshot in a Hub cache, whose place says which repo and commit it is."""
    place = Path(os.path.realpath(path))
    repo_id = repo_of_folder(place.parent.parent.name)
    if repo_id is None or place.parent.name != "snapshots" or not is_commit(place.name):
        return None
    return LocalFolder(path, repo_id, revision=place.name)


def _refuse(folder: Folder) -> None:
    try:
        refuse_other_layouts(folder)
    except InputError as error:
        raise BaseModelError("the base cannot be used: {why}", error.advice, why=error.said) from error
