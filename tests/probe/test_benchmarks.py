"""Tasks of lm-evaluation-harness: interpreters that stand in for one that has it, well and badly."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from genfix.api.probing import Subject
from genfix.api.tasks import TaskReport, run_benchmarks
from genfix.errors import GenfixError, InputError, ProbeError
from genfix.probe.benchmarks import TaskRun, Tasks, TaskScore, compare_tasks, named_tasks
from genfix.probe.probe_values import Limits
from tests.support.probe_stub import Said, Stub, always
from tests.support.running import Run

READ = "import json, os, sys, time\njob = json.loads(sys.stdin.buffer.read())\n"
FOUND: dict[str, Any] = {
    "version": "0.4.13",
    "results": {
        "gsm8k": {
            "exact_match,strict-match": 0.5,
            "exact_match_stderr,strict-match": 0.05,
            "exact_match,flexible-extract": 0.75,
        },
        "own": {"acc,none": 1.0, "acc_stderr,none": float("nan"), "broken,none": float("inf")},
    },
    "counts": {"gsm8k": 100, "own": 3},
}
LIMITS = Limits(total_seconds=20)


def interpreter(place: Path, code: str) -> str:
    """A file that runs as a Python would, whatever it is told to run."""
    file = place / "python"
    file.write_text(f"#!{sys.executable}\n{READ}{code}")
    file.chmod(0o755)
    return str(file)


def says(value: object) -> str:
    return f"print({json.dumps(json.dumps(value))})"


def ran(place: Path, code: str, limits: Limits = LIMITS, **options: Any) -> TaskReport:
    with Stub(always(Said())) as server:
        tasks = Tasks(("gsm8k", "own"), python=interpreter(place, code), **options)
        return run_benchmarks(Subject(server.url), None, tasks, limits)


def test_numbers_come_with_their_standard_errors(tmp_path: Path) -> None:
    report = ran(tmp_path, says(FOUND))
    assert report.run.version == "0.4.13"
    assert report.run.scores == (
        TaskScore("gsm8k", "exact_match,strict-match", 0.5, 0.05, 100),
        TaskScore("gsm8k", "exact_match,flexible-extract", 0.75, None, 100),
        TaskScore("own", "acc", 1.0, None, 3),
    )


def test_differences_have_intervals() -> None:
    first = TaskRun((TaskScore("t", "acc", 0.5, 0.03, 99), TaskScore("t", "f1", 0.5, None, 99)), "1")
    second = TaskRun((TaskScore("t", "acc", 0.6, 0.04, 99), TaskScore("t", "f1", 0.9, None, 99)), "1")
    (found,) = compare_tasks(first, second)
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((0.1 - 1.96 * 0.05, 0.1 + 1.96 * 0.05), abs=1e-4)


@pytest.mark.parametrize("download", [False, True])
def test_nothing_is_downloaded_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, download: bool
) -> None:
    monkeypatch.setenv("GENFIX_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf-secret")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    told = (
        "told = {name: os.environ.get(name) for name in"
        " ('HF_DATASETS_OFFLINE', 'HF_TOKEN', 'OPENAI_API_KEY', 'GENFIX_API_KEY')}\n"
        "print(json.dumps({'error': 'failed', 'detail': repr([*told.values(), job['tasks'], job['limit']])}))"
    )
    with pytest.raises(ProbeError) as caught:
        ran(tmp_path, told, limit=7, download=download)
    offline, token = (None, "'hf-secret'") if download else ("'1'", None)
    # The key is the harness's to send, and is not shown.
    assert f"[{offline}, {token}, '***', None, ['gsm8k', 'own'], 7]" in caught.value.message


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (
            says({"error": "no-lm-eval", "detail": "No module"}),
            "has no lm-evaluation-harness",
            "genfix[lm-eval]",
        ),
        (
            says({"error": "data", "detail": "offline"}),
            "the data of a task cannot be had",
            "--download-tasks",
        ),
        (says({"error": "no-task", "detail": "x"}), "has no such task", "--include-tasks"),
        (says({"error": "loglikelihood", "detail": "x"}), "log probabilities", "gsm8k"),
        (says({"error": "missing", "detail": "langdetect"}), "part that the task needs", "lm-eval[ifeval]"),
        (says({"error": "failed", "detail": "x"}), "failed: x", "lm-eval"),
        (says([1]), "lm-evaluation-harness failed", "lm-eval"),
        ("sys.exit('no memory left')", "failed: no memory left", "lm-eval"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path: Path, code: str, words: str, hint: str) -> None:
    with pytest.raises(ProbeError) as caught:
        ran(tmp_path, code)
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_a_harness_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="were not done in"):
        ran(tmp_path, "time.sleep(600)", Limits(total_seconds=2))


def test_this_interpreter_has_no_harness() -> None:
    """The real child process, which finds none."""
    with Stub(always(Said())) as server, pytest.raises(ProbeError, match="has no lm-evaluation-harness"):
        run_benchmarks(Subject(server.url), None, Tasks(("gsm8k",)), LIMITS)


def test_a_folder_and_an_interpreter_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tasks are put to a server"):
        run_benchmarks(Subject(str(tmp_path), engine="mlx-lm"), None, Tasks(("gsm8k",)), LIMITS)
    with Stub(always(Said())) as server, pytest.raises(GenfixError, match="cannot start"):
        run_benchmarks(Subject(server.url), None, Tasks(("gsm8k",), python="/nowhere/python"), LIMITS)


def test_the_report_has_them_in_every_format(run: Run, tmp_path: Path) -> None:
    python = interpreter(tmp_path, says(FOUND))
    page = tmp_path / "page.html"
    with Stub(always(Said())) as server:
        words = ("probe", server.url, "--tasks", "gsm8k, own", "--python", python, "--skip-prompts")
        text = run(*words, "--against", server.url)
        document = run(*words, "--output-format", "json")
        assert run(*words, "--output-format", "html", "-o", page).code == 0
    assert text.code == 0, text.err
    assert "0.5000 ± 0.0500, against 0.5000 ± 0.0500: +0.0000 (-0.1386 to +0.1386)" in text.out
    assert json.loads(document.out)["tasks"]["run"][0]["questions"] == 100
    assert "gsm8k exact_match,strict-match" in page.read_text("utf-8")


def test_names_are_given_with_commas() -> None:
    assert named_tasks(["ifeval, gsm8k", "own,"]) == ("ifeval", "gsm8k", "own")
