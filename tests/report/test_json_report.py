"""Reports for machines: by their schema, whatever is found."""

import json
import re
from collections.abc import Mapping
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest

from genfix import check
from genfix.api.judging import Report
from genfix.language import remembered
from genfix.model import Model
from genfix.report.json import dumps, report_json, rules_json
from genfix.rules import RULES, Applicability, Context, Finding, Fix, Severity, Witness
from tests.support.folders import FAMILIES, Files, MemoryFolder, dump, glm_files, vlm_files, write_folder
from tests.support.running import Run

GENERATION = "generation_config.json"
jsonschema = import_module("jsonschema")  # it has no types of its own


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    text = resources.files("genfix.report").joinpath("schemas", "check.schema.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def validated(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    assert text.isascii()
    document: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def broken(files: Files) -> Files:
    """As much wrong at once as one folder can have."""
    config = json.loads(files["config.json"])
    config.pop("eos_token_id", None)
    generation = {
        "eos_token_id": ["<|user|>", 7], "temperature": -1, "top_p": 5, "max_new_tokens": 3,
        "x\x1b": "\u202e\U0001f600",
    }  # fmt: skip
    tokenizer = {"chat_template": "{% for %}", "\u202e": 1}
    return {
        "config.json": dump(config),
        GENERATION: dump(generation),
        "tokenizer_config.json": dump(tokenizer),
        "chat_template.json": b'{"chat_template": 1, "chat_template": 2}',
        "processor_config.json": b"\xef\xbb\xbf{}",
        "preprocessor_config.json": b"[",
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("with_base", [True, False])
def test_reports_follow_the_schema(
    run: Run, tmp_path: Path, schema: dict[str, Any], family: str, *, with_base: bool
) -> None:
    base = write_folder(tmp_path / "base", FAMILIES[family]())
    merged = write_folder(tmp_path / "merged", broken(FAMILIES[family]()))
    options = ("--base", base, "--allow-base-mismatch") if with_base else ()
    document = validated(run("check", merged, *options, "--output-format", "json").out, schema)
    assert document["schema_version"] == 1
    assert document["target"] == str(merged)
    assert document["base"] == (str(base) if with_base else None)
    found = document["findings"]
    assert len({finding["code"] for finding in found}) >= 4
    counted = {severity: sum(finding["severity"] == severity for finding in found) for severity in Severity}
    safe = sum(bool(finding["fix"]) and finding["fix"]["applicability"] == "safe" for finding in found)
    assert document["summary"] == counted | {"fixable": safe}
    ranks = [list(Severity).index(finding["severity"]) for finding in found]
    assert ranks == sorted(ranks)
    for finding in found:
        assert RULES[finding["code"]].name == finding["name"]
        assert finding["message"]


def test_a_clean_report_follows_the_schema(run: Run, tmp_path: Path, schema: dict[str, Any]) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    document = validated(run("check", base, "--base", base, "--output-format", "json").out, schema)
    assert document["findings"] == []
    assert document["summary"] == {"error": 0, "warning": 0, "info": 0, "fixable": 0}


def test_reports_on_real_merges_follow_the_schema(
    run: Run, merge_corpus: Path, real_configs: Path, schema: dict[str, Any]
) -> None:
    seen = 0
    for merged in sorted(path.parent for path in merge_corpus.rglob("config.json"))[::4]:
        result = run("check", merged, "--output-format", "json")
        assert result.code in {0, 1}, result.err
        validated(result.out, schema)
        seen += 1
    assert seen


def values_of(finding: Mapping[str, Any]) -> tuple[bool, bool]:
    return "current" in finding, "expected" in finding


def test_values_that_are_not_there_have_no_key(run: Run, tmp_path: Path, schema: dict[str, Any]) -> None:
    document = json.loads(glm_files()[GENERATION])
    del document["eos_token_id"]
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(
        tmp_path / "merged", glm_files() | {GENERATION: dump(document | {"max_new_tokens": 9})}
    )
    result = run("check", merged, "--base", base, "--output-format", "json")
    found = {finding["code"]: finding for finding in validated(result.out, schema)["findings"]}
    assert values_of(found["GF101"]) == (False, True)
    assert found["GF101"]["expected"] == [151329, 151336, 151338]
    assert values_of(found["GF603"]) == (True, False)
    assert found["GF603"]["current"] == 9
    assert found["GF603"]["pointer"] == "/max_new_tokens"
    (merged / GENERATION).write_bytes(dump(document | {"eos_token_id": None}))
    result = run("check", merged, "--base", base, "--output-format", "json")
    [finding] = [
        finding for finding in validated(result.out, schema)["findings"] if finding["code"] == "GF101"
    ]
    assert values_of(finding) == (True, True)
    assert finding["current"] is None
    (merged / GENERATION).unlink()
    result = run("check", merged, "--base", base, "--output-format", "json")
    [finding] = [
        finding for finding in validated(result.out, schema)["findings"] if finding["code"] == "GF601"
    ]
    assert values_of(finding) == (False, False)
    assert finding["pointer"] is None


def test_hostile_names_and_values_are_data(run: Run, tmp_path: Path, schema: dict[str, Any]) -> None:
    target = tmp_path / "a\u202e\x1b[31m b"
    write_folder(
        target, glm_files() | {GENERATION: dump({"temperature": "\x1b]0;x\x07", "eos_token_id": ["\u202e"]})}
    )
    result = run("check", target, "--output-format", "json")
    document = validated(result.out, schema)
    assert document["target"] == str(target)
    for finding in document["findings"]:
        text = " ".join([finding["message"], *finding["evidence"]])
        assert text.isprintable()


def test_values_json_has_no_word_for_are_not_written(
    run: Run, tmp_path: Path, schema: dict[str, Any]
) -> None:
    """NaN and Infinity are no JSON: jq and every strict parser stop at them."""
    files = glm_files()
    values = {
        "temperature": float("nan"),
        "top_p": float("inf"),
        "repetition_penalty": float("-inf"),
        "top_k": 1e999,
    }
    files[GENERATION] = dump(json.loads(files[GENERATION]) | values)
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", files)
    for verb in ("check", "plan", "diff"):
        result = run(verb, merged, "--base", base, "--output-format", "json")
        assert result.code in {0, 1}, result.err
        document = json.loads(result.out, parse_constant=pytest.fail)
        if verb == "check":
            jsonschema.Draft202012Validator(schema).validate(document)


def test_a_finding_made_by_hand_follows_the_schema(schema: dict[str, Any]) -> None:
    finding = Finding(
        code="GF101", name="stop-tokens-narrowed", severity=Severity.ERROR, file="a", witness=Witness.ENGINE,
        message=remembered("json-bom", {}), current=None, expected=[1, {"a": 1.5}], engines=("vllm",),
        fix=Fix(Applicability.MANUAL, remembered("why-bom", {})),
    )  # fmt: skip
    for witness in Witness:
        report = Report(
            "t", "org/name@1", (finding._replace(witness=witness),), Context(Model(MemoryFolder({})))
        )
        document = validated(dumps(report_json(report)), schema)
        assert document["findings"][0]["witness"] == witness


def test_the_api_and_the_command_say_the_same(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", vlm_files())
    merged = write_folder(tmp_path / "merged", broken(vlm_files()))
    text = run("check", merged, "--base", base, "--output-format", "json").out
    assert text == dumps(report_json(check(merged, base))) + "\n"


@pytest.mark.parametrize("verb", ["plan", "diff", "log", "rules", "explain"])
def test_other_documents_are_strict_json_too(run: Run, tmp_path: Path, verb: str) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", broken(glm_files()))
    words_of: dict[str, list[str | Path]] = {"plan": [merged, "--base", base],
                "diff": [merged, "--base", base], "log": [merged], "rules": [],
                "explain": ["GF101"]}  # fmt: skip
    result = run(verb, *words_of[verb], "--output-format", "json")
    assert result.code in {0, 1}, result.err
    assert result.out.isascii()
    assert json.loads(result.out, parse_constant=pytest.fail)


def test_rules_have_all_their_pages() -> None:
    document = json.loads(dumps(rules_json()))
    assert [rule["code"] for rule in document] == sorted(RULES)
    for rule in document:
        assert re.fullmatch(r"GF[1-79]\d\d", rule["code"])
        assert re.fullmatch(r"[a-z0-9-]+", rule["name"])
        for page in ("what", "why", "fix", "safety"):
            assert rule[page].endswith((".", "`"))
        assert rule["sources"]
