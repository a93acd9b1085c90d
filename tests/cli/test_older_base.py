"""A merge that follows an older revision of its base: what the Hub's history tells, and what it costs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.folders import CHATML, Files, chatml_files, with_json, write_folder
from tests.support.hub_machine import Machine

SETTINGS = "tokenizer_config.json"
NEW = chatml_files()
OLD = with_json(NEW, SETTINGS, chat_template=CHATML.replace("<|im_end|>\n", "<|im_end|>"))
FIXED = "Fix the line after <|im_end|> (#7)"


def repo(machine: Machine, *states: Files, title: str = FIXED) -> list[str]:
    """A base that had these files one after the other; a commit of its card lies between the last two."""
    card = {"README.md": b"# A base\n"}
    shas = [machine.hub.add_repo("org/base", states[0])]
    shas += [machine.hub.commit("org/base", files) for files in states[1:-1]]
    shas.append(machine.hub.commit("org/base", states[-2] | card, title="Update README"))
    shas.append(machine.hub.commit("org/base", states[-1] | card, title=title))
    return shas


def found(machine: Machine, merged: Path, *more: str) -> list[dict[str, object]]:
    report = machine.json("check", merged, "--base", "org/base", *more)
    return [finding for finding in report["findings"] if finding["code"] == "GF213"]


def test_a_template_of_an_older_revision_is_named_with_the_commit_that_changed_it(machine: Machine) -> None:
    *_, fix = repo(machine, OLD, NEW)
    merged = write_folder(machine.home / "merged", OLD)
    [finding] = found(machine, merged)
    assert (finding["severity"], finding["file"]) == ("info", SETTINGS)
    said = json.dumps(finding, ensure_ascii=False)
    assert f"commit {fix[:7]} of 2024-07-03" in said
    assert FIXED in said
    assert '"unsafe"' in said
    # the listings of the base and of the state before, the commits, and the file that differs
    assert len(machine.hub.requests) == 4
    machine.hub.requests.clear()
    assert found(machine, merged) == [finding]
    assert len(machine.hub.requests) == 1


def test_the_newer_is_taken_where_it_is_wanted(machine: Machine) -> None:
    repo(machine, OLD, NEW)
    merged = write_folder(machine.home / "merged", OLD)
    assert machine("repair", merged, "--base", "org/base").code == 0
    assert json.loads((merged / SETTINGS).read_text())["chat_template"] != CHATML
    assert machine("repair", merged, "--base", "org/base", "--unsafe-fixes", "--select", "GF213").code == 0
    assert json.loads((merged / SETTINGS).read_text())["chat_template"] == CHATML
    assert found(machine, merged) == []


def test_a_sliding_window_that_the_base_has_no_more(machine: Machine) -> None:
    wide = with_json(NEW, "config.json", sliding_window=None)
    old = with_json(NEW, "config.json", sliding_window=512)
    repo(machine, old, wide)
    merged = write_folder(machine.home / "merged", old)
    [finding] = found(machine, merged)
    assert (finding["file"], finding["pointer"]) == ("config.json", "/sliding_window")
    machine("repair", merged, "--base", "org/base", "--unsafe-fixes", "--select", "GF213")
    assert json.loads((merged / "config.json").read_text())["sliding_window"] is None


def test_stop_tokens_that_the_base_has_others_for(machine: Machine) -> None:
    old = with_json(NEW, "generation_config.json", eos_token_id=[1001])
    repo(machine, old, NEW)
    [finding] = found(machine, write_folder(machine.home / "merged", old))
    assert finding["file"] == "generation_config.json"


@pytest.mark.parametrize("more", [["--offline"], []], ids=["offline", "a commit"])
def test_nothing_is_asked_without_the_hub_or_for_a_commit(machine: Machine, more: list[str]) -> None:
    *_, last = repo(machine, OLD, NEW)
    merged = write_folder(machine.home / "merged", OLD)
    base = "org/base" if more else f"org/base@{last}"
    machine("check", merged, "--base", base)
    machine.hub.requests.clear()
    report = machine.json("check", merged, "--base", base, *more)
    assert "GF213" not in {finding["code"] for finding in report["findings"]}
    assert machine.hub.asked("commits") == []


def test_an_identical_or_merely_narrowed_folder_asks_for_no_history(machine: Machine) -> None:
    repo(machine, OLD, NEW)
    for files in (NEW, with_json(NEW, "generation_config.json", eos_token_id=1000)):
        found(machine, write_folder(machine.home / str(len(files["generation_config.json"])), files))
    assert machine.hub.asked("commits") == []


def test_a_template_of_its_own_costs_a_bounded_number_of_requests_once(machine: Machine) -> None:
    states = [with_json(NEW, SETTINGS, chat_template=CHATML + " " * (number + 1)) for number in range(70)]
    repo(machine, *states)
    own = with_json(NEW, SETTINGS, chat_template=CHATML.replace("assistant", "model"))
    merged = write_folder(machine.home / "merged", own)
    assert found(machine, merged) == []
    assert len(machine.hub.asked("commits/")) == 1
    assert len(machine.hub.asked("revision/")) == 12
    machine.hub.requests.clear()
    assert found(machine, merged) == []
    assert len(machine.hub.requests) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 404}, {"status": 503}, {"body": "html"}, {"body": "truncate"}, {"body": "drop"}]
)
@pytest.mark.parametrize("where", ["commits/", "revision/"])
def test_a_hub_without_a_history_changes_nothing_else(
    machine: Machine, where: str, fault: dict[str, object]
) -> None:
    repo(machine, OLD, NEW)
    merged = write_folder(machine.home / "merged", OLD)
    machine.hub.fail(f"GET .*{where}", **fault)  # type: ignore[arg-type] # one keyword each
    report = machine.json("check", merged, "--base", "org/base")
    assert "GF213" not in {finding["code"] for finding in report["findings"]}
    assert report["base"]


def test_the_hub_of_these_tests_answers_what_the_clients_own_call_reads(machine: Machine) -> None:
    shas = repo(machine, OLD, NEW)
    script = (
        "from huggingface_hub import HfApi\n"
        "for commit in HfApi().list_repo_commits('org/base'): print(commit.commit_id, commit.title)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=machine.environment, capture_output=True, text=True, check=True
    )
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()] == shas[::-1]
    assert FIXED in done.stdout
