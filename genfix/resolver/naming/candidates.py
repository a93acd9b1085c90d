"""What a name that some tool wrote down can mean on this machine: folders that are here, then repos."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from genfix.resolver.naming.spec import is_repo_id
from genfix.web.strangers import strangers_ask

_LEVELS_UP: Final = 5
"""A run's paths are relative to where it was started: ms-swift merges four levels below."""
_HUB_CACHE: Final = re.compile(
    r".*[\\/]models--(?P<org>[\w.-]+?)--(?P<name>[\w.-]+)[\\/]snapshots[\\/](?P<commit>[0-9a-f]{40})",
    re.ASCII,
)
_MODELSCOPE_CACHE: Final = re.compile(
    r".*[\\/]\.?modelscope[\\/](?:hub[\\/])?(?:models[\\/])?(?P<org>[\w.-]+)[\\/](?P<name>[\w.-]+)", re.ASCII
)
_ADDRESSES: Final = ("hf://", "ms://", "https://")


def candidate_specs(
    text: str, merged: Path | None, *, revision: str = "", modelscope: bool = False, remote: bool = True
) -> tuple[str, ...]:
    """Specs of what ``text`` can mean, the likeliest first.

    A relative path is tried from here and from the folders above ``merged``. A path into a cache also tells
    the repo, and which commit. Ids are ModelScope's first with ``modelscope``, and none at all without
    ``remote``.
    """
    return tuple(dict.fromkeys(_specs(text, merged, revision, modelscope=modelscope, remote=remote)))


def _specs(text: str, merged: Path | None, revision: str, *, modelscope: bool, remote: bool) -> Iterator[str]:
    if "://" in text:
        yield from [text] if text.startswith(_ADDRESSES) else []
        return
    if text.startswith(("\\\\", "//")):
        return  # a share on a host that a stranger chose
    if not strangers_ask():
        yield from _folders(text, merged)
    cached = repo_of_cache(text)
    if cached is not None:
        yield cached
    if remote:
        yield from _repos(text, revision, modelscope=modelscope)


def _folders(text: str, merged: Path | None) -> Iterator[str]:
    """Paths of folders that are here."""
    if text.startswith(("/", "~")):
        if _is_folder(Path(text), merged):
            yield text
        return
    if _is_folder(Path(text), merged):
        yield text if text.startswith(".") else f"./{text}"
    for place in list(merged.parents)[:_LEVELS_UP] if merged is not None else ():
        if _is_folder(place / text, merged):
            yield str(place / text)


def _is_folder(path: Path, merged: Path | None) -> bool:
    """Whether ``path`` is a folder other than the merged one."""
    try:
        there = path.expanduser()
        return there.is_dir() and (merged is None or not there.samefile(merged))
    except (OSError, RuntimeError, ValueError):
        return False


def repo_of_cache(path: str) -> str | None:
    """The spec of the repo whose files the cache keeps at ``path``, with the commit where that tells."""
    path = path.rstrip("/\\")
    hub = _HUB_CACHE.fullmatch(path)
    if hub is not None:
        return f"{hub['org']}/{hub['name']}@{hub['commit']}"
    scope = _MODELSCOPE_CACHE.fullmatch(path)
    # A dot is written as three underscores there.
    return f"ms://{scope['org']}/{scope['name'].replace('___', '.')}" if scope is not None else None


def _repos(text: str, revision: str, *, modelscope: bool) -> Iterator[str]:
    repo_id, at, _ = text.partition("@")
    if not is_repo_id(repo_id):
        return
    spec = text if at or not revision else f"{text}@{revision}"
    if modelscope:
        yield f"ms://{spec}"
    yield f"hf://{spec}" if strangers_ask() else spec  # of a bare id a folder here would be taken
