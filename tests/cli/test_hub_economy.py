"""How many requests and bytes a base on the Hub costs: counted by the Hub."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver import BaseFacts, prove_parentage
from genfix.resolver.finder.base import READ_OF_ALL
from genfix.rules import Context, judge
from tests.support.folders import Files, chatml_files, dump, vlm_files, write_folder
from tests.support.hub_machine import Machine
from tests.support.hub_scene import pretrained, tuned
from tests.support.weight_files import INDEX, causal, weight_file

GENERATION = "generation_config.json"
WEIGHTS = weight_file(causal() | {"lm_head.weight": (1024, 4)})


def large() -> Files:
    """A model with a tokenizer of 20 MB."""
    files = chatml_files()
    tokenizer = json.loads(files["tokenizer.json"])
    tokenizer["model"]["vocab"] = {"x" * 20_000_000: 0}
    return files | {"tokenizer.json": json.dumps(tokenizer).encode(), "model.safetensors": WEIGHTS}


@pytest.mark.parametrize("files", [large(), pretrained(), vlm_files() | {"model.safetensors": WEIGHTS}])
def test_an_identical_folder_costs_no_file(machine: Machine, files: Files) -> None:
    machine.hub.add_repo("org/base", files)
    merged = write_folder(machine.home / "merged", files)
    assert machine("repair", merged, "--base", "org/base").code == 0
    assert len(machine.hub.requests) <= 2
    assert machine.hub.sent == []
    machine.hub.requests.clear()
    assert machine("check", merged, "--base", "org/base", "--offline").code == 0
    assert machine.hub.requests == []


def test_only_what_differs_is_fetched_and_only_once(machine: Machine) -> None:
    files = large()
    machine.hub.add_repo("org/base", files)
    merged = write_folder(machine.home / "merged", files | {GENERATION: dump({"eos_token_id": 1000})})
    result = machine.json("check", merged, "--base", "org/base")
    assert {finding["code"] for finding in result["findings"]} >= {"GF101"}
    assert sum(size for _, size in machine.hub.sent) == len(files[GENERATION])
    assert all(path.endswith(GENERATION) for path, _ in machine.hub.sent)

    machine.hub.requests.clear()
    assert machine.json("check", merged, "--base", "org/base") == result
    assert len(machine.hub.requests) == 1
    machine.hub.requests.clear()
    offline = machine.json("check", merged, "--base", "org/base", "--offline")
    assert offline["findings"] == result["findings"]
    assert machine.hub.requests == []

    # A new commit with the same file: its copy is known by its digest.
    machine.hub.commit("org/base", files | {"README.md": b"new"})
    machine.json("check", merged, "--base", "org/base")
    assert len(machine.hub.requests) == 1


def test_files_are_fetched_several_at_once(machine: Machine) -> None:
    files = vlm_files() | {"processor_config.json": b"{}", "model.safetensors": WEIGHTS}
    machine.hub.add_repo("org/base", files)
    merged = write_folder(machine.home / "merged", {name: files[name] + b"\n" for name in files})
    machine.hub.fail("GET .*resolve", delay=0.3)
    machine("check", merged, "--base", "org/base")
    assert 4 <= machine.hub.most_at_once <= 8


class _Watched(LocalFolder):
    """A folder that knows what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.seen: set[str] = set()

    def read(self, name: str) -> bytes:
        self.seen.add(name)
        return super().read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        self.seen.add(name)
        return super().read_range(name, start, length)


@pytest.mark.parametrize("lost", ["", *READ_OF_ALL])
def test_what_is_fetched_ahead_is_read_by_rules_anyway(tmp_path: Path, lost: str) -> None:
    """Whatever the folder lost: nothing is fetched for nobody."""
    extra = ("special_tokens_map.json", "added_tokens.json", "processor_config.json")
    files = vlm_files() | dict.fromkeys(extra, b"{}") | {"chat_template.jinja": b"{{ messages }}"}
    base = _Watched(write_folder(tmp_path / "base", files))
    merged = Model(
        LocalFolder(write_folder(tmp_path / "merged", {n: c for n, c in files.items() if n != lost}))
    )
    facts = BaseFacts(base)
    prove_parentage(merged, facts)
    judge(Context(merged, facts))
    assert set(READ_OF_ALL) <= base.seen


def test_weights_cost_a_part_of_their_header_and_a_few_rows(machine: Machine) -> None:
    filler = {f"model.layers.{layer}.mlp.up_proj.weight": (512, 1024) for layer in range(2)}
    base = pretrained() | {"model.safetensors": weight_file(causal() | filler)}
    merged = tuned() | {
        "model.safetensors": weight_file(causal() | filler, fill=dict.fromkeys(causal(), 7), metadata={})
    }
    machine.hub.add_repo("org/base", base)
    folder = write_folder(machine.home / "merged", merged)
    result = machine.json("check", folder, "--base", "org/base")
    assert "GF102" in {finding["code"] for finding in result["findings"]}
    name = machine.hub.large
    parts = [size for path, size in machine.hub.sent if path.rsplit("/", 1)[-1] in name]
    parts = [size for size in parts if size != len(base["tokenizer.json"])]
    assert sum(parts) < 150_000 < len(base["model.safetensors"])
    machine.hub.sent.clear()
    machine.hub.requests.clear()
    machine.json("check", folder, "--base", "org/base")
    assert [size for _, size in machine.hub.sent] == [4096]  # headers are kept, rows are not


def test_a_server_without_parts_is_hung_up_on(machine: Machine) -> None:
    machine.hub.add_repo("org/base", pretrained())
    machine.hub.fail("safetensors|/org/base/[0-9a-f]{64}", body="whole")
    folder = write_folder(machine.home / "merged", tuned())
    assert machine("check", folder, "--base", "org/base").code == 0
    assert len(machine.hub.asked("model.safetensors")) == 1


def test_thousands_of_files_are_one_listing(machine: Machine) -> None:
    files = chatml_files() | {f"checkpoints/{number}.txt": b"" for number in range(3000)}
    machine.hub.add_repo("org/base", files)
    merged = write_folder(machine.home / "merged", chatml_files())
    assert machine("check", merged, "--base", "org/base").code == 0
    assert len(machine.hub.requests) == 1


def test_a_sharded_base_of_the_same_index(machine: Machine) -> None:
    index = dump({"metadata": {}, "weight_map": dict.fromkeys(causal(), "model-00001-of-00001.safetensors")})
    files = pretrained() | {INDEX: index, "model-00001-of-00001.safetensors": weight_file(causal())}
    files.pop("model.safetensors")
    machine.hub.add_repo("org/base", files)
    merged = write_folder(machine.home / "merged", files)
    machine("check", merged, "--base", "org/base")
    assert len(machine.hub.requests) == 1


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_fetched_in_less_than_a_second_shows_no_bar(machine: Machine, *, quiet: bool) -> None:
    machine.hub.add_repo("org/base", chatml_files())
    merged = write_folder(machine.home / "merged", {n: c + b"\n" for n, c in chatml_files().items()})
    terminal, end = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "genfix",
        "check",
        str(merged),
        "--base",
        "org/base",
        *["--quiet"] * quiet,
    ]
    try:
        subprocess.run(
            command,
            env=machine.environment | {"TERM": "xterm"},
            stdout=subprocess.DEVNULL,
            stderr=end,
            timeout=60,
            check=False,
        )
        shown = b""
        while select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 4096)
    finally:
        os.close(terminal)
        os.close(end)
    assert b"fetching" not in shown
    assert (b"org/base" in shown) is not quiet
