"""Access tokens: sent to the Hub alone, and told to nobody."""

from pathlib import Path

import pytest

from tests.support.folders import write_folder
from tests.support.hub_machine import Machine
from tests.support.hub_scene import pretrained, tuned
from tests.support.running import Result

TOKEN = "hf_VerySecretToken"
PASSWORD = "S3cretPassw0rd"


def assert_untold(machine: Machine, *results: Result) -> None:
    """Neither printed nor written: plans, journals, snapshots, genfix's caches and the Hub's."""
    for result in results:
        for secret in (TOKEN, PASSWORD):
            assert secret not in result.out + result.err
    for path in machine.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert TOKEN.encode() not in content, path
            assert PASSWORD.encode() not in content, path


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("secret", [TOKEN, PASSWORD])
def test_no_secret_is_told(machine: Machine, secret: str, *, debug: bool) -> None:
    by_token = secret == TOKEN
    machine.hub.add_repo("org/base", pretrained(), private=by_token)
    machine.hub.add_repo("me/merged", tuned(), gate="all" if by_token else "")
    machine.hub.tokens[TOKEN] = True
    host = machine.hub.endpoint.partition("://")[2]
    named = {"HF_TOKEN": TOKEN} if by_token else {"HF_ENDPOINT": f"http://me:{PASSWORD}@{host}"}
    machine.environment.update(named)
    if debug:
        machine.environment.update({"HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug", "GENFIX_DEBUG": "1"})
    merged = write_folder(machine.home / "merged", tuned())
    done = [
        machine("check", merged, "--base", "org/base"),
        machine("plan", merged, "--base", "org/base", "--output-format", "json"),
        machine("repair", merged, "--base", "org/base", "--output-format", "json"),
        machine("log", merged, "--output-format", "json"),
        machine("undo", merged),
        machine("check", "hf://me/merged", "--base", "org/base"),
        machine("repair", merged, "--base", "org/nope"),
    ]
    assert [result.code for result in done] == [1, 1, 0, 0, 0, 1, 2]
    machine.hub.fail("", status=500)
    done.append(machine("check", merged, "--base", "org/base@v2"))
    machine.hub.faults.clear()
    machine.hub.tokens.clear()
    done.append(machine("check", merged, "--base", "org/base@v2"))
    machine.environment["HF_ENDPOINT"] = f"http://me:{PASSWORD}@127.0.0.1:9"
    done.append(machine("check", merged, "--base", "org/base@v3"))
    assert [result.code for result in done[-3:]] == [2, 2, 2]
    assert_untold(machine, *done)
    # It is sent to the Hub, and not to the host that large files and their parts are on.
    assert {request.token for request in machine.hub.requests if request.host == "cdn"} == {None}
    assert [request for request in machine.hub.requests if request.host == "cdn"]


def test_a_saved_token_is_used_and_not_told(machine: Machine) -> None:
    machine.hub.tokens[TOKEN] = True
    machine.hub.add_repo("org/base", pretrained(), private=True)
    saved = Path(machine.environment["HF_HOME"]) / "token"
    saved.parent.mkdir()
    saved.write_text(TOKEN)
    merged = write_folder(machine.home / "merged", tuned())
    done = machine("repair", merged, "--base", "org/base")
    assert done.code == 0
    saved.unlink()
    assert_untold(machine, done)
