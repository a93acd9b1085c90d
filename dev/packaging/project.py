"""What ``pyproject.toml`` says of the project."""

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from genfix.json_types import JsonValue

ROOT: Final = Path(__file__).parent.parent.parent


class Project(NamedTuple):
    """Facts of the project that are said once."""

    version: str
    summary: str
    license: str
    address: str
    """Where its repository is."""
    requires_python: str
    dependencies: tuple[str, ...]


def project() -> Project:
    """The facts as they stand in ``pyproject.toml``."""
    table: dict[str, JsonValue] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    urls, dependencies = table["urls"], table["dependencies"]
    if not isinstance(urls, dict) or not isinstance(dependencies, list):
        raise TypeError("pyproject.toml: project.urls is a table, and project.dependencies a list")
    (address,) = urls.values()
    return Project(
        str(table["version"]),
        str(table["description"]),
        str(table["license"]),
        str(address),
        str(table["requires-python"]),
        tuple(map(str, dependencies)),
    )
