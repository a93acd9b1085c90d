"""`genfix check` from outside: healthy folders, exit codes, and what is found in ours."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.folders import FAMILIES, Files, chatml_files, dump, glm_files, vlm_files, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"


def assert_healthy(run: Run, target: Path, *options: str | Path) -> None:
    """Nothing above information, in any form, and no byte moved."""
    before = tree(target)
    result = run("check", target, *options, "--fail-on", "warning")
    assert (result.code, result.out) == (0, ""), result.out
    assert f"{target} " in result.err
    document = json.loads(run("check", target, *options, "--output-format", "json").out)
    assert {finding["severity"] for finding in document["findings"]} <= {"info"}
    assert tree(target) == before


def real_models(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/config.json") if "__npm-" not in path.parent.name)


def test_real_models_are_healthy(run: Run, real_configs: Path) -> None:
    models = real_models(real_configs)
    assert len(models) >= 9
    for model in models:
        assert_healthy(run, model)
        assert_healthy(run, model, "--base", model)


@pytest.mark.parametrize("family", FAMILIES)
def test_our_own_models_are_healthy(run: Run, tmp_path: Path, family: str) -> None:
    base = write_folder(tmp_path / "base", FAMILIES[family]())
    assert_healthy(run, base)
    assert_healthy(run, base, "--base", base)
    assert_healthy(run, base, "--base", write_folder(tmp_path / "copy", FAMILIES[family]()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_respelled_copy_is_healthy(run: Run, tmp_path: Path, family: str) -> None:
    """Other indents, other key orders, a README of its own, a new version: nothing an engine reads
    differently.
    """
    files: Files = {}
    for name, content in FAMILIES[family]().items():
        if name.endswith(".json"):
            document = json.loads(content)
            backwards = {key: document[key] for key in reversed(document)}
            if name in {"config.json", GENERATION}:
                backwards |= {"transformers_version": "5.0.0"}
            files[name] = json.dumps(backwards, indent=4).encode()
        else:
            files[name] = content
    base = write_folder(tmp_path / "base", FAMILIES[family]())
    merged = write_folder(tmp_path / "merged", files | {"README.md": b"# mine\n", "args.json": b"{}"})
    assert_healthy(run, merged, "--base", base)


def _without(name: str) -> Callable[[Files], Files]:
    return lambda files: {other: content for other, content in files.items() if other != name}


def _narrow(files: Files) -> Files:
    document = json.loads(files[GENERATION])
    return files | {GENERATION: dump(document | {"eos_token_id": document["eos_token_id"][0]})}


def _baked(files: Files) -> Files:
    return files | {GENERATION: dump(json.loads(files[GENERATION]) | {"max_new_tokens": 512})}


def _cut(files: Files) -> Files:
    return files | {"tokenizer_config.json": files["tokenizer_config.json"][:40]}


HARMS: Mapping[str, tuple[Callable[[], Files], Callable[[Files], Files], str, str, int]] = {
    "narrowed": (glm_files, _narrow, "GF101", "error", 1),
    "still stops": (chatml_files, _narrow, "GF101", "warning", 0),
    "baked": (chatml_files, _baked, "GF603", "warning", 0),
    "file lost": (chatml_files, _without(GENERATION), "GF601", "warning", 0),
    "processor lost": (vlm_files, _without("preprocessor_config.json"), "GF501", "error", 1),
    "code lost": (glm_files, _without("tokenization_chatglm.py"), "GF502", "error", 1),
    "licence lost": (glm_files, _without("LICENSE"), "GF503", "info", 0),
    "cut off": (glm_files, _cut, "GF901", "error", 1),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_wrong_is_found_and_decides_the_exit_code(run: Run, tmp_path: Path, harm: str) -> None:
    family, change, code, severity, exit_code = HARMS[harm]
    base = write_folder(tmp_path / "base", family())
    merged = write_folder(tmp_path / "merged", change(family()))
    before = tree(tmp_path)
    result = run("check", merged, "--base", base, "--output-format", "json")
    assert result.code == exit_code
    found = json.loads(result.out)["findings"]
    assert (code, severity) in {(finding["code"], finding["severity"]) for finding in found}
    text = run("check", merged, "--base", base, "-v")
    assert text.code == exit_code
    assert f"{severity:<7} {code} " in text.out
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("fail_on", "codes"), [("error", (1, 0, 0)), ("warning", (1, 1, 0)), ("info", (1, 1, 1))]
)
def test_fail_on(run: Run, tmp_path: Path, fail_on: str, codes: tuple[int, int, int]) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    harms = (_narrow(glm_files()), _without(GENERATION)(glm_files()), _without("LICENSE")(glm_files()))
    for number, (files, code) in enumerate(zip(harms, codes, strict=True)):
        merged = write_folder(tmp_path / f"merged-{number}", files)
        for form in ("text", "json"):
            options = ("--fail-on", fail_on, "--output-format", form)
            assert run("check", merged, "--base", base, *options).code == code


def test_select_and_ignore(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", _without("LICENSE")(_baked(_narrow(glm_files()))))

    def codes(*options: str) -> set[str]:
        document = json.loads(run("check", merged, "--base", base, "--output-format", "json", *options).out)
        return {finding["code"] for finding in document["findings"]}

    assert codes() == {"GF101", "GF503", "GF603"}
    assert codes("--select", "GF101") == {"GF101"}
    assert codes("--select", "GF1", "--select", "GF6") == {"GF101", "GF603"}
    assert codes("--ignore", "GF1") == {"GF503", "GF603"}
    assert codes("--select", "GF", "--ignore", "GF503", "--ignore", "GF6") == {"GF101"}
    assert run("check", merged, "--base", base, "--ignore", "GF1").code == 0
    assert run("check", merged, "--base", base, "--select", "GF503").code == 0


def test_information_is_shown_when_asked_for_and_always_counted(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", _without("LICENSE")(glm_files()))
    brief = run("check", merged, "--base", base)
    assert brief.out == ""
    assert "1 info" in brief.err
    assert "--verbose" in brief.err
    full = run("check", merged, "--base", base, "--verbose")
    assert "GF503 LICENSE" in full.out
    assert "--verbose" not in full.err


def test_the_way_on_is_shown_where_there_is_one(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", _narrow(glm_files()))
    assert (
        f"to see the changes: genfix plan {merged} --base {base}" in run("check", merged, "--base", base).err
    )
    assert "to see the changes" not in run("check", base).err


def test_the_answer_is_the_same_each_time_and_from_anywhere(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", _baked(_narrow(glm_files())))
    monkeypatch.chdir(tmp_path)
    options = ("--base", "./base", "--output-format", "json")
    first = run("check", "merged", *options)
    assert json.loads(first.out)["target"] == "merged"
    assert json.loads(first.out)["base"] == "./base"
    assert run("check", "merged", *options) == first
    elsewhere = json.loads(run("check", merged, "--base", base, "--output-format", "json").out)
    assert elsewhere["findings"] == json.loads(first.out)["findings"]
    monkeypatch.chdir(merged)
    assert json.loads(run("check", ".", "--base", "../base", "--output-format", "json").out)["findings"]


def test_a_config_file_inside_the_folder_changes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    files = _narrow(glm_files())
    merged = write_folder(tmp_path / "merged", files)
    expected = run("check", merged, "--base", base)
    settings = b'[tool.genfix]\nignore = ["GF"]\n'
    write_folder(
        merged, {"pyproject.toml": settings, "genfix.toml": b'ignore = ["GF"]\n', ".genfix.toml": settings}
    )
    monkeypatch.chdir(merged)
    result = run("check", merged, "--base", base)
    note = (
        f"note: {merged}/genfix.toml is not read, since it lies in a model folder; "
        "if it is yours, name it with --config"
    )
    assert (result.code, result.out, result.told) == (expected.code, expected.out, f"{note} {expected.told}")


def test_the_base_is_not_touched(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", _narrow(glm_files()))
    before = tree(base)
    for verb in ("check", "plan", "diff", "repair"):
        run(verb, merged, "--base", base)
    assert tree(base) == before
