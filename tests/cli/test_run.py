"""`genfix run`, and `genfix repair` as the last line of a merge script."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import genfix
from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run, spawn
from tests.support.trees import tree, user_files

GENERATION = "generation_config.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
BROKEN = glm_files() | {GENERATION: dump(json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329})}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """What a merge tool will write."""
    return write_folder(tmp_path / "broken", BROKEN)


def stop_ids(folder: Path) -> object:
    return json.loads((folder / GENERATION).read_bytes())["eos_token_id"]


def test_a_merge_is_run_and_its_output_repaired(base: Path, broken: Path, tmp_path: Path) -> None:
    told = spawn("run", "--output", "out", "--base", "base", "--", "cp", "-r", "broken", "out", cwd=tmp_path)
    assert told.code == 0, told.err
    assert "repaired 1 file of out" in told.err
    assert stop_ids(tmp_path / "out") == [151329, 151336, 151338]


def test_the_words_reach_the_command_as_they_are_and_its_streams_are_its_own(
    base: Path, tmp_path: Path
) -> None:
    code = "import sys; print(sys.argv[1:]); print('aside', file=sys.stderr); print(sys.stdin.read())"
    words = ["a b", "*", "$HOME", "--base", "x", ";", "--help"]
    told = subprocess.run(
        [sys.executable, "-m", "genfix", "run", "--output", "base", "--base", "base", "-q", sys.executable,
            "-c", code, *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, input="in", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (told.returncode, told.stdout, told.stderr) == (0, f"{words}\nin\n", "aside\n")


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 7", 7, "the command failed with exit code 7"),
        ("exit 1", 1, "the command failed with exit code 1"),
        ("kill -KILL $$", 137, "the command was ended by SIGKILL"),
        ("kill -TERM $$", 143, "the command was ended by SIGTERM"),
    ],
)
def test_a_merge_that_fails_gives_its_own_code(
    run: Run, base: Path, broken: Path, script: str, code: int, said: str
) -> None:
    was = tree(broken)
    told = run("run", "--output", "broken", "--base", "base", "--", "sh", "-c", script)
    assert (told.code, told.out) == (code, "")
    assert told.err == (
        f"error: {said}\nhint: broken was left as it is; once it is complete: "
        "genfix repair broken --base base\n"
    )
    assert tree(broken) == was


def test_what_cannot_be_started(run: Run, base: Path, broken: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    absent = run("run", "--output", "broken", "--base", "base", "no-such-tool", "--merge")
    assert (absent.code, absent.err.splitlines()[0]) == (127, "error: there is no command no-such-tool")
    text = run("run", "--output", "broken", "--base", "base", "./text")
    assert (text.code, text.err.splitlines()[0]) == (
        126,
        "error: the command ./text cannot be run: Permission denied",
    )


def test_a_command_that_writes_elsewhere(run: Run, base: Path, broken: Path) -> None:
    told = run("run", "--output", "elsewhere", "--base", "base", "--", "true")
    assert told.code == 2
    assert told.err.startswith("error: the command succeeded, and there is no folder elsewhere\nhint: ")
    told = run("run", "--output", "broken", "--base", "base", "--", "true")
    assert told.code == 0
    assert "note: the command changed nothing in broken; is that where it writes?\n" in told.err
    told = run("run", "--output", "broken", "--base", "base", "--", "touch", "broken/config.json")
    assert "changed nothing" not in told.err


def test_a_wrong_option_is_known_before_the_merge(run: Run, base: Path, tmp_path: Path) -> None:
    for options in (("--select", "GF999"), ("--fail-on", "never"), ("--nonsense",)):
        told = run("run", "--output", "out", "--base", "base", *options, "--", "touch", "ran")
        assert told.code == 2
    assert run("run", "--output", "out", "--base", "base").code == 2
    assert not (tmp_path / "ran").exists()


def test_an_error_that_is_left_is_1(run: Run, base: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "torn", BROKEN | {"model.safetensors": b"torn"})
    told = run("run", "--output", "out", "--base", "base", "--", "cp", "-r", "torn", "out")
    assert told.code == 1
    assert "not automatic: " in told.out


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_signals_reach_the_command(base: Path, broken: Path, tmp_path: Path, number: signal.Signals) -> None:
    """The command decides what a signal means: here it tidies up and says 9."""
    code = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: (print('tidy', flush=True), sys.exit(9)))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "genfix", "run", "--output", "broken", "--", sys.executable, "-c", code],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (9, "tidy\n")
    assert "failed with exit code 9" in err
    assert stop_ids(broken) == 151329


# One line at the end of a script --------------------------------------------------------------------------


def script(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A merge script of two lines, under ``set -e``."""
    line = shlex.join([sys.executable, "-m", "genfix", "repair", "out", *options])
    text = f"set -eu\ncp -r broken out\n{line}\necho upload\n"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return subprocess.run(
        ["sh", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False,
        timeout=60
    )  # fmt: skip


def test_the_hook_line_repairs_without_a_network(base: Path, broken: Path, tmp_path: Path) -> None:
    done = script(tmp_path, "--base", "./base")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("upload\n")
    assert stop_ids(tmp_path / "out") == [151329, 151336, 151338]


def test_a_capsule_stands_in_for_a_base_that_is_gone(base: Path, broken: Path, tmp_path: Path) -> None:
    genfix.capsule(base, tmp_path / "cap")
    shutil.rmtree(base)
    done = script(tmp_path, "--base", "./cap")
    assert done.returncode == 0, done.stderr
    assert stop_ids(tmp_path / "out") == [151329, 151336, 151338]


def test_the_hook_line_ends_the_script_at_an_error_it_cannot_repair(
    base: Path, broken: Path, tmp_path: Path
) -> None:
    (broken / "model.safetensors").write_bytes(b"torn")
    done = script(tmp_path, "--base", "./base")
    assert done.returncode == 1, done.stderr
    assert "GF522" in done.stdout
    assert "upload" not in done.stdout


def test_the_hook_line_ends_the_script_where_the_base_is_out_of_reach(
    base: Path, broken: Path, tmp_path: Path
) -> None:
    done = script(tmp_path, "--base", "some-org/some-model", "--offline")
    assert done.returncode == 2
    assert "upload" not in done.stdout
    assert user_files(tmp_path / "out").keys() == user_files(broken).keys()
    assert stop_ids(tmp_path / "out") == 151329


def test_what_the_merge_wrote_and_what_became_of_it_are_kept_as_stages(
    run: Run, base: Path, broken: Path, tmp_path: Path
) -> None:
    code = "import shutil; shutil.copytree('broken', 'out')"
    command = (sys.executable, "-c", code, "--token=abc", "--api-key", "k")
    assert run("run", "--output", "out", "--base", "base", "--", *command).code == 0
    merged, repair, repaired = json.loads(run("log", "out", "--output-format", "json").out)["transactions"]
    assert [one["kind"] for one in (merged, repair, repaired)] == ["snapshot", "repair", "snapshot"]
    assert [one["note"]["stage"] for one in (merged, repaired)] == ["merged", "repaired"]
    assert "copytree" in merged["note"]["message"]
    assert merged["note"]["message"].endswith("'--token=***' --api-key '***'")
    assert "snapshot of what the merge wrote" in run("log", "out").out
    (tmp_path / "out" / GENERATION).write_text("{}")
    assert run("diff", broken, "--with", f"out@{merged['id']}").out == ""
    assert run("diff", base, "--with", f"out@{repaired['id']}").out == ""
    assert run("undo", "out", merged["id"]).code == 2


def test_a_merge_that_needs_no_repair_is_a_stage_too(run: Run, base: Path, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    words = ("--output", "out", "--base", "base", "--state-dir", place, "--", "cp", "-r", "base", "out")
    assert run("run", *words).code == 0
    logged = run("log", "out", "--state-dir", place, "--output-format", "json").out
    assert [one["note"]["stage"] for one in json.loads(logged)["transactions"]] == ["merged"]
    assert not (tmp_path / "out" / ".cache").exists()


# From Python ----------------------------------------------------------------------------------------------


def test_the_hook_is_one_call(base: Path, broken: Path) -> None:
    done = genfix.repair(broken, base=base)
    assert [change.name for change in done.plan.changes] == [GENERATION]
    assert done.receipt is not None
    assert stop_ids(broken) == [151329, 151336, 151338]
    assert genfix.repair(broken, base=base).receipt is None


def test_a_command_is_one_call_too(base: Path, broken: Path) -> None:
    assert genfix.run_command(["touch", "broken/config.json"], "broken") == (0, None, True)
    failed = genfix.run_command(["false"], "broken")
    assert (failed.code, str(failed.why), failed.changed) == (1, "the command failed with exit code 1", False)
    with pytest.raises(genfix.GenfixError, match="there is no command to run"):
        genfix.run_command([], "broken")
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
