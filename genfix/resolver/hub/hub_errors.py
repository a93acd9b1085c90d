"""What went wrong at the Hub, in one true sentence.

huggingface_hub 0.34 speaks through requests, 1.x through httpx, 2.x through httpx2, and raises their raw
errors beside its own; all are distinguished by class name and HTTP status here, so that nothing of it is
imported.
"""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from genfix.errors import BaseModelError, GenfixError, StorageError
from genfix.message import Arg, Message, text
from genfix.resolver.naming.spec import LOCAL_COPY, is_commit
from genfix.web.failures import ForeignAnswerError, is_passing, network_reason

_HTTP_LIBRARIES: Final = frozenset(
    {"anyio", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
_NETWORK_ERRORS: Final = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
NO_NETWORK: Final = text(
    "go online once (HF_ENDPOINT names a mirror, --base ms://org/name asks ModelScope), or pass a local copy "
    "or a capsule that `genfix capsule` made on another machine: --base ./folder"
)
"""What to do where nothing can be downloaded."""


@dataclass(frozen=True, slots=True)
class HubRequest:
    """What was asked of which Hub."""

    endpoint: str
    repo_id: str
    revision: str | None = None
    name: str | None = None
    """The file that was asked for; `None` for the listing."""

    @property
    def host(self) -> Message | str:
        """The endpoint without credentials, path and query."""
        try:
            url = urlsplit(self.endpoint)
            port = f":{url.port}" if url.port else ""
        except ValueError:
            return text("its address")
        return f"{url.scheme}://{url.hostname}{port}" if url.hostname else self.endpoint

    @property
    def said(self) -> Message | str:
        """What it is called."""
        revision = self.revision and (self.revision[:7] if is_commit(self.revision) else self.revision)
        repo = f"{self.repo_id}@{revision}" if revision else self.repo_id
        return text("{name} of {repo}", name=self.name, repo=repo) if self.name else repo


def outage(error: Exception) -> Message | str | None:
    """Why the Hub did not answer, where asking later or elsewhere may help; `None` where it did answer.

    An outage is a connection that failed, a timeout, an HTTP status of 408, 429 or 5xx, and an answer that is
    no Hub's (a captive portal, a proxy).
    """
    error = _actual(error)
    status = status_of(error)
    if status is not None:
        return f"HTTP {status}" if is_passing(status) else None
    names = _class_names(error)
    if "HFValidationError" in names:
        return None
    not_json = isinstance(
        error,
        (ForeignAnswerError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError),
    )
    if not_json or "FileMetadataError" in names:
        return text("the answer is not one of a Hub")
    libraries = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    if isinstance(error, _NETWORK_ERRORS) or not libraries.isdisjoint(_HTTP_LIBRARIES):
        return _reason(error)
    return None


def is_cut(error: Exception) -> bool:
    """Whether a transfer broke off: huggingface_hub 0.34 gives up on it, later ones resume it."""
    error = _actual(error)
    return status_of(error) is None and not (isinstance(error, OSError) and error.errno is not None)


def unreachable(asked: HubRequest, reason: Message | str) -> BaseModelError:
    """The error for an `outage` where there is no cached copy either."""
    args: dict[str, Arg] = {"host": asked.host, "why": reason, "asked": asked.said}
    return BaseModelError(
        text("the Hub at {host} cannot answer now ({why}), and {asked} is not cached", **args)
        if str(reason).startswith("HTTP")
        else text("the Hub at {host} could not be reached ({why}), and {asked} is not cached", **args),
        "try again later, set HF_ENDPOINT to a mirror, ask ModelScope (--base ms://org/name), or "
        "pass a local copy or a capsule: --base ./folder",
    )


def explain(error: Exception, asked: HubRequest) -> GenfixError:
    """The error genfix raises for ``error``: `BaseModelError`, or `StorageError` where a disk is to blame."""
    reason = outage(error)
    if reason is not None:
        return unreachable(asked, reason)
    error = _actual(error)
    return _refusal(error, asked) or _failure(error, asked)


def status_of(error: Exception) -> int | None:
    """The HTTP status of the answer, where there was one."""
    # Compared with None: an error response of requests is falsy.
    response: object = getattr(_actual(error), "response", None)
    status: object = getattr(response, "status_code", None) if response is not None else None
    return status if isinstance(status, int) else None


def _refusal(error: Exception, asked: HubRequest) -> BaseModelError | None:
    """The Hub's own word: what was asked for does not exist, or is not for this user."""
    names, status = _class_names(error), status_of(error)
    args: dict[str, Arg] = {
        "repo": asked.repo_id,
        "host": asked.host,
        "asked": asked.said,
        "local_copy": LOCAL_COPY,
    }
    # A gated repo is also a "repository not found" for huggingface_hub: the order matters.
    if "GatedRepoError" in names:
        return BaseModelError(
            "{repo} is gated, and this machine has no access to its files",
            "accept its terms at {host}/{repo} and log in with `hf auth login`, or {local_copy}",
            **args,
        )
    if "RepositoryNotFoundError" in names:
        return BaseModelError(
            "no model {repo} on the Hub, or it is private",
            "check the name, or log in with `hf auth login`",
            **args,
        )
    if "RevisionNotFoundError" in names:
        return BaseModelError(
            "{repo} has no revision {revision}",
            "a revision is a branch, a tag or a commit",
            revision=asked.revision or "main",
            **args,
        )
    if "EntryNotFoundError" in names and asked.name:
        return BaseModelError(
            "{asked} is listed by the Hub but not there", "try again later, or {local_copy}", **args
        )
    if status == 401:
        return BaseModelError(
            "the Hub does not accept this machine's access token (asked for {asked})",
            "log in again with `hf auth login`, or unset HF_TOKEN to ask without a token",
            **args,
        )
    if status == 403:
        return BaseModelError(
            "the Hub refuses access to {asked} (HTTP 403)",
            "check what the access token permits, or {local_copy}",
            **args,
        )
    if status is not None:
        return BaseModelError(
            "the Hub at {host} did not give {asked} (HTTP {status})", LOCAL_COPY, status=status, **args
        )
    return None


def _failure(error: Exception, asked: HubRequest) -> GenfixError:
    """What failed on this machine or under way."""
    if isinstance(error, ImportError):
        return BaseModelError(
            "huggingface_hub cannot be imported: {why}",
            "reinstall genfix, or {local_copy}",
            why=str(error),
            local_copy=LOCAL_COPY,
        )
    if isinstance(error, OSError) and error.errno is not None:
        why = error.strerror or str(error)
        return StorageError(
            text("the Hub cache cannot be used ({path}): {why}", path=error.filename, why=why)
            if isinstance(error.filename, str)
            else text("the Hub cache cannot be used: {why}", why=why),
            "free the space or fix the permissions, or set HF_HOME to another directory",
        )
    return BaseModelError(
        "{asked} could not be downloaded whole ({why})",
        "try again, or {local_copy}",
        asked=asked.said,
        why=type(error).__name__,
        local_copy=LOCAL_COPY,
    )


def _actual(error: Exception) -> Exception:
    """The error itself, or what it hides.

    hf_hub_download raises LocalEntryNotFoundError ("check your connection") for every failed request of which
    no cached copy makes up: the answer that failed is its cause.
    """
    if "LocalEntryNotFoundError" in _class_names(error) and isinstance(error.__cause__, Exception):
        return error.__cause__
    return error


def _class_names(error: Exception) -> frozenset[str]:
    return frozenset(base.__name__ for base in type(error).__mro__)


def _reason(error: Exception) -> Message | str:
    """The failed connection in words: of the errors that led to it, the first one that says why."""
    for link in reversed(list(_chain(error))):
        reason = text("timed out") if "Timeout" in type(link).__name__ else network_reason(link)
        if reason is not None:
            return reason
    return text("the connection failed: {why}", why=type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
