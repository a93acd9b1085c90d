"""Every fault at every request of a commit on the Hub; run as a program, as `tests.support.hub_scene` is.

A plan with a large file and one for git is applied to a repo; what became of it is printed as
JSON. After each fault it is applied again, on a good line.
"""

import json
import re
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.fakehub import FakeHub
from tests.support.folders import Files, write_folder
from tests.support.hub_scene import FAULTS, genfix, machine, pretrained, tuned

TOKEN = "hf_VerySecretToken"
TOKENIZER = "tokenizer.json"
WRITE_FAULTS: Mapping[str, Mapping[str, Any]] = {
    **{name: FAULTS[name] for name in ("401", "403", "404", "429", "500", "503", "drop", "truncate", "html")},
    "400": {"status": 400, "headers": {"X-Error-Message": f"no {TOKEN} here"}},
    "409": {"status": 409},
    "412": {"status": 412},
    "gated": {"status": 403, "headers": {"X-Error-Code": "GatedRepo"}},
    "slow": {"delay": 2.5},
    "lost": {"body": "lost"},
    "types": {"body": "types"},
    "endless": {"body": "endless"},
    "redirect": {"status": 302, "headers": {"Location": "http://localhost:9/elsewhere"}},
    "loop": {"status": 307, "headers": {"Location": ""}},
}
OF_STORAGE = frozenset({"403", "503", "drop", "lost", "types", "endless", "redirect", "loop"})
"""Faults that are tried at the requests of the large file storage."""


def merged() -> Files:
    """A model that lost its vocabulary."""
    return {name: content for name, content in tuned().items() if name != TOKENIZER}


def _sweep(how: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    with FakeHub() as hub, machine(hub) as home:
        import os  # noqa: PLC0415

        os.environ["HF_TOKEN"] = TOKEN
        os.environ["XDG_STATE_HOME"] = str(home / "state")
        from genfix.resolver.hub import hub_client, hub_writer  # noqa: PLC0415

        hub_client._TIMEOUT = 1.5  # type: ignore[misc]
        hub_writer._COMMITTING = 0.1  # type: ignore[misc]
        time.sleep = lambda seconds: None  # retries cost nothing
        hub.tokens[TOKEN] = True
        base = write_folder(home / "base", pretrained())
        folder = write_folder(home / "merged", merged())
        plan = home / "plan.json"
        code, out, err = genfix("plan", folder, "--base", base, "-o", plan, "--output-format", "json")
        assert code == 1, err
        names = [change["file"] for change in json.loads(out)["changes"]]
        hub.parts = 300

        def reset() -> str:
            hub.repos.clear()
            hub.large.clear()
            hub.uploads.clear()
            hub.requests.clear()
            return hub.add_repo("me/merged", merged(), lfs={TOKENIZER, "model.safetensors"})

        def play() -> dict[str, Any]:
            code, out, err = genfix("apply", plan, "--target", "hf://me/merged", how)
            repo = hub.repos["me/merged"]
            heads = ["main"] if how == "--push" else [f"refs/pr/{number}" for number in repo.pull_requests]
            commits = [repo.refs[head] for head in heads if repo.refs[head] != parent]
            return {
                "code": code,
                "out": out,
                "err": err,
                "commits": len(commits),
                "files": [sorted(_texts(repo.commits[sha]).items()) for sha in commits],
                "main": repo.refs["main"] == parent or how == "--push",
                "secret": TOKEN in out + err or _is_anywhere(home),
            }

        parent = reset()
        healthy = play()
        told.append({"fault": "", "request": "", "names": names, **healthy})
        for request in dict.fromkeys(hub.asked("POST|PUT|discussions|revision|whoami")):
            for number, (fault, spoiled) in enumerate(WRITE_FAULTS.items()):
                if "/commit/" not in request and number % 2 == (how == "--push"):
                    continue  # what both ways ask for meets half of the faults in each
                if fault not in OF_STORAGE and ("upload/" in request or "lfs/" in request):
                    continue
                if fault == "slow" and not re.search("preupload|commit", request):
                    continue
                parent = reset()
                hub.fail(f"^{re.escape(request)}$", **spoiled)
                result = play()
                hub.faults.clear()
                while hub.at_once:  # a slow Hub does in the end what nobody waits for any more
                    threading.Event().wait(0.02)
                again = play()
                told.append({"fault": fault, "request": request, "again": again, **result})
    return told


def _texts(files: Files) -> dict[str, str]:
    return {name: content.decode("latin-1") for name, content in files.items() if name != ".gitattributes"}


def _is_anywhere(home: Path) -> bool:
    return any(TOKEN.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


if __name__ == "__main__":
    json.dump(_sweep(sys.argv[1]), sys.stdout)
