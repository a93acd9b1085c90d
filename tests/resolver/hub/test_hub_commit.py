"""What genfix sends is what huggingface_hub's own client sends, and the fake Hub takes both."""

import json
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub
from tests.support.folders import Files
from tests.support.forks import Forks
from tests.support.hub_machine import environment

TOKEN = "hf_VerySecretToken"
FILES = {
    "config.json": b"{}\r\n",
    "generation_config.json": b'{"eos_token_id": 1}',
    "sub/tokenizer.json": b"t" * 5000,
    "tokenizer.json": b"u" * 3000,
    "old.json": b"[]",
    "model.safetensors": b"w" * 100,
}
ADDED = {
    "config.json": b'{"a": 1}\r\n',
    "sub/tokenizer.json": b"v" * 7000,
    "tokenizer.json": b"w" * 4000,
    "added_tokens.json": b"",
}
COMMON = f"""
import json, sys
added = {ADDED!r}
title, description = "Repair 4 files", "Because.\\n\\n| a | b |\\n"
repo_id, branch, parent, push = json.load(sys.stdin)
"""
THEIRS = (
    COMMON
    + """
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
changes = [CommitOperationAdd(name, content) for name, content in added.items()]
changes.insert(2, CommitOperationDelete("old.json"))
done = HfApi().create_commit(
    repo_id, changes, commit_message=title, commit_description=description, revision=branch,
    create_pr=not push, parent_commit=parent)
print(json.dumps([done.oid, done.pr_num]))
"""
)
OURS = (
    COMMON
    + """
from genfix.resolver.hub.hub_commit import HubChange, HubCommit
from genfix.resolver.hub.hub_writer import HubWriter
from genfix.resolver.naming.spec import HubSpec
changes = [HubChange(name, content) for name, content in added.items()]
changes.insert(2, HubChange("old.json", None))
writer = HubWriter(HubSpec(repo_id, branch))
head = writer.head()
commit = HubCommit(repo_id, branch, parent, title, description, tuple(changes), push)
modes = writer.prepare(commit)
assert modes.large == {"tokenizer.json", "sub/tokenizer.json"}
landed = writer.commit(commit, head, modes)
assert landed.notes == ()
print(json.dumps(landed.made))
"""
)


def made_by(
    code: str, home: Path, forks: Forks, *, push: bool, branch: str, parts: int
) -> tuple[list[str], Files]:
    """What arrives at a Hub, and what is there afterwards."""
    home.mkdir()
    with FakeHub() as hub:
        hub.tokens[TOKEN] = True
        hub.parts = parts
        lfs = {"tokenizer.json", "sub/tokenizer.json", "model.safetensors"}
        parent = hub.add_repo("me/merged", FILES, lfs=lfs)
        hub.tag("me/merged", branch, parent)
        env = environment(home, hub) | {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        asked = json.dumps(["me/merged", branch, parent, push])
        done = forks(["-c", code], env=env, cwd=home, stdin=asked)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        sha, number = json.loads(done.stdout)
        bodies = [f"{path} {_plain(path, body)}" for path, body in hub.bodies]
        assert {request.token for request in hub.requests if request.host == "cdn"} <= {None}
        there = hub.files("me/merged", sha)
        assert hub.files("me/merged", branch if push else f"refs/pr/{number}") == there
        requests = {str(r) for r in hub.requests if r.method != "GET"}
        pages = {
            n: (r.title, r.description, r.branch) for n, r in hub.repos["me/merged"].pull_requests.items()
        }
        told = sorted([*bodies, *requests, str(pages)])
        return [line.replace(hub.endpoint, "HUB").replace(hub.cdn, "CDN") for line in told], there


def _plain(path: str, body: bytes) -> object:
    """A body: of a commit its bytes, of other JSON what it says."""
    return body if "/commit/" in path or "/upload/" in path else json.loads(body)


@pytest.mark.parametrize("parts", [0, 1500])
@pytest.mark.parametrize(("push", "branch"), [(False, "main"), (True, "feature/x")])
def test_a_commit_is_the_one_of_the_real_client(
    tmp_path: Path, forks: Forks, branch: str, parts: int, *, push: bool
) -> None:
    ours = made_by(OURS, tmp_path / "ours", forks, push=push, branch=branch, parts=parts)
    theirs = made_by(THEIRS, tmp_path / "theirs", forks, push=push, branch=branch, parts=parts)
    assert ours == theirs
    expected = {name: FILES[name] for name in FILES if name != "old.json"} | ADDED
    assert {name: ours[1][name] for name in expected} == expected


DISCUSSIONS = """
from huggingface_hub import HfApi
import json
api = HfApi()
found = list(api.get_repo_discussions("me/merged", discussion_type="pull_request", discussion_status="open"))
details = api.get_discussion_details("me/merged", 1)
api.merge_pull_request("me/merged", 1)
print(json.dumps([[one.num for one in found], details.title, details.target_branch, details.events[1].oid,
    [one.title for one in api.list_repo_commits("me/merged")]]))
"""


def test_the_real_client_reads_the_discussions_of_the_fake_hub(tmp_path: Path, forks: Forks) -> None:
    with FakeHub() as hub:
        hub.tokens[TOKEN] = True
        parent = hub.add_repo("me/merged", FILES, lfs={"tokenizer.json", "sub/tokenizer.json"})
        env = environment(tmp_path, hub) | {"HF_TOKEN": TOKEN}
        made = forks(
            ["-c", OURS], env=env, cwd=tmp_path, stdin=json.dumps(["me/merged", "main", parent, False])
        )
        sha, number = json.loads(made.stdout)
        done = forks(["-c", DISCUSSIONS], env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [[number], "Repair 4 files", "main", sha, ["Repair 4 files"]]
        assert hub.repos["me/merged"].refs["main"] == sha
