"""A ModelScope that fails or says no: one true sentence, nothing wrong kept, and the token goes
nowhere else.
"""

import re
import socket
from pathlib import Path

import pytest

from genfix.errors import BaseModelError
from genfix.resolver.modelscope.modelscope_repo import open_modelscope
from genfix.resolver.naming.spec import ModelScopeSpec
from tests.support.fakemodelscope import Body, FakeModelScope
from tests.support.folders import Files

CONFIG = b'{"model_type": "glm"}'
FILES: Files = {"config.json": CONFIG, "tokenizer.json": b'{"large": 1}'}
SPEC = ModelScopeSpec("org/glm")
LIST, FILE, STORE = "repo/files", "FilePath=config", r"^/[0-9a-f]{64}$"


def refused(spec: ModelScopeSpec = SPEC, *, read: str = "") -> BaseModelError:
    """What is raised: one sentence and a hint."""
    with pytest.raises(BaseModelError) as caught:
        used(spec, read)
    error = caught.value
    assert error.exit_code == 2
    assert "\n" not in error.message
    assert error.hint
    return error


def used(spec: ModelScopeSpec, name: str) -> None:
    folder = open_modelscope(spec).folder
    if name:
        folder.read(name)


def kept(home: Path) -> list[Path]:
    return list((home / "xdg" / "genfix" / "files").glob("*"))


@pytest.mark.parametrize("body", ["drop", "truncate", "html", "garbage", "wrong"])
def test_a_list_that_is_none(site: FakeModelScope, body: Body) -> None:
    site.add("org/glm", FILES)
    site.fail(LIST, body=body)
    error = refused()
    assert re.fullmatch(
        rf"ModelScope at {site.endpoint} could not be reached \(.+\), and ms://org/glm is not cached",
        error.message,
    )
    assert "MODELSCOPE_ENDPOINT" in error.hint
    assert ("the connection was closed" in error.message) == (body == "drop")
    assert len(site.requests) <= 3


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_site(site: FakeModelScope, status: int) -> None:
    site.add("org/glm", FILES)
    site.fail(LIST, status=status, times=2)
    assert open_modelscope(SPEC).folder.names() == FILES.keys()
    assert len(site.requests) == 3
    site.fail(FILE, status=status, times=2)
    assert open_modelscope(SPEC).folder.read("config.json") == CONFIG
    site.fail("tokenizer", status=status)
    assert (
        f"did not give tokenizer.json of ms://org/glm (HTTP {status})"
        in refused(read="tokenizer.json").message
    )
    site.models["org/new"] = site.models["org/glm"]
    site.fail(LIST, status=status)
    assert f"cannot answer now (HTTP {status})" in refused(ModelScopeSpec("org/new")).message


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_a_no_is_not_asked_twice(site: FakeModelScope, status: int) -> None:
    site.add("org/glm", FILES)
    site.fail(LIST, status=status)
    error = refused()
    assert f"(HTTP {status})" in error.message
    assert ("MODELSCOPE_API_TOKEN" in error.hint) == (status in {401, 403})
    assert len(site.requests) == 1


def test_an_unknown_model(site: FakeModelScope) -> None:
    error = refused()
    assert error.message == "no model ms://org/glm on ModelScope, or it is private"
    assert "MODELSCOPE_API_TOKEN" in error.hint


def test_an_unknown_revision_is_told_what_there_is(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    site.commit("org/glm", FILES, branch="v1.0")
    error = refused(ModelScopeSpec("org/glm", "v9"))
    assert (error.message, error.hint) == ("ms://org/glm has no revision v9", "it has master, v1.0")
    site.fail("revisions", status=500)
    assert refused(ModelScopeSpec("org/glm", "v9")).hint.startswith("a revision is a branch")


def test_a_private_model(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("org/glm", FILES, private=True)
    assert "or it is private" in refused().message
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms-another")
    assert "MODELSCOPE_API_TOKEN may not read it" in refused().message
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", f" {site.token}\n")
    folder = open_modelscope(SPEC).folder
    assert folder.read("config.json") == CONFIG
    assert folder.read("tokenizer.json") == FILES["tokenizer.json"]
    [elsewhere] = [request for request in site.requests if request.host == "store"]
    assert elsewhere.token == ""


@pytest.mark.parametrize("token", ["two words", "line\nfeed", "semi;colon", "ключ", 'quo"te'])
def test_a_token_that_is_none_is_not_sent_and_not_shown(
    site: FakeModelScope, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", token)
    error = refused()
    assert error.message == "MODELSCOPE_API_TOKEN holds no access token"
    assert site.requests == []


@pytest.mark.parametrize("body", ["drop", "truncate", "html", "garbage", "wrong", "long", "elsewhere"])
@pytest.mark.parametrize(
    ("match", "name"), [(FILE, "config.json"), ("FilePath=tok", "tokenizer.json"), (STORE, "tokenizer.json")]
)
def test_a_file_that_is_not_the_one(
    site: FakeModelScope, tmp_path: Path, body: Body, match: str, name: str
) -> None:
    site.add("org/glm", FILES)
    site.fail(match, body=body)
    redirected = match == "FilePath=tok" and body in {
        "truncate",
        "wrong",
        "long",
    }  # the answer has no body to spoil
    if not redirected:
        assert f"{name} of ms://org/glm" in refused(read=name).message
        assert kept(tmp_path) == []
    site.faults.clear()
    assert open_modelscope(SPEC).folder.read(name) == FILES[name]


@pytest.mark.parametrize("body", ["drop", "truncate", "wrong", "long"])
def test_one_bad_transfer_is_mended(site: FakeModelScope, body: Body) -> None:
    site.add("org/glm", FILES)
    site.fail(LIST, body="truncate", times=1)
    site.fail(FILE, body=body, times=1)
    assert open_modelscope(SPEC).folder.read("config.json") == CONFIG
    assert len(site.requests) == 4


def test_a_listed_file_that_is_gone(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    site.fail(FILE, status=404)
    assert (
        refused(read="config.json").message
        == "config.json of ms://org/glm is listed by ModelScope but not there"
    )


def test_wrong_bytes_of_the_right_length(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    site.fail(FILE, body="wrong")
    message = refused(read="config.json").message
    assert message.startswith(
        "config.json of ms://org/glm is not the file that ModelScope lists: its sha256 is "
    )


def test_a_slow_site(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genfix.resolver.modelscope.modelscope_site._TIMEOUT", 0.1)
    site.add("org/glm", FILES)
    site.fail(LIST, delay=0.4)
    assert "could not be reached (timed out)" in refused().message
    assert len(site.requests) <= 1


def test_a_transfer_without_an_end(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("org/glm", FILES)
    monkeypatch.setattr("genfix.resolver.modelscope.modelscope_site._LONGEST", -1.0)
    assert "could not be reached (timed out)" in refused().message


def test_a_redirect_out_of_the_web(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    site.fail(LIST, body="elsewhere")
    assert "redirects to an address that is not the web's" in refused().message


def test_a_dead_line(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", dead)
    error = refused()
    assert (
        error.message
        == f"ModelScope at {dead} could not be reached (connection refused), and ms://org/glm is not cached"
    )
    assert "--base org/name" in error.hint
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://no-such-host.invalid")
    assert "could not be reached" in refused().message


def test_a_dead_line_with_a_cache_goes_on_and_says_so(site: FakeModelScope) -> None:
    commit = site.add("org/glm", FILES)
    open_modelscope(SPEC).folder.read("config.json")
    site.fail("", status=503)
    base = open_modelscope(SPEC)
    assert base.folder.read("config.json") == CONFIG
    [note] = map(str, base.notes)
    assert note.startswith(
        "ModelScope could not be reached (HTTP 503); using the list of files of ms://org/glm at"
    )
    assert commit[:7] in note
    with pytest.raises(
        BaseModelError, match=r"tokenizer\.json of ms://org/glm is not cached and ModelScope could not"
    ):
        base.folder.read("tokenizer.json")


@pytest.mark.parametrize("variable", ["MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"])
@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@host",
        "http://[::1",
        "http://host:x",
        "http://",
        "ftp://host",
        "a b",
        "http://h/?q=1",
        "хост",
    ],
)
def test_an_address_that_is_none(
    site: FakeModelScope, monkeypatch: pytest.MonkeyPatch, variable: str, address: str
) -> None:
    monkeypatch.delenv("MODELSCOPE_ENDPOINT")
    monkeypatch.setenv(variable, address)
    message = refused().message
    assert variable in message or "could not be reached" in message
    assert "secret" not in message


def test_the_old_variable_names_a_host(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSCOPE_ENDPOINT")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "modelscope.invalid")
    assert "https://modelscope.invalid" in refused().message
    site.add("org/glm", FILES)
    monkeypatch.setenv("MODELSCOPE_DOMAIN", site.endpoint + "/")
    assert open_modelscope(SPEC).folder.names() == FILES.keys()
