"""A machine of its own for the command line, whose Hub is a fake one."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.fakehub import FakeHub
from tests.support.folders import Files, glm_files, safetensors, write_folder
from tests.support.forks import Forks, plain_environment
from tests.support.running import Result

__all__ = ["Machine", "environment"]

GENERATION = "generation_config.json"


class Machine(NamedTuple):
    """A machine that uses a fake Hub."""

    home: Path
    hub: FakeHub
    environment: dict[str, str]
    forks: Forks

    def __call__(self, *args: str | Path) -> Result:
        done = self.forks(["-m", "genfix", *map(str, args)], env=self.environment, cwd=self.home)
        assert "Traceback" not in done.stderr
        assert "bug in genfix" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *args: str | Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self(*args, "--output-format", "json").out)
        return document

    def merged(self, files: Files | None = None) -> Path:
        """A GLM folder that lost its generation_config.json."""
        given = files or {name: content for name, content in glm_files().items() if name != GENERATION}
        return write_folder(self.home / "merged", given | {"model.safetensors": safetensors(151552)})


def environment(home: Path, hub: FakeHub) -> dict[str, str]:
    """The environment of a machine whose home is ``home``."""
    return plain_environment() | {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "XDG_CACHE_HOME": str(home / "xdg"),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "*",
    }
