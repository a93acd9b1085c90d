"""A Hub that says no, or says it badly."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.fakehub import FakeHub, git_sha1, sha256
from tests.support.hub_runner import Runner, Told

CONFIG = b'{"eos_token_id": 151645}\n'
FILES = {"config.json": CONFIG, "tokenizer.json": b'{"model": {}}'}


def refused(told: Told) -> Told:
    assert told.error[0] == "BaseModelError"
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


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers the list, and any file, as a test says."""

    server: "_Mirror"

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        answer = self.server.listing if self.path.startswith("/api/") else self.server.file
        answer(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""

    def give(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def flood(self) -> None:
        """A body without an end."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"id":"')
        for _ in range(10_000):
            self.wfile.write(b"x" * 2**20)
            self.server.flooded += 2**20


class _Mirror(http.server.ThreadingHTTPServer):
    """A mirror that is no good."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: list[str] = []
        self.flooded = 0
        self.listing: Callable[[_Answers], None] = _Answers.flood
        self.file: Callable[[_Answers], None] = _Answers.flood

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what is wanted."""


@pytest.fixture
def mirror(run: Runner) -> Iterator[_Mirror]:
    with _serving(_Mirror()) as server:
        run.env["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
        yield server


@contextmanager
def _serving(server: _Mirror) -> Iterator[_Mirror]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _row(**changed: object) -> dict[str, object]:
    return {"rfilename": "config.json", "size": len(CONFIG), "blobId": git_sha1(CONFIG)} | changed


def _listing(*rows: object, **changed: object) -> Callable[[_Answers], None]:
    document = {"id": "org/name", "sha": "a" * 40, "siblings": rows} | changed
    return lambda answer: answer.give(json.dumps(document).encode())


def test_no_header_of_a_mirror_names_a_file(mirror: _Mirror, run: Runner) -> None:
    planted = run.home / "planted.pth"
    mirror.listing = _listing(_row())
    mirror.file = lambda answer: answer.give(CONFIG, ETag=f'"{planted}"', X_Repo_Commit="../../x")
    told = run("org/name", read=["config.json"])
    assert told.files == {"config.json": CONFIG.decode()}  # the listed file, whatever its headers say
    mirror.file = lambda answer: answer.give(b"import os", ETag=f'"{planted}"', X_Repo_Commit="a" * 40)
    mirror.listing = _listing(_row(rfilename="generation_config.json", blobId="b" * 40))
    assert (
        "not the file that was listed"
        in (run("org/name", read=["generation_config.json"]).errors["generation_config.json"][1])
    )
    assert {path.name for path in run.home.iterdir()} <= {"xdg"}
    assert [path.name for path in run.genfix_cache.glob("files/*")] == [git_sha1(CONFIG)]


@pytest.mark.parametrize(
    ("row", "changed"),
    [
        ({"size": "5"}, {}),
        ({"size": -1}, {}),
        ({"size": True}, {}),
        ({"size": 10**400}, {}),
        ({"size": None}, {}),
        ({"blobId": 5}, {}),
        ({"blobId": "../../x"}, {}),
        ({"lfs": {"sha256": "../" * 22, "size": 5}}, {}),
        ({"lfs": {"sha256": 5}}, {}),
        ({"lfs": [5]}, {}),
        ({"rfilename": 5}, {}),
        ({"rfilename": None}, {}),
        ({}, {"sha": 5}),
        ({}, {"sha": "main"}),
        ({}, {"sha": None}),
        ({}, {"siblings": 5}),
        ({}, {"siblings": {"config.json": 5}}),
        ({}, {"siblings": [5]}),
        ({}, {"siblings": [[_row()]]}),
    ],
)
def test_wrong_types_in_a_listing_are_one_sentence(
    mirror: _Mirror, run: Runner, row: dict[str, object], changed: dict[str, object]
) -> None:
    mirror.listing = _listing(_row(**row), **changed)
    refused(run("org/name", read=["config.json"]))
    assert not [line for line in mirror.asked if "/resolve/" in line]


@pytest.mark.parametrize("repo_id", [5, None, "../x", ["org/name"], "a" * 500])
def test_a_wrong_name_of_the_repo_is_not_taken(mirror: _Mirror, run: Runner, repo_id: object) -> None:
    mirror.listing = _listing(_row(), id=repo_id)
    assert run("org/name").origin == ("hub", "org/name", "a" * 40)


@pytest.mark.parametrize("body", [b"[]", b"5", b"", b"[" * 100_000, b'{"siblings": ' + b"9" * 5000 + b"}"])
def test_what_is_no_listing(mirror: _Mirror, run: Runner, body: bytes) -> None:
    mirror.listing = lambda answer: answer.give(body)
    assert "the answer is not one of a Hub" in refused(run("org/name")).message


def test_an_endless_listing_is_cut(mirror: _Mirror, run: Runner) -> None:
    assert "genfix reads no more" in refused(run("org/name")).message
    assert mirror.flooded <= 80 * 2**20


def test_an_endless_file_is_cut_where_it_should_end(mirror: _Mirror, run: Runner) -> None:
    mirror.listing = _listing(_row())
    _, message, _ = run("org/name", read=["config.json"]).errors["config.json"]
    assert message.endswith(f"it has more than the {len(CONFIG)} bytes it should have")
    assert mirror.flooded <= 32 * 2**20
    assert not [*run.genfix_cache.glob("files/*")]


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_the_body_of_a_refusal_is_not_read(mirror: _Mirror, run: Runner, status: int) -> None:
    def refuse(answer: _Answers) -> None:
        answer.send_response(status)
        answer.send_header("Location", "/elsewhere")
        answer.end_headers()
        for _ in range(10_000):
            answer.wfile.write(b"x" * 2**20)
            mirror.flooded += 2**20

    mirror.listing = mirror.file = refuse
    refused(run("org/name"))
    assert mirror.flooded <= 160 * 2**20  # what the kernel takes, of a few tries


def test_a_redirect_out_of_the_web_is_not_followed(mirror: _Mirror, run: Runner) -> None:
    secret = run.home / "secret"
    secret.write_bytes(CONFIG)

    def redirect(answer: _Answers) -> None:
        answer.send_response(302)
        answer.send_header("Location", f"file://{secret}")
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    mirror.listing, mirror.file = _listing(_row()), redirect
    assert run("org/name", read=["config.json"]).files == {}


def test_a_token_that_a_mirror_sends_back_is_not_shown(mirror: _Mirror, run: Runner) -> None:
    run.env["HF_TOKEN"] = token = "hf_canary_0123456789"
    content = b'{"eos_token": "%s"}' % token.encode()
    stat = {"size": len(content), "blobId": git_sha1(content)}
    mirror.listing = _listing(_row(**stat), _row(rfilename=f"{token}.json"), id=f"org/{token}")
    mirror.file = lambda answer: answer.give(content)
    told = run("org/name", read=["config.json"])
    assert token not in repr(told)
    assert "has the access token of this machine in it" in told.errors["config.json"][1]
    mirror.listing = _listing(_row(rfilename=f"{token}.json", size=None))
    assert token not in repr(run("org/name"))
