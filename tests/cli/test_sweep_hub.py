"""A sweep over an organization of the Hub."""

import json

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
    for words, said in ((("ms://me",), "ms://me/name in each line"), (("hf://me", "--offline"), "go online")):
        swept = machine("sweep", *words)
        assert (swept.code, swept.out) == (2, "")
        assert said in swept.told
    machine.hub.fail("/api/models", status=503)
    assert machine("sweep", "hf://me").code == 2
