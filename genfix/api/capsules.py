"""`capsule`: the config files of a base, saved for later and for machines without network."""

import os
from pathlib import Path
from typing import NamedTuple

from genfix.api.opening import whole_folder
from genfix.applier import make_folder, remove_stale
from genfix.errors import InputError, UnknownModelError
from genfix.folder import LocalFolder
from genfix.message import Message
from genfix.resolver import resolve_base
from genfix.resolver.case import ModelLocation
from genfix.resolver.finder.capsule_format import capsule_files, origin_of
from genfix.resolver.naming.registered import register_capsule


class Capsule(NamedTuple):
    """A capsule that was made."""

    path: Path
    base: str
    """What it is a capsule of: ``org/name@commit``, or a folder's name."""
    files: tuple[str, ...]
    """What is in it, sorted."""
    size: int
    """Bytes in all."""
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the base was found, a sentence each."""


def capsule(
    base: ModelLocation, out: ModelLocation, *, register: bool = False, offline: bool = False
) -> Capsule:
    """Save the config files of ``base`` in the folder ``out``, which then is a base itself, without network.

    Args:
        base: A folder, a capsule, ``org/name[@revision]`` or ``ms://org/name[@revision]``.
        out: A folder that does not exist yet, or is empty. It is whole, or not there.
        register: Let the search for a base find it: its path is kept in the cache of genfix.
        offline: Take the base from the Hub cache only.

    Raises:
        GenfixError: With ``exit_code`` 2 where the base cannot be read or ``out`` cannot be made, 3 where the
            base is half done.

    """
    place = Path(out)
    remove_stale(place)
    try:
        found = resolve_base(os.fspath(base), offline=offline)
    except UnknownModelError as error:
        from genfix.resolver.finder.suggestions import with_suggestions  # noqa: PLC0415 - only on the way out

        raise with_suggestions(error, os.fspath(base)) from error
    if isinstance(found.folder, LocalFolder):
        root = whole_folder(found.folder, None).root
        if Path(os.path.realpath(place)).is_relative_to(os.path.realpath(root)):
            raise InputError("{place} is inside the base itself", "name a folder outside", place=place)
    files = capsule_files(found.facts)
    make_folder(place, files)
    if register:
        register_capsule(place)
    size = sum(map(len, files.values()))
    return Capsule(place, str(origin_of(found.folder)), tuple(sorted(files)), size, found.notes)
