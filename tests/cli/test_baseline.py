"""Baselines: what is known does not count, is left alone, and is told when it is found no more."""

import json
from importlib import import_module, resources
from pathlib import Path

import pytest

import genfix
from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"
jsonschema = import_module("jsonschema")  # it has no types of its own


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    files = glm_files()
    broken = json.loads(files[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9, "temperature": 0.1}
    return write_folder(tmp_path / "merged", files | {GENERATION: dump(broken)})


@pytest.fixture
def known(run: Run, tmp_path: Path, merged: Path, base: Path) -> Path:
    """A baseline of all that is wrong with the folder now."""
    path = tmp_path / "known.json"
    result = run("check", merged, "--base", base, "--write-baseline", path)
    assert result.code == 0
    assert f"wrote 3 findings to {path}: with --baseline they do not count" in result.err
    return path


def test_what_is_known_does_not_count(run: Run, merged: Path, base: Path, known: Path) -> None:
    assert run("check", merged, "--base", base).code == 1
    result = run("check", merged, "--base", base, "--baseline", known, "--fail-on", "info")
    assert (result.code, result.out) == (0, "")
    assert f"3 known: in {known}\n" in result.err
    document = json.loads(
        run("check", merged, "--base", base, "--baseline", known, "--output-format", "json").out
    )
    assert (document["findings"], document["known"]) == ([], 3)


def test_what_is_new_counts(run: Run, merged: Path, base: Path, known: Path) -> None:
    (merged / "tokenization_chatglm.py").unlink()
    result = run("check", merged, "--base", base, "--baseline", known)
    assert result.code == 1
    assert [line.split()[1] for line in result.out.splitlines() if line.startswith("error")] == ["GF502"]


def test_what_is_known_is_left_alone(run: Run, merged: Path, base: Path, known: Path) -> None:
    before = (merged / GENERATION).read_bytes()
    assert run("plan", merged, "--base", base, "--baseline", known).code == 0
    (merged / "tokenization_chatglm.py").unlink()
    assert run("plan", merged, "--base", base, "--baseline", known).code == 1
    result = run("repair", merged, "--base", base, "--baseline", known)
    assert result.code == 0
    assert "3 known" in result.err
    assert (merged / GENERATION).read_bytes() == before
    assert (merged / "tokenization_chatglm.py").exists()


def test_entries_that_match_nothing_are_told(run: Run, merged: Path, base: Path, known: Path) -> None:
    assert run("repair", merged, "--base", base).code == 0
    result = run("check", merged, "--base", base, "--baseline", known)
    gone = "GF101 generation_config.json /eos_token_id, GF603 generation_config.json /max_new_tokens"
    assert f"note: 2 entries of the baseline {known} found no more: {gone} " in result.told
    chosen = run("check", merged, "--base", base, "--baseline", known, "--select", "GF605")
    assert "found no more" not in chosen.err


def test_the_file(run: Run, tmp_path: Path, merged: Path, base: Path, known: Path) -> None:
    text = resources.files("genfix.report").joinpath("schemas", "baseline.schema.json").read_text("utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(known.read_bytes()))
    assert str(tmp_path) not in known.read_text()
    again = tmp_path / "again.json"
    run("check", merged, "--base", base, "--write-baseline", again)
    assert again.read_bytes() == known.read_bytes()
    assert json.loads(known.read_bytes())["findings"][0] == {
        "code": "GF101", "file": GENERATION, "pointer": "/eos_token_id",
    }  # fmt: skip


def test_it_is_written_anew_over_itself(run: Run, merged: Path, base: Path, known: Path) -> None:
    (merged / "tokenization_chatglm.py").unlink()
    both = ("--baseline", known, "--write-baseline", known)
    assert run("check", merged, "--base", base, *both).code == 0
    assert len(json.loads(known.read_bytes())["findings"]) == 4
    known.unlink()
    assert run("check", merged, "--base", base, *both).code == 0


def test_repair_writes_what_is_left(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    write_folder(merged, {"adapter_config.json": b"{}", "model.safetensors": safetensors(151552, 4096)})
    path = tmp_path / "left.json"
    assert run("repair", merged, "--base", base, "--write-baseline", path).code == 0
    entries = json.loads(path.read_bytes())["findings"]
    assert {entry["code"] for entry in entries} >= {"GF605", "GF721"}
    assert "GF101" not in {entry["code"] for entry in entries}
    assert run("check", merged, "--base", base, "--baseline", path, "--fail-on", "info").code == 0


def test_not_into_the_model_folder(run: Run, merged: Path, base: Path) -> None:
    """The refusal comes before the repair, not after it."""
    before = tree(merged)
    for command in ("check", "plan", "repair"):
        assert run(command, merged, "--base", base, "--write-baseline", merged / "known.json").code == 2
        assert tree(merged) == before
    ran = (
        "run",
        "--output",
        merged,
        "--base",
        base,
        "--write-baseline",
        merged / "known.json",
        "--",
        "false",
    )
    assert run(*ran).code == 2


def test_where_nobody_may_write_is_known_before_the_repair(
    run: Run, tmp_path: Path, merged: Path, base: Path
) -> None:
    before = tree(merged)
    for place in (tmp_path / "none" / "known.json", Path("/proc/known.json")):
        for option in ("--write-baseline", "--output-file"):
            assert run("repair", merged, "--base", base, option, place).code == 2
            assert tree(merged) == before


def test_from_the_settings(
    run: Run, tmp_path: Path, merged: Path, base: Path, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "genfix.toml").write_text('baseline = "known.json"\n')
    monkeypatch.chdir(tmp_path)
    assert run("check", merged, "--base", base).code == 0
    assert run("check", merged, "--base", base, "--isolated").code == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"{", b"\xff", b'{"genfix_baseline": 2, "findings": []}',
        b'{"genfix_baseline": true, "findings": []}', b'{"genfix_baseline": 1, "findings": {}}',
        b'{"genfix_baseline": 1, "findings": [1]}', b'{"genfix_baseline": 1, "findings": [{}]}',
        b'{"genfix_baseline": 1, "findings": [], "x": 1}',
        b'{"genfix_baseline": 1, "findings": [{"code": 1, "file": "a", "pointer": null}]}',
        b'{"genfix_baseline": 1, "findings": [], "findings": []}', b"[" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_baseline(run: Run, merged: Path, base: Path, known: Path, content: bytes) -> None:
    known.write_bytes(content)
    result = run("check", merged, "--base", base, "--baseline", known)
    assert (result.code, result.out) == (2, "")
    assert f"error: {known} is no baseline of genfix: " in result.err
    assert "bug in genfix" not in result.err
    known.unlink()
    assert run("check", merged, "--base", base, "--baseline", known).code == 2


def test_from_python(tmp_path: Path, merged: Path, base: Path) -> None:
    path = tmp_path / "known.json"
    found = genfix.check(merged, base).findings
    assert genfix.write_baseline(path, found) == len(found) == 3
    report = genfix.check(merged, base, baseline=path)
    assert (report.findings, report.known) == ((), found)
    plan = genfix.plan(merged, base, baseline=path)
    assert (plan.changes, plan.known) == ((), found)
    assert genfix.repair(merged, base, baseline=path).receipt is None
