"""One transaction from its steps to its receipt: stage, commit, roll forward."""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from genfix.applier.commit import Place, commit, place_of, roll_forward
from genfix.applier.fs import Dir, FileSystem
from genfix.applier.history import read_history
from genfix.applier.journal import Journal
from genfix.applier.ledger import is_ours
from genfix.applier.records import Kind, Receipt
from genfix.applier.signals import deferred_signals
from genfix.applier.staging import Step, discard, in_order, stage
from genfix.applier.state import Location, State, created
from genfix.applier.storage_errors import DriftError, changed_meanwhile, storage_errors
from genfix.applier.taking_back import take_back
from genfix.errors import GenfixError, StorageError
from genfix.message import text

_STAMP: Final = "%Y%m%dT%H%M%SZ"


def run(
    fs: FileSystem,
    root: Dir,
    location: Location,
    steps: Iterable[Step],
    *,
    kind: Kind,
    note: Mapping[str, str],
    undoes: str | None = None,
) -> Receipt:
    """Do all ``steps`` or none. The lock is held, and no other transaction is pending.

    A transaction that fails or is interrupted leaves nothing behind: what was replaced by then is put back.
    Only where the disk refuses that as well, or where all files are replaced already, something is left to
    the next run.
    """
    with (
        deferred_signals() as signals,
        storage_errors(text("cannot write in {path}", path=root.path)),
        created(fs, root, location) as state,
    ):
        now = datetime.now(UTC)
        transaction = next_id(state, now)
        journal = None
        try:
            ops, links = stage(state, transaction, in_order(steps), signals)
            signals.stop_if_asked()
            when = now.isoformat(timespec="seconds")
            journal = Journal(transaction, kind, when, dict(note), undoes, ops, links)
            commit(state, journal)
            roll_forward(state, journal)
        except BaseException as error:
            _fail(error, discarded=_take_back(state, transaction, journal))
            raise
        return replace(journal.receipt(state.home.path), ours=is_ours(state, journal))


def new_id(last: str | None, now: datetime) -> str:
    """An id that sorts after ``last``, also within one second and where the clock was set back."""
    stamp = now.replace(microsecond=0)
    if last is not None:
        # One of ours may have the last second there is, of a clock that was wrong.
        with suppress(ValueError, OverflowError):
            # Not strptime: it imports modules, which a failing disk may refuse in the middle of a
            # transaction.
            previous = datetime.fromisoformat(last.partition("-")[0]).replace(tzinfo=UTC)
            stamp = max(stamp, previous + timedelta(seconds=1))
    return f"{stamp.strftime(_STAMP)}-{secrets.token_hex(3)}"


def nothing(location: Location, note: Mapping[str, str], kind: Kind) -> Receipt:
    """The receipt of a transaction that had nothing to write: it is recorded nowhere."""
    now = datetime.now(UTC)
    journal = Journal(new_id(None, now), kind, now.isoformat(timespec="seconds"), dict(note), None, (), ())
    return journal.receipt(location.path)


def next_id(state: State, now: datetime) -> str:
    """The id of the next transaction in this state folder."""
    try:
        last = read_history(state).last
    except BaseException:
        state.tidy()
        raise
    return new_id(last, now)


def _take_back(state: State, transaction: str, journal: Journal | None) -> bool:
    """Discard a transaction that failed, unless all of its files are replaced; whether nothing is left of
    it.
    """
    try:
        places = [place_of(state, op) for op in journal.ops] if journal is not None else []
        if journal is None or Place.AFTER not in places:
            discard(state, transaction, journal)
        elif set(places) == {Place.AFTER}:
            return False
        else:
            take_back(state, journal)
    except (OSError, GenfixError):
        return False
    return True


def _fail(error: BaseException, *, discarded: bool) -> None:
    """Raise what says the truth about a failed transaction, where ``error`` does not."""
    if discarded and isinstance(error, DriftError):
        raise changed_meanwhile(error.name) from error
    if not discarded and isinstance(error, OSError | StorageError):
        reason = error.message if isinstance(error, StorageError) else error.strerror or str(error)
        raise StorageError(
            "interrupted: {reason}",
            "run the command again: it first finishes or discards what was begun",
            reason=reason,
        ) from error
