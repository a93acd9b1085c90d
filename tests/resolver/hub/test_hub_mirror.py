"""A mirror of the Hub that means ill, or is broken: nothing it says is taken for granted."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.fakehub import git_sha1
from tests.support.hub_runner import Runner, Told
from tests.support.servers import Quiet, QuietServer, Site

CONFIG = b'{"eos_token_id": 151645}\n'


def refused(told: Told) -> Told:
    """The answer of a base that is refused in one sentence."""
    assert told.error[0] in {"BaseModelError", "UnknownModelError"}
    assert "\n" not in told.message
    assert told.hint
    return told


class _Answers(Quiet, BaseHTTPRequestHandler):
    """Answers the list, and any file, as a test says."""

    protocol_version = "HTTP/1.0"  # a body without a length ends with the connection
    server: "_Mirror"

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        answer = self.server.listing if self.path.startswith("/api/") else self.server.file
        answer(self)

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


class _Mirror(Site, QuietServer):
    """A mirror that is no good."""

    def __init__(self) -> None:
        super().__init__(_Answers)
        self._servers = [self]
        self.asked: list[str] = []
        self.flooded = 0
        self.listing: Callable[[_Answers], None] = _Answers.flood
        self.file: Callable[[_Answers], None] = _Answers.flood


@pytest.fixture
def mirror(run: Runner) -> Iterator[_Mirror]:
    with _Mirror() as mirror:
        run.env["HF_ENDPOINT"] = f"http://127.0.0.1:{mirror.server_port}"
        yield mirror


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
    hidden = content.replace(b"hf_", b"\\u0068f_")
    mirror.listing = _listing(_row(size=len(hidden), blobId=git_sha1(hidden)))
    mirror.file = lambda answer: answer.give(hidden)
    assert run("org/name", read=["config.json"]).files == {}


def test_what_is_downloaded_of_one_model_has_an_end(mirror: _Mirror, run: Runner) -> None:
    """Each file is within its limit, and there is no end of them."""
    names = [f"additional_chat_templates/{n}.jinja" for n in range(129)]
    mirror.listing = _listing(*(_row(rfilename=name, size=4 * 2**20) for name in names))
    mirror.file = lambda answer: answer.give(CONFIG)
    told = run("org/name", read=names)
    assert "that genfix downloads of a model" in told.errors[names[-1]][1]
    assert len([line for line in mirror.asked if "/resolve/" in line]) == 128
