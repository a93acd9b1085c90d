"""Many model folders, and what a store says of them."""

import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tests.support.folders import dump, glm_files, without, write_folder

__all__ = ["GENERATION", "NEW", "OLD", "make_zoo", "newest", "rows", "state_of_files"]

GENERATION = "generation_config.json"
NEW = glm_files()[GENERATION]
"""What a repair makes of it, but for layout."""
OLD = dump(json.loads(NEW) | {"eos_token_id": 151329})


def make_zoo(root: Path, number: int) -> tuple[Path, Path]:
    """So many folders, of which every second never stops, and their base. Big files are hard links to one."""
    base = write_folder(root / "base", glm_files())
    for place in range(number):
        folder = root / "zoo" / f"team-{place // 50}" / f"run-{place:05d}"
        write_folder(
            folder, without(glm_files(), "tokenizer.model") | ({GENERATION: OLD} if place % 2 else {})
        )
        os.link(base / "tokenizer.model", folder / "tokenizer.model")
    return root / "zoo", base


def rows(
    store: Path, query: str = "SELECT path, state, errors FROM results ORDER BY path"
) -> list[tuple[object, ...]]:
    """What a store answers."""
    connection = sqlite3.connect(store)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def newest(store: Path) -> Mapping[str, str]:
    """The state of each folder by its name."""
    return {Path(str(path)).name: str(state) for path, state in rows(store, "SELECT path, state FROM latest")}


def state_of_files(folder: Path) -> str:
    """``old`` or ``new``: which a folder's files are, all of them; else what is wrong."""
    content = (folder / GENERATION).read_bytes()
    if content == OLD:
        return "old"
    return "new" if json.loads(content) == json.loads(NEW) else "torn"
