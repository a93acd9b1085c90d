"""Where models lie on this machine: folders beside the merged one, the caches of the Hub's and ModelScope's
clients, and the capsules that the user has registered. Only names are listed; nothing is opened.

The Hub's cache is found as huggingface_hub does (2.4, constants.py), without importing it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from genfix.errors import BaseModelError
from genfix.folder import LocalFolder
from genfix.folder.capsule import MANIFEST, CapsuleFolder
from genfix.folder.folder import Folder, Origin
from genfix.message import Message, text
from genfix.resolver.hub.hub_cache import HubCache
from genfix.resolver.modelscope.modelscope_cache import MASTER, cache_root
from genfix.resolver.naming.registered import registered_capsules
from genfix.resolver.naming.spec import is_commit, is_repo_id, repo_of_folder
from genfix.web.strangers import strangers_ask

_MOST_BESIDE: Final = 200
_MOST_CACHED: Final = 2000
_CONFIG: Final = "config.json"


class Place(NamedTuple):
    """A folder of a model on this machine."""

    path: Path
    spec: str
    """What names it to ``--base``."""
    source: Message
    """Where it was found."""
    kind: str = "local"
    """``local``, ``hub``, ``modelscope`` or ``capsule``."""
    revision: str | None = None

    def open(self) -> Folder:
        """Its files. Raises `BaseModelError` for a capsule that was changed."""
        if self.kind == "capsule":
            # Imported here: few machines have any.
            from genfix.resolver.finder.capsule_format import open_capsule  # noqa: PLC0415

            capsule: CapsuleFolder = open_capsule(LocalFolder(self.path, self.spec))
            return capsule
        folder = LocalFolder(self.path, self.spec)
        if self.kind != "local":
            label = self.spec.partition("@")[0]
            folder.origin = Origin("hub" if self.kind == "hub" else "modelscope", label, self.revision)
        return folder


def beside(folder: Path) -> Iterator[Place]:
    """Model folders in the folder that ``folder`` (an absolute path) lies in."""
    for name in _names(folder.parent)[:_MOST_BESIDE] if not strangers_ask() else ():
        path = folder.parent / name
        if name.startswith(".") or not _has(path, _CONFIG) or is_same(path, folder):
            continue
        kind = "capsule" if _has(path, MANIFEST) else "local"
        yield Place(path, str(path), text("a folder beside"), kind)


def cached() -> Iterator[Place]:
    """Models in the caches, each at the revision that was downloaded last."""
    found = 0
    for place in (*_hub(), *_modelscope(), *registered()) if not strangers_ask() else ():
        if found < _MOST_CACHED:
            found += 1
            yield place


def copy_here(folder: Folder) -> Folder | None:
    """Files whose parts cost no request: the folder itself, or the Hub cache's copy of its commit."""
    if isinstance(folder, LocalFolder | CapsuleFolder):
        return folder
    root, origin = hub_root(), folder.origin
    if root is None or origin.kind != "hub" or origin.revision is None:
        return None
    place = HubCache(root, origin.label).snapshot(origin.revision)
    return LocalFolder(place) if _has(place, _CONFIG) else None


def hub_root() -> Path | None:
    """Where huggingface_hub caches; `None` where there is no home directory."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.path.expandvars(os.environ[name])).expanduser()
    home = os.environ.get("HF_HOME", "")
    try:
        if home:
            return Path(os.path.expandvars(home)).expanduser() / "hub"
        named = os.environ.get("XDG_CACHE_HOME", "")
        cache = Path(named) if named else Path.home() / ".cache"
    except RuntimeError:
        return None
    return cache / "huggingface" / "hub"


def _hub() -> Iterator[Place]:
    root = hub_root()
    for name in _names(root) if root is not None else ():
        repo = repo_of_folder(name)
        if root is None or repo is None:
            continue
        snapshots = root / name / "snapshots"
        commit = _commit(HubCache(root, repo), snapshots)
        if commit is not None and _has(path := snapshots / commit, _CONFIG):
            yield Place(path, f"{repo}@{commit}", text("the Hugging Face cache"), "hub", commit)


def _commit(repo: HubCache, snapshots: Path) -> str | None:
    """The commit of ``main``, or else of the snapshot that changed last."""
    commit = repo.ref("main")
    if commit is not None and _has(snapshots / commit, _CONFIG):
        return commit
    commits = [name for name in _names(snapshots) if is_commit(name)]
    return max(commits, key=lambda name: _changed(snapshots / name), default=None)


def _modelscope() -> Iterator[Place]:
    root = cache_root()
    if root is None:
        return
    source = text("the ModelScope cache")
    for name in _names(root / "models"):
        repo = name.replace("--", "/", 1)
        for revision in _names(root / "models" / name / "snapshots") if is_repo_id(repo) else ():
            path = root / "models" / name / "snapshots" / revision
            if _has(path, _CONFIG):
                spec = f"ms://{repo}" if revision == MASTER else f"ms://{repo}@{revision}"
                yield Place(path, spec, source, "modelscope", None if revision == MASTER else revision)
    seen: set[str] = set()
    for above in (root / "models", root / "hub" / "models", root / "hub", root):
        for org in _names(above):
            for name in _names(above / org):
                repo = f"{org}/{name.replace('___', '.')}"
                if is_repo_id(repo) and repo not in seen and _has(above / org / name, _CONFIG):
                    seen.add(repo)
                    yield Place(above / org / name, f"ms://{repo}", source, "modelscope")


def registered() -> Iterator[Place]:
    """The capsules that the user has registered and that are still there."""
    for path in registered_capsules():
        if _has(path, MANIFEST):
            yield Place(path, str(path), text("a registered capsule"), "capsule")


def opened(place: Place) -> Folder | None:
    """The files of a place; `None` where they cannot be used."""
    try:
        return place.open()
    except BaseModelError:
        return None


def _names(place: Path) -> list[str]:
    try:
        return sorted(os.listdir(place))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []


def _has(place: Path, name: str) -> bool:
    return os.path.isfile(place / name)  # noqa: PTH113 - a folder that nobody may enter is no error


def _changed(place: Path) -> float:
    try:
        return place.stat().st_mtime
    except OSError:
        return 0.0


def is_same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one folder that is there."""
    try:
        return path.samefile(other)
    except OSError:
        return False
