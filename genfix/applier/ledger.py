"""Which receipts were written on this machine, for this folder.

A state folder may have come with a model that was downloaded, and have receipts and backups that somebody
made up. So the user's own cache, which no download writes to, remembers every journal under the digest of the
folder's real path and the journal's bytes. What is not found there is *foreign*: a planted receipt, but also
one of a folder that was moved or copied, of another user, of a container whose home is gone, or of genfix
0.1.0. Nothing chooses a foreign receipt by itself; its ID does.
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from genfix import cache
from genfix.applier.journal import Journal, encode
from genfix.applier.records import kind_name
from genfix.applier.state import State
from genfix.applier.tree import is_present, make_dirs, opened, write_new
from genfix.errors import RefusedError
from genfix.folder import FileKind, kind_of

_KIND: Final = "receipts"
SHARED: Final = Path("/var/lib")
"""Where root writes down what it did in the folder of another user, who has another cache."""
_IN_SHARED: Final = "genfix", _KIND
_CLOCKS_DIFFER: Final = timedelta(days=1)


def remember(state: State, journal: Journal) -> None:
    """Write down that ``journal`` is written here. Never raises: what is forgotten is asked for by ID."""
    key = _key(state, journal)
    cache.store(_KIND, key, b"")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        with suppress(OSError, RefusedError):
            if state.fs.stat_dir(state.root).st_uid != 0:
                _remember_for_owner(state, key)


def _remember_for_owner(state: State, key: str) -> None:
    fs = state.fs
    shared = fs.open_root(SHARED)
    try:
        make_dirs(fs, shared, _IN_SHARED, 0o755)
        with opened(fs, shared, _IN_SHARED) as place:
            if not is_present(fs, place, key):
                write_new(fs, place, key, b"", 0o644)
    finally:
        fs.close_dir(shared)


def is_ours(state: State, journal: Journal) -> bool:
    """Whether it was written here. What lies outside of the model folder did not come with it."""
    if state.is_outside():
        return True
    key = _key(state, journal)
    if cache.load(_KIND, key) is not None:
        return True
    with suppress(OSError):
        return SHARED.joinpath(*_IN_SHARED, key).lstat().st_uid == 0
    return False


def is_from_the_future(journal: Journal) -> bool:
    """Whether its ID has a time that has not come yet, or is none."""
    try:
        # Not strptime: it imports modules, which a failing disk may refuse in the middle of a transaction.
        when = datetime.fromisoformat(journal.id.partition("-")[0]).replace(tzinfo=UTC)
    except ValueError:
        return True
    return when > datetime.now(UTC) + _CLOCKS_DIFFER


def refuse_foreign_code(state: State, journal: Journal) -> None:
    """Raise where an interrupted transaction that was not begun here would change code."""
    code = [op.name for op in journal.ops if kind_of(op.name) is FileKind.CODE]
    if code and not is_ours(state, journal):
        raise RefusedError(
            "an interrupted {kind} in {path}, which was not begun here, would change code: {names}",
            "look at that folder; where it came with the model, remove it",
            kind=kind_name(journal.kind),
            path=state.home.path,
            names=listed(code),
        )


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    return ", ".join(names)


def _key(state: State, journal: Journal) -> str:
    real = os.fsencode(os.path.realpath(state.root.path))
    return hashlib.sha256(real + b"\0" + encode(journal)).hexdigest()
