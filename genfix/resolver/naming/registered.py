"""The capsules that the user has registered, so that the search for a base finds them.

A list of folders in ``$XDG_DATA_HOME/genfix`` (``~/.local/share/genfix``): the capsules themselves stay where
they are.
"""

import json
import os
from pathlib import Path
from typing import Final

from genfix.errors import StorageError
from genfix.json_types import JsonValue

_FILE: Final = "capsules.json"
_MOST_BYTES: Final = 1024 * 1024


def registered_capsules() -> tuple[Path, ...]:
    """The folders of the registered capsules, as they were named; none where the list cannot be read."""
    place = _place()
    if place is None:
        return ()
    try:
        with place.open("rb") as file:
            document: JsonValue = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return ()
    paths = document.get("capsules") if isinstance(document, dict) else None
    return tuple(Path(path) for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()


def register_capsule(capsule: Path) -> Path:
    """Add a capsule's folder to the list, and say where the list is. Raises `StorageError`."""
    place = _place()
    if place is None:
        raise StorageError("there is no home directory to keep the list of capsules in", "set XDG_DATA_HOME")
    paths = dict.fromkeys([*map(str, registered_capsules()), os.path.abspath(capsule)])  # noqa: PTH100
    temporary = place.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"capsules": [*paths]}, indent=1) + "\n", encoding="utf-8")
        temporary.replace(place)
    except OSError as error:
        raise StorageError(
            "the list of capsules cannot be written ({path}): {why}",
            "fix the permissions, or set XDG_DATA_HOME to another directory",
            path=place,
            why=error.strerror or str(error),
        ) from error
    return place


def _place() -> Path | None:
    named = os.environ.get("XDG_DATA_HOME", "")
    try:
        base = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share"  # noqa: PTH117
    except RuntimeError:
        return None
    return base / "genfix" / _FILE
