"""Where model folders are: below a directory, or as somebody names them.

Links to directories are not followed on the way down: a registry that names one folder twice has one.
"""

import glob
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from genfix.folder.capsule import MANIFEST
from genfix.folder.kinds import CONFIG, FileKind, kind_of
from genfix.message import Message, text

Unlisted: TypeAlias = Callable[[Message], None]
"""Told of a directory that could not be looked into."""

_NOT_OF_A_MODEL: Final = frozenset({FileKind.OTHER, FileKind.CODE, FileKind.LICENCE, FileKind.ADAPTER})
_WHOLE: Final = frozenset({FileKind.WEIGHTS, FileKind.WEIGHTS_INDEX})
_CHECKPOINT: Final = re.compile(r"checkpoint-\d+")
"""What a trainer leaves inside the folder it writes (transformers, ``PREFIX_CHECKPOINT_DIR``):
a model of its own. All other folders inside a model are parts of it."""


def is_model_folder(names: Collection[str]) -> bool:
    """Whether a directory with these files is a model's: of two kinds that only models have, and neither a
    pipeline, an adapter without weights, nor a capsule.
    """
    kinds = {kind_of(name) for name in names}
    if "model_index.json" in names or MANIFEST in names:
        return False
    if "adapter_config.json" in names and kinds.isdisjoint(_WHOLE):
        return False
    return len(kinds - _NOT_OF_A_MODEL) > 1


def folders_below(root: str | os.PathLike[str], unlisted: Unlisted | None = None) -> Iterator[str]:
    """The model folders at and below ``root``, in the order of their names.

    Nothing but names is read, one directory at a time: a million folders need no more memory than ten.
    Dot-folders are left out.
    """
    top = os.fspath(root)
    waiting = [top]
    while waiting:
        place = waiting.pop()
        try:
            files, folders = _listed(place)
        except OSError as error:
            if unlisted is not None:
                why = error.strerror or str(error)
                unlisted(text("cannot look into {path}: {why}", path=place, why=why))
            continue
        is_model = is_model_folder(files)
        if is_model:
            yield place
        if "model_index.json" in files:  # its parts are no models of their own
            continue
        inside = [name for name in folders if not is_model or _CHECKPOINT.fullmatch(name)]
        # "./x" is x to whoever typed a dot.
        way = "" if place == os.curdir else place
        waiting += [os.path.join(way, name) for name in sorted(inside, reverse=True)]  # noqa: PTH118 - as typed


def _listed(place: str) -> tuple[frozenset[str], list[str]]:
    """The files and the folders in a directory."""
    files: set[str] = set()
    folders: list[str] = []
    with os.scandir(place) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                files.add(entry.name)
            elif not entry.name.startswith("."):
                folders.append(entry.name)
    return frozenset(files), folders


class Named(NamedTuple):
    """Folders that several words name, or one word for several."""

    targets: tuple[str, ...]
    """Each once, in the order in which they were named; also what is no model folder, for its own error."""
    notes: tuple[Message, ...] = ()


def named_folders(words: Iterable[str]) -> str | Named:
    """The folder that ``words`` name, or the folders: what a pattern matches, or the models below a parent.

    A file among several words, as a shell's ``merges/*`` gives them, is no folder and is passed over, but
    for a GGUF.
    """
    given = [*words]
    if len(given) == 1 and (_is_address(given[0]) or _is_the_model(given[0])):
        return given[0]
    found: dict[str, None] = {}
    notes: list[Message] = []
    for word in given:
        matches = _matches(word)
        several = len(given) > 1 or matches != [word]
        for match in matches:
            is_other_file = kind_of(match) is not FileKind.GGUF and os.path.isfile(match)  # noqa: PTH113 - false where we may not look
            if several and is_other_file:
                notes.append(text("{path} is a file, no model folder: passed over", path=match))
                continue
            is_named = _is_address(match) or _is_the_model(match)
            below = [] if is_named or not os.path.isdir(match) else [*folders_below(match, notes.append)]  # noqa: PTH112
            if not several and below in ([], [match]):
                return match
            found |= dict.fromkeys(below or [match])
    return Named(tuple(found), tuple(notes))


def _matches(word: str) -> list[str]:
    """What a pattern matches, sorted; the word itself where it is none, or a folder has that very name."""
    if not glob.has_magic(word) or os.path.lexists(word) or _is_address(word):
        return [word]
    return sorted(glob.glob(word, recursive=True)) or [word]  # noqa: PTH207 - as typed


def _is_address(word: str) -> bool:
    return "://" in word


def _is_the_model(path: str) -> bool:
    """Whether a folder's own ``config.json`` says that it is meant, and not what lies below."""
    return os.path.isfile(Path(path) / CONFIG)  # noqa: PTH113 - a folder that nobody may enter is no error
