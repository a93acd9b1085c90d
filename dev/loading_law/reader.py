"""An interpreter with transformers, kept running: it answers one request after the other."""

import json
import os
import selectors
import shutil
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

from dev.loading_law.files import Files, keys_of_parts, write_folder
from genfix.json_types import JsonObject, JsonValue

__all__ = ["Loaded", "Reader", "ReaderError"]

ROOT: Final = Path(__file__).resolve().parents[2]
LIMIT: Final = 600.0
"""Seconds one request may take."""

Loaded: TypeAlias = Mapping[str, JsonObject]
"""By part that the folder has: ``{"error"}`` or ``{"facts"}``."""


class ReaderError(Exception):
    """What the reader's libraries raised, in their words; or that it did not answer."""


class Reader:
    """One child process, started anew where it dies or takes too long; what it loaded once it remembers."""

    def __init__(self, name: str, python: str, work: Path) -> None:
        self.name = name
        self._python = python
        self._work = work
        self._names = count()
        self._child: subprocess.Popen[bytes] | None = None
        self._known: dict[str, JsonObject] = {}

    def ask(self, do: str, **given: object) -> JsonValue:
        """Raises `ReaderError` with the libraries' own words."""
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps({"do": do} | given, default=str).encode() + b"\n")
            child.stdin.flush()
            with selectors.DefaultSelector() as waiting:
                waiting.register(child.stdout, selectors.EVENT_READ)
                line = child.stdout.readline() if waiting.select(LIMIT) else b""
        except BrokenPipeError:
            line = b""
        if not line:
            self.close()
            raise ReaderError(f"no answer within {LIMIT:.0f} s, or the reader died")
        answer: JsonObject = json.loads(line)
        if "error" in answer:
            raise ReaderError(str(answer["error"]))
        return answer["answer"]

    def load(self, files: Files) -> Loaded:
        """Each part that the folder has; a part is loaded once for the same files."""
        keys = keys_of_parts(files)
        unknown = [part for part, key in keys.items() if part + key not in self._known]
        if unknown:
            folder = write_folder(files, self._work / f"{self.name}_{next(self._names)}")
            code = any(name.endswith(".py") for name in files)
            try:
                answer = self.ask("load", folder=str(folder), parts=unknown, code=code)
            except ReaderError as error:
                answer = {part: {"error": str(error)} for part in unknown}
            assert isinstance(answer, dict)
            for part in unknown:
                found = answer[part]
                assert isinstance(found, dict)
                self._known[part + keys[part]] = found
        return {part: self._known[part + key] for part, key in keys.items()}

    def forget(self) -> None:
        """Forget what was loaded, and remove it: the weights it was loaded from are gone."""
        self._known.clear()
        shutil.rmtree(self._work, ignore_errors=True)

    def close(self) -> None:
        """End the process; the next request starts another."""
        if self._child is not None:
            self._child.kill()
            with self._child:  # closes its pipes and waits for it
                pass
            self._child = None

    def _start(self) -> "subprocess.Popen[bytes]":
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("HF_", "PYTHON", "TRANSFORMERS_"))}
        offline = {
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(self._work / "home"),
            "CUDA_VISIBLE_DEVICES": "",
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": "1",
        }
        self._child = subprocess.Popen(
            [self._python, "-m", "dev.loading_law.child"],
            cwd=ROOT,
            env={**kept, **offline},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._child
