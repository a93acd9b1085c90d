"""A sweep over an organization of the Hub."""

import json

from tests.support.fakemodelscope import FakeModelScope
from tests.support.folders import Files, dump, glm_files, safetensors
from tests.support.hub_machine import Machine

GENERATION = "generation_config.json"


def narrowed() -> Files:
    settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329}
    return glm_files() | {GENERATION: dump(settings)}


def test_all_models_of_an_organization_are_judged_without_cloning(machine: Machine) -> None:
    weights = {"model.safetensors": safetensors(151552)}
    machine.hub.add_repo("org/base", glm_files() | weights)
    machine.hub.add_repo("me/good", glm_files() | weights)
    machine.hub.add_repo("me/bad", narrowed() | weights)
    swept = machine("sweep", "hf://me", "--base", "org/base", "--executor", "thread", "--jobs", "1")
    assert (swept.code, swept.out) == (1, ""), swept.err
    assert "2 folders judged; 1 with errors" in swept.told
    found = machine.json("sweep", "report")
    assert (found["folders"], found["states"]["endless"]) == (2, 1)
    assert [one["path"] for one in found["worst"]] == ["hf://me/bad"]
    assert [one["base"].partition("@")[0] for one in found["by_base"]] == ["org/base"]
    assert machine("sweep", "hf://me/good", "--base", "org/base", "--executor", "thread").code == 0


def test_what_cannot_be_listed_is_said(machine: Machine) -> None:
    for words, said in (
        (("hf://me",), "hf://me has no models"),
        (("hf://me", "--offline"), "go online"),
        (("ms://me", "--offline"), "go online"),
    ):
        swept = machine("sweep", *words)
        assert (swept.code, swept.out) == (2, "")
        assert said in swept.told
    machine.hub.fail("/api/models", status=503)
    assert machine("sweep", "hf://me").code == 2


def asked_in(machine: Machine, *words: str) -> list[str]:
    machine.hub.requests.clear()
    assert machine("sweep", *words, "--executor", "thread", "--jobs", "1").code in {0, 1}
    return machine.hub.asked()


def test_a_repo_is_judged_again_only_where_its_commit_is_another(machine: Machine) -> None:
    weights = {"model.safetensors": safetensors(151552)}
    machine.hub.add_repo("me/good", glm_files() | weights)
    machine.hub.add_repo("me/bad", narrowed() | weights)
    assert len(asked_in(machine, "hf://me")) > 3
    again = asked_in(machine, "hf://me")
    assert sorted(path.partition("?")[0] for path in again) == [
        "GET /api/models", "GET /api/models/me/bad/revision/main", "GET /api/models/me/good/revision/main"
    ]  # fmt: skip
    machine.hub.commit("me/bad", glm_files() | weights)
    swept = machine("sweep", "hf://me", "--executor", "thread", "--jobs", "1")
    assert "1 folder judged; 1 not changed since" in swept.told, swept.err
    machine.hub.fail("/revision/", status=503)
    swept = machine("sweep", "hf://me", "--executor", "thread", "--jobs", "1")
    assert (swept.code, "2 folders judged" in swept.told) == (0, True), "what no commit is told of"


def test_an_organization_of_many_pages(machine: Machine) -> None:
    """The next page is asked for at the Hub that was named, whatever address a page has for it."""
    weights = {"model.safetensors": safetensors(151552)}
    for number in range(5):
        machine.hub.add_repo(f"me/model-{number}", glm_files() | weights)
    machine.hub.models_on_a_page = 2
    asked = asked_in(machine, "hf://me")
    assert len([path for path in asked if path.startswith("GET /api/models?")]) == 3
    assert machine.json("sweep", "report")["folders"] == 5


def test_the_models_of_an_organization_on_modelscope(machine: Machine) -> None:
    weights = {"model.safetensors": safetensors(151552)}
    with FakeModelScope() as site:
        for number in range(52):
            site.add(f"me/model-{number}", narrowed() | weights if number == 51 else {})
        site.add("me-too/other", glm_files())
        there = machine._replace(environment=machine.environment | {"MODELSCOPE_ENDPOINT": site.endpoint})
        swept = there("sweep", "ms://me", "--executor", "thread", "--jobs", "1")
        assert (swept.code, site.asked("/api/v1/models/$")) == (2, ["/api/v1/models/"] * 2), swept.err
        found = there.json("sweep", "report")
        assert (found["folders"], found["states"]["failed"]) == (52, 51)
        assert there("sweep", "ms://nobody").told.count("has no models") == 1
        repo = there("sweep", "ms://me/model-51", "--executor", "thread", "--store", "one.sqlite")
        assert repo.code in {0, 1}, repo.err
        site.requests.clear()
        again = there("sweep", "ms://me/model-51", "--executor", "thread", "--store", "one.sqlite")
        assert "1 not changed since" in again.told
        assert len(site.requests) == 1
        site.fail("/api/v1/models/$", status=403)
        assert "does not list the models of me (HTTP 403)" in there("sweep", "ms://me").told
