"""A repair of a model on the Hub: one commit with exactly the planned files, as a pull request or a push."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.support.folders import Files, dump, write_folder
from tests.support.hub_commits import Scope
from tests.support.hub_machine import Machine
from tests.support.hub_scene import pretrained, tuned
from tests.support.running import Result
from tests.support.schemas import validate
from tests.support.trees import tree

TOKEN = "hf_VerySecretToken"
GENERATION = "generation_config.json"
TOKENIZER = "tokenizer.json"
REPO = "hf://me/merged"


@pytest.fixture
def hub(machine: Machine) -> Machine:
    """A machine that is logged in, with a model to repair and its base on the Hub."""
    machine.environment.update({"HF_TOKEN": TOKEN, "XDG_STATE_HOME": str(machine.home / "state")})
    machine.hub.tokens[TOKEN] = True
    machine.hub.add_repo("org/base", pretrained())
    machine.hub.add_repo("me/merged", tuned())
    return machine


def repaired(machine: Machine, files: Files, *args: str) -> Files:
    """What a repair of a folder with ``files`` makes of it."""
    folder = write_folder(machine.home / "here", files)
    assert machine("repair", folder, "--base", "org/base", *args, "--state-dir", machine.home / "x").code == 0
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one_sentence(result: Result, code: int, *said: str) -> None:
    assert (result.code, result.out) == (code, ""), result
    lines = [line for line in result.err.splitlines() if not line.startswith(("note: ", "      "))]
    assert [line.partition(" ")[0] for line in lines] == ["error:", "hint:"], result.err
    for part in said:
        assert part in result.err
    assert TOKEN not in result.err


def test_a_pull_request_has_exactly_the_planned_files(hub: Machine) -> None:
    expected = repaired(hub, tuned())
    sha = hub.hub.repos["me/merged"].refs["main"]
    plan = hub.json("plan", REPO, "--base", "org/base")
    hub.hub.requests.clear()
    result = hub("repair", REPO, "--base", "org/base", "--create-pr", "--output-format", "json")
    assert result.code == 0, result.err
    done = validate(result.out, "preview")
    assert done["changes"] == plan["changes"]
    assert [plan[key] for key in ("transaction", "summary")] == [None, done["summary"]]
    made = done["hub"]
    assert (made["repo"], made["branch"], made["parent"], made["pull_request"]) == (
        "me/merged",
        "main",
        sha,
        1,
    )
    assert made["url"] == f"{hub.hub.endpoint}/me/merged/discussions/1"
    assert made["url"] in result.err
    assert hub.hub.files("me/merged", "refs/pr/1") == expected
    assert hub.hub.files("me/merged") == tuned()
    # one request makes it, and no weights are sent
    assert len(hub.hub.asked("POST .*commit")) == 1
    sent = [
        json.loads(line) for path, body in hub.hub.bodies if "/commit/" in path for line in body.splitlines()
    ]
    assert [(row["key"], row["value"].get("path")) for row in sent] == [
        ("header", None),
        ("file", GENERATION),
    ]
    request = hub.hub.repos["me/merged"].pull_requests[1]
    assert (request.title, request.description) == (made["title"], made["description"])
    assert request.title == f"Repair 1 config file: GF102 (genfix {plan_id(hub)[:12]})"
    for part in ("GF102", "vllm", "stops at 1000, 1002", "+     1002", "org/base@"):
        assert part in request.description


def plan_id(machine: Machine) -> str:
    file = machine.home / "id.json"
    machine("plan", REPO, "--base", "org/base", "-o", file)
    found: str = json.loads(file.read_text())["id"]
    return found


def test_a_second_run_finds_the_pull_request(hub: Machine) -> None:
    words = ("repair", REPO, "--base", "org/base", "--create-pr")
    assert hub(*words).code == 0
    again = hub(*words)
    assert again.code == 0
    assert "pull request 1 has exactly this already" in again.told
    assert len(hub.hub.repos["me/merged"].pull_requests) == 1
    assert len(json.loads(hub("log", REPO, "--output-format", "json").out)["transactions"]) == 1
    hub.hub.merge("me/merged", 1)
    merged = hub(*words)
    assert (merged.code, len(hub.hub.repos["me/merged"].pull_requests)) == (0, 1)
    assert "nothing to change" in merged.err


def test_a_pull_request_of_the_same_name_with_other_files_is_none(hub: Machine) -> None:
    """Everybody may open one under any name, and would have it merged."""
    words = ("repair", REPO, "--base", "org/base", "--create-pr")
    hub(*words)
    hub.hub.commit(
        "me/merged", hub.hub.files("me/merged", "refs/pr/1") | {"evil.py": b"x"}, branch="refs/pr/1"
    )
    assert "opened pull request 2" in hub(*words).err
    # nor is one of somebody else's, whatever it has now: more may be pushed to it
    hub.hub.repos["me/merged"].pull_requests[2].author = "somebody"
    for receipt in (hub.home / "state").rglob("*.json"):
        receipt.unlink()
    assert "opened pull request 3" in hub(*words).err
    # without receipts, as on a machine of a weekly job, one's own is found by its author
    for receipt in (hub.home / "state").rglob("*.json"):
        receipt.unlink()
    assert "pull request 3 has exactly this already" in hub(*words).told


def test_undo_is_a_pull_request_that_puts_the_old_bytes_back(hub: Machine) -> None:
    hub("repair", REPO, "--base", "org/base", "--create-pr")
    one_sentence(hub("undo", REPO, "--create-pr"), 3, "has none of the changes", "/discussions/1")
    hub.hub.merge("me/merged", 1)
    assert hub.hub.files("me/merged") != tuned()
    one_sentence(hub("undo", REPO), 2, "--create-pr")
    dry = hub("undo", REPO, "--create-pr", "--dry-run")
    assert (dry.code, len(hub.hub.repos["me/merged"].pull_requests)) == (1, 1)
    assert hub("undo", REPO, "--create-pr").code == 0
    hub.hub.merge("me/merged", 2)
    assert hub.hub.files("me/merged") == tuned()
    log = validate(hub("log", REPO, "--output-format", "json").out, "log")["transactions"]
    assert [(one["kind"], one["hub"]["pull_request"]) for one in log] == [("repair", 1), ("undo", 2)]
    assert [log[0]["undone_by"], log[1]["undoes"]] == [log[1]["id"], log[0]["id"]]
    assert "pull request 1 to main (undone)" in hub("log", REPO).out
    one_sentence(hub("undo", REPO, "--create-pr"), 2, "there is no repair of me/merged to undo")
    # and once more forward
    assert hub("undo", REPO, log[1]["id"], "--push").code == 0
    assert hub.hub.files("me/merged") != tuned()


def test_an_undo_refuses_what_was_changed_since(hub: Machine) -> None:
    hub("repair", REPO, "--base", "org/base", "--push")
    files = hub.hub.files("me/merged")
    hub.hub.commit("me/merged", files | {GENERATION: b"{}"})
    one_sentence(hub("undo", REPO, "--create-pr"), 3, f"{GENERATION} of me/merged changed since the repair")
    hub.hub.commit("me/merged", files | {"README.md": b"new"})
    assert hub("undo", REPO, "--push").code == 0
    assert hub.hub.files("me/merged") == tuned() | {"README.md": b"new"}
    assert hub.hub.repos["me/merged"].pull_requests == {}


def test_a_push_goes_to_the_branch_that_is_named(hub: Machine) -> None:
    expected = repaired(hub, tuned())
    hub.hub.tag("me/merged", "dev/x", hub.hub.repos["me/merged"].refs["main"])
    result = hub("repair", f"{REPO}@dev/x", "--base", "org/base", "--push")
    assert result.code == 0, result.err
    assert "committed to dev/x of me/merged" in result.err
    assert hub.hub.files("me/merged", "dev/x") == expected
    assert hub.hub.files("me/merged") == tuned()
    log = json.loads(hub("log", REPO, "--output-format", "json").out)["transactions"]
    assert [(one["hub"]["branch"], one["hub"]["pull_request"]) for one in log] == [("dev/x", None)]
    one_sentence(hub("undo", f"{REPO}@main", "--push"), 2, "no repair of me/merged")
    assert hub("undo", f"{REPO}@dev/x", "--push").code == 0
    assert hub.hub.files("me/merged", "dev/x") == tuned()


def test_a_pull_request_to_a_branch(hub: Machine) -> None:
    hub.hub.tag("me/merged", "dev", hub.hub.repos["me/merged"].refs["main"])
    assert hub("repair", f"{REPO}@dev", "--base", "org/base", "--create-pr").code == 0
    assert hub.hub.repos["me/merged"].pull_requests[1].branch == "dev"


def test_a_tag_takes_no_commits(hub: Machine) -> None:
    hub.hub.fail("POST .*(preupload|commit)/v1", status=404, headers={"X-Error-Code": "RevisionNotFound"})
    hub.hub.tag("me/merged", "v1", hub.hub.repos["me/merged"].refs["main"])
    one_sentence(hub("repair", f"{REPO}@v1", "--base", "org/base", "--create-pr"), 2, "has no branch v1")


@pytest.mark.parametrize("how", ["--create-pr", "--push"])
def test_a_branch_that_moves_is_refused(hub: Machine, how: str) -> None:
    """Before the plan is sent, or, of a push, in the last moment."""
    before = tuned()
    moved = {"README.md": b"somebody was here"}
    sha = hub.hub.repos["me/merged"].refs["main"]
    hub.hub.when("GET .*revision/main", lambda: hub.hub.commit("me/merged", before | moved))
    one_sentence(
        hub("repair", REPO, "--base", "org/base", how), 3, "main of me/merged is at commit", sha[:12]
    )
    assert hub.hub.files("me/merged") == before | moved
    hub.hub.when("POST .*commit", lambda: hub.hub.commit("me/merged", before))
    result = hub("repair", REPO, "--base", "org/base", how)
    if how == "--push":
        one_sentence(result, 3, "has changed since the plan was made (HTTP 412", "happened since")
        assert hub.hub.files("me/merged") == before
    else:  # it is made on the commit that was planned on
        assert result.code == 0
        assert hub.hub.files("me/merged", "refs/pr/1").items() >= moved.items()


def test_a_plan_file_becomes_a_pull_request(hub: Machine) -> None:
    file = hub.home / "plan.json"
    told = hub("plan", REPO, "--base", "org/base", "-o", file)
    assert f"genfix apply {file} --target {REPO} --create-pr" in told.err
    assert TOKEN not in file.read_text()
    dry = hub("apply", file, "--create-pr", "--dry-run")
    assert dry.code == 1
    assert "a pull request to main of me/merged" in dry.out
    assert hub.hub.repos["me/merged"].pull_requests == {}
    one_sentence(hub("apply", file), 2, "is not a folder on this machine", "--create-pr")
    done = hub("apply", file, "--create-pr")
    assert done.code == 0, done.err
    assert hub.hub.files("me/merged", "refs/pr/1") == repaired(hub, tuned())
    hub.hub.commit("me/merged", tuned() | {"README.md": b"new"})
    one_sentence(hub("apply", file, "--create-pr"), 3, "and the plan was made at")
    one_sentence(hub("apply", file, "--target", REPO, "--create-pr"), 3, "stale plan")


def test_the_plan_of_a_folder_is_applied_to_its_upload(hub: Machine) -> None:
    folder, file = write_folder(hub.home / "local", tuned()), hub.home / "plan.json"
    base = write_folder(hub.home / "secret-place" / "base", pretrained())
    hub("plan", folder, "--base", base, "-o", file)
    before = tree(folder)
    assert hub("apply", file, "--target", REPO, "--create-pr").code == 0
    assert tree(folder) == before
    request = hub.hub.repos["me/merged"].pull_requests[1]
    assert hub.hub.files("me/merged", "refs/pr/1") == repaired(hub, tuned())
    assert "secret-place" not in request.title + request.description  # paths of this machine stay here
    assert str(hub.home) not in request.description
    hub.hub.add_repo("me/other", tuned() | {"config.json": b"{}"})
    one_sentence(hub("apply", file, "--target", "hf://me/other", "--create-pr"), 3, "stale plan: config.json")
    hub.hub.rename("me/merged", "me/new-name")
    assert hub("apply", file, "--target", REPO, "--push").code == 0
    assert hub.hub.files("me/new-name") == repaired(hub, tuned())


def test_large_files_and_files_that_go(hub: Machine) -> None:
    """What the storage of large files takes, a file in a folder, CRLF, and one that is taken away."""
    lost = {name: content for name, content in tuned().items() if name != TOKENIZER}
    odd = lost | {
        "assets/x.txt": b"x\r\n",
        "README.md": b"---\r\nlicense: mit\r\n---\r\n",
        ".gitattributes": b"*\n",
    }
    hub.hub.add_repo("me/merged", odd, lfs=[TOKENIZER, "model.safetensors"])
    base = write_folder(hub.home / "base", pretrained())  # so that the storage has not its bytes yet
    hub.hub.large = {
        key: content for key, content in hub.hub.large.items() if content != pretrained()[TOKENIZER]
    }
    result = hub("repair", REPO, "--base", base, "--create-pr")
    assert result.code == 0, result.err
    there = hub.hub.files("me/merged", "refs/pr/1")
    assert {n: there[n] for n in odd if n not in {GENERATION, ".gitattributes"}}.items() <= odd.items()
    assert there[TOKENIZER] == pretrained()[TOKENIZER]
    digest = hashlib.sha256(pretrained()[TOKENIZER]).hexdigest()
    assert [path for path, _ in hub.hub.bodies if path.startswith("/upload/")] == [f"/upload/{digest}?sig=x"]
    assert {request.token for request in hub.hub.requests if request.host == "cdn"} == {None}
    hub.hub.merge("me/merged", 1)
    undone = hub("undo", REPO, "--push")
    assert undone.code == 0, undone.err
    assert TOKENIZER not in hub.hub.files("me/merged")


def test_a_file_that_git_ignores_is_refused(hub: Machine) -> None:
    hub.hub.repos["me/merged"].ignored = frozenset({GENERATION})
    one_sentence(hub("repair", REPO, "--base", "org/base", "--create-pr"), 3, ".gitignore", GENERATION)
    assert hub.hub.asked("POST .*commit") == []


def test_what_the_hub_made_of_it_is_compared(hub: Machine) -> None:
    def spoil() -> None:
        files = hub.hub.files("me/merged", "refs/pr/1")
        hub.hub.repos["me/merged"].commits[hub.hub.repos["me/merged"].refs["refs/pr/1"]] = files | {
            GENERATION: files[GENERATION].replace(b"\n", b"\r\n")
        }

    hub.hub.when("GET .*refs%2Fpr%2F1", spoil)
    one_sentence(
        hub("repair", REPO, "--base", "org/base", "--create-pr"),
        2,
        "its files are not those that were sent (generation_config.json)",
        "/discussions/1",
    )
    assert "pull request 1" in hub("log", REPO).out or "answer was lost" in hub("log", REPO).out


@pytest.mark.parametrize(
    ("scope", "how", "said"),
    [
        ("read", "--create-pr", "may not open a pull request in me/merged (HTTP 403: Forbidden: your token"),
        ("read", "--push", "may not write to me/merged (HTTP 403"),
        ("pull-requests", "--push", "pass `create_pr=1`"),
        ("pull-requests", "--create-pr", ""),
    ],
)
def test_the_scope_of_the_token(hub: Machine, scope: Scope, how: str, said: str) -> None:
    hub.hub.scopes[TOKEN] = scope
    result = hub("repair", REPO, "--base", "org/base", how)
    if said:
        one_sentence(result, 2, said, "hf auth login")
    else:
        assert result.code == 0
    assert len(hub.hub.repos["me/merged"].pull_requests) == (not said)
    assert "20" not in hub("log", REPO).out or not said


def test_without_a_token_nothing_is_begun(hub: Machine) -> None:
    del hub.environment["HF_TOKEN"]
    hub.hub.requests.clear()
    one_sentence(hub("repair", REPO, "--base", "org/base", "--create-pr"), 2, "has no access token")
    assert hub.hub.requests == []
    assert hub("repair", REPO, "--base", "org/base", "--create-pr", "--dry-run").code == 1


def test_a_private_repo(hub: Machine) -> None:
    hub.hub.repos["me/merged"].private = True
    assert hub("repair", REPO, "--base", "org/base", "--create-pr").code == 0
    hub.hub.tokens[TOKEN] = False
    one_sentence(hub("repair", REPO, "--base", "org/base", "--create-pr", "--select", "GF1"), 2, "me/merged")


def test_what_is_asked_in_a_wrong_way(hub: Machine) -> None:
    folder = write_folder(hub.home / "local", tuned())
    before = tree(folder)
    for words, code, said in (
        ((REPO, "--create-pr", "--push"), 2, "exclude each other"),
        ((REPO, "--create-pr", "--output", "new"), 2, "--output makes a copy"),
        ((REPO, "--create-pr", "--offline"), 2, "needs the network"),
        ((str(folder), "--create-pr"), 2, "is no repo on the Hugging Face Hub"),
        (("ms://me/merged", "--create-pr"), 2, "genfix makes no commits on ModelScope"),
        (("hf://datasets/me/merged", "--create-pr"), 2, "does not name a model"),
        ((f"{REPO}@nope", "--create-pr"), 2, "has no revision nope"),
    ):
        one_sentence(hub("repair", *words, "--base", "org/base"), code, said)
    one_sentence(hub("undo", str(folder), "--dry-run"), 2, "--dry-run of an undo is for a model on the Hub")
    assert tree(folder) == before
    assert hub.hub.asked("POST") == []


def test_nothing_to_do_is_no_pull_request(hub: Machine) -> None:
    hub.hub.add_repo("me/fine", pretrained())
    result = hub("repair", "hf://me/fine", "--base", "org/base", "--create-pr", "--output-format", "json")
    assert (result.code, validate(result.out, "preview")["hub"]) == (0, None)
    assert hub.hub.asked("POST") == []


def test_a_file_that_a_repair_moves_away_is_deleted(hub: Machine) -> None:
    """Its history keeps it; an undo brings it back."""
    adapter = {"adapter_config.json": dump({"base_model_name_or_path": "org/base"})}
    hub.hub.add_repo("me/merged", tuned() | adapter)
    plan = hub.json("plan", REPO, "--base", "org/base", "--unsafe-fixes")
    assert ("adapter_config.json", "quarantine") in {(row["file"], row["action"]) for row in plan["changes"]}
    done = hub("repair", REPO, "--base", "org/base", "--unsafe-fixes", "--push")
    assert done.code == 0, done.err
    assert hub.hub.files("me/merged") == repaired(hub, tuned())
    assert "stays in the history" in str(hub.hub.repos["me/merged"].log)
    assert hub("undo", REPO, "--push").code == 0
    assert hub.hub.files("me/merged") == tuned() | adapter
    assert hub("repair", REPO, "--base", "org/base", "--push").code == 1
    assert "adapter_config.json" in hub.hub.files("me/merged")  # without the flag it stays


def test_the_token_is_told_to_nobody(hub: Machine) -> None:
    hub.environment.update({"HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug", "GENFIX_DEBUG": "1"})
    results = [
        hub("repair", REPO, "--base", "org/base", "--create-pr", "--dry-run"),
        hub("repair", REPO, "--base", "org/base", "--create-pr"),
        hub("log", REPO),
    ]
    hub.hub.merge("me/merged", 1)
    results += [hub("undo", REPO, "--push"), hub("log", REPO, "--output-format", "json")]
    assert [result.code for result in results] == [1, 0, 0, 0, 0]
    for result in results:
        assert TOKEN not in result.out + result.err
    for path in hub.home.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    for _, body in hub.hub.bodies:
        assert TOKEN.encode() not in body


def test_a_file_with_the_token_in_it_is_not_published(hub: Machine) -> None:
    """A base on this machine may have it: the Hub would have published it."""
    leaky = pretrained() | {
        "special_tokens_map.json": dump({"eos_token": "<|endoftext|>", "note": TOKEN}),
        TOKENIZER: pretrained()[TOKENIZER].rstrip() + b" " * 10 + b"\n",
    }
    config = json.loads(pretrained()["tokenizer_config.json"]) | {"comment": TOKEN}
    base = write_folder(hub.home / "base", leaky | {"tokenizer_config.json": dump(config)})
    lost = {name: content for name, content in tuned().items() if name != "tokenizer_config.json"}
    hub.hub.add_repo("me/merged", lost)
    one_sentence(
        hub("repair", REPO, "--base", base, "--create-pr"), 3, "has the access token of this machine in it"
    )
    assert hub.hub.asked("POST") == []


def test_a_damaged_receipt_is_told_of(hub: Machine) -> None:
    hub("repair", REPO, "--base", "org/base", "--push")
    [receipt] = (hub.home / "state" / "genfix").rglob("*.json")
    assert receipt.stat().st_mode & 0o777 in {0o600, 0o644}
    whole = json.loads(receipt.read_text())
    for spoiled in (
        b"",
        b"[]",
        json.dumps(whole | {"changes": [{"name": "../x", "before": None, "after": None}]}).encode(),
        json.dumps(whole | {"id": "../../x"}).encode(),
        b"[" * 100_000,
    ):
        receipt.write_bytes(spoiled)
        result = hub("log", REPO)
        assert (result.code, result.out) == (0, "")
        assert "is no receipt as genfix writes it" in result.told
        one_sentence(hub("undo", REPO, "--push"), 2, "there is no repair of me/merged to undo")


def test_the_state_folder_can_be_named(hub: Machine) -> None:
    place = hub.home / "named" / "state"
    words = ("--state-dir", str(place))
    assert hub("repair", REPO, "--base", "org/base", "--push", *words).code == 0
    assert len([*place.rglob("*.json")]) == 1
    assert not (hub.home / "state").exists()
    assert "genfix has changed nothing" in hub("log", REPO).told
    assert re.search("commit [0-9a-f]{12} to main", hub("log", REPO, *words).out)
    assert hub("undo", REPO, "--push", *words).code == 0


def test_python(hub: Machine) -> None:
    """The verbs as functions, with typed results."""
    code = """
import genfix
plan = genfix.plan("hf://me/merged", "org/base")
dry = genfix.publish(plan, dry_run=True)
done = genfix.publish(plan)
assert (dry.receipt, dry.commit) == (None, done.commit)
assert [change.content for change in done.commit.changes] == [change.after for change in plan.changes]
log = genfix.published("hf://me/merged").receipts
assert log == (done.receipt,)
try:
    genfix.unpublish("hf://me/merged")
except genfix.GenfixError as error:
    assert error.exit_code == 3
assert genfix.publish(genfix.plan("hf://org/base", "org/base")) is None
print(done.url, done.receipt.pull_request)
"""
    ran = hub.forks(["-c", code], env=hub.environment, cwd=hub.home)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{hub.hub.endpoint}/me/merged/discussions/1 1\n"
    assert any(Path(hub.home / "state").rglob("*.json"))


RUN = """
import sys
from genfix.cli.main import main
sys.exit(main(["repair", "hf://me/merged", "--base", "org/base", "--create-pr"]))
"""
INTERRUPTED = """
from genfix.resolver.hub.hub_client import HubClient
send = HubClient.send
def interrupted(self, sent, read, **how):
    answer = send(self, sent, read, **how)
    if "/commit/" in sent.url:
        raise KeyboardInterrupt
    return answer
HubClient.send = interrupted
"""


def test_an_interrupt_after_the_commit_was_sent(hub: Machine) -> None:
    """Nobody knows whether it is there: so it says, and the next run finds it."""
    ran = hub.forks(["-c", INTERRUPTED + RUN], env=hub.environment, cwd=hub.home)
    one_sentence(
        Result(ran.returncode, ran.stdout, ran.stderr), 130, "interrupted before the Hub had answered",
        f"{hub.hub.endpoint}/me/merged/discussions",
    )  # fmt: skip
    assert "the Hub's answer was lost" in hub("log", REPO).out
    again = hub("repair", REPO, "--base", "org/base", "--create-pr")
    assert "pull request 1 has exactly this already" in again.told
    [done] = json.loads(hub("log", REPO, "--output-format", "json").out)["transactions"]
    assert done["hub"]["pull_request"] == 1
    hub.hub.merge("me/merged", 1)
    assert hub("undo", REPO, "--push").code == 0
    assert hub.hub.files("me/merged") == tuned()


FULL = """
from genfix import applier
from genfix.errors import StorageError
keep = applier.keep_receipt
def full(place, receipt, **how):
    if receipt.commit is not None:
        raise StorageError("the disk is full")
    keep(place, receipt, **how)
applier.keep_receipt = full
"""


def test_a_receipt_that_cannot_be_completed_hides_no_commit(hub: Machine) -> None:
    ran = hub.forks(["-c", FULL + RUN], env=hub.environment, cwd=hub.home)
    assert (ran.returncode, "opened pull request 1" in ran.stderr) == (0, True)
    assert "the receipt could not be completed: the disk is full" in " ".join(ran.stderr.split())
    hub.hub.merge("me/merged", 1)
    assert hub("undo", REPO, "--push").code == 0  # its beginning says enough
    assert hub.hub.files("me/merged") == tuned()


def test_several_folders_become_no_commit(hub: Machine) -> None:
    folders = [write_folder(hub.home / "zoo" / name, tuned()) for name in ("a", "b")]
    before = tree(hub.home / "zoo")
    for words in ((hub.home / "zoo",), folders):
        one_sentence(
            hub("repair", *words, REPO, "--base", "org/base", "--create-pr"),
            2,
            "is no repo on the Hugging Face",
        )
    assert tree(hub.home / "zoo") == before
    assert not hub.hub.asked("POST .*commit")


def test_several_models_have_a_pull_request_each_and_one_that_fails_stops_no_other(hub: Machine) -> None:
    for name in ("second", "third"):
        hub.hub.add_repo(f"me/{name}", tuned())
    models = (REPO, "hf://me/none", "hf://me/second", "hf://me/third@dev", "hf://org/base")
    words = ("repair", *models, "--base", "org/base", "--create-pr")
    dry = hub(*words, "--dry-run")
    assert (dry.code, hub.hub.asked("POST .*commit")) == (2, [])
    done = hub(*words, "--output-format", "json")
    assert done.code == 2
    found = validate(done.out, "many")
    one, none, two, no_branch, healthy = found["folders"]
    for row, name in ((one, "merged"), (two, "second")):
        assert (row["exit_code"], row["report"]["hub"]["pull_request"]) == (0, 1)
        assert hub.hub.files(f"me/{name}", "refs/pr/1") != tuned()
        assert hub.hub.files(f"me/{name}") == tuned()
    assert (none["exit_code"], no_branch["exit_code"]) == (2, 2)
    assert "has no revision dev" in no_branch["error"]["message"]
    assert (healthy["exit_code"], healthy["report"]["hub"]) == (0, None)
    assert len(hub.hub.asked("POST .*commit")) == 2
    assert f"genfix undo {REPO} --create-pr" in done.told
    again = hub(*words)  # nothing is made twice
    assert again.out.count("pull request 1 has exactly this already") == 2
    assert len(hub.hub.asked("POST .*commit")) == 2
    assert TOKEN not in done.out + done.err + again.out + again.err
