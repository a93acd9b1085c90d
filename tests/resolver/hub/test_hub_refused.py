"""A Hub that says no, or says it badly."""

import pytest

from tests.support.fakehub import FakeHub, sha256
from tests.support.hub_runner import Runner, Told

CONFIG = b'{"eos_token_id": 151645}\n'
FILES = {"config.json": CONFIG, "tokenizer.json": b'{"model": {}}'}


def refused(told: Told) -> Told:
    assert told.error[0] in {"BaseModelError", "UnknownModelError"}
    assert told.message
    assert "\n" not in told.message
    assert not told.message.endswith(".")
    assert told.hint
    return told


@pytest.mark.parametrize("token", ["", "hf_good"])
def test_unknown_repo(hub: FakeHub, run: Runner, token: str) -> None:
    hub.tokens["hf_good"] = False
    run.env["HF_TOKEN"] = token
    told = refused(run("THUDM/nope"))
    assert told.message == "no model THUDM/nope on the Hub, or it is private"
    assert "hf auth login" in told.hint


def test_private_repo_without_a_token(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES, private=True)
    assert refused(run("org/name")).message == "no model org/name on the Hub, or it is private"


def test_unknown_revision(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    assert refused(run("org/name@v9")).message == "org/name has no revision v9"


def test_unknown_commit(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    assert refused(run("org/name@" + "a" * 40)).message == f"org/name has no revision {'a' * 40}"


@pytest.mark.parametrize("token", ["", "hf_stranger"])
def test_gated_repo(hub: FakeHub, run: Runner, token: str) -> None:
    hub.add_repo("org/name", FILES, gate="all")
    hub.tokens["hf_stranger"] = False
    run.env["HF_TOKEN"] = token
    told = refused(run("org/name"))
    assert told.message == "org/name is gated, and this machine has no access to its files"
    assert f"{hub.endpoint}/org/name" in told.hint


@pytest.mark.parametrize("token", ["", "hf_stranger"])
def test_gated_repo_that_lists_its_files(hub: FakeHub, run: Runner, token: str) -> None:
    hub.add_repo("org/name", FILES, gate="files")
    hub.tokens["hf_stranger"] = False
    run.env["HF_TOKEN"] = token
    told = run("org/name", read=["config.json", "tokenizer.json"])
    assert set(told.names) == set(FILES)
    for name in FILES:
        kind, message, _ = told.errors[name]
        assert kind == "BaseModelError"
        assert message == "org/name is gated, and this machine has no access to its files"


def test_bad_token(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run.env["HF_TOKEN"] = "hf_expired"
    told = refused(run("org/name"))
    assert told.message == "the Hub does not accept this machine's access token (asked for org/name)"
    assert "hf_expired" not in told.message + told.hint


def test_forbidden(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    hub.fail("/api/models/", status=403)
    assert "HTTP 403" in refused(run("org/name")).message


def test_unexpected_status(hub: FakeHub, run: Runner) -> None:
    hub.fail("/api/models/", status=418)
    assert "HTTP 418" in refused(run("org/name")).message


def test_refusal_names_the_cached_commit(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    hub.repos["org/name"].gate = "all"
    told = refused(run("org/name"))
    assert f"--offline the cached commit {sha[:7]} is used" in told.hint
    assert run("org/name", read=["config.json"], offline=True).files == {"config.json": CONFIG.decode()}


def test_busy_hub_is_asked_again(hub: FakeHub, run: Runner) -> None:
    sha = hub.add_repo("org/name", FILES)
    hub.fail("/api/models/", status=503, times=1)
    assert run("org/name").commit == sha
    assert len(hub.asked("/api/models/")) == 2


@pytest.mark.parametrize("status", [500, 429])
def test_hub_that_cannot_answer(hub: FakeHub, run: Runner, status: int) -> None:
    hub.fail("/api/models/", status=status)
    told = refused(run("org/name"))
    assert told.message == (
        f"the Hub at {hub.endpoint} cannot answer now (HTTP {status}), and org/name is not cached"
    )
    assert "HF_ENDPOINT" in told.hint
    assert "--base ./folder" in told.hint


@pytest.mark.parametrize("body", ["drop", "truncate"])
def test_broken_connection(hub: FakeHub, run: Runner, body: str) -> None:
    hub.add_repo("org/name", FILES)
    hub.fail("/api/models/", body="drop" if body == "drop" else "truncate")
    assert "could not be reached" in refused(run("org/name")).message


def test_hotel_login_page_is_no_hub(hub: FakeHub, run: Runner) -> None:
    hub.fail("", body="html")
    assert "could not be reached (the answer is not one of a Hub)" in refused(run("org/name")).message


def test_failed_download_is_not_called_a_missing_file(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name", read=["tokenizer.json"])
    hub.fail("GET /org/name/resolve/", status=500)
    kind, message, _ = run("org/name", read=["config.json"]).errors["config.json"]
    assert kind == "BaseModelError"
    assert "cannot answer now (HTTP 500), and config.json of org/name@" in message


def test_cut_download_is_resumed_without_a_word(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    hub.fail("GET /org/name/resolve/", body="truncate", times=1)
    assert run("org/name", read=["config.json"]).files == {"config.json": CONFIG.decode()}
    assert len(hub.asked("GET /org/name/resolve/")) == 2


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_wrong_bytes_are_not_taken(hub: FakeHub, run: Runner, name: str) -> None:
    hub.add_repo("org/name", FILES)
    hub.fail(f"GET /.*({name}|{sha256(FILES[name])})", body="wrong")
    told = run("org/name", read=[name])
    kind, message, hint = told.errors[name]
    assert told.files == {}
    assert kind == "BaseModelError"
    assert message.startswith(f"{name} of org/name@")
    assert "is not the file that was listed: its " in message
    assert "should be" in message
    assert hint.startswith("try again")
    assert not [*run.genfix_cache.glob("files/*")]


def test_wrong_bytes_in_the_cache_are_replaced(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run("org/name", read=["config.json"])
    (blob,) = run.genfix_cache.glob("files/*")
    blob.write_bytes(CONFIG.replace(b"151645", b"151643"))
    assert run("org/name", read=["config.json"]).files == {"config.json": CONFIG.decode()}
    assert blob.read_bytes() == CONFIG


def test_listing_without_digests_is_refused(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    hub.without_digests = True
    assert "without size and digest" in refused(run("org/name")).message


def test_cache_that_cannot_be_written(hub: FakeHub, run: Runner) -> None:
    hub.add_repo("org/name", FILES)
    run.genfix_cache.mkdir(parents=True)
    (run.genfix_cache / "files").write_text("a file where the cache should be")
    kind, message, hint = run("org/name", read=["config.json"]).errors["config.json"]
    assert kind == "StorageError"
    assert message.startswith("the cache of genfix cannot be used")
    assert "XDG_CACHE_HOME" in hint
