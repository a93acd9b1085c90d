"""Driving `open_hub` against a fake Hub, in a process of its own: huggingface_hub reads its environment at
import.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.forks import Forks

__all__ = ["Runner", "Told"]

_DRIVER = """
import json, sys, time
from genfix.errors import GenfixError
from genfix.resolver.hub.hub_repo import open_hub
from genfix.resolver.naming.spec import parse_spec

time.sleep = lambda seconds: None  # retries cost nothing
asked = json.load(sys.stdin)
told = {"files": {}, "errors": {}}

def note(error):
    return [type(error).__name__, error.message, error.hint]

try:
    base = open_hub(parse_spec(asked["spec"]), offline=asked["offline"])
    folder = base.folder
    told |= {"origin": [folder.origin.kind, folder.origin.label, folder.origin.revision]}
    told |= {"notes": [str(said) for said in base.notes], "names": sorted(folder.names())}
    told |= {"digests": {n: [folder.stat(n).git_sha1, folder.stat(n).sha256] for n in folder.names()}}
    for name in asked["read"]:
        try:
            told["files"][name] = folder.read(name).decode()
        except GenfixError as error:
            told["errors"][name] = note(error)
    for name in asked["head"]:
        try:
            told["files"][name] = folder.read_range(name, 2, 3).decode()
        except GenfixError as error:
            told["errors"][name] = note(error)
except GenfixError as error:
    told["error"] = note(error)
told["imported"] = "huggingface_hub.hf_api" in sys.modules
sys.stdout.write(json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of the driver said."""

    origin: tuple[str, str, str] = ("", "", "")
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    digests: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    error: Sequence[str] = ()
    """Class, message and hint of what `open_hub` raised."""
    imported: bool = False
    """Whether huggingface_hub's API was imported."""
    stderr: str = ""

    @property
    def commit(self) -> str:
        return self.origin[2]

    @property
    def message(self) -> str:
        return self.error[1]

    @property
    def hint(self) -> str:
        return self.error[2]


@dataclass(slots=True)
class Runner:
    """A machine with its own home, cache and environment."""

    home: Path
    env: dict[str, str]
    forks: Forks

    @property
    def cache(self) -> Path:
        return self.home / "hf" / "hub"

    @property
    def genfix_cache(self) -> Path:
        return self.home / "xdg" / "genfix"

    def python(self, code: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return self.forks(["-c", code], env=self.env, cwd=self.home, stdin=stdin)

    def __call__(
        self, spec: str, *, read: Sequence[str] = (), head: Sequence[str] = (), offline: bool = False
    ) -> Told:
        """Open ``spec``, read the files ``read`` and a few bytes of ``head``; nothing may reach stderr."""
        asked = {"spec": spec, "read": list(read), "head": list(head), "offline": offline}
        done = self.python(_DRIVER, json.dumps(asked))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        told = json.loads(done.stdout)
        for key in ("origin", "notes", "names"):
            told[key] = tuple(told.get(key, ()))
        return Told(**told)
