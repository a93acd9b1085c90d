"""The capsules that the user has registered, so that the search for a base finds them.

A list of folders in genfix's own cache; the capsules themselves stay where they are.
"""

import json
import os
from pathlib import Path
from typing import Final

from genfix import cache
from genfix.json_types import JsonValue

_KIND: Final = "capsules"
_KEY: Final = "list"


def registered_capsules() -> tuple[Path, ...]:
    """The folders of the registered capsules; none where the list cannot be read."""
    try:
        paths: JsonValue = json.loads(cache.load(_KIND, _KEY) or b"[]")
    except (ValueError, RecursionError):
        return ()
    return tuple(Path(path) for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()


def register_capsule(capsule: Path) -> None:
    """Add a capsule's folder to the list."""
    place = os.path.abspath(capsule)  # noqa: PTH100 - links stay
    paths = [*dict.fromkeys([*map(str, registered_capsules()), place])]
    cache.store(_KIND, _KEY, json.dumps(paths).encode())
