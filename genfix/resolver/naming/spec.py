"""What a ``--base`` argument names: a directory on this machine, or a repo on the Hub or ModelScope."""

import os
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from genfix.errors import BaseModelError, InputError, UnknownModelError
from genfix.folder.file_names import is_safe_name
from genfix.message import text
from genfix.resolver.naming.digests import SHA1

# huggingface_hub.utils.validate_repo_id, for an id with an organisation; narrowed to ASCII, as the Hub is.
_REPO_ID: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*"
_HUB_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
AUTO: Final = "auto"
"""In the place of a spec: the base that the merged folder itself names."""
_MODELSCOPE_HOSTS: Final = frozenset({"modelscope.cn", "www.modelscope.cn"})
_HINT: Final = text(
    "a base is a folder (./folder), a Hub id (org/name, org/name@revision) or a ModelScope id (ms://org/name)"
)
LOCAL_COPY: Final = text("pass a local copy of the model: --base ./folder")
_PAGES: Final = frozenset({"blob", "commit", "commits", "raw", "resolve", "tree"})
"""The parts of a model's web address that a revision follows."""
_VIEWS: Final = frozenset({"discussions", "feedback", "file", "files", "summary"})
"""The pages of a model on ModelScope that name no revision."""


class LocalSpec(NamedTuple):
    """A directory on this machine."""

    path: Path
    given: str
    """As the user wrote it."""
    shadows_repo: bool = False
    """Whether the same text is also a possible Hub id: the caller says that the directory was taken."""


# These two carry their kind: tuples with the same values are equal, whatever their classes.


class HubSpec(NamedTuple):
    """A model repo on the Hub; without a revision its ``main`` branch."""

    repo_id: str
    revision: str | None = None
    kind: Literal["hub"] = "hub"

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


class ModelScopeSpec(NamedTuple):
    """A model on ModelScope; without a revision its ``master`` branch."""

    repo_id: str
    revision: str | None = None
    kind: Literal["modelscope"] = "modelscope"

    def __str__(self) -> str:
        return f"ms://{self.repo_id}@{self.revision}" if self.revision else f"ms://{self.repo_id}"


def is_commit(given: str) -> bool:
    """Whether ``given`` is a full commit id (40 hex digits)."""
    return SHA1.fullmatch(given) is not None


def is_repo_id(given: str) -> bool:
    """Whether ``given`` is ``org/name`` by the rules of the Hub."""
    return (
        re.fullmatch(_REPO_ID, given) is not None
        and len(given) <= 96
        and "--" not in given
        and ".." not in given
        and not given.endswith((".git", ".", "-"))
    )


def repo_of_folder(name: str) -> str | None:
    """The repo that a folder of the Hub's cache is named after (``models--org--name``); `None` for another
    name.
    """
    repo_id = name.removeprefix("models--").replace("--", "/")
    return repo_id if name.startswith("models--") and is_repo_id(repo_id) else None


def parse_spec(given: str) -> LocalSpec | HubSpec | ModelScopeSpec:
    """Say what ``given`` names; nothing is asked over the network.

    A path (``./x``, ``/x``, ``~/x``, ``..``) and anything that exists here is local; ``org/name``
    and ``hf://org/name`` are the Hub, ``ms://org/name`` is ModelScope, all with an optional ``@revision``; so
    is the web address of a model there, or of a file of it.

    Raises `UnknownModelError` where the directory does not exist or the name is no id, `BaseModelError` where
    it is a file, `InputError` where ``given`` is neither.
    """
    if not given.strip() or not given.isprintable():
        raise InputError("'{spec}' does not name a base model", _HINT, spec=given)
    if given == AUTO:
        raise InputError(
            "auto stands for the base that a merged folder names", "a folder of that name is ./auto"
        )
    scheme, separator, rest = given.partition("://")
    if separator:
        return _from_address(given, scheme.lower(), rest)
    if given in {".", ".."} or given.startswith(("./", "../", "/", "~", ".\\", "..\\")):
        return LocalSpec(_directory(given), given)
    path = Path(given)
    if _is_dir(path):
        return LocalSpec(path, given, shadows_repo=is_repo_id(given.partition("@")[0]))
    if os.path.lexists(path):
        return LocalSpec(_directory(given), given)  # says that it is a file
    return _hub(given, given)


def _directory(given: str) -> Path:
    try:
        path = Path(given).expanduser()
    except RuntimeError:  # ~user where there is no such user
        path = Path(given)
    if _is_dir(path):
        return path
    if os.path.lexists(path):
        raise BaseModelError(
            "the base {path} is not a folder", "name the folder that holds its config.json", path=given
        )
    raise UnknownModelError(
        "there is no folder {path} to use as the base", "check the path; {hint}", path=given, hint=_HINT
    )


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a parent that may not be searched
        return False


def _from_address(given: str, scheme: str, rest: str) -> HubSpec | ModelScopeSpec:
    if scheme == "ms":
        return ModelScopeSpec(*_split(unquote(rest.removeprefix("models/")), given))
    if scheme == "hf":
        return _hub(unquote(rest.removeprefix("models/")), given)
    if scheme in {"http", "https"}:
        return _from_url(given)
    raise InputError("{address} is not an address genfix can read a base from", _HINT, address=given)


def _from_url(given: str) -> HubSpec | ModelScopeSpec:
    try:
        url = urlsplit(given)
        host, has_secret = url.hostname, "@" in url.netloc
    except ValueError as error:
        raise InputError("{address} is not a valid web address", _HINT, address=given) from error
    if has_secret:  # never shown, kept or sent on
        raise InputError(
            "an address of {host} must not hold a user's name or token",
            "log in with `hf auth login`, or set HF_TOKEN",
            host=host,
        )
    parts = [unquote(part) for part in url.path.strip("/").split("/")]
    if host is not None and (host in _MODELSCOPE_HOSTS or host == _mirror("MODELSCOPE_ENDPOINT")):
        return _from_modelscope(parts, given)
    if host is None or (host not in _HUB_HOSTS and host != _mirror("HF_ENDPOINT")):
        raise InputError(
            "{host} is neither the Hugging Face Hub nor ModelScope",
            "for a mirror set HF_ENDPOINT or MODELSCOPE_ENDPOINT; {hint}",
            host=host or given,
            hint=_HINT,
        )
    match parts:
        case [org, name]:
            return _hub(f"{org}/{name}", given)
        case [org, name, page, *rest] if page in _PAGES and rest:
            return _hub(f"{org}/{name}@{_revision(rest)}", given)
        case _:
            raise InputError(
                "{address} is not the address of a model",
                "use https://huggingface.co/org/name, or org/name@revision",
                address=given,
            )


def _from_modelscope(parts: list[str], given: str) -> ModelScopeSpec:
    match parts:
        case ["models", org, name] | ["models", org, name, "file", "view"]:
            return ModelScopeSpec(*_split(f"{org}/{name}", given))
        case ["models", org, name, "file", "view", revision, *_]:
            return ModelScopeSpec(*_split(f"{org}/{name}@{revision}", given))
        case ["models", org, name, page, *rest] if page in _PAGES and rest:
            return ModelScopeSpec(*_split(f"{org}/{name}@{_revision(rest)}", given))
        case ["models", org, name, page, *_] if page in _VIEWS:
            return ModelScopeSpec(*_split(f"{org}/{name}", given))
        case _:
            raise InputError(
                "{address} is not the address of a model",
                "use https://modelscope.cn/models/org/name, or ms://org/name@revision",
                address=given,
            )


def _mirror(variable: str) -> str | None:
    """The host that the environment names in the place of the public one."""
    named = os.environ.get(variable, "").strip()
    try:
        return urlsplit(named if "://" in named else f"//{named}").hostname
    except ValueError:  # whoever talks to it says so
        return None


def _revision(parts: list[str]) -> str:
    """What stands in an address before the path of a file: one part, or ``refs/pr/3``."""
    return "/".join(parts[:3] if parts[0] == "refs" else parts[:1])


def _hub(spec: str, given: str) -> HubSpec:
    return HubSpec(*_split(spec, given))


def _split(spec: str, given: str) -> tuple[str, str | None]:
    """The id and the revision in ``org/name[@revision]``."""
    repo_id, at, revision = spec.partition("@")
    if is_repo_id(repo_id):
        if not at:
            return repo_id, None
        # The revision becomes part of a path in the cache (refs/<revision>), so it is held to the same rules.
        if is_safe_name(revision) and " " not in revision:
            return repo_id, revision
        raise InputError(
            "'{revision}' is not a revision of {repo}",
            "a revision is a branch, a tag or a commit: org/name@main",
            revision=revision,
            repo=repo_id,
        )
    if "://" in given:
        raise InputError("{spec} does not name a model", _HINT, spec=given)
    if "/" in spec:
        raise UnknownModelError("{spec} is neither a folder nor a Hub id", _HINT, spec=given)
    raise UnknownModelError(
        "there is no folder {path}", "check the path; a Hub id is written org/name", path=given
    )
