"""Asks the toy what it makes of folders."""

import json
from pathlib import Path
from typing import Any

from asking import ask


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of the toy tells."""
    return {"stops": json.loads((folder / "generation_config.json").read_bytes())["eos_token_id"]}


if __name__ == "__main__":
    ask({"engine": "toy", "version": "1.0.0", "libraries": {}}, answer)
