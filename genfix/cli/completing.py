"""What a shell offers for the word that is being typed: names that genfix knows, and ids of a folder's log.

Nothing here may fail or speak: a shell shows what comes, whatever it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.known_names import ENGINE_NAMES, RULE_NAMES

if TYPE_CHECKING:
    from genfix.applier import Receipt


def complete_rule(incomplete: str) -> list[tuple[str, str]]:
    """Codes with their names, or names with their codes; of a list with commas the last word."""
    before, comma, word = incomplete.rpartition(",")
    start = before + comma
    codes = [
        (start + code, name) for code, name in RULE_NAMES.items() if code.lower().startswith(word.lower())
    ]
    names = [(start + name, code) for code, name in RULE_NAMES.items() if word and name.startswith(word)]
    return [*codes, *names]


def complete_engine(incomplete: str) -> list[str]:
    """Names of engines."""
    before, comma, word = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in ENGINE_NAMES if name.startswith(word)]


def complete_transaction(ctx: object, incomplete: str) -> list[tuple[str, str]]:
    """The ids of the folder's repairs and undos, the newest first, and what they did."""
    return [*_ids(ctx, incomplete, snapshots=False)]


def complete_snapshot(ctx: object, incomplete: str) -> list[tuple[str, str]]:
    """The ids of the folder's snapshots, the newest first, and what they are for."""
    return [*_ids(ctx, incomplete, snapshots=True)]


def complete_stage(ctx: object, incomplete: str) -> list[tuple[str, str]]:
    """All ids of the folder, the newest first."""
    return [*_ids(ctx, incomplete, snapshots=None)]


def _ids(ctx: object, incomplete: str, *, snapshots: bool | None) -> Iterator[tuple[str, str]]:
    for receipt in reversed(_log_of(getattr(ctx, "params", {}))):
        is_snapshot = receipt.kind == "snapshot"
        if receipt.id.startswith(incomplete) and snapshots in {None, is_snapshot}:
            message = receipt.note.get("message") or receipt.note.get("command")
            yield receipt.id, str(message or receipt.kind)


def _log_of(given: object) -> "tuple[Receipt, ...]":
    if not isinstance(given, dict):
        return ()
    target, state_dir = given.get("target"), given.get("state_dir")
    try:
        from genfix import applier  # noqa: PLC0415 - only where ids are asked for

        return applier.log(Path(str(target)), state_dir=Path(str(state_dir)) if state_dir else None)
    except Exception:  # noqa: BLE001 - no folder, no log, no right to look: then there is nothing to offer
        return ()
