"""A merged model, or an adapter, on the Hub: judged without being cloned, and not written to unasked."""

import json
from pathlib import Path

import pytest

from tests.support.folders import Files, chatml_files, dump, glm_files, write_folder
from tests.support.hub_machine import Machine
from tests.support.hub_scene import pretrained, tuned
from tests.support.trees import tree
from tests.support.weight_files import causal, weight_file

GENERATION = "generation_config.json"
ALARM = b"import pathlib\npathlib.Path('ran').write_text('x')\n"


def broken() -> Files:
    files = glm_files() | {"model.safetensors": weight_file({"transformer.embedding.weight": (151552, 4)})}
    return files | {GENERATION: dump({"eos_token_id": 151329}), "modeling_chatglm.py": ALARM}


def findings(document: dict[str, object]) -> object:
    return document["findings"]


def test_a_repo_is_judged_as_its_folder_is(machine: Machine) -> None:
    sha = machine.hub.add_repo("me/merged", broken())
    machine.hub.add_repo("org/glm", glm_files() | {"model.safetensors": b"w" * 4096})
    folder = write_folder(machine.home / "merged", broken())
    here = machine.json("check", folder, "--base", "org/glm")
    there = machine.json("check", "hf://me/merged", "--base", "org/glm")
    assert findings(there) == findings(here)
    assert there["target"] == f"hf://me/merged@{sha}"
    assert f"hf://me/merged is judged at commit {sha}" in str(there["notes"])
    plan = machine.json("plan", "hf://me/merged", "--base", "org/glm")
    assert plan["changes"] == machine.json("plan", folder, "--base", "org/glm")["changes"]
    assert (
        machine("diff", "hf://me/merged", "--base", "org/glm").out
        == machine("diff", folder, "--base", "org/glm").out
    )
    engines = machine("engines", "hf://me/merged")
    assert engines.out == machine("engines", folder).out
    assert sha in engines.err
    whole = len(broken()["model.safetensors"])
    assert all(size < whole for path, size in machine.hub.sent if "safetensors" in path or len(path) > 80)
    assert not list(machine.home.rglob("ran"))

    # And once more without the network: headers are kept.
    machine.hub.requests.clear()
    offline = machine.json("check", f"hf://me/merged@{sha}", "--base", "org/glm", "--offline")
    assert findings(offline) == findings(here)
    assert machine.hub.requests == []


@pytest.mark.parametrize(
    "command",
    [
        ("repair",),
        ("repair", "--output", "new"),
        ("undo",),
        ("snapshot",),
        ("restore", "20260101T000000Z-abcdef"),
        ("backups", "prune"),
    ],
)
def test_nothing_is_written_to_a_repo(machine: Machine, command: tuple[str, ...]) -> None:
    machine.hub.add_repo("me/merged", broken())
    words = list(command)
    words.insert(2 if command[0] == "backups" else 1, "hf://me/merged")
    before = tree(machine.home)
    result = machine(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: hf://me/merged is not a folder on this machine")
    assert "hint: download it" in result.err
    assert tree(machine.home) == before
    assert machine.hub.requests == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("hf://me/nope", "no model me/nope on the Hub"),
        ("hf://me/merged@v9", "me/merged has no revision v9"),
        ("hf://me", "me"),
        ("hf://me/lora", "is an adapter"),
        ("ftp://me/merged", "ftp://me/merged"),
        ("me/merged", "a Hub repo is written hf://me/merged"),
        ("https://user:hf_secret@huggingface.co/me/merged", "must not hold a user's name or token"),
    ],
)
def test_a_repo_that_cannot_be_judged(machine: Machine, target: str, said: str) -> None:
    machine.hub.add_repo("me/merged", broken())
    machine.hub.add_repo("me/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"})
    result = machine("check", target)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert "secret" not in result.err
    assert [line.partition(" ")[0] for line in result.err.splitlines()] == ["error:", "hint:"]


def test_a_header_that_cannot_be_had_is_no_damage(machine: Machine) -> None:
    """On a mirror that has no parts of files, or without the network: an error, and no finding on the
    weights.
    """
    machine.hub.add_repo("me/merged", tuned())
    machine.hub.fail("safetensors", body="whole")
    machine.hub.fail("/me/merged/[0-9a-f]{64}", body="whole")
    result = machine("check", "hf://me/merged")
    assert (result.code, result.out) == (2, "")
    assert "only as a whole" in result.err
    machine.hub.faults.clear()
    result = machine("check", "hf://me/merged", "--offline")
    assert (result.code, result.out) == (2, "")
    assert "the header of model.safetensors of me/merged@" in result.err
    assert "HF_ENDPOINT" in result.err
    assert "ms://" in result.err
    assert "genfix capsule" in result.err


@pytest.mark.parametrize("spec", ["me/lora", "hf://me/lora", "https://huggingface.co/me/lora"])
def test_an_adapter_on_the_hub_is_a_witness(machine: Machine, spec: str) -> None:
    template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    settings = json.loads(chatml_files()["tokenizer_config.json"]) | {"chat_template": template}
    lora = {
        "adapter_config.json": dump({"base_model_name_or_path": "org/base"}),
        "adapter_model.safetensors": weight_file(
            {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": (8, 4)}
        ),
        "tokenizer_config.json": dump(settings),
        "tokenizer.json": chatml_files()["tokenizer.json"],
    }
    machine.hub.add_repo("me/lora", lora)
    folder = write_folder(machine.home / "merged", pretrained())
    local = write_folder(machine.home / "lora", lora)
    here = machine.json("check", folder, "--adapter", local)
    there = machine.json("check", folder, "--adapter", spec)
    codes = {finding["code"] for finding in there["findings"]}
    assert codes == {finding["code"] for finding in here["findings"]}
    assert codes != {finding["code"] for finding in machine.json("check", folder)["findings"]}
    assert machine.hub.asked("GET .*tokenizer.json") == []  # the folder's own is the same
    assert machine("check", folder, "--adapter", "me/none").code == 2
    gone = machine("check", folder, "--adapter", "./lora-gone")
    assert "there is no adapter folder ./lora-gone" in gone.err


def test_an_adapter_of_another_model_is_refused(machine: Machine) -> None:
    name = "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"
    machine.hub.add_repo(
        "me/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": weight_file({name: (8, 4)})}
    )
    folder = write_folder(
        machine.home / "merged", pretrained() | {"model.safetensors": weight_file(causal())}
    )
    result = machine("check", folder, "--adapter", "me/lora")
    assert result.code == 3
    assert "the adapter me/lora@" in result.err
    assert "is not of this model" in result.err


def test_a_mirror_serves_all(machine: Machine, tmp_path: Path) -> None:
    """The fake Hub is one: nothing but HF_ENDPOINT leads to it, and an address of huggingface.co is asked
    there.
    """
    sha = machine.hub.add_repo("me/merged", broken())
    done = machine.json("check", f"https://huggingface.co/me/merged/tree/{sha}")
    assert done["target"] == f"hf://me/merged@{sha}"
    assert machine.json("check", f"{machine.hub.endpoint}/me/merged")["findings"] == done["findings"]


def test_what_helps_where_the_repo_is_somebody_elses(machine: Machine) -> None:
    machine.hub.add_repo("me/merged", broken())
    machine.hub.add_repo("org/glm", glm_files() | {"model.safetensors": b"w" * 4096})
    told = machine("workarounds", "hf://me/merged", "--base", "org/glm", "--engine", "vllm")
    assert "vllm serve me/merged --generation-config NEW" in told.out
    assert "hf download me/merged" in told.out
    assert "&& genfix repair NEW --base org/glm" in told.out
    assert "genfix workarounds hf://me/merged" in machine("check", "hf://me/merged", "--base", "org/glm").err
