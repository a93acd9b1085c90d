"""A scene for a fake Hub: a repair that makes every kind of request, and a machine of its own to run it on.

Run as a program it plays the repair against every fault at every request, and prints what became of each as
JSON: one process, since huggingface_hub takes a second to import.
"""

import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.fakehub import FakeHub
from tests.support.folders import Files, added_tokens, chatml_files, dump, write_folder
from tests.support.trees import tree
from tests.support.weight_files import causal, weight_file

GENERATION = "generation_config.json"
TOKENS = {"<|endoftext|>": 1000, "<|im_start|>": 1001, "<|im_end|>": 1002}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403},
    "404": {"status": 404},
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "500": {"status": 500},
    "503": {"status": 503},
    "drop": {"body": "drop"},
    "truncate": {"body": "truncate"},
    "wrong": {"body": "wrong"},
    "html": {"body": "html"},
    "whole": {"body": "whole"},
    "slow": {"delay": 0.6},
}


PASSING = {"503", "truncate", "wrong"}
"""Faults that are tried as ones that happen once, too."""
SPOILS = {"drop", "truncate", "wrong", "html"}
"""Faults that may leave something behind."""
OF_A_REPO = {"404", "503", "drop", "wrong", "html", "whole"}
"""Faults that are tried where the merged model is on the Hub as well: it has more files to ask for."""


def pretrained() -> Files:
    """A pretrained base that ships its sibling's chat template: it does not stop at the end of a turn."""
    files = chatml_files(eos=1000)
    config = json.loads(files["config.json"]) | {
        "eos_token_id": 1000,
        "hidden_size": 4,
        "num_hidden_layers": 2,
        "tie_word_embeddings": False,
    }
    settings = json.loads(files["tokenizer_config.json"])
    settings |= {"eos_token": "<|endoftext|>", "added_tokens_decoder": added_tokens(TOKENS)}
    return files | {
        "config.json": dump(config),
        "tokenizer_config.json": dump(settings),
        "model.safetensors": weight_file(causal() | {"lm_head.weight": (1024, 4)}),
    }


def tuned() -> Files:
    """What training on chats made of it: other weights in another layout, and nothing else that tells."""
    weights = causal() | {"lm_head.weight": (1024, 4)}
    fill = dict.fromkeys(weights, 7)
    content = weight_file(weights, fill=fill, metadata={"format": "pt", "saved": "by a trainer"})
    files = pretrained()
    return files | {
        "model.safetensors": content,
        # the same values: a file that differs, and has to be fetched from the host of large files
        "tokenizer.json": json.dumps(json.loads(files["tokenizer.json"])).encode(),
        # and one that lies on the Hub itself
        "config.json": json.dumps(json.loads(files["config.json"])).encode(),
    }


@contextlib.contextmanager
def machine(hub: FakeHub) -> Iterator[Path]:
    """A home of its own for this process. huggingface_hub must not have been imported before."""
    assert "huggingface_hub" not in sys.modules
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "HOME": home,
            "HF_HOME": f"{home}/hf",
            "XDG_CACHE_HOME": f"{home}/xdg",
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "*",
        }
        yield Path(home)


def forget(home: Path) -> None:
    """A machine that has never seen the Hub; what its templates say it may remember."""
    shutil.rmtree(home / "hf", ignore_errors=True)
    for kept in (home / "xdg" / "genfix").glob("*"):
        if kept.name != "render":
            shutil.rmtree(kept)


def genfix(*args: str | Path) -> tuple[int, str, str]:
    """One command in this process: exit code, stdout, stderr."""
    from tests.support.running import run_command  # noqa: PLC0415 - after the environment is set

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command([str(arg) for arg in args])
    return code, out.getvalue(), err.getvalue()


def _sweep(target: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    with FakeHub() as hub, machine(hub) as home:
        from genfix.resolver.hub import hub_client  # noqa: PLC0415

        hub_client._TIMEOUT = 0.3  # type: ignore[misc]
        time.sleep = lambda seconds: None  # retries cost nothing
        base, merged = pretrained(), tuned()
        hub.add_repo("org/base", base)
        hub.add_repo("me/merged", merged)

        def play() -> dict[str, Any]:
            forget(home)
            shutil.rmtree(home / "merged", ignore_errors=True)
            folder = write_folder(home / "merged", merged)
            before = tree(folder)
            what = ("repair", folder) if target == "folder" else ("check", "hf://me/merged")
            code, out, err = genfix(*what, "--base", "org/base")
            return {
                "code": code,
                "out": out.replace(str(folder), "merged"),
                "err": err,
                "unchanged": tree(folder) == before,
                "repaired": (folder / GENERATION).read_bytes() != merged[GENERATION],
            }

        healthy = play()
        told.append({"fault": "", "request": "", **healthy})
        requests = dict.fromkeys(hub.asked())
        for place, request in enumerate(requests):
            for number, (fault, how) in enumerate(FAULTS.items()):
                if target == "repo" and (fault not in OF_A_REPO or (place + number) % 2):
                    continue  # files of a repo are asked for alike: each meets half of the faults
                for times in (1, None) if fault in PASSING else (None,):
                    hub.faults.clear()
                    hub.fail(f"^{re.escape(request)}$", **how, times=times)
                    result = play()
                    hub.faults.clear()
                    again = True
                    if fault in SPOILS:
                        # What is left in the caches must not be trusted: the next run, on a good line, is
                        # right.
                        shutil.rmtree(home / "merged")
                        folder = write_folder(home / "merged", merged)
                        what = ("repair", folder) if target == "folder" else ("check", "hf://me/merged")
                        code, out, _ = genfix(*what, "--base", "org/base")
                        again = (code, out.replace(str(folder), "merged")) == (
                            healthy["code"],
                            healthy["out"],
                        )
                    told.append(
                        {"fault": fault, "request": request, "times": times, "again": again, **result}
                    )
    return told


if __name__ == "__main__":
    json.dump(_sweep(sys.argv[1]), sys.stdout)
