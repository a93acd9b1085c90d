"""A base on the Hub, from the command line: online, offline, moved, refused and dead."""

import json
from collections.abc import Callable

import pytest

from tests.support.folders import Files, chatml_files, dump, glm_files
from tests.support.hub_machine import Machine
from tests.support.running import Result
from tests.support.trees import Picture, tree, user_files

GENERATION = "generation_config.json"
WEIGHTS = "model-00001-of-00001.safetensors"
DEAD = "http://127.0.0.1:9"


def published() -> Files:
    """The base's repo: with weights, which nobody may download, and files of no interest."""
    return glm_files() | {WEIGHTS: b"w" * 4096, "figures/a.png": b"p", "model.safetensors.index.json": b"{}"}


def assert_refused(result: Result, code: int, *parts: str) -> None:
    assert (result.code, result.out) == (code, "")
    lines = [line for line in result.err.splitlines() if not line.startswith("note: ")]
    assert lines[0].startswith("error: ")
    assert [line[:6] for line in lines[1:]] in ([], ["hint: "])
    for part in parts:
        assert part in result.err


def test_a_lost_file_is_restored_from_the_hub_and_then_without_it(machine: Machine) -> None:
    sha = machine.hub.add_repo("org/glm", published())
    merged = machine.merged()
    broken = user_files(merged)
    assert len(sha) == 40

    checked = machine.json("check", merged, "--base", "org/glm")
    assert checked["base"] == f"org/glm@{sha}"
    assert {finding["code"] for finding in checked["findings"]} == {"GF601"}

    done = machine.json("repair", merged, "--base", "org/glm")
    assert done["base"] == f"org/glm@{sha}"
    assert [(change["file"], change["source"]) for change in done["changes"]] == [(GENERATION, "base")]
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert user_files(merged) | {GENERATION: broken.get(GENERATION)} == broken | {GENERATION: None}
    [entry] = machine.json("log", merged)["transactions"]
    assert entry["note"]["base"] == f"org/glm@{sha}"
    repaired = tree(merged)
    again = machine("repair", merged, "--base", "org/glm")
    assert (again.code, again.out) == (0, "")
    assert "nothing to change" in again.err
    assert tree(merged) == repaired
    assert machine.hub.asked(WEIGHTS) == []
    assert machine.hub.asked("agent-harnesses") == []

    # The branch moves on and the line is cut: the pinned commit still serves.
    machine.hub.commit("org/glm", {"config.json": b"{}"})
    assert machine("undo", merged).code == 0
    assert user_files(merged) == broken
    machine.hub.requests.clear()
    offline = machine("repair", merged, "--base", "org/glm", "--offline")
    assert offline.code == 0
    assert f"using the cached commit {sha[:7]} of main" in offline.err
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert machine.hub.requests == []
    by_commit = machine("check", merged, "--base", f"org/glm@{sha}")
    assert by_commit.code == 0
    assert "note:" not in by_commit.err
    assert machine.hub.requests == []


def test_a_moved_repo_is_followed_and_said(machine: Machine) -> None:
    sha = machine.hub.add_repo("THUDM/glm-4-9b-chat", published())
    machine.hub.rename("THUDM/glm-4-9b-chat", "zai-org/glm-4-9b-chat")
    merged = machine.merged()
    result = machine("check", merged, "--base", "THUDM/glm-4-9b-chat", "--output-format", "json")
    assert "note: THUDM/glm-4-9b-chat moved to zai-org/glm-4-9b-chat" in result.err
    assert json.loads(result.out)["base"] == f"zai-org/glm-4-9b-chat@{sha}"
    assert machine("repair", merged, "--base", "THUDM/glm-4-9b-chat").code == 0
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    offline = machine("check", merged, "--base", "THUDM/glm-4-9b-chat", "--offline")
    assert offline.code == 0
    assert "moved to zai-org/glm-4-9b-chat" in offline.err


def test_a_revision_is_taken(machine: Machine) -> None:
    first = machine.hub.add_repo("org/glm", published())
    narrow = json.loads(glm_files()[GENERATION]) | {"eos_token_id": [151329]}
    second = machine.hub.commit("org/glm", published() | {GENERATION: dump(narrow)})
    machine.hub.tag("org/glm", "v1", first)
    merged = machine.merged()
    assert machine.json("check", merged, "--base", "org/glm")["base"].endswith(second)
    assert machine.json("check", merged, "--base", f"org/glm@{first}")["base"] == f"org/glm@{first}"
    assert machine.json("repair", merged, "--base", "org/glm@v1")["base"] == f"org/glm@{first}"
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]


def test_custom_code_comes_back_and_is_never_run(machine: Machine) -> None:
    alarm = b"import pathlib\npathlib.Path('ran').write_text('x')\n"
    files = glm_files() | {"tokenization_chatglm.py": alarm, "modeling_chatglm.py": alarm}
    machine.hub.add_repo("org/glm", files)
    given = {name: content for name, content in files.items() if name != "tokenization_chatglm.py"}
    merged = machine.merged(given)
    assert machine("repair", merged, "--base", "org/glm").code == 0
    assert (merged / "tokenization_chatglm.py").read_bytes() == alarm
    assert not list(machine.home.rglob("ran"))
    assert not list(machine.home.rglob("__pycache__"))


def _unknown(machine: Machine) -> str:
    return "org/nope"


def _gated(machine: Machine) -> str:
    machine.hub.add_repo("org/gated", published(), gate="all")
    return "org/gated"


def _gated_files(machine: Machine) -> str:
    machine.hub.add_repo("org/gated", published(), gate="files")
    return "org/gated"


def _wrong_revision(machine: Machine) -> str:
    machine.hub.add_repo("org/glm", published())
    return "org/glm@v9"


def _busy(machine: Machine) -> str:
    machine.hub.add_repo("org/glm", published())
    machine.hub.fail("/api/models/", status=403)
    return "org/glm"


def _dead(machine: Machine) -> str:
    machine.environment["HF_ENDPOINT"] = DEAD
    return "org/glm"


def _offline(machine: Machine) -> str:
    machine.environment["HF_HUB_OFFLINE"] = "1"
    return "org/glm"


def _no_address(machine: Machine) -> str:
    machine.environment["HF_ENDPOINT"] = "hf-mirror.com"
    return "org/glm"


def _adapter(machine: Machine) -> str:
    machine.hub.add_repo("org/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"})
    return "org/lora"


def _gguf(machine: Machine) -> str:
    machine.hub.add_repo("org/gguf", {"glm.gguf": b"GGUF", "README.md": b"#"})
    return "org/gguf"


def _empty(machine: Machine) -> str:
    machine.hub.add_repo("org/empty", {".gitattributes": b"*", "README.md": b"#"})
    return "org/empty"


def _damaged(machine: Machine) -> str:
    machine.hub.add_repo(
        "org/glm", published() | {"config.json": b'{"model_type": "chatglm", "model_type": "x"}'}
    )
    return "org/glm"


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (_unknown, "no model org/nope on the Hub, or it is private"),
        (_gated, "org/gated is gated"),
        (_gated_files, "org/gated is gated"),
        (_wrong_revision, "org/glm has no revision v9"),
        (_busy, "HTTP 403"),
        (_dead, "could not be reached"),
        (_offline, "org/glm is not cached and HF_HUB_OFFLINE is set"),
        (_no_address, "HF_ENDPOINT is not a web address"),
        (_adapter, "is an adapter"),
        (_gguf, "GGUF"),
        (_empty, "org/empty"),
        (_damaged, "config.json of the base org/glm@"),
    ],
)
def test_a_base_that_cannot_be_had(machine: Machine, arrange: Callable[[Machine], str], said: str) -> None:
    spec = arrange(machine)
    merged = machine.merged()
    before: Picture = tree(merged)
    assert_refused(machine("repair", merged, "--base", spec), 2, said, "hint: ")
    assert tree(merged) == before


def test_a_dead_hub_with_a_cached_base_goes_on_and_says_so(machine: Machine) -> None:
    sha = machine.hub.add_repo("org/glm", published())
    merged = machine.merged()
    assert machine("check", merged, "--base", "org/glm").code == 0
    machine.environment["HF_ENDPOINT"] = DEAD
    result = machine("check", merged, "--base", "org/glm", "--output-format", "json")
    assert json.loads(result.out)["base"] == f"org/glm@{sha}"
    assert "note: the Hub could not be reached" in result.err
    assert f"using the cached commit {sha[:7]} of main" in result.told


def test_what_check_read_is_not_all_that_repair_needs(machine: Machine) -> None:
    """A file that is not cached, on a dead line: an error that names it, and nothing half done."""
    machine.hub.add_repo("org/glm", published())
    merged = machine.merged()
    (merged / "LICENSE").unlink()
    assert machine("check", merged, "--base", "org/glm").code == 0
    machine.environment["HF_ENDPOINT"] = DEAD
    before = tree(merged)
    result = machine("repair", merged, "--base", "org/glm")
    if result.code == 0:  # everything was cached
        assert (merged / "LICENSE").read_bytes() == glm_files()["LICENSE"]
    else:
        assert_refused(result, 2, "is not cached", "hint: ")
        assert tree(merged) == before


def test_a_hub_base_of_another_architecture(machine: Machine) -> None:
    sha = machine.hub.add_repo("org/qwen", chatml_files())
    merged = machine.merged()
    before = tree(merged)
    assert_refused(
        machine("repair", merged, "--base", "org/qwen"),
        3,
        f"org/qwen@{sha}",
        "model_type",
        "chatglm",
        "qwen2",
    )
    assert tree(merged) == before


def test_a_hostile_listing_writes_nothing_outside(machine: Machine) -> None:
    names = ("../evil.json", "/etc/evil", "a\\..\\b.py", "CON", ".git/config",
             ".cache/huggingface/genfix/journal.json", "x/../../evil.py", "LICENSE\n", "-rf")  # fmt: skip
    machine.hub.add_repo("org/glm", published() | dict.fromkeys(names, b"{}"))
    merged = machine.merged()
    before = set(user_files(merged))
    assert machine("repair", merged, "--base", "org/glm", "--unsafe-fixes").code == 0
    assert set(user_files(merged)) == before | {GENERATION}
    assert not list(machine.home.rglob("evil*"))


def test_the_token_is_not_told_to_anyone(machine: Machine) -> None:
    machine.hub.tokens["hf_verysecret"] = False
    machine.environment["HF_TOKEN"] = "hf_verysecret"
    machine.hub.add_repo("org/gated", published(), gate="all")
    merged = machine.merged()
    result = machine("repair", merged, "--base", "org/gated")
    assert result.code == 2
    assert "hf_verysecret" not in result.out + result.err
    machine.environment["GENFIX_DEBUG"] = "1"
    result = machine("repair", merged, "--base", "org/gated")
    assert "hf_verysecret" not in result.out + result.err
