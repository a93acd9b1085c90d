"""Every JSON that a command prints follows the schema that ships for it."""

import json
from pathlib import Path

import pytest

from tests.support.folders import FAMILIES, dump, safetensors, write_folder
from tests.support.running import Run
from tests.support.schemas import SCHEMAS, jsonschema, validate

GENERATION = "generation_config.json"
CASES = {
    "check": ("check", "{merged}", "--base", "{base}"),
    "preview": ("plan", "{merged}", "--base", "{base}"),
    "repair-dry-run": ("repair", "{merged}", "--base", "{base}", "--dry-run"),
    "repair": ("repair", "{merged}", "--base", "{base}"),
    "diff": ("diff", "{merged}", "--base", "{base}"),
    "log": ("log", "{merged}"),
    "engines": ("engines", "{merged}"),
    "weights": ("weights", "{merged}", "--base", "{base}"),
    "many-checks": ("check", "{merged}", "{base}", "{base}/nothing", "--base", "{base}"),
    "many-plans": ("plan", "{merged}", "{base}", "--base", "{base}"),
    "many-repairs": ("repair", "{merged}", "{base}", "--base", "{base}"),
    "many-logs": ("log", "{merged}", "{base}", "{base}/nothing"),
    "many-engines": ("engines", "{merged}", "{base}", "{base}/nothing"),
    "sweep": ("sweep", "report", "{base}/../zoo.sqlite"),
    "rules": ("rules",),
    "explain": ("explain", "GF101"),
}
MANY = {
    "many-logs": "log",
    **dict.fromkeys(("many-checks", "many-plans", "many-repairs", "many-engines"), "many"),
}
SCHEMA_OF = {**MANY, "repair-dry-run": "preview", "repair": "preview", "explain": "rules"}


@pytest.fixture(params=FAMILIES)
def names(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Path]:
    files = FAMILIES[request.param]()
    broken = {
        **files,
        GENERATION: dump(json.loads(files[GENERATION]) | {"eos_token_id": [2], "max_new_tokens": 9,
            "x\x1b\u202e": float("nan")}),
        "only-here.json": b"[",
    }  # fmt: skip
    return {
        "base": write_folder(tmp_path / "base", files),
        "merged": write_folder(tmp_path / "merged", broken),
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_says_what_it_is_for(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["title"]


@pytest.mark.parametrize("case", CASES)
def test_what_a_command_prints_follows_its_schema(run: Run, names: dict[str, Path], case: str) -> None:
    if case in {"log", "many-logs"}:
        run("snapshot", names["merged"], "-m", "first")
        run("repair", names["merged"], "--base", names["base"])
        run("undo", names["merged"])
    if case == "sweep":
        run("sweep", names["merged"], names["base"], "--store", names["base"].parent / "zoo.sqlite")
    if case == "weights":
        for folder in names.values():
            write_folder(folder, {"model.safetensors": safetensors(8)})
    words = [word.format(**names) for word in CASES[case]]
    result = run(*words, "--output-format", "json")
    assert result.code in ({0, 1, 2} if case in MANY else {0, 1}), result.err
    document = validate(result.out, SCHEMA_OF.get(case, case))
    if case == "log":
        assert {entry["kind"] for entry in document["transactions"]} == {"snapshot", "repair", "undo"}
    if case == "repair":
        assert document["transaction"]
        assert document["changes"]


def test_a_schema_refuses_what_is_not_its_own(run: Run, names: dict[str, Path]) -> None:
    text = run("plan", names["merged"], "--base", names["base"], "--output-format", "json").out
    with pytest.raises(jsonschema.ValidationError):
        validate(text, "check")
    with pytest.raises(jsonschema.ValidationError):
        validate(json.dumps(json.loads(text) | {"more": 1}), "preview")
