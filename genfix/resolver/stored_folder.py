"""A model folder on an object store or a remote disk, read through fsspec (the extra ``genfix[fsspec]``).

Listings and parts of files only: nothing is written there, and of weights nothing but headers is read. Which
stores there are is a matter of fsspec's plugins: ``s3`` needs s3fs, ``gs`` gcsfs, ``oss`` ossfs.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, Protocol, TypeVar

from genfix.errors import BaseModelError, GenfixError, InputError
from genfix.folder.file_names import is_safe_name
from genfix.folder.folder import FileStat, Origin
from genfix.folder.kinds import read_cap, too_large
from genfix.message import text

Answer = TypeVar("Answer")

_MAX_DEPTH: Final = 3
"""As deep as a local folder is walked."""
_MOST_FILES: Final = 100_000
_MOST_LETTERS: Final = 200
"""Of what a client says: some repeat whole responses."""
_OF_GENFIX: Final = frozenset({"hf", "ms", "http", "https"})
"""Addresses that are read by their own clients."""


class Files(Protocol):
    """What is used of ``fsspec.AbstractFileSystem``, which has no types."""

    def find(self, path: str, maxdepth: int | None, *, detail: bool) -> Mapping[str, Mapping[str, object]]:
        """All files below, by their path."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or a part of it."""


class StoredFolder:
    """The files below one address, as they were listed."""

    def __init__(self, files: Files, root: str, address: str) -> None:
        """``root`` is the address as the store's own client has it. Raises `BaseModelError`."""
        self.origin = Origin("store", address)
        self._files = files
        self._root = root.rstrip("/")
        listed = self._asked(lambda: files.find(root, _MAX_DEPTH + 1, detail=True))
        self._sizes = self._shown(listed)
        self._names = frozenset(self._sizes)

    def _shown(self, listed: Mapping[str, Mapping[str, object]]) -> Mapping[str, int]:
        if len(listed) > _MOST_FILES:
            raise BaseModelError(
                "{address} has {count} files, more than a model",
                "name the folder of one model",
                address=self.origin.label,
                count=len(listed),
            )
        found: dict[str, int] = {}
        for path, about in listed.items():
            name, size = path.removeprefix(self._root).lstrip("/"), about.get("size")
            folders = name.split("/")[:-1]
            if isinstance(size, int) and is_safe_name(name) and not any(map(_is_hidden, folders)):
                found[name] = size
        return found

    def names(self) -> frozenset[str]:
        """All file names, without dot-folders."""
        return self._names

    def stat(self, name: str) -> FileStat:
        """The size as listed; a store has digests of its own, which are of no use. Raises `KeyError`."""
        return FileStat(self._sizes[name])

    def read(self, name: str) -> bytes:
        """The whole file. Raises as any folder, and `BaseModelError` where the store does not give it."""
        size = self._sizes[name]
        if size > read_cap(name):
            raise too_large(name, size)
        return self.read_range(name, 0, size)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from offset ``start``."""
        end = min(start + length, self._sizes[name])
        if end <= start:
            return b""
        content = self._asked(lambda: self._files.cat_file(f"{self._root}/{name}", start=start, end=end))
        if len(content) != end - start:
            raise BaseModelError(
                "{name} of {address} is not what was listed: it changed meanwhile",
                "try again",
                name=name,
                address=self.origin.label,
            )
        return content

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except GenfixError:
            raise
        except Exception as error:  # every client has errors of its own
            raise _unreadable(self.origin.label, error) from error


def _unreadable(address: str, error: Exception) -> BaseModelError:
    return BaseModelError(
        "cannot read {address}: {kind}: {why}",
        "check the address, the network and the credentials of this store",
        address=address,
        kind=type(error).__name__,
        why=" ".join(str(error).split())[:_MOST_LETTERS],
    )


def is_stored(address: str) -> bool:
    """Whether an address is none of the Hub's or ModelScope's."""
    return address.partition("://")[0].lower() not in _OF_GENFIX


def open_stored(address: str) -> StoredFolder:
    """The folder at ``address``, such as ``s3://bucket/models/merged``.

    Raises `InputError` where fsspec, or its plugin, is not installed or knows no such store, and
    `BaseModelError` where the store does not answer.
    """
    try:
        fsspec = import_module("fsspec")
    except ImportError as error:
        raise InputError(
            "{address} is read through fsspec, which is not installed here",
            "install it, and the plugin of the store: pip install 'genfix[fsspec]' s3fs",
            address=address,
        ) from error
    try:
        files, root = fsspec.core.url_to_fs(address)
    except OSError as error:  # some clients connect at once
        raise _unreadable(address, error) from error
    except (ImportError, ValueError) as error:
        said = text("{address} cannot be read: {why}", address=address, why=" ".join(str(error).split()))
        raise InputError(
            said, "install the plugin of the store, or name a folder, or hf://org/name[@revision]"
        ) from error
    return StoredFolder(files, str(root), address)


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".")
