"""What went wrong at the Hub, in one true sentence.

huggingface_hub 0.34 speaks through requests, 1.x through httpx, 2.x through httpx2, and lets their raw errors
out; they are distinguished by class name here, so that nothing of it is imported. What an answer that says no
means is read from its status and the headers ``X-Error-Code`` and ``X-Error-Message``, as huggingface_hub
does (2.4, utils/_http.py, hf_raise_for_status).
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from genfix.errors import BaseModelError, GenfixError, UnknownModelError
from genfix.message import Arg, Message, text
from genfix.resolver.hub.hub_session import HubStatusError
from genfix.resolver.naming.spec import LOCAL_COPY, is_commit
from genfix.web.exchange import RedirectError
from genfix.web.failures import ForeignAnswerError, is_passing, network_reason

_HTTP_LIBRARIES: Final = frozenset(
    {"anyio", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
_BAD_TOKEN: Final = "Invalid credentials in Authorization header"  # noqa: S105 - what the Hub says
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
    if isinstance(error, HubStatusError):
        return str(error) if is_passing(error.status) else None
    if isinstance(error, (ForeignAnswerError, RedirectError, UnicodeDecodeError)):
        return text("the answer is not one of a Hub")
    libraries = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    if isinstance(error, _NETWORK_ERRORS) or not libraries.isdisjoint(_HTTP_LIBRARIES):
        return _reason(error)
    return None


def is_cut(error: Exception) -> bool:
    """Whether a transfer broke off: huggingface_hub 0.34 gives up on it, later ones resume it."""
    answered = isinstance(error, (HubStatusError, GenfixError))
    return not answered and not (isinstance(error, OSError) and error.errno is not None)


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
    """The error genfix raises for ``error``."""
    if isinstance(error, GenfixError):
        return error
    reason = outage(error)
    if reason is not None:
        return unreachable(asked, reason)
    return _refusal(error, asked) if isinstance(error, HubStatusError) else _failure(error, asked)


def _refusal(error: HubStatusError, asked: HubRequest) -> BaseModelError:
    """The Hub's own word: what was asked for does not exist, or is not for this user."""
    status, code = error.status, error.code
    # Who is not logged in is not told whether a repo exists; a bad token is called one.
    is_unknown = status == 401 and not code and error.said != _BAD_TOKEN
    args: dict[str, Arg] = {
        "repo": asked.repo_id,
        "host": asked.host,
        "asked": asked.said,
        "local_copy": LOCAL_COPY,
    }
    if code == "GatedRepo":
        return BaseModelError(
            "{repo} is gated, and this machine has no access to its files",
            "accept its terms at {host}/{repo} and log in with `hf auth login`, or {local_copy}",
            **args,
        )
    if code == "RepoNotFound" or is_unknown:
        return UnknownModelError(
            "no model {repo} on the Hub, or it is private",
            "check the name, or log in with `hf auth login`",
            **args,
        )
    if code == "RevisionNotFound":
        return BaseModelError(
            "{repo} has no revision {revision}",
            "a revision is a branch, a tag or a commit",
            revision=asked.revision or "main",
            **args,
        )
    if code == "EntryNotFound" and asked.name:
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
    return BaseModelError(
        "the Hub at {host} did not give {asked} (HTTP {status})", LOCAL_COPY, status=status, **args
    )


def _failure(error: Exception, asked: HubRequest) -> GenfixError:
    """What failed on this machine or under way."""
    if isinstance(error, ImportError):
        return BaseModelError(
            "huggingface_hub cannot be imported: {why}",
            "reinstall genfix, or {local_copy}",
            why=str(error),
            local_copy=LOCAL_COPY,
        )
    return BaseModelError(
        "{asked} could not be downloaded whole ({why})",
        "try again, or {local_copy}",
        asked=asked.said,
        why=type(error).__name__,
        local_copy=LOCAL_COPY,
    )


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
