"""A model repo on the Hugging Face Hub, pinned to one commit."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

from genfix.errors import BaseModelError, UnknownModelError
from genfix.folder.folder import Origin
from genfix.folder.remote import RemoteFolder, State
from genfix.message import Arg, Message, text
from genfix.resolver.hub.hub_cache import CachedListing, HubCache
from genfix.resolver.hub.hub_client import HubClient, HubSettings, hub_settings
from genfix.resolver.hub.hub_errors import NO_NETWORK, HubRequest, unreachable
from genfix.resolver.hub.hub_files import HubFiles
from genfix.resolver.hub.hub_history import MOST_OF_A_HISTORY, earlier_states
from genfix.resolver.hub.hub_listing import HubListing
from genfix.resolver.naming.spec import HubSpec, is_commit, is_repo_id
from genfix.web.failures import OutageError

_MAIN: Final = "main"


class HubBase(NamedTuple):
    """A model repo at one commit."""

    folder: RemoteFolder
    notes: tuple[Message, ...] = ()
    """What the user should know about how it was found, a sentence each."""


def open_hub(spec: HubSpec, *, offline: bool = False) -> HubBase:
    """Pin ``spec`` to a commit and list its files, with one request; files are downloaded when they are read.

    A full commit id whose listing is known costs no request. ``offline`` (or ``HF_HUB_OFFLINE``) takes the
    commit that was cached last and sends nothing; so does, with a note, a Hub that cannot be reached.

    Raises `BaseModelError` with what went wrong: no such model or revision, no access, no network and no
    cache; `StorageError` where the cache cannot be used.
    """
    hub = hub_settings(spec)
    cache = HubCache(hub.cache, spec.repo_id)
    asked = HubRequest(hub.endpoint, spec.repo_id, spec.revision)
    stopped = text("HF_HUB_OFFLINE is set") if hub.offline else None
    if offline:
        stopped = text("genfix is offline")
    cached = _cached(spec, cache)
    is_settled = cached is not None and cached.commit == spec.revision and cached.known.complete
    if cached is not None and (stopped is not None or is_settled):
        return _from_cache(spec, hub, cache, cached, stopped)
    if stopped is not None:
        raise UnknownModelError(
            "{spec} is not cached and {stopped}", NO_NETWORK, spec=str(spec), stopped=stopped
        )
    try:
        listing = HubClient(hub.endpoint, spec.repo_id).listing(asked)
    except OutageError as error:
        if cached is None:
            raise unreachable(asked, error.said) from error
        stopped = text("the Hub could not be reached ({why})", why=error.said)
        return _from_cache(spec, hub, cache, cached, stopped)
    except BaseModelError as error:
        if cached is None:
            raise
        raise BaseModelError(
            error.said,
            "{advice}; with --offline the cached commit {commit} is used",
            advice=error.advice or "",
            commit=cached.commit[:7],
        ) from error
    cache.keep(listing.commit, listing.repo_id, listing.files)
    cache.note(spec.revision or _MAIN, listing.commit)
    return _base(spec, hub, cache, listing, _moved(spec, listing.repo_id))


class _Cached(NamedTuple):
    commit: str
    known: CachedListing


def _cached(spec: HubSpec, cache: HubCache) -> _Cached | None:
    commit = cache.commit_of(spec.revision or _MAIN)
    known = cache.listing(commit) if commit else None
    return _Cached(commit, known) if commit and known else None


def _from_cache(
    spec: HubSpec, hub: HubSettings, cache: HubCache, cached: _Cached, stopped: Message | None
) -> HubBase:
    """The base as this machine knows it; where ``stopped`` says why, nothing more is downloaded."""
    commit, known = cached.commit, cached.known
    repo_id = known.repo_id if known.repo_id and is_repo_id(known.repo_id) else spec.repo_id
    notes = _moved(spec, repo_id)
    args: dict[str, Arg] = {"stopped": stopped, "commit": commit[:7], "revision": spec.revision or _MAIN}
    if spec.revision != commit:
        notes.append(text("{stopped}; using the cached commit {commit} of {revision}", **args))
    elif not known.complete:
        notes.append(text("{stopped}; using the cached commit {commit}", **args))
    if not known.complete:
        notes.append(
            text(
                "the list of files of {repo} is not cached; "
                "only the {known} that were downloaded before are known",
                repo=f"{spec.repo_id}@{commit[:7]}",
                known=len(known.files),
            )
        )
    return _base(spec, hub, cache, HubListing(repo_id, commit, known.files), notes, stopped)


def _base(
    spec: HubSpec,
    hub: HubSettings,
    cache: HubCache,
    listing: HubListing,
    notes: list[Message],
    stopped: Message | None = None,
) -> HubBase:
    client = None if stopped is not None else HubClient(hub.endpoint, spec.repo_id)
    files = HubFiles(cache, spec, listing.commit, listing.files, client, stopped)
    history: Callable[[], Iterator[State]] | None = None
    if client is not None and not is_commit(spec.revision or ""):
        history = partial(_history, spec, client, HubRequest(hub.endpoint, spec.repo_id, listing.commit))
    return HubBase(files.folder(Origin("hub", listing.repo_id, listing.commit), history), tuple(notes))


def _history(spec: HubSpec, client: HubClient, asked: HubRequest) -> Iterator[State]:
    def opened(commit: str) -> RemoteFolder:
        return open_hub(HubSpec(spec.repo_id, commit)).folder

    path = f"models/{asked.repo_id}/commits/{quote(asked.revision or '', safe='')}"
    return earlier_states(asked.revision or "", lambda: client.api(path, MOST_OF_A_HISTORY, asked), opened)


def _moved(spec: HubSpec, repo_id: str) -> list[Message]:
    """What to say where the repo has another name now."""
    if repo_id == spec.repo_id:
        return []
    if repo_id.casefold() == spec.repo_id.casefold():
        return [text("{asked} is spelled {repo} on the Hub", asked=spec.repo_id, repo=repo_id)]
    return [text("{asked} moved to {repo}", asked=spec.repo_id, repo=repo_id)]
