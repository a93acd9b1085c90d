"""What a ``--base`` argument names: a directory on this machine, or a model repo on the Hugging Face Hub."""

import os
import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from genfix.errors import BaseModelError, InputError
from genfix.folder.names import is_safe_name

__all__ = ["HubSpec", "LocalSpec", "is_repo_id", "parse_spec"]

# huggingface_hub.utils.validate_repo_id, for an id with an organisation; narrowed to ASCII, as the Hub is.
_REPO_ID: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*"
_HUB_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_HINT: Final = "a base is a folder (./folder) or a Hub id (org/name, org/name@revision)"


class LocalSpec(NamedTuple):
    """A directory on this machine."""

    path: Path
    text: str
    """As the user wrote it."""
    shadows_repo: bool = False
    """Whether the same text is also a possible Hub id: the caller says that the directory was taken."""


class HubSpec(NamedTuple):
    """A model repo on the Hub; without a revision its ``main`` branch."""

    repo_id: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


def is_repo_id(text: str) -> bool:
    """Whether ``text`` is ``org/name`` by the rules of the Hub."""
    return (
        re.fullmatch(_REPO_ID, text) is not None
        and len(text) <= 96
        and "--" not in text
        and ".." not in text
        and not text.endswith((".git", ".", "-"))
    )


def parse_spec(text: str) -> LocalSpec | HubSpec:
    """Say what ``text`` names; nothing is asked over the network.

    A path (``./x``, ``/x``, ``~/x``, ``..``) and anything that exists as a directory is local; ``org/name``,
    ``hf://org/name``, both with an optional ``@revision``, and a model's web address are the Hub.

    Raises `BaseModelError` where the directory does not exist, `InputError` where the text is neither.
    """
    if not text.strip() or not text.isprintable():
        raise InputError(f"{text!r} does not name a base model", _HINT)
    scheme, separator, rest = text.partition("://")
    if separator:
        return _from_address(text, scheme.lower(), rest)
    if _is_path(text):
        return LocalSpec(_directory(text), text)
    path = Path(text)
    if _is_dir(path):
        return LocalSpec(path, text, shadows_repo=is_repo_id(text.partition("@")[0]))
    return _from_id(text, text)


def _is_path(text: str) -> bool:
    return text in {".", ".."} or text.startswith(("./", "../", "/", "~", ".\\", "..\\"))


def _directory(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~user where there is no such user
        path = Path(text)
    if _is_dir(path):
        return path
    if os.path.lexists(path):
        raise BaseModelError(f"the base {text} is not a folder", "name the folder that holds its config.json")
    raise BaseModelError(f"there is no folder {text} to use as the base", "check the path; " + _HINT)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a parent that may not be searched
        return False


def _from_address(text: str, scheme: str, rest: str) -> HubSpec:
    if scheme == "ms":
        raise InputError(
            f"ModelScope bases are not supported yet: {text}",
            "download the model's config files and pass their folder: --base ./folder",
        )
    if scheme == "hf":
        return _from_id(rest.removeprefix("models/"), text)
    if scheme in {"http", "https"}:
        return _from_url(text)
    raise InputError(f"{text} is not an address genfix can read a base from", _HINT)


def _from_url(text: str) -> HubSpec:
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError as error:
        raise InputError(f"{text} is not a valid web address", _HINT) from error
    mirror = urlsplit(os.environ.get("HF_ENDPOINT", "")).hostname
    if host not in _HUB_HOSTS and (mirror is None or host != mirror):
        raise InputError(
            f"{host or text} is not the Hugging Face Hub", "for a mirror set HF_ENDPOINT; " + _HINT
        )
    match [unquote(part) for part in url.path.strip("/").split("/")]:
        case [org, name]:
            return _from_id(f"{org}/{name}", text)
        case [org, name, "tree" | "commit", revision]:
            return _from_id(f"{org}/{name}@{revision}", text)
        case _:
            raise InputError(
                f"{text} is not the address of a model",
                "use https://huggingface.co/org/name, or org/name@revision",
            )


def _from_id(spec: str, text: str) -> HubSpec:
    repo_id, at, revision = spec.partition("@")
    if is_repo_id(repo_id):
        if not at:
            return HubSpec(repo_id)
        # The revision becomes part of a path in the cache (refs/<revision>), so it is held to the same rules.
        if is_safe_name(revision) and " " not in revision:
            return HubSpec(repo_id, revision)
        raise InputError(
            f"{revision!r} is not a revision of {repo_id}",
            "a revision is a branch, a tag or a commit: org/name@main",
        )
    if "/" in spec:
        raise InputError(f"{text} is neither a folder nor a Hub id", _HINT)
    raise BaseModelError(f"there is no folder {text}", "check the path; a Hub id is written org/name")
