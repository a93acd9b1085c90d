"""The folder to be judged: opened, or refused in one sentence where it is no merged model."""

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.errors import GenfixError, InputError
from genfix.folder import FileKind, Folder, LocalFolder, Progress, kind_of
from genfix.message import Message, text
from genfix.model import Weights
from genfix.resolver.finder.folder_layouts import refuse_other_layouts

if TYPE_CHECKING:
    from genfix.resolver.naming.spec import HubSpec


def open_target(path: str | os.PathLike[str], kind: type[LocalFolder] = LocalFolder) -> LocalFolder:
    """The folder at ``path``. Raises `InputError` where there is none, or none of a merged model."""
    given = os.fspath(path)
    folder = kind(existing_folder(given), given)
    refuse_other_layouts(folder)
    return folder


def is_address(target: str | os.PathLike[str]) -> bool:
    """Whether ``target`` is written as an address (``hf://org/name``, ``https://...``) and not as a path."""
    return isinstance(target, str) and "://" in target


def is_on_hub(target: str | os.PathLike[str]) -> bool:
    """Whether ``target`` is the address of a model on the Hub."""
    if not is_address(target):
        return False
    from genfix.resolver.naming.spec import HubSpec, parse_spec  # noqa: PLC0415 - a folder needs none of it

    try:
        return isinstance(parse_spec(os.fspath(target)), HubSpec)
    except GenfixError:
        return False


def names_gguf(target: str | os.PathLike[str]) -> bool:
    """Whether ``target`` is a GGUF and not a folder: by its name, which an address may have a query after."""
    given = os.fspath(target)
    if is_address(given):
        given = given.partition("?")[0].partition("#")[0]
    return kind_of(given) is FileKind.GGUF and not os.path.isdir(given)  # noqa: PTH112 - bad names are no folder


def place_of(target: str | os.PathLike[str]) -> Path | None:
    """Where ``target`` is on this machine, as the user named it; `None` for an address."""
    # abspath: links stay
    return None if is_address(target) else Path(os.path.abspath(target))  # noqa: PTH100


def open_address(
    given: str, *, offline: bool, progress: Progress | None
) -> tuple[Folder, tuple[Message, ...]]:
    """The Hub repo at the address ``given``, pinned to a commit, and what to say about it; nothing is cloned.
    Or the folder on an object store.

    Of weights only the headers are fetched. Raises `InputError` or `BaseModelError` where it cannot be
    judged.
    """
    # Imported here: a folder on this machine needs none of it.
    from genfix.resolver.stored_folder import is_stored, open_stored  # noqa: PLC0415

    if is_stored(given):
        stored = open_stored(given)
        refuse_other_layouts(stored)
        return stored, ()
    from genfix.folder.remote import RemoteFolder  # noqa: PLC0415
    from genfix.resolver.finder.base import READ_OF_ALL, open_repo  # noqa: PLC0415
    from genfix.resolver.naming.spec import HubSpec, LocalSpec, parse_spec  # noqa: PLC0415

    spec = parse_spec(given)
    if isinstance(spec, LocalSpec):
        raise InputError(
            "{address} is not on the Hugging Face Hub",
            "genfix judges a folder, hf://org/name[@revision] or ms://org/name[@revision]",
            address=given,
        )
    folder, notes = open_repo(spec, offline=offline)
    if isinstance(spec, HubSpec) and isinstance(folder, RemoteFolder):
        folder.origin = folder.origin._replace(label=f"hf://{folder.origin.label}")
    refuse_other_layouts(folder)
    heads = [name for name in Weights(folder).files if name.endswith(".safetensors")]
    if isinstance(folder, RemoteFolder):
        # All of them now: a header that the network keeps from us later must not look like a damaged one.
        folder.fetch_ahead([*READ_OF_ALL, *heads], progress)
    if folder.origin.revision is None:
        return folder, notes
    pinned = text("{address} is judged at commit {commit}", address=given, commit=folder.origin.revision)
    return folder, (*notes, pinned)


def hub_spec(target: str | os.PathLike[str]) -> "HubSpec":
    """The repo that ``target`` names on the Hub. Raises `InputError` where that is somewhere else."""
    from genfix.resolver.naming.spec import HubSpec, ModelScopeSpec, parse_spec  # noqa: PLC0415 - as above

    given = os.fspath(target)
    spec = parse_spec(given) if is_address(target) else None
    if isinstance(spec, HubSpec):
        return spec
    if isinstance(spec, ModelScopeSpec):
        raise InputError(
            "genfix makes no commits on ModelScope",
            "keep the plan (`genfix plan {address} -o plan.json`) or a patch (--output-format patch), and "
            "apply that to a download",
            address=given,
        )
    raise InputError(
        "{address} is no repo on the Hugging Face Hub",
        "write it hf://org/name[@branch]; a folder is changed without --create-pr and --push",
        address=given,
    )


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """The directory at ``path``. Raises `InputError` where there is none."""
    given = os.fspath(path)
    if is_address(path):
        raise InputError("{address} is not a folder on this machine", _how_to_write(given), address=given)
    if not given:
        raise InputError("the path of the folder is empty", "name the merged model's folder")
    folder = Path(given)
    try:
        mode = folder.stat().st_mode
    except (OSError, ValueError) as error:
        from genfix.resolver.naming.spec import is_repo_id  # noqa: PLC0415 - only for the hint

        if isinstance(error, OSError) and error.errno != errno.ENOENT:
            said = text("there is no folder {path}: {why}", path=given, why=error.strerror)
        else:
            said = text("there is no folder {path}", path=given)
        raise InputError(
            said,
            text("check the path of the merged model; a Hub repo is written hf://{repo}", repo=given)
            if is_repo_id(given.partition("@")[0])
            else text("check the path of the merged model"),
        ) from error
    if not stat.S_ISDIR(mode):
        raise InputError(
            text("{path} is a file, not a model folder", path=given),
            text("name the folder it is in: {path}", path=folder.parent),
        )
    return folder


def _how_to_write(address: str) -> Message:
    """What to do where a folder is to be changed that is somewhere else."""
    command = download_line(address)
    if is_on_hub(address):
        return text(
            "download it and name the folder: {command}; or have repair, apply or undo open a pull "
            "request: --create-pr",
            command=command,
        )
    if command:
        return text("download it and name the folder: {command}", command=command)
    return text("copy it to this machine, and name that folder")


def download_line(address: str) -> str:
    """The command that brings the model at an address onto this machine; empty where none is known."""
    from genfix.resolver.naming.spec import HubSpec, ModelScopeSpec, parse_spec  # noqa: PLC0415 - only for hints

    try:
        spec = parse_spec(address)
    except GenfixError:
        return ""
    if not isinstance(spec, HubSpec | ModelScopeSpec):
        return ""
    revision = f" --revision {spec.revision}" if spec.revision else ""
    if isinstance(spec, ModelScopeSpec):
        return f"modelscope download --model {spec.repo_id}{revision} --local_dir merged"
    return f"hf download {spec.repo_id}{revision} --local-dir merged"
