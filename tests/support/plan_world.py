"""A folder with every sort of change to plan, its base, and the plan file of it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from genfix.planner.saving import canonical_id

__all__ = ["GENERATION", "World"]

GENERATION = "generation_config.json"


class World(NamedTuple):
    """Folders, and a plan file beside them."""

    merged: Path
    base: Path
    plan: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.plan.read_bytes())
        return document

    def rewrite(self, document: dict[str, Any], *, sign: bool = True) -> None:
        """Put another plan there, with the id it should have."""
        if sign:
            document["id"] = canonical_id(document)
        self.plan.write_text(json.dumps(document))
