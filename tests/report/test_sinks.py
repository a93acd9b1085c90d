"""Whatever a folder, a base, a receipt or a plan holds: nothing of it acts on a terminal, a page or a CI log.

Each text in their files is given a canary that would, and every command is asked for every format.
"""

import hashlib
import json
import re
from pathlib import Path

import pytest

from genfix.folder.file_names import STATE_FOLDER
from genfix.json_types import JsonValue
from tests.support.folders import Files, glm_files, write_folder
from tests.support.running import Result, Run

ACTS = "\x1b]0;pwned\x07\x9b31m\u202e\r\n::error::canary"
CANARY = f"{ACTS}<script>canary()</script><img src=x onerror=canary()>"
FORMATS = ("text", "json", "sarif", "github", "markdown", "html")


def poisoned(value: JsonValue, *, also_keys: bool) -> JsonValue:
    """The value with the canary in each text."""
    if isinstance(value, str):
        return value + CANARY
    if isinstance(value, list):
        return [poisoned(part, also_keys=also_keys) for part in value]
    if isinstance(value, dict):
        return {key + CANARY * also_keys: poisoned(part, also_keys=also_keys) for key, part in value.items()}
    return value


def poisoned_files(*, also_keys: bool = False) -> Files:
    """A folder all of whose texts have the canary."""
    return {
        name: json.dumps(poisoned(json.loads(content), also_keys=also_keys)).encode()
        if name.endswith(".json")
        else content + CANARY.encode()
        for name, content in glm_files().items()
    }


def assert_harmless(done: Result, what: object) -> None:
    """Line feeds are ours; all else that steers a terminal, a log or a page is none of the reader's."""
    assert done.code in {0, 1, 2, 3}, what
    assert "bug in genfix" not in done.err, (what, done.err)
    for stream in (done.out, done.err):
        steering = {char for char in stream if not char.isprintable() and char != "\n"}
        assert not steering, (what, steering)
        assert not [line for line in stream.splitlines() if line.startswith("::error::canary")], what
        if stream.lstrip().startswith(("<!doctype", "<!DOCTYPE", "#")):  # HTML, or Markdown outside its code
            told = re.sub(r"^(`{3,}).*?^\1`*$", "", stream, flags=re.MULTILINE | re.DOTALL)
            assert "<script>canary" not in told, what
            assert "<img src=x" not in told, what


@pytest.mark.parametrize("side", ["merged", "keys of merged", "base", "both"])
def test_nothing_in_files_comes_through(run: Run, tmp_path: Path, side: str) -> None:
    keys = side.startswith("keys")
    merged = poisoned_files(also_keys=keys) if side != "base" else glm_files()
    base = poisoned_files() if side in {"base", "both"} else glm_files()
    folder, of_base = write_folder(tmp_path / "merged", merged), write_folder(tmp_path / "base", base)
    for form in FORMATS:
        given: tuple[str | Path, ...] = ("--base", of_base, "--output-format", form, "--allow-base-mismatch")
        assert_harmless(run("check", folder, *given, "--verbose"), (side, form, "check"))
        assert_harmless(run("plan", folder, *given, "--unsafe-fixes"), (side, form, "plan"))
    for form in ("text", "json"):
        given = ("--base", of_base, "--output-format", form)
        assert_harmless(run("diff", folder, *given), (side, form, "diff"))
        assert_harmless(run("engines", folder, "--output-format", form), (side, form, "engines"))
        given = ("--base", of_base, "--output-format", form, "--allow-base-mismatch")
        assert_harmless(run("weights", folder, *given), (side, form, "weights"))
    given = ("--base", of_base, "--allow-base-mismatch", "--unsafe-fixes")
    assert_harmless(run("repair", folder, *given), (side, "repair"))
    assert_harmless(run("undo", folder), (side, "undo"))


def test_nothing_in_a_receipt_comes_through(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", glm_files())
    log = folder / STATE_FOLDER / "log"
    log.mkdir(parents=True)
    change = {"name": "config.json", "before": None, "after": "a" * 64, "mode": None, "mtime_ns": None}
    body: dict[str, JsonValue] = {
        "id": "20260101T000000Z-aaaaaa",
        "kind": "repair",
        "when": f"2026{CANARY}",
        "note": {key: f"{key}{CANARY}" for key in ("base", "message", "who", "snapshot", "codes", "by")},
        "undoes": None,
        "ops": [{"new_dirs": [], "old_dirs": [], **change}],
        "broken_links": [f"x{CANARY}"],
        "files": [],
    }
    spelled = json.dumps(body, sort_keys=True, separators=(",", ":"))
    signed = {"genfix_journal": 1, "sha256": hashlib.sha256(spelled.encode()).hexdigest(), "body": body}
    (log / f"{body['id']}.json").write_text(json.dumps(signed))
    for form in ("text", "json"):
        assert_harmless(run("log", folder, "--output-format", form), ("log", form))
    for args in (("undo", folder), ("undo", folder, "--dry-run"), ("backups", "list", folder)):
        assert_harmless(run(*args), args)


@pytest.mark.parametrize("command", ["check", "plan", "repair", "engines", "log", "undo", "diff", "snapshot"])
def test_nothing_in_a_path_comes_through(run: Run, tmp_path: Path, command: str) -> None:
    folder = write_folder(tmp_path / CANARY.replace("/", ""), glm_files())
    assert_harmless(run(command, folder), command)
    assert_harmless(run(command, f"{folder}{CANARY}"), command)
