"""A base on the Hugging Face Hub, pinned to one commit. The only module that talks to the Hub.

huggingface_hub is imported inside functions: the import costs 0.3 s, and a run with a local base needs none of
it. It reads ``HF_ENDPOINT``, ``HF_HOME`` and ``HF_HUB_OFFLINE`` when it is imported.
"""

import io
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from genfix.errors import BaseModelError
from genfix.folder.folder import FileStat, Folder, Origin
from genfix.resolver.hub_cache import CachedListing, HubCache, is_commit
from genfix.resolver.hub_errors import Asked, explain, is_cut, outage, status_of, unreachable
from genfix.resolver.hub_files import Download, HubFiles
from genfix.resolver.spec import HubSpec, is_repo_id

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

__all__ = ["HubBase", "open_hub"]

_MAIN: Final = "main"
_TIMEOUT: Final = 10.0
_RETRY_AFTER: Final = (0.5, 2.0)
"""Seconds before a request that met 429 or 5xx is sent again: a Hub behind a load balancer often answers then."""


@dataclass(frozen=True, slots=True)
class HubBase:
    """A model repo at one commit."""

    folder: Folder
    notes: tuple[str, ...] = ()
    """What the user should know about how it was found, a sentence each."""


@dataclass(frozen=True, slots=True)
class _Listing:
    repo_id: str
    commit: str
    files: Mapping[str, FileStat]


@dataclass(frozen=True, slots=True)
class _Hub:
    """huggingface_hub's settings, as it read them from the environment."""

    cache: Path
    endpoint: str
    offline: bool


class _OutageError(Exception):
    """The Hub gave no answer: a cached commit may stand in."""


def open_hub(spec: HubSpec, *, offline: bool = False) -> HubBase:
    """Pin ``spec`` to a commit and list its files, with one request; files are downloaded when they are read.

    A full commit id whose listing is known costs no request. ``offline`` (or ``HF_HUB_OFFLINE``) takes the
    commit that was cached last and sends nothing; so does, with a note, a Hub that cannot be reached.

    Raises `BaseModelError` with what went wrong: no such model or revision, no access, no network and no cache;
    `StorageError` where the cache cannot be used.
    """
    hub = _settings(spec)
    cache = HubCache(hub.cache, spec.repo_id)
    asked = Asked(hub.endpoint, spec.repo_id, spec.revision)
    stopped = "genfix is offline" if offline else "HF_HUB_OFFLINE is set" if hub.offline else ""
    cached = _cached(spec, cache)
    if cached is not None and cached.commit == spec.revision and cached.known.complete:
        return _from_cache(spec, hub, cache, cached, stopped)
    if stopped:
        if cached is None:
            raise BaseModelError(
                f"{spec} is not cached and {stopped}",
                "go online once, or pass a local copy of it: --base ./folder",
            )
        return _from_cache(spec, hub, cache, cached, stopped)
    try:
        listing = _ask(asked)
    except _OutageError as error:
        if cached is None:
            raise unreachable(asked, str(error)) from error
        return _from_cache(spec, hub, cache, cached, f"the Hub could not be reached ({error})")
    except BaseModelError as error:
        if cached is None:
            raise
        hint = f"{error.hint}; with --offline the cached commit {cached.commit[:7]} is used"
        raise BaseModelError(error.message, hint) from error
    cache.keep(listing.commit, listing.repo_id, listing.files)
    notes = (_moved(spec, listing.repo_id),) if listing.repo_id != spec.repo_id else ()
    return _base(spec, hub, cache, listing, notes)


@dataclass(frozen=True, slots=True)
class _Cached:
    commit: str
    known: CachedListing


def _cached(spec: HubSpec, cache: HubCache) -> _Cached | None:
    commit = cache.commit_of(spec.revision or _MAIN)
    known = cache.listing(commit) if commit else None
    return _Cached(commit, known) if commit and known else None


def _from_cache(spec: HubSpec, hub: _Hub, cache: HubCache, cached: _Cached, stopped: str) -> HubBase:
    """The base as this machine knows it; where ``stopped`` says why, nothing more is downloaded."""
    commit, known = cached.commit, cached.known
    repo_id = known.repo_id if known.repo_id and is_repo_id(known.repo_id) else spec.repo_id
    notes = [_moved(spec, repo_id)] if repo_id != spec.repo_id else []
    if spec.revision != commit:
        notes.append(f"{stopped}; using the cached commit {commit[:7]} of {spec.revision or _MAIN}")
    elif not known.complete:
        notes.append(f"{stopped}; using the cached commit {commit[:7]}")
    if not known.complete:
        notes.append(
            f"the list of files of {spec.repo_id}@{commit[:7]} is not cached; "
            f"only the {len(known.files)} that were downloaded before are known"
        )
    return _base(spec, hub, cache, _Listing(repo_id, commit, known.files), tuple(notes), stopped)


def _base(
    spec: HubSpec, hub: _Hub, cache: HubCache, listing: _Listing, notes: tuple[str, ...], stopped: str = ""
) -> HubBase:
    download = None if stopped else _downloader(hub.endpoint, spec.repo_id)
    files = HubFiles(cache, spec.repo_id, spec.revision or _MAIN, listing.commit, download, stopped)
    return HubBase(files.folder(Origin("hub", listing.repo_id, listing.commit), listing.files), notes)


def _moved(spec: HubSpec, repo_id: str) -> str:
    if repo_id.casefold() == spec.repo_id.casefold():
        return f"{spec.repo_id} is spelled {repo_id} on the Hub"
    return f"{spec.repo_id} moved to {repo_id}"


def _downloader(endpoint: str, repo_id: str) -> Download:
    def download(name: str, revision: str, *, force: bool) -> None:
        for last in (False, True):
            try:
                with _quiet():
                    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - 0.3 s

                    hf_hub_download(
                        repo_id, name, revision=revision, force_download=force, etag_timeout=_TIMEOUT
                    )
            except Exception as error:  # the one boundary to huggingface_hub: explained, never swallowed
                if last or not is_cut(error):
                    raise explain(error, Asked(endpoint, repo_id, revision, name)) from error
            else:
                return

    return download


def _settings(spec: HubSpec) -> _Hub:
    _check_endpoint(os.environ.get("HF_ENDPOINT", ""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from huggingface_hub import constants  # noqa: PLC0415 - 0.04 s
    except Exception as error:  # a broken installation, or an environment it cannot read
        raise explain(error, Asked("", spec.repo_id, spec.revision)) from error
    return _Hub(Path(constants.HF_HUB_CACHE), constants.ENDPOINT, bool(constants.HF_HUB_OFFLINE))


def _check_endpoint(endpoint: str) -> None:
    """Raise `BaseModelError` for an address that huggingface_hub would fail on while it is imported."""
    try:
        url = urlsplit(endpoint)
        valid = not endpoint or (url.scheme in {"http", "https"} and url.hostname and url.port != 0)
    except ValueError:  # a port that is no number, an open bracket
        valid = False
    if not valid:
        raise BaseModelError(
            "HF_ENDPOINT is not a web address", "set it to https://huggingface.co or a mirror of it"
        )


def _ask(asked: Asked) -> _Listing:
    """The commit and its files, from one request; sent again where the Hub is busy.

    Raises `_OutageError` where there is no answer, `BaseModelError` where the answer is no.
    """
    for pause in (*_RETRY_AFTER, None):
        try:
            with _quiet():
                from huggingface_hub import HfApi  # noqa: PLC0415 - 0.3 s

                info = HfApi().model_info(
                    asked.repo_id, revision=asked.revision, files_metadata=True, timeout=_TIMEOUT
                )
        except Exception as error:  # the one boundary to huggingface_hub: explained, never swallowed
            reason = outage(error)
            if reason is None:
                raise explain(error, asked) from error
            if pause is None or status_of(error) is None:
                raise _OutageError(reason) from error
            time.sleep(pause)
        else:
            return _listing(info, asked)
    raise AssertionError("unreachable")


def _listing(info: "ModelInfo", asked: Asked) -> _Listing:
    if info.sha is None or not is_commit(info.sha):
        raise BaseModelError(
            f"the Hub at {asked.host} does not say which commit {asked} is",
            "set HF_ENDPOINT to a full mirror of the Hub, or pass a local copy of the model: --base ./folder",
        )
    files: dict[str, FileStat] = {}
    for sibling in info.siblings or ():
        size, sha256 = sibling.size, sibling.lfs.sha256 if sibling.lfs else None
        if size is None or (sha256 is None and sibling.blob_id is None):
            raise BaseModelError(
                f"the Hub at {asked.host} lists {sibling.rfilename} of {asked} without size and digest",
                "set HF_ENDPOINT to a full mirror of the Hub, or pass a local copy of the model: --base ./folder",
            )
        # An LFS file's blob_id is the digest of its pointer, not of its content.
        files[sibling.rfilename] = FileStat(size, None if sha256 else sibling.blob_id, sha256)
    return _Listing(info.id if is_repo_id(info.id) else asked.repo_id, info.sha, files)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep huggingface_hub from speaking to the user, and from telling the Hub more than it needs.

    Its log lines, warnings and progress bars go to stderr, where genfix says the same in its own words (bars
    that the user forces with ``HF_HUB_DISABLE_PROGRESS_BARS=0`` stay). Telemetry is off in genfix's own calls
    only, and the environment is left alone: with it, 1.x and 2.x first ask the Hub for a list of known agents
    (``/api/agent-harnesses``, up to 3 s on a dead line) and name the calling program to it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with redirect_stdout(io.StringIO()):  # a lazy import that fails is printed
            from huggingface_hub import constants, hf_api  # noqa: F401, PLC0415
        from huggingface_hub.utils.tqdm import (  # noqa: PLC0415
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )

        logger = logging.getLogger("huggingface_hub")
        level, telemetry, no_bars = (
            logger.level,
            constants.HF_HUB_DISABLE_TELEMETRY,
            are_progress_bars_disabled(),
        )
        logger.setLevel(logging.CRITICAL + 1)
        constants.HF_HUB_DISABLE_TELEMETRY = True
        disable_progress_bars()
        try:
            yield
        finally:
            logger.setLevel(level)
            constants.HF_HUB_DISABLE_TELEMETRY = telemetry
            if not no_bars:
                enable_progress_bars()
