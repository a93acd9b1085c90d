"""A base without a Hub: offline, or a Hub that cannot be reached."""

import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub
from tests.support.hub_runner import Runner

CONFIG = b'{"eos_token_id": 151645}\n'
TOKENIZER = b'{"model": {}}'
FILES = {"config.json": CONFIG, "tokenizer.json": TOKENIZER, "model.safetensors": b"weights"}


@pytest.fixture
def sha(hub: FakeHub, run: Runner) -> str:
    """A repo of which this machine has two files, by another program, and knows the list."""
    sha = hub.add_repo("org/name", FILES)
    done = run.python(
        "from huggingface_hub import hf_hub_download as d; [d('org/name', n) for n in "
        "('config.json', 'tokenizer.json')]"
    )
    assert done.returncode == 0, done.stderr
    run("org/name", read=["config.json", "tokenizer.json"])
    hub.requests.clear()
    return sha


def cut_line(run: Runner) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        run.env["HF_ENDPOINT"] = f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize("how", ["flag", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_takes_the_cached_commit(hub: FakeHub, run: Runner, sha: str, how: str) -> None:
    if how != "flag":
        run.env[how] = "1"
    told = run("org/name", read=["config.json", "tokenizer.json"], offline=how == "flag")
    assert told.origin == ("hub", "org/name", sha)
    stopped = "genfix is offline" if how == "flag" else "HF_HUB_OFFLINE is set"
    assert told.notes == (f"{stopped}; using the cached commit {sha[:7]} of main",)
    assert set(told.names) == set(FILES)
    assert told.files == {"config.json": CONFIG.decode(), "tokenizer.json": TOKENIZER.decode()}
    assert hub.requests == []
    assert not told.imported


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/3"])
def test_offline_finds_other_revisions(hub: FakeHub, run: Runner, sha: str, revision: str) -> None:
    hub.tag("org/name", revision, sha)
    assert run(f"org/name@{revision}", offline=True).error[1] == (
        f"org/name@{revision} is not cached and genfix is offline"
    )
    run(f"org/name@{revision}", read=["config.json"])
    told = run(f"org/name@{revision}", read=["config.json"], offline=True)
    assert told.commit == sha
    assert told.files == {"config.json": CONFIG.decode()}


def test_offline_commit(hub: FakeHub, run: Runner, sha: str) -> None:
    told = run(f"org/name@{sha}", read=["config.json"], offline=True)
    assert told.notes == ()
    assert told.files == {"config.json": CONFIG.decode()}


def test_offline_without_a_cache(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    told = run("org/name", offline=True)
    assert told.error[0] == "UnknownModelError"
    assert told.message == "org/name is not cached and genfix is offline"
    assert "--base ./folder" in told.hint
    assert hub.requests == []


def test_offline_by_environment_without_a_cache(hub: FakeHub, run: Runner) -> None:
    run.env["HF_HUB_OFFLINE"] = "1"
    assert run("org/name").message == "org/name is not cached and HF_HUB_OFFLINE is set"


def test_listed_file_that_was_never_downloaded(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    told = run("org/name", read=["config.json", "tokenizer.json"], offline=True)
    assert set(told.files) == {"config.json"}
    kind, message, hint = told.errors["tokenizer.json"]
    assert kind == "BaseModelError"
    assert message == f"tokenizer.json of org/name@{sha[:7]} is not cached and genfix is offline"
    assert hint.startswith("go online once")


def test_cache_filled_by_another_program_is_known_to_be_partial(hub: FakeHub, run: Runner, sha: str) -> None:
    shutil.rmtree(run.genfix_cache)
    told = run("org/name", read=["config.json", "tokenizer.json"], offline=True)
    assert told.names == ("config.json", "tokenizer.json")
    assert told.files == {"config.json": CONFIG.decode(), "tokenizer.json": TOKENIZER.decode()}
    assert told.notes[1] == (
        f"the list of files of org/name@{sha[:7]} is not cached; "
        "only the 2 that were downloaded before are known"
    )


def test_partial_cache_does_not_stand_for_a_commit_when_online(hub: FakeHub, run: Runner, sha: str) -> None:
    shutil.rmtree(run.genfix_cache)
    told = run(f"org/name@{sha}")
    assert set(told.names) == set(FILES)
    assert len(hub.requests) == 1


def test_partial_cache_of_a_commit_with_a_dead_port(hub: FakeHub, run: Runner, sha: str) -> None:
    shutil.rmtree(run.genfix_cache)
    cut_line(run)
    told = run(f"org/name@{sha}", read=["config.json"])
    assert told.files == {"config.json": CONFIG.decode()}
    assert (
        told.notes[0]
        == f"the Hub could not be reached (connection refused); using the cached commit {sha[:7]}"
    )
    assert told.notes[1].startswith("the list of files")


def test_listing_that_snapshot_download_left_is_used(hub: FakeHub, run: Runner, sha: str) -> None:
    shutil.rmtree(run.genfix_cache)
    entries: dict[str, object] = {
        "config.json": {"size": len(CONFIG), "blob_id": "0" * 40},
        "other.json": {"size": 3, "blob_id": "1" * 40},
        "model.safetensors": {"size": 134, "blob_id": "2" * 40, "lfs_sha256": "3" * 64, "lfs_size": 5000},
    }
    trees = run.cache / "models--org--name" / "trees"
    trees.mkdir()
    (trees / f"{sha}.json").write_text(json.dumps({"format_version": 1, "files": entries}))
    told = run("org/name", offline=True)
    assert told.names == ("config.json", "model.safetensors", "other.json")
    assert told.digests["model.safetensors"] == [None, "3" * 64]
    assert len(told.notes) == 1


@pytest.mark.parametrize(
    "text", ["", "{", '{"format": 1}', '{"format": 1, "repo": "a/b", "files": {"x": [1]}}', "[" * 9999]
)
def test_damaged_listing_is_ignored(hub: FakeHub, run: Runner, sha: str, text: str) -> None:
    (kept,) = (run.genfix_cache / "hub-listing").iterdir()
    content = text.encode()
    kept.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    told = run("org/name", read=["config.json"], offline=True)
    assert told.names == ("config.json", "tokenizer.json")


def test_damaged_copy_is_not_taken_offline(hub: FakeHub, run: Runner, sha: str) -> None:
    (blob,) = (path for path in run.cache.glob("*/blobs/*") if path.read_bytes() == CONFIG)
    blob.write_bytes(CONFIG.replace(b"151645", b"151643"))
    shutil.rmtree(run.genfix_cache)  # the blob's name is its digest: no listing is needed to see it
    told = run("org/name", read=["config.json"], offline=True)
    assert "is not the file that was listed" in told.errors["config.json"][1]


@pytest.mark.parametrize("ref", ["", "not a commit", "../../../secret", "a" * 39])
def test_damaged_ref_is_ignored(hub: FakeHub, run: Runner, sha: str, ref: str) -> None:
    (run.cache / "models--org--name" / "refs" / "main").write_text(ref)
    assert run("org/name", offline=True).commit == sha  # genfix noted it, too
    shutil.rmtree(run.genfix_cache)
    assert run("org/name", offline=True).message == "org/name is not cached and genfix is offline"


@pytest.mark.parametrize("offline", [True, False])
def test_link_out_of_the_cache_is_refused(
    hub: FakeHub, run: Runner, sha: str, tmp_path: Path, *, offline: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(CONFIG)
    link = run.cache / "models--org--name" / "snapshots" / sha / "config.json"
    link.unlink()
    link.symlink_to(secret)
    told = run("org/name", read=["config.json"], offline=offline)
    assert told.files == {}
    kind, message, _ = told.errors["config.json"]
    assert kind == "FolderFileError"
    assert message.endswith("is a link to a file outside the Hub cache")


def test_link_into_the_shared_blobs_is_followed(hub: FakeHub, run: Runner, sha: str) -> None:
    (blob,) = (path for path in run.cache.glob("*/blobs/*") if path.read_bytes() == CONFIG)
    shared = run.cache / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(shared)
    assert run("org/name", read=["config.json"], offline=True).files == {"config.json": CONFIG.decode()}


def test_cache_without_links(hub: FakeHub, run: Runner) -> None:
    run.env["HF_HUB_DISABLE_SYMLINKS"] = "1"
    hub.add_repo("org/name", FILES)
    run.python("from huggingface_hub import hf_hub_download as d; d('org/name', 'config.json')")
    run("org/name")
    assert run("org/name", read=["config.json"], offline=True).files == {"config.json": CONFIG.decode()}


def test_what_was_downloaded_is_read_offline(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json", "tokenizer.json"])
    assert not run.cache.exists()  # another tool's cache is read only
    told = run("org/name", read=["config.json", "tokenizer.json"], offline=True)
    assert told.files == {"config.json": CONFIG.decode(), "tokenizer.json": TOKENIZER.decode()}


def test_linked_cache_directory(hub: FakeHub, run: Runner, sha: str) -> None:
    (run.home / "hf").rename(run.home / "big-disk")
    (run.home / "hf").symlink_to(run.home / "big-disk")
    assert run("org/name", read=["config.json"], offline=True).files == {"config.json": CONFIG.decode()}


def test_dead_port_with_a_cache(hub: FakeHub, run: Runner, sha: str) -> None:
    cut_line(run)
    told = run("org/name", read=["config.json"])
    assert told.commit == sha
    assert told.files == {"config.json": CONFIG.decode()}
    assert told.notes == (
        f"the Hub could not be reached (connection refused); using the cached commit {sha[:7]} of main",
    )


def test_dead_port_and_a_file_that_is_not_cached(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    cut_line(run)
    message = run("org/name", read=["tokenizer.json"]).errors["tokenizer.json"][1]
    assert message.endswith("is not cached and the Hub could not be reached (connection refused)")


def test_dead_port_without_a_cache(run: Runner) -> None:
    cut_line(run)
    told = run("org/name")
    assert told.error[0] == "BaseModelError"
    assert told.message == (
        f"the Hub at {run.env['HF_ENDPOINT']} could not be reached (connection refused), "
        "and org/name is not cached"
    )
    assert "HF_ENDPOINT" in told.hint
    assert "--base ./folder" in told.hint


def test_unknown_host(run: Runner) -> None:
    run.env["HF_ENDPOINT"] = "http://user:secret@no-such-host.invalid"
    told = run("org/name")
    assert "http://no-such-host.invalid could not be reached (its host name is not known)" in told.message
    assert "secret" not in told.message + told.hint


@pytest.mark.parametrize("endpoint", ["nonsense", "http://[::1", "http://127.0.0.1:99999"])
def test_endpoint_that_is_no_address(run: Runner, endpoint: str) -> None:
    run.env["HF_ENDPOINT"] = endpoint
    assert run("org/name").message == "HF_ENDPOINT is not a web address"


@pytest.mark.parametrize("status", [500, 503])
def test_hub_that_is_down_with_a_cache(hub: FakeHub, run: Runner, sha: str, status: int) -> None:
    hub.fail("", status=status)
    told = run("org/name", read=["config.json"])
    assert told.commit == sha
    assert f"(HTTP {status})" in told.notes[0]


def test_moved_branch_is_seen_when_online_again(hub: FakeHub, run: Runner, sha: str) -> None:
    new = hub.commit("org/name", {"config.json": b"{}"})
    assert run("org/name", offline=True).commit == sha
    assert run("org/name", read=["config.json"]).commit == new
    assert run("org/name", offline=True).commit == new
