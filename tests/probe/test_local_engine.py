"""A folder run in a child process: interpreters that stand in for engines, well and badly."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from genfix.api.probing import ProbeReport, Subject, probe_model
from genfix.errors import GenfixError, InputError, ProbeError
from genfix.probe.probe_values import Limits
from tests.support.folders import glm_files, write_folder

LIMITS = Limits(max_tokens=16, request_seconds=5, total_seconds=20)
READ = "import json, os, sys, time\njob = json.loads(sys.stdin.buffer.read())\n"
READY = READ + "print(json.dumps({'ready': '9.9'}), flush=True)\n"
LINE = (
    "line = {'id': p['id'], 'text': 'Hi.', 'token_ids': [5, 151336], 'finish_reason': 'stop',"
    " 'stop_reason': 151336, 'seconds': 0.5, 'first_seconds': None}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "merged", glm_files())


def interpreter(place: Path, code: str) -> str:
    """A file that runs as a Python would, whatever it is told to run."""
    file = place / "python"
    file.write_text(f"#!{sys.executable}\n{code}")
    file.chmod(0o755)
    return str(file)


def probed(folder: Path, code: str, limits: Limits = LIMITS) -> ProbeReport:
    python = interpreter(folder.parent, code)
    return probe_model(Subject(str(folder), engine="transformers", python=python), limits=limits)


def test_answers_are_measured_with_the_folders_own_tokens(folder: Path) -> None:
    loop = "for p in job['prompts']:\n    " + LINE + "    print(json.dumps(line), flush=True)\n"
    report = probed(folder, READY + loop)
    assert report.run.engine == "transformers 9.9"
    assert report.run.summary.turn_ends == {"<|user|>": 64}
    assert report.run.summary.stop_rate == 1
    assert [told.id for told in report.run.diagnosis] == ["probe-all-stop", "probe-sample"]


def test_calls_in_the_text_of_a_folder_are_judged(folder: Path, tmp_path: Path) -> None:
    """No server is there to take them out of it."""
    tool = {"name": "ring", "parameters": {"properties": {"times": {"type": "integer"}}}}
    check = {"kind": "tool", "name": "ring", "arguments": {"times": [2]}}
    prompt = {"prompt": "Ring twice.", "tools": [{"type": "function", "function": tool}], "check": check}
    prompts = tmp_path / "mine.jsonl"
    prompts.write_text(json.dumps(prompt), "utf-8")
    call = '<tool_call>{"name": "ring", "arguments": {"times": 2}}</tool_call>'
    line = LINE.replace("'Hi.'", repr(call))
    code = READY + "for p in job['prompts']:\n    " + line + "    print(json.dumps(line), flush=True)\n"
    subject = Subject(str(folder), engine="transformers", python=interpreter(tmp_path, code))
    run = probe_model(subject, prompts=prompts, limits=LIMITS, temperature=0.5).run
    assert run.passes is not None
    assert run.passes.passed == 1
    assert (run.sampling.temperature, run.sampling.seed, run.sampling.keeps_seed) == (0.5, 0, None)


def test_an_engine_that_never_ends_a_turn_was_not_trained_to(folder: Path) -> None:
    line = LINE.replace("'stop'", "'length'").replace("151336", "5")
    report = probed(
        folder, READY + "for p in job['prompts']:\n    " + line + "    print(json.dumps(line), flush=True)\n"
    )
    first = report.run.diagnosis[0]
    assert first.id == "probe-not-trained"
    assert (first.args["token"], first.args["id"]) == ("<|user|>", 151336)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no memory left')", "ended before it had answered: no memory left"),
        (READY + "print('loading...')", "ended before it had answered"),
        (READY + "print('[]')", "ended before it had answered"),
        (READY + "print('{\"id\": 1}')", "ended before it had answered"),
        (
            READ + "print(json.dumps({'error': 'custom-code', 'detail': 'modeling_x.py'}))",
            "needs code of its own",
        ),
        (
            READ + "print(json.dumps({'error': 'no-engine', 'detail': 'No module'}))",
            "has no transformers: No module",
        ),
        (READ + "print(json.dumps({'error': 'failed', 'detail': 'cannot run'}))", "cannot run"),
    ],
)
def test_what_goes_wrong_is_one_sentence(folder: Path, code: str, words: str) -> None:
    with pytest.raises(ProbeError) as caught:
        probed(folder, code)
    assert words in caught.value.message
    assert caught.value.hint


def test_an_engine_that_hangs_is_ended_with_all_it_started(folder: Path) -> None:
    mark = folder.parent / "pids"
    code = READ + (
        "import subprocess\n"
        f"child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(mark)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    started = time.monotonic()
    with pytest.raises(ProbeError, match=r"answered nothing|gave no answer in time"):
        probed(folder, code, Limits(total_seconds=1.5))
    assert time.monotonic() - started < 15
    for pid in mark.read_text().split():
        assert not running(int(pid))


def test_an_interpreter_that_reads_nothing_is_ended_too(folder: Path) -> None:
    prompts = folder.parent / "prompts.jsonl"
    prompts.write_text(json.dumps({"prompt": "x" * 1_000_000}))  # more than a pipe holds
    python = interpreter(folder.parent, "import time\ntime.sleep(600)")
    with pytest.raises(ProbeError, match="gave no answer in time"):
        probe_model(
            Subject(str(folder), engine="transformers", python=python),
            prompts=prompts,
            limits=Limits(total_seconds=1),
        )


def running(pid: int) -> bool:
    """Whether a process is there and not a zombie that waits for its parent."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True


def test_the_childs_environment_has_no_keys_and_no_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf-secret")
    told = "told = 'secret' in str(os.environ), os.environ.get('HF_HUB_OFFLINE'), sys.argv[1:2]\n"
    with pytest.raises(ProbeError, match=r"\(False, '1', \['-I'\]\)"):
        probed(folder, "import os, sys\n" + told + "sys.exit(repr(told))")


def test_this_interpreter_has_no_engine(folder: Path) -> None:
    """The real child process, which finds none."""
    for engine, package in (("transformers", "torch"), ("mlx-lm", "mlx")):
        with pytest.raises(ProbeError, match=f"has no {engine}: No module named '{package}") as caught:
            probe_model(Subject(str(folder), engine=engine), limits=LIMITS)
        assert f"genfix[{engine}]" in caught.value.hint


def test_model_code_of_the_folder_is_refused(tmp_path: Path) -> None:
    files = glm_files() | {
        "config.json": b'{"model_type": "glm4", "model_file": "evil.py"}',
        "evil.py": b"open('ran', 'w')",
    }
    folder = write_folder(tmp_path / "merged", files)
    with pytest.raises(ProbeError, match=r"runs none: .*model_file") as caught:
        probe_model(Subject(str(folder), engine="mlx-lm"), limits=LIMITS)
    assert "server" in caught.value.hint
    assert not list(tmp_path.rglob("ran"))


def test_what_cannot_be_run_is_refused_before_anything_starts(folder: Path, tmp_path: Path) -> None:
    wrong = [
        Subject(str(folder)),
        Subject(str(folder), engine="llama"),
        Subject(str(tmp_path / "none"), engine="mlx-lm"),
        Subject(str(folder), engine="mlx-lm", python=str(tmp_path / "none")),
        Subject("http://localhost:1", folder=str(tmp_path / "none")),
    ]
    for subject in wrong:
        with pytest.raises(InputError):
            probe_model(subject, limits=LIMITS)
    with pytest.raises(GenfixError):
        probe_model(Subject(str(folder), engine="mlx-lm"), against=str(folder), limits=LIMITS)
