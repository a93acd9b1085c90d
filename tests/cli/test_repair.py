"""Repair and undo from outside: real models and our own, each broken in the ways merges break them."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from genfix.applier import apply
from genfix.engines.every import EVERY_ENGINE
from tests.support.disks import SimulatedCrash, crash_disk
from tests.support.disks import writes as applier_writes
from tests.support.folders import FAMILIES, Files, chatml_files, dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.trees import Picture, tree, user_files

GENERATION = "generation_config.json"
STATE = ".cache/huggingface/genfix"
BAKED = {"max_new_tokens": 2048, "temperature": 0.31}

ORIGINALS = (
    "THUDM__glm-4-9b-chat",
    "zai-org__GLM-4.5",
    "Qwen__Qwen2.5-7B-Instruct",
    "Qwen__Qwen3-4B",
    "meta-llama__Llama-3.2-3B-Instruct",
    "google__gemma-3-4b-it",
    "microsoft__Phi-3-mini-128k-instruct__full",
    "Qwen__Qwen2-VL-2B-Instruct",
    "Qwen__Qwen2.5-VL-3B-Instruct",
)


def stop_set(folder: Path) -> set[int]:
    eos = json.loads((folder / GENERATION).read_bytes())["eos_token_id"]
    return set(eos) if isinstance(eos, list) else {eos}


def delete(folder: Path) -> None:
    (folder / GENERATION).unlink()


def narrow(folder: Path) -> None:
    """What a Trainer and an evaluation leave: one id, and the values of a run."""
    document = json.loads((folder / GENERATION).read_bytes())
    eos = document["eos_token_id"]
    document |= {"eos_token_id": eos[0] if isinstance(eos, list) else eos, **BAKED}
    (folder / GENERATION).write_bytes(dump(document))


def drop_eos(folder: Path) -> None:
    document = json.loads((folder / GENERATION).read_bytes())
    del document["eos_token_id"]
    (folder / GENERATION).write_bytes(dump(document))


BREAKS: Mapping[str, Callable[[Path], None]] = {"deleted": delete, "narrowed": narrow, "no eos": drop_eos}


def copy_of(original: Path, to: Path) -> Path:
    """A copy that may be written, with modes and times that a careless repair would lose."""
    for path in original.rglob("*"):
        if path.is_file():
            copy = to / path.relative_to(original)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    for number, path in enumerate(sorted(path for path in to.rglob("*") if path.is_file())):
        path.chmod((0o644, 0o640, 0o600, 0o664)[number % 4])
        os.utime(path, ns=(1, 1_500_000_000_123_456_789 + number))
    return to


def edited_lines(before: bytes, after: bytes) -> list[str]:
    """Lines that only one of two texts has, where a comma at a line's end does not count."""
    left, right = (
        [line.strip().rstrip(",") for line in text.decode().splitlines()] for text in (before, after)
    )
    return [line for line in left if line not in right] + [line for line in right if line not in left]


def assert_clean(run: Run, folder: Path, base: Path) -> None:
    result = run("check", folder, "--base", base, "--output-format", "json", "--fail-on", "warning")
    assert result.code == 0, result.out
    summary = json.loads(result.out)["summary"]
    assert (summary["error"], summary["warning"]) == (0, 0)


def repair_and_take_back(run: Run, original: Path, folder: Path, harm: str) -> None:
    """The whole story of one broken folder, told with nothing but exit codes and the disk."""
    base_before = tree(original)
    BREAKS[harm](folder)
    broken = user_files(folder)
    narrowed = (folder / GENERATION).read_bytes() if harm != "deleted" else b""

    result = run("repair", folder, "--base", original)
    assert result.code == 0, result.err
    repaired = user_files(folder)
    others = {name for name in broken if name != GENERATION}
    assert {name: repaired[name] for name in others} == {name: broken[name] for name in others}
    assert repaired.keys() == others | {GENERATION}
    assert stop_set(folder) == stop_set(original)
    now = (folder / GENERATION).read_bytes()
    theirs = json.loads((original / GENERATION).read_bytes())
    match harm:
        case "deleted":
            assert now == (original / GENERATION).read_bytes()
        case "narrowed":
            assert repaired[GENERATION].mode == broken[GENERATION].mode
            wrong = [
                line
                for line in edited_lines(narrowed, now)
                if "eos_token_id" not in line
                and "max_new_tokens" not in line
                and not line.strip("[] ").isdigit()
            ]
            assert wrong in ([], ["["], ["]"])
            kept = {key: value for key, value in json.loads(narrowed).items() if key != "max_new_tokens"}
            assert list(json.loads(now)) == list(kept)
            assert json.loads(now) | {"eos_token_id": 0} == kept | {"eos_token_id": 0}
        case _:
            assert json.loads(now) == theirs
            assert list(json.loads(now)) == list(theirs)
            assert set(narrowed.splitlines()) <= set(now.splitlines())
    assert_clean(run, folder, original)

    done = tree(folder)
    second = run("repair", folder, "--base", original)
    assert (second.code, second.out) == (0, "")
    assert "nothing to change" in second.err
    assert tree(folder) == done

    assert run("undo", folder).code == 0
    assert user_files(folder) == broken
    assert tree(original) == base_before


@pytest.mark.parametrize("harm", BREAKS)
@pytest.mark.parametrize("name", ORIGINALS)
def test_real_models_are_repaired_and_given_back(
    run: Run, real_configs: Path, tmp_path: Path, name: str, harm: str
) -> None:
    original = real_configs / name
    if not (original / GENERATION).is_file():
        pytest.skip(f"{name} is not in the collection")
    repair_and_take_back(run, original, copy_of(original, tmp_path / "merged"), harm)


@pytest.mark.parametrize("harm", BREAKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_our_own_models_are_repaired_and_given_back(run: Run, tmp_path: Path, family: str, harm: str) -> None:
    original = write_folder(tmp_path / "base", FAMILIES[family]())
    repair_and_take_back(run, original, copy_of(original, tmp_path / "merged"), harm)


@pytest.mark.parametrize("spelling", ["tab", "four", "compact", "crlf", "no newline", "escaped"])
def test_the_files_spelling_survives_an_edit(run: Run, tmp_path: Path, spelling: str) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    document = json.loads(glm_files()[GENERATION]) | {"eos_token_id": [151329], "note": "中文", "x": 1.0}
    text = {
        "tab": json.dumps(document, indent="\t", ensure_ascii=False),
        "four": json.dumps(document, indent=4, ensure_ascii=False) + "\n",
        "compact": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
        "crlf": json.dumps(document, indent=2, ensure_ascii=False).replace("\n", "\r\n") + "\r\n",
        "no newline": json.dumps(document, indent=2, ensure_ascii=False),
        "escaped": json.dumps(document, indent=2),
    }[spelling]
    merged = write_folder(tmp_path / "merged", glm_files() | {GENERATION: text.encode()})
    assert run("repair", merged, "--base", base).code == 0
    now = (merged / GENERATION).read_bytes().decode()
    assert json.loads(now) == document | {"eos_token_id": [151329, 151336, 151338]}
    assert now[: now.index("[")] == text[: text.index("[")]
    assert now[now.index("]") :] == text[text.index("]") :]


@pytest.mark.parametrize("family", FAMILIES)
def test_everything_lost_at_once_comes_back_in_one_transaction(run: Run, tmp_path: Path, family: str) -> None:
    files = FAMILIES[family]()
    base = write_folder(tmp_path / "base", files)
    merged = write_folder(
        tmp_path / "merged", {"config.json": files["config.json"], "pytorch_model.bin": b"w"}
    )
    broken = user_files(merged)
    assert run("repair", merged, "--base", base).code == 0
    for name, content in files.items():
        if name != "README.md":
            assert (merged / name).read_bytes() == content
    assert not (merged / "README.md").exists()
    assert (merged / "pytorch_model.bin").read_bytes() == b"w"
    assert_clean(run, merged, base)
    listed = json.loads(run("log", merged, "--output-format", "json").out)["transactions"]
    assert len(listed) == 1
    assert run("undo", merged).code == 0
    assert user_files(merged) == broken


@pytest.fixture
def narrowed(tmp_path: Path) -> tuple[Path, Path]:
    """A narrowed GLM folder and its base."""
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", glm_files())
    narrow(merged)
    return merged, base


@pytest.mark.parametrize("command", [("plan",), ("repair", "--dry-run")])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_plan_is_shown_and_nothing_is_written(
    run: Run, narrowed: tuple[Path, Path], command: tuple[str, ...], form: str
) -> None:
    merged, base = narrowed
    before: Picture = tree(merged.parent)
    result = run(command[0], merged, "--base", base, *command[1:], "--output-format", form)
    assert result.code == 1
    assert GENERATION in result.out
    assert "genfix repair" in result.err
    assert tree(merged.parent) == before
    assert not (merged / ".cache").exists()


def test_a_plan_that_would_change_nothing_exits_with_0(run: Run, narrowed: tuple[Path, Path]) -> None:
    _, base = narrowed
    for command in (("plan", base), ("repair", base, "--dry-run")):
        result = run(*command, "--base", base)
        assert (result.code, result.out) == (0, "")
        assert "nothing to change" in result.err


def test_the_json_plan_says_what_repair_then_does(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    planned = json.loads(run("plan", merged, "--base", base, "--output-format", "json").out)
    done = json.loads(run("repair", merged, "--base", base, "--output-format", "json").out)
    assert planned["transaction"] is None
    assert done["transaction"]
    assert planned | {"transaction": None} == done | {"transaction": None}
    [change] = planned["changes"]
    assert (change["file"], change["action"], change["source"]) == (GENERATION, "rewrite", "edit")
    assert change["after_sha256"] == user_files(merged)[GENERATION].content
    assert planned["summary"]["error"] == 0
    stops = {view["engine"]: view["after"]["stop_token_ids"] for view in planned["engines"]}
    assert [*stops] == [*EVERY_ENGINE]
    assert all(set(ids) >= {151329, 151336, 151338} for name, ids in stops.items() if name != "llama.cpp")


def test_the_hinted_command_is_the_one_to_type(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "the base", glm_files())
    merged = write_folder(tmp_path / "it's merged", glm_files())
    narrow(merged)
    hint = run("check", merged, "--base", base, "--select", "GF101").err
    assert "genfix plan " in hint
    words = _shell_words(hint.partition("genfix plan ")[2])
    assert words == [str(merged), "--base", str(base), "--select", "GF101"]
    hint = run("plan", *words).err
    words = _shell_words(hint.partition("genfix repair ")[2])
    assert run("repair", *words).code == 0
    assert stop_set(merged) == stop_set(base)


def _shell_words(text: str) -> list[str]:
    import shlex  # noqa: PLC0415 - one test

    return shlex.split(text.splitlines()[0])


def test_selected_rules_only(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    assert run("repair", merged, "--base", base, "--ignore", "GF1").code == 0
    document = json.loads((merged / GENERATION).read_bytes())
    assert "max_new_tokens" not in document
    assert document["eos_token_id"] == 151329
    assert run("repair", merged, "--base", base, "--select", "GF101").code == 0
    assert stop_set(merged) == stop_set(base)


def test_unsafe_fixes_are_made_when_told(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    assert run("repair", merged, "--base", base).code == 0
    assert json.loads((merged / GENERATION).read_bytes())["temperature"] == BAKED["temperature"]
    assert run("repair", merged, "--base", base, "--unsafe-fixes").code == 0
    now, theirs = (json.loads((folder / GENERATION).read_bytes()) for folder in (merged, base))
    assert now == theirs


def test_repair_log_undo_and_redo(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    broken = user_files(merged)
    said = run("repair", merged, "--base", base)
    for part in ("backup: ", f"genfix undo {merged}", "restart the server", "deleting .cache gives up undo"):
        assert part in said.err
    repaired = user_files(merged)
    [entry] = json.loads(run("log", merged, "--output-format", "json").out)["transactions"]
    assert (entry["kind"], entry["undoes"], entry["undone_by"]) == ("repair", None, None)
    assert entry["note"]["base"] == str(base)
    assert entry["changes"] == [
        {
            "file": GENERATION,
            "before_sha256": broken[GENERATION].content,
            "after_sha256": repaired[GENERATION].content,
        }
    ]
    backup = merged / STATE / "backup" / entry["id"] / GENERATION
    assert f"backup: {backup.parent}" in said.err

    undone = run("undo", merged)
    assert undone.code == 0
    assert user_files(merged) == broken
    text = run("log", merged).out
    assert f"{entry['id']}" in text
    assert "(undone)" in text
    first, second = json.loads(run("log", merged, "--output-format", "json").out)["transactions"]
    assert first["undone_by"] == second["id"]
    assert second["undoes"] == first["id"]

    assert f"genfix undo {merged} {second['id']}" in undone.err
    assert run("undo", merged, second["id"]).code == 0
    assert {name: entry.content for name, entry in user_files(merged).items()} == {
        name: entry.content for name, entry in repaired.items()
    }


def test_undo_step_by_step(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    pictures = [user_files(merged)]
    for code in ("GF101", "GF603"):
        assert run("repair", merged, "--base", base, "--select", code).code == 0
        pictures.append(user_files(merged))
    for before in reversed(pictures[:-1]):
        assert run("undo", merged).code == 0
        assert user_files(merged) == before
    last = run("undo", merged)
    assert last.code == 2
    assert "there is no repair" in last.err


def test_undo_refuses_a_file_that_was_changed_since(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    run("repair", merged, "--base", base)
    (merged / GENERATION).write_bytes(b"{}")
    before = tree(merged)
    result = run("undo", merged)
    assert result.code == 3
    assert result.err.startswith(f"error: {GENERATION} changed since the repair")
    assert tree(merged) == before


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_state_can_live_elsewhere(
    run: Run, narrowed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    merged, base = narrowed
    elsewhere = tmp_path / "state"
    elsewhere.mkdir()
    option = ["--state-dir", str(elsewhere)] if how == "option" else []
    if how == "environment":
        monkeypatch.setenv("GENFIX_STATE_DIR", str(elsewhere))
    broken = user_files(merged)
    assert run("repair", merged, "--base", base, *option).code == 0
    assert not (merged / ".cache").exists()
    assert str(elsewhere) in run("log", merged, *option, "--output-format", "json").out or list(
        elsewhere.iterdir()
    )
    assert run("undo", merged, *option).code == 0
    assert user_files(merged) == broken
    assert not (merged / ".cache").exists()


def test_the_undo_command_that_is_shown_works_with_a_state_elsewhere(
    run: Run, narrowed: tuple[Path, Path], tmp_path: Path
) -> None:
    merged, base = narrowed
    elsewhere = tmp_path / "state"
    elsewhere.mkdir()
    broken = user_files(merged)
    said = run("repair", merged, "--base", base, "--state-dir", elsewhere).err
    words = _shell_words(said.partition("genfix undo ")[2])
    assert run("undo", *words).code == 0
    assert user_files(merged) == broken


def test_log_of_a_folder_that_was_never_touched(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, _ = narrowed
    before = tree(merged)
    result = run("log", merged)
    assert (result.code, result.out) == (0, "")
    assert "has changed nothing" in result.err
    assert json.loads(run("log", merged, "--output-format", "json").out)["transactions"] == []
    assert tree(merged) == before


def test_fixes_that_are_left_decide_the_exit_code(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", chatml_files())
    twice = chatml_files()["config.json"].replace(b"{", b'{"hidden_size": 1,', 1)
    files: Files = chatml_files() | {"config.json": twice}
    del files[GENERATION]
    merged = write_folder(tmp_path / "merged", files)
    result = run("repair", merged, "--base", base, "--fail-on", "warning")
    assert result.code == 1
    assert "Left for you to decide" in result.out
    assert "GF902" in result.out
    assert (merged / GENERATION).read_bytes() == chatml_files()[GENERATION]
    assert (merged / "config.json").read_bytes() == files["config.json"]
    assert run("repair", merged, "--base", base).code == 0


def test_other_names_of_a_file_keep_the_old_content_and_this_is_said(
    run: Run, narrowed: tuple[Path, Path]
) -> None:
    merged, base = narrowed
    os.link(merged / GENERATION, merged.parent / "twin.json")
    old = (merged / GENERATION).read_bytes()
    result = run("repair", merged, "--base", base)
    assert result.code == 0
    assert f"note: {GENERATION} had another hard link" in result.err
    assert (merged.parent / "twin.json").read_bytes() == old


def test_an_interrupted_repair_is_told_and_then_finished(run: Run, narrowed: tuple[Path, Path]) -> None:
    merged, base = narrowed
    new = {GENERATION: (base / GENERATION).read_bytes(), "notice.txt": b"n"}
    whole = shutil.copytree(merged, merged.parent / "whole")
    for at in range(1, 400):
        shutil.rmtree(merged)
        shutil.copytree(whole, merged)
        with suppress(SimulatedCrash):
            apply(merged, applier_writes(merged, new), inputs={}, note={}, fs=crash_disk(at))
        if (merged / "notice.txt").exists():
            break
    before = tree(merged)
    for command in ("check", "plan", "diff"):
        result = run(command, merged, "--base", base)
        assert result.code == 3
        assert "is half done" in result.err
        assert tree(merged) == before
    for words in (
        ("check", base, "--base", merged),
        ("capsule", merged, merged.parent / "capsule"),
        ("probe", "http://127.0.0.1:9", "--folder", merged),
        ("probe", merged, "--engine", "transformers"),
    ):
        result = run(*words)
        assert result.code == 3
        assert "is half done" in result.err
    assert run("log", merged).code == 0
    assert tree(merged) == before
    assert run("repair", merged, "--base", base).code == 0
    assert (merged / GENERATION).read_bytes() == new[GENERATION]
    assert run("check", merged, "--base", base).code == 0
