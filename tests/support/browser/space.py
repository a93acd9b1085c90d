"""The Space of the examples on a port of this machine, whose Hub is a fake one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.fakehub import FakeHub
from tests.support.places import ROOT

__all__ = ["APP", "SECRET", "Space", "serving"]

APP = ROOT / "examples" / "space"
SECRET = "hf_ownersecret"
_SECONDS = 90


class Space(NamedTuple):
    """A Space that is served."""

    url: str
    hub: FakeHub
    temporary: Path
    """Where it, and Gradio below ``gradio``, make folders."""

    def left(self) -> list[str]:
        """What checks have left in it."""
        return [path.name for path in self.temporary.iterdir() if path.name != "gradio"]

    def call(self, *data: object) -> str:
        """What the server answers to the page's own call, made by hand."""
        config = self._get("config")
        index = re.search(r'"id":\s*(\d+),[^{}]*?"api_name":\s*"check"', config)
        assert index is not None
        session = os.urandom(8).hex()
        body = {"data": data, "fn_index": int(index[1]), "session_hash": session}
        self._get("gradio_api/queue/join", body)
        return self._get(f"gradio_api/queue/data?session_hash={session}")

    def _get(self, path: str, body: object = None) -> str:
        import json  # noqa: PLC0415

        request = urllib.request.Request(
            f"{self.url}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_SECONDS) as response:
            return str(response.read().decode())


@contextmanager
def serving(hub: FakeHub, home: Path) -> Iterator[Space]:
    """Serve it as its owner would, logged in on the server; all it made is looked at until it has ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = home / "tmp"
    temporary.mkdir()
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "HF_TOKEN": SECRET,
        "HF_ENDPOINT": hub.endpoint,
        "MODELSCOPE_ENDPOINT": "http://127.0.0.1:9",
        "MODELSCOPE_API_TOKEN": SECRET,
        "NO_PROXY": "*",
        "TMPDIR": str(temporary),
        "GRADIO_TEMP_DIR": str(temporary / "gradio"),
        "GRADIO_SERVER_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    log = home / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, str(APP / "app.py")], cwd=home, env=environment, stdout=out, stderr=out
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _SECONDS
            while not _answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield Space(url, hub, temporary)
        finally:
            process.send_signal(signal.SIGINT)  # Gradio tidies up then
    assert f'File "{APP}' not in log.read_text(), log.read_text()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
