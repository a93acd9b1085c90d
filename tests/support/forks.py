"""Python processes of their own in no time: the forks of one process that has loaded what they import.

huggingface_hub reads its environment when it is imported, so what uses it needs a process of its own. Most of
such an import goes to the libraries it builds on: those are loaded here once, and huggingface_hub in each
fork.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from tests.support.places import ROOT

__all__ = ["Forks", "plain_environment"]

_SERVE = "from tests.support.forks import serve; serve()"
_LOADED = "import sys, genfix.api.changing, genfix.cli.commands, huggingface_hub.hf_api; print(*sys.modules)"
_SECONDS = 120


def plain_environment() -> dict[str, str]:
    """The environment of a Python that knows nothing of this machine's user."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": str(ROOT)}


class Forks:
    """Runs ``python -m MODULE ARGS`` or ``python -c CODE``; its process starts with the first."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def __call__(
        self, args: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE],
                cwd=ROOT,
                env=plain_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        job = {"args": list(args), "env": dict(env), "cwd": str(cwd), "stdin": stdin}
        requests.write(json.dumps(job).encode() + b"\n")
        requests.flush()
        code, out, err = json.loads(answers.readline())
        assert code >= 0, (args, code, err)
        return subprocess.CompletedProcess(args, code, out, err)


def serve() -> None:
    """Fork a child for every job on stdin, and write its exit code, stdout and stderr."""
    loaded = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True
    ).stdout
    for name in loaded.split():
        if name.partition(".")[0] != "huggingface_hub":
            with contextlib.suppress(ImportError):  # compiled modules add names that nobody can import
                importlib.import_module(name)
    while line := sys.stdin.buffer.readline():
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _forked(job: Mapping[str, Any]) -> tuple[int, str, str]:
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)]
        files[0].write(job["stdin"])
        files[0].seek(0)
        child = os.fork()
        if child == 0:
            for descriptor, file in enumerate(files):
                os.dup2(file.fileno(), descriptor)
            _play(job)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in files:
            file.seek(0)
        return code, files[1].read(), files[2].read()


def _play(job: Mapping[str, Any]) -> NoReturn:
    """Be the Python that was asked for, and end."""
    signal.alarm(_SECONDS)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    sys.stdin = os.fdopen(0, encoding="utf-8")
    how, what, *args = job["args"]
    sys.argv = [how, *args]
    code: object = 0
    try:
        if how == "-m":
            sys.path[0] = job["cwd"]
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code) if isinstance(code, int) else code is not None)
