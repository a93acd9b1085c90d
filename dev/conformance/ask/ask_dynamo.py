"""Asks NVIDIA Dynamo: its own frontend, with a worker in Python that generates nothing.

Each folder is registered as a worker registers its model, and asked for a chat over HTTP. The request that
then reaches the worker has the ids at which the frontend ends the answer, and an annotation the prompt it
rendered. Which template that was shows in a second chat, over a copy of the folder in which each template has
a tail of its own. A model that the frontend cannot serve it tells of in its log alone.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from asking import ask, brief, digest

os.environ["HOME"] = tempfile.mkdtemp()  # read when the engine is imported, as all of these
os.environ["DYN_LOGGING_JSONL"] = "1"
os.environ["DYN_LOG"] = "error,dynamo_llm::discovery=info"
os.environ["DYN_SELF_HOST_METADATA"] = "0"
os.environ["DYN_TCP_RPC_HOST"] = "127.0.0.1"
from dynamo import llm
from dynamo._core import DistributedRuntime, ModelDeploymentCard

PLACE = Path(os.environ["HOME"])
"""Of its log, and of the copies it makes of what is registered."""
LOG = PLACE / "log"
SERVED, FAILED = "Committed discovered model group", "Model materialization failed"
PATIENCE = 60.0
"""Seconds for a model to be served, or not."""
SURFACE = llm.ModelType.Chat | llm.ModelType.Completions  # as its workers do by default


class RefusedError(Exception):
    """What the frontend says of a model that it does not serve."""


class Frontend:
    """A frontend and its worker, in this process."""

    def __init__(self) -> None:
        """Start both."""
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._requests: list[dict[str, Any]] = []
        self._numbers = count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._endpoint = self._call(self._start())
        self._log = LOG.open("rb")

    async def _start(self) -> Any:
        runtime = DistributedRuntime(self._loop, "mem", "tcp")
        endpoint = runtime.endpoint("genfix.worker.generate")
        settings = llm.EntrypointArgs(llm.EngineType.Dynamic, http_host="127.0.0.1", http_port=self._port)
        made = await llm.make_engine(runtime, settings)
        self._running = [
            asyncio.ensure_future(llm.run_input(runtime, "http", made)),
            asyncio.ensure_future(endpoint.serve_endpoint(self._generate)),
        ]
        return endpoint

    async def _generate(self, request: dict[str, Any], context: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG002 - the engine gives both
        self._requests.append(request)
        yield {"token_ids": [0], "finish_reason": "stop", "index": 0}

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def chat(self, folder: Path) -> dict[str, Any]:
        """The request as the worker has it, with its ``prompt``; or what ``fails``."""
        name = f"model-{next(self._numbers)}"
        self._call(self._register(folder, name))
        try:
            self._wait(name)
            return self._request(name)
        finally:
            self._call(self._unregister())

    async def _register(self, folder: Path, name: str) -> None:
        await llm.register_model(
            llm.ModelInput.Tokens,
            SURFACE,
            self._endpoint,
            str(folder),
            model_name=name,
            worker_type=llm.WorkerType.Aggregated,
            ignore_weights=True,
        )

    async def _unregister(self) -> None:
        await llm.unregister_model(self._endpoint)

    def _wait(self, name: str) -> None:
        """Until the log says that the model is served; what it says else is an error."""
        for entry in self._entries():
            if entry["message"] == SERVED and entry["model_name"] == name:
                return
            if entry["message"].startswith(FAILED) and json.loads(entry["group"])[0] == name:
                raise RefusedError(entry["error"])
        raise TimeoutError(name)

    def _entries(self) -> Iterator[dict[str, Any]]:
        end, rest = time.monotonic() + PATIENCE, b""
        while time.monotonic() < end:
            rest += self._log.readline()
            if not rest.endswith(b"\n"):
                time.sleep(0.002)
                continue
            if rest.startswith(b"{"):  # a panic is told in plain words
                yield json.loads(rest)
            rest = b""

    def _request(self, name: str) -> dict[str, Any]:
        self._requests.clear()
        body = {
            "model": name,
            "messages": [{"role": "user", "content": "b"}],
            "stream": True,  # else it gives no annotations
            "nvext": {"annotations": ["formatted_prompt"]},
        }
        address = f"http://127.0.0.1:{self._port}/v1/chat/completions"
        request = Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            lines = self._answered(request).splitlines()
        except HTTPError as error:
            return {"fails": brief(error)}
        prompt = lines[lines.index("event: formatted_prompt") + 1].removeprefix(": ")
        return {"fails": None, "prompt": json.loads(prompt), **self._requests[-1]}

    def _answered(self, request: Request) -> str:
        """The log is ahead: for some milliseconds the frontend has no such model, or no worker for it."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with urlopen(request, timeout=PATIENCE) as response:
                    return response.read().decode()
            except HTTPError as error:
                if error.code not in {404, 503} or time.monotonic() > end:
                    raise
            time.sleep(0.002)


def tagged(folder: Path, place: Path) -> dict[str, str]:
    """Copy ``folder``; its templates by the tail that each is given."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    tails: dict[str, str] = {}

    def marked(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        tail = f"<tail {len(tails)}>"
        tails[tail] = text
        return text + tail

    for file in place.glob("*.json"):
        try:
            found = json.loads(file.read_bytes())
        except ValueError:
            continue
        if not isinstance(found, dict) or "chat_template" not in found:
            continue
        inline = found["chat_template"]
        if isinstance(inline, list):
            inline = [
                {key: marked(text) for key, text in one.items()} if isinstance(one, dict) else one
                for one in inline
            ]
        file.write_text(json.dumps(found | {"chat_template": marked(inline)}))
    for file in place.rglob("*.jinja"):
        file.write_bytes(marked(file.read_bytes().decode()).encode())
    return tails


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of Dynamo tells."""
    told = FRONTEND.chat(folder)
    card = json.loads(ModelDeploymentCard.load(str(folder), "model").to_json_str())
    known = {"fails": told["fails"], "context": card.get("architectural_max_context_length")}
    if told["fails"] is not None:
        return known
    with tempfile.TemporaryDirectory() as name:
        tails = tagged(folder, Path(name))
        prompt = FRONTEND.chat(Path(name))["prompt"]
    template = next((text for tail, text in tails.items() if prompt.endswith(tail)), None)
    sampling = told["sampling_options"]
    return known | {
        "stops": sorted(told["stop_conditions"]["stop_token_ids_hidden"]),
        "sampling": {key: value for key, value in sampling.items() if value is not None},
        "template": digest(template),
    }


if __name__ == "__main__":
    with LOG.open("wb") as log:
        os.dup2(log.fileno(), 2)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = out
    FRONTEND = Frontend()
    ask({"engine": "dynamo", "version": version("ai-dynamo-runtime"), "libraries": {}}, answer)
    out.flush()
    shutil.rmtree(PLACE, ignore_errors=True)
    os._exit(0)  # the engine's own threads would not end
