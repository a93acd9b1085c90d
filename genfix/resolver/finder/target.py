"""The folder to be judged: opened, or refused in one sentence where it is no merged model."""

import errno
import os
import stat
from pathlib import Path

from genfix.errors import InputError
from genfix.folder import Folder, LocalFolder, Progress
from genfix.message import Message, text
from genfix.model import Weights
from genfix.resolver.finder.folder_layouts import refuse_other_layouts


def open_target(path: str | os.PathLike[str]) -> LocalFolder:
    """The folder at ``path``. Raises `InputError` where there is none, or none of a merged model."""
    given = os.fspath(path)
    folder = LocalFolder(existing_folder(given), given)
    refuse_other_layouts(folder)
    return folder


def is_address(target: str | os.PathLike[str]) -> bool:
    """Whether ``target`` is written as an address (``hf://org/name``, ``https://...``) and not as a path."""
    return isinstance(target, str) and "://" in target


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
    from genfix.resolver.finder.base import READ_OF_ALL  # noqa: PLC0415
    from genfix.resolver.hub.hub_repo import open_hub  # noqa: PLC0415
    from genfix.resolver.naming.spec import HubSpec, parse_spec  # noqa: PLC0415

    spec = parse_spec(given)
    if not isinstance(spec, HubSpec):
        raise InputError(
            "{address} is not on the Hugging Face Hub",
            "genfix judges a folder, or hf://org/name[@revision]",
            address=given,
        )
    found = open_hub(spec, offline=offline)
    folder = found.folder
    folder.origin = folder.origin._replace(label=f"hf://{folder.origin.label}")
    refuse_other_layouts(folder)
    heads = [name for name in Weights(folder).files if name.endswith(".safetensors")]
    # All of them now: a header that the network keeps from us later must not look like a damaged one.
    folder.fetch_ahead([*READ_OF_ALL, *heads], progress)
    pinned = text("{address} is judged at commit {commit}", address=given, commit=folder.origin.revision)
    return folder, (*found.notes, pinned)


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """The directory at ``path``. Raises `InputError` where there is none."""
    given = os.fspath(path)
    if is_address(path):
        raise InputError(
            "{address} is not a folder on this machine, and genfix writes to nothing else",
            "download it and name the folder: {command}",
            address=given,
            command=_download(given),
        )
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


def _download(address: str) -> str:
    """The command that brings the repo at an address onto this machine."""
    from genfix.resolver.naming.spec import is_repo_id  # noqa: PLC0415 - only for the hint

    repo, _, revision = address.removeprefix("hf://").partition("@")
    named = f"{repo} --revision {revision}" if revision else repo
    return f"hf download {named if is_repo_id(repo) else 'org/name'} --local-dir merged"
