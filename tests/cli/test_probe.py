# ruff: noqa: RUF001 - Chinese punctuation
"""`genfix probe` on the command line: reports, exit codes, Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest

from tests.support import probe_stub as bad
from tests.support.folders import glm_files, write_folder
from tests.support.likelihood_stub import one_bit, scores
from tests.support.places import ROOT
from tests.support.probe_stub import Said, Status, Stub, always
from tests.support.running import Run

jsonschema = import_module("jsonschema")  # it has no types of its own
LOOP = "\nThe cat.<|user|>" * 12
FAST = ("--timeout", "1", "--retries", "0")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENFIX_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def validated(text: str) -> dict[str, Any]:
    schema = json.loads(
        resources.files("genfix.report").joinpath("schemas", "probe.schema.json").read_text("utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    document: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def test_a_model_that_stops(run: Run) -> None:
    with Stub(always(Said("Oslo."))) as server:
        result = run("probe", server.url)
    assert result.code == 0
    assert "64 of 64 prompts answered" in result.out
    assert "stopped by themselves" in result.out
    assert "100 % (94.3 % to 100 %)" in result.out
    assert "it stops: 64 of 64" in result.out
    assert result.err == ""


def test_a_model_that_never_stops_names_the_leak(run: Run) -> None:
    with Stub(always(Said(LOOP, "length", tokens=512))) as server:
        result = run("probe", server.url, "--min-stop-rate", "0.5")
        lenient = run("probe", server.url, "--min-stop-rate", "0")
    assert (result.code, lenient.code) == (1, 0)
    assert "<|user|> in 64" in result.out
    assert "repeats itself 12 times" in result.out
    assert "64 of 64 answers go on behind <|user|>" in " ".join(result.out.split())
    assert "stop rate 0 %: below --min-stop-rate 50 %" in result.err


def test_the_report_speaks_chinese(run: Run) -> None:
    with Stub(always(Said(LOOP, "length", tokens=512))) as server:
        result = run("probe", server.url, "--min-stop-rate", "0.5", "--lang", "zh")
    assert "64 条提示词里有 64 条得到回答" in result.out
    assert "自我重复 12 次" in result.out
    assert "64 个回答里有 64 个在轮次结束的 <|user|> 之后继续" in "".join(result.out.split("\n    ")).replace(
        "   ", ""
    )
    assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", result.out.split("\n\n")[0])
    assert "停止率 0 %：低于 --min-stop-rate 50 %" in result.err


@pytest.mark.parametrize(
    ("ids", "told"),
    [([151329], "genfix check and genfix repair are for this"), ([151329, 151336], "restart it")],
)
def test_the_folder_says_whose_fault_it_is(run: Run, tmp_path: Path, ids: list[int], told: str) -> None:
    files = glm_files()
    config = json.loads(files["config.json"]) | {"eos_token_id": ids}
    generation = {"eos_token_id": ids}
    folder = write_folder(
        tmp_path / "merged",
        files
        | {
            "config.json": json.dumps(config).encode(),
            "generation_config.json": json.dumps(generation).encode(),
        },
    )
    with Stub(always(Said(LOOP, "length"))) as server:
        result = run("probe", server.url, "--folder", folder)
    assert told in " ".join(result.out.split())


def test_right_files_and_no_turn_end_mean_it_was_not_trained(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", glm_files())
    with Stub(always(Said("and then " * 40, "length"))) as server:
        result = run("probe", server.url, "--folder", folder)
    told = " ".join(result.out.split())
    assert "files are right but it still never emits <|user|> (151336)" in told
    assert "config cannot fix that" in told


def test_a_server_that_hides_tokens_leaves_that_open(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", glm_files())
    with Stub(always(Said("and then " * 40, "length")), models=[{"id": "m"}]) as server:
        result = run("probe", server.url, "--folder", folder)
    assert "whether the model wrote its turn end cannot be told" in " ".join(result.out.split())


def test_two_models_are_compared(run: Run) -> None:
    with (
        Stub(always(Said("Oslo.", tokens=3))) as after,
        Stub(always(Said(LOOP, "length", tokens=512))) as before,
    ):
        result = run("probe", after.url, "--against", before.url, "--output-format", "json")
        text = run("probe", after.url, "--against", before.url, "--verbose")
    assert result.code == text.code == 0
    document = validated(result.out)
    stopped = document["comparison"]["rates"]["stopped"]
    assert stopped["value"] == 1
    assert 0.8 < stopped["low"] < stopped["high"] == 1
    assert document["comparison"]["tokens"]["value"] == 3 - 512
    assert document["against"]["summary"]["leaked_markers"] == {"<|user|>": 64}
    told = " ".join(text.out.split())
    assert "more answers stop by themselves: +100 points" in told
    assert "no difference is shown in how many were empty" in told
    assert text.out.count("against: ran to the limit") == 64


def test_what_a_model_writes_cannot_reach_the_terminal(run: Run) -> None:
    with Stub(always(Said("\x1b[2J\u202egone<|user|>\x07\nmore", "length"))) as server:
        result = run("probe", server.url, "--verbose")
        document = run("probe", server.url, "--output-format", "json")
    assert not set(result.out) & {"\x1b", "\u202e", "\x07"}
    assert r"\x1b[2J\u202egone" in result.out
    assert validated(document.out)["run"]["answers"][0]["text"].startswith("\x1b[2J")


def test_failures_end_with_2_behind_the_report(run: Run) -> None:
    def sometimes(body: dict[str, Any]) -> Said | Status:
        return Status(500, "oops") if "Norway" in str(body["messages"]) else Said()

    with Stub(sometimes) as server:
        result = run("probe", server.url)
    assert result.code == 2
    assert "63 of 64 prompts answered" in result.out
    assert result.err.startswith("error: 1 request failed, and the rates are of the others: ")
    assert "oops" in result.err


def test_a_server_that_cannot_be_asked_is_one_sentence(run: Run) -> None:
    with Stub(always(bad.hangs)) as server:
        result = run("probe", server.url, *FAST)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 2
    assert result.err.startswith(f"error: {server.url}/v1 did not finish an answer in time\nhint: ")


@pytest.mark.parametrize(
    "words",
    [
        ("probe", "ftp://host"),
        ("probe", "."),
        ("probe", "http://127.0.0.1:9", "--prompts", "/nowhere"),
        ("probe", "http://127.0.0.1:9", "--min-stop-rate", "2"),
        ("probe", "http://127.0.0.1:9", "--engine", "ollama"),
        ("probe", "http://127.0.0.1:9", "--output-format", "html"),
        ("probe", "http://127.0.0.1:9", "-o", "/nowhere/report.txt"),
        ("probe", "http://127.0.0.1:9", "-o", "/"),
    ],
)
def test_what_cannot_be_done_ends_with_2(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")


def test_a_report_goes_to_a_file_whole(run: Run, tmp_path: Path) -> None:
    with Stub(always(Said())) as server:
        for name in ("text", "json", "html"):
            file = tmp_path / f"report.{name}"
            result = run("probe", server.url, "--output-format", name, "-o", file)
            assert (result.code, result.out) == (0, "")
            assert re.search(r": (\d+) of \1 prompts answered, 100 % stopped\n", result.err) is not None
            assert file.read_text("utf-8").strip()
    validated((tmp_path / "report.json").read_text("utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json", "report.text"]


def test_texts_are_compared_in_every_format(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with Stub(scores(lambda token, start: 1.3 * len(token))) as merged, Stub(scores(one_bit)) as base:
        words = ("probe", merged.url, "--against", base.url, "--likelihood", "--skip-prompts")
        text = run(*words)
        chinese = run(*words, "--lang", "zh")
        document = run(*words, "--output-format", "json")
        assert run(*words, "--output-format", "html", "-o", page).code == 0
    assert (text.code, text.err) == (0, "")
    assert "all texts" in text.out
    assert "1.300, against 1.000: +0.300 (+0.300 to +0.300)" in text.out
    assert "prompts answered" not in text.out
    assert "每个字符的比特数" in chinese.out
    found = validated(document.out)["likelihood"]
    assert found["groups"][0]["change"]["value"] == 0.3
    assert "How likely it finds known texts" in page.read_text("utf-8")


@pytest.mark.parametrize(("most", "code"), [("0.4", 0), ("0.2", 1)])
def test_bits_have_a_limit(run: Run, most: str, code: int) -> None:
    with Stub(scores(lambda token, start: 1.3 * len(token))) as merged, Stub(scores(one_bit)) as base:
        words = ("probe", merged.url, "--against", base.url, "--max-bits-increase", most)
        result = run(*words, "--skip-prompts")
        beside = run(*words) if code else result
    assert (result.code, beside.code) == (code, code)
    assert ("a character takes 0.300 bits more: above --max-bits-increase 0.2" in result.err) == bool(code)
    assert ("64 of 64 prompts answered" in beside.out) == bool(code)


def test_a_limit_that_cannot_be_held_against_anything_is_no_all_clear(run: Run) -> None:
    with Stub(always(Said())) as chat:
        alone = run("probe", chat.url, "--likelihood", "--skip-prompts", *FAST)
        held = run("probe", chat.url, "--against", chat.url, "--max-bits-increase", "1", *FAST)
        nothing = run("probe", chat.url, "--max-bits-increase", "1")
        empty = run("probe", chat.url, "--skip-prompts")
    assert (alone.code, held.code, nothing.code, empty.code) == (0, 2, 2, 2)
    assert "gives no log probabilities" in " ".join(alone.out.split())
    assert held.err.startswith("error: --max-bits-increase cannot be held against anything")
    assert nothing.err.startswith("error: --max-bits-increase has nothing to compare with")
    assert empty.err.startswith("error: without prompts there is nothing to measure")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is a signal here")
@pytest.mark.parametrize("form", ["text", "json"])
def test_ctrl_c_prints_what_there_is(tmp_path: Path, form: str) -> None:
    count = [0]

    def then_hangs(body: dict[str, Any]) -> Any:
        count[0] += 1
        return Said("Oslo.") if count[0] <= 5 else bad.hangs

    with Stub(then_hangs) as server:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "genfix",
                "probe",
                server.url,
                "--output-format",
                form,
                "--concurrency",
                "2",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        until = time.monotonic() + 30
        while count[0] < 7 and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert b"interrupted: this is what was answered by then" in err
    if form == "json":
        document = validated(out.decode())
        assert document["interrupted"] is True
        assert document["run"]["summary"]["answered"] == 5
    else:
        assert b"5 of 64 prompts answered" in out
