"""What a service does for its visitors: no token of its machine is sent, and nothing on it is named."""

from pathlib import Path

import pytest

import genfix
from genfix.errors import GenfixError
from tests.support.fakehub import FakeHub
from tests.support.fakemodelscope import FakeModelScope
from tests.support.folders import chatml_files, dump, with_json, write_folder
from tests.support.hub_caches import cached, model_files, numbers, use_cache
from tests.support.hub_runner import Runner

_ASK = """
import contextlib, genfix
for bound in (contextlib.nullcontext(), genfix.for_strangers(), contextlib.nullcontext()):
    with bound:
        try:
            print(genfix.check("hf://me/private", "me/base").target[:15])
        except genfix.GenfixError as error:
            print(error.said)
"""


def test_the_token_of_this_machine_is_not_sent_to_the_hub(hub: FakeHub, run: Runner) -> None:
    hub.tokens["hf_secret"] = True
    hub.add_repo("me/private", chatml_files(), private=True)
    hub.add_repo("me/base", chatml_files())
    run.env["HF_TOKEN"] = "hf_secret"
    done = run.python(_ASK)
    refused = "no model me/private on the Hub, or it is private"
    assert done.stdout.splitlines() == ["hf://me/private", refused, "hf://me/private"]
    asked = [request.token for request in hub.requests if request.host == "hub"]
    assert asked[0] == "hf_secret"
    assert asked.count(None) == 1


def test_the_token_of_this_machine_is_not_sent_to_modelscope(
    site: FakeModelScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", site.token)
    site.add("me/private", chatml_files(), private=True)
    with genfix.for_strangers(), pytest.raises(GenfixError, match="or it is private"):
        genfix.check("ms://me/private")
    assert {request.token for request in site.requests} == {""}
    assert genfix.check("ms://me/private").target.startswith("ms://me/private@")


@pytest.mark.parametrize("named", ["absolute", "relative"])
def test_a_path_that_a_model_names_is_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Whether a folder is there is nothing that a model's author should learn from a service."""
    monkeypatch.chdir(tmp_path)
    base = write_folder(tmp_path / "owned" / "base", chatml_files())
    path = str(base) if named == "absolute" else "owned/base"
    visitor = write_folder(
        tmp_path / "visits" / "7" / "merged", with_json(chatml_files(), "config.json", _name_or_path=path)
    )
    assert str(genfix.check(visitor).suggested_base).removeprefix("./") == path
    assert genfix.base_candidates(visitor).candidates[0].base is not None
    with genfix.for_strangers():
        there = genfix.check(visitor)
        searched = genfix.base_candidates(visitor, offline=True)
        with pytest.raises(GenfixError):
            genfix.check(visitor, "auto", offline=True)
    base.rename(tmp_path / "owned" / "gone")
    with genfix.for_strangers():
        gone = genfix.check(visitor)
    assert there.notes == gone.notes
    assert (there.suggested_base, gone.suggested_base) == (
        (None, None) if named == "absolute" else ("hf://owned/base", "hf://owned/base")
    )
    assert not any(one.base for one in searched.candidates)


def test_a_checkpoint_that_a_model_names_is_not_read(tmp_path: Path) -> None:
    run = write_folder(tmp_path / "owned" / "run", {"args.json": dump({"model": "org/secret"})})
    visitor = write_folder(
        tmp_path / "visits" / "merged",
        chatml_files() | {"trainer_state.json": dump({"best_model_checkpoint": str(run)})},
    )
    assert "org/secret" in str(genfix.check(visitor).suggested_base)
    with genfix.for_strangers():
        assert genfix.check(visitor).suggested_base is None


def test_no_model_of_this_machine_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path / "hub")
    cached(tmp_path / "hub", "owner/private", model_files(numbers(1)))
    write_folder(tmp_path / "visits" / "another", model_files(numbers(1)))
    visitor = write_folder(tmp_path / "visits" / "mine", model_files(numbers(1)))
    assert len(genfix.base_candidates(visitor).candidates) == 2
    with genfix.for_strangers():
        assert genfix.base_candidates(visitor).candidates == ()
        with pytest.raises(GenfixError) as raised:
            genfix.check(visitor, "owner/privat")
    assert "private" not in str(raised.value)
