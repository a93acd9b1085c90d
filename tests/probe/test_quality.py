"""`probe_model(..., quality=True)` on servers that answer as they are told."""

import itertools
import json
import random
import re
from collections.abc import Callable
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest

from genfix.api.probing import ProbeReport, probe_model
from genfix.errors import ProbeError
from genfix.language import Language
from genfix.probe.probe_values import Limits
from genfix.report.probe_html import probe_html
from genfix.report.probe_json import probe_json
from genfix.report.probe_text import probe_text
from genfix.report.style import Style
from tests.support import probe_stub as bad
from tests.support.folders import glm_files, write_folder
from tests.support.oracle import oracle
from tests.support.probe_stub import Handler, Said, Status, Stub, always
from tests.support.running import Run

jsonschema = import_module("jsonschema")  # it has no types of its own
LOST = ["q-json-en-01", "q-json-zh-01", "q-copy-zh-01", "q-list-en-01", "q-number-en-01", "q-stop-en-01"]
ONE = '{"id": "mine", "group": "mine", "prompt": "Three plus four?", "check": {"kind": "number", "value": 7}}'


@pytest.fixture(scope="module")
def report() -> ProbeReport:
    with Stub(oracle(LOST)) as server, Stub(oracle(["q-number-zh-02"])) as other:
        return probe_model(server.url, against=other.url, quality=True)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A file with one prompt that has a check."""
    file = tmp_path / "mine.jsonl"
    file.write_text(ONE, "utf-8")
    return file


def test_the_right_answers_are_counted_by_kind(report: ProbeReport) -> None:
    passes = report.run.passes
    assert passes is not None
    assert {v.prompt.id for v in passes.verdicts if not v.passed} == {*LOST}
    assert (len(passes.verdicts), passes.not_judged) == (138, 0)
    assert passes.kinds["json"].value == pytest.approx(10 / 12)
    assert passes.kinds["memory"].value == 1
    assert report.run.summary.asked == 64 + 138
    assert str(report.prompts) == "built-in version 1 and quality version 1"


def test_the_comparison_is_of_the_same_prompts(report: ProbeReport) -> None:
    assert report.passes is not None
    assert report.passes.total.counts == (131, 6, 1, 0)
    assert report.passes.total.p == pytest.approx(0.125)
    said = [message.id for message in report.verdict]
    assert said[-2:] == ["probe-passes-cannot-tell", "probe-passes-sample"]


def test_the_text_names_wrong_answers(report: ProbeReport) -> None:
    words = probe_text(report, Style())
    assert re.search(r"right answers +█+·+ 95.7 %", words)
    assert re.search(r"  numbers +█+·+ 93.8 %", words)
    assert "wrong: q-list-en-01: the list has 4 items, not 3" in words
    assert "1 more with -v" in words
    everything = probe_text(report, Style(), verbose=True)
    assert everything.count("wrong: q-") == 7
    chinese = probe_text(report, Style(language=Language.CHINESE))
    assert "错：q-list-en-01：列表有 4 项，应为 3 项" in chinese


def test_the_report_for_machines_fits_its_schema(report: ProbeReport) -> None:
    schema = json.loads(
        resources.files("genfix.report").joinpath("schemas", "probe.schema.json").read_text("utf-8")
    )
    document: Any = json.loads(json.dumps(probe_json(report), allow_nan=False))
    jsonschema.Draft202012Validator(schema).validate(document)
    quality = document["quality"]
    assert (quality["run"]["judged"], quality["run"]["passed"]) == (138, 132)
    assert quality["comparison"]["total"]["p"] == 0.125
    wrong = [one for one in quality["verdicts"] if not one["passed"]]
    assert [one["prompt"] for one in wrong if one["passed_against"]] == sorted(LOST, key=_order(quality))
    assert {"kind": "list", "why": "the list has 4 items, not 3", "where": "Mango"}.items() <= next(
        one for one in wrong if one["prompt"] == "q-list-en-01"
    ).items()
    assert document["run"]["sampling"]["seed"] == 0


def _order(quality: dict[str, Any]) -> Callable[[str], int]:
    return [one["prompt"] for one in quality["verdicts"]].index


def test_the_page_shows_what_failed_beside_the_other_answer(report: ProbeReport) -> None:
    page = probe_html(report)
    assert "132 of 138 answers are right" in page
    changed = page.partition('<h3 id="changed">')[2].partition('</details>\n<details class="more">')[0]
    listed = changed.partition("q-list-en-01")[2].partition("</details>")[0]
    assert "wrong: the list has 4 items, not 3" in listed
    assert "<mark>Mango</mark>" in listed
    assert listed.index("Against") < listed.index("This model")
    assert changed.count('<details class="card answer" open>') == 7
    words = re.sub(
        r"<(style|script|pre)\b.*?</\1>", "", probe_html(report, Language.CHINESE), flags=re.DOTALL
    )
    assert "只有一个模型答对" in words
    assert "错：列表有 4 项，应为 3 项" in words


def test_some_kinds_only() -> None:
    with Stub(oracle()) as server:
        found = probe_model(server.url, kinds=["stop"])
    assert found.run.passes is not None
    assert [*found.run.passes.kinds] == ["stop"]
    assert len(server.asked) == 64 + 10 + 5


def test_prompts_of_ones_own(one: Path) -> None:
    with Stub(always(Said("It is seven."))) as server, Stub(always(Said("It is eight."))) as other:
        found = probe_model(server.url, against=other.url, prompts=one)
    assert found.run.passes is not None
    assert found.run.passes.total is not None
    assert found.run.passes.total.value == 1
    assert found.passes is not None
    assert found.passes.total.counts == (0, 0, 1, 0)


def test_a_template_that_opens_a_thinking_block_is_known_by_the_folder(one: Path, tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n<think>\n{% endif %}"
    )
    folder = write_folder(tmp_path / "merged", glm_files() | {"chat_template.jinja": template.encode()})
    with Stub(always(Said("Three and four make 7."))) as server:
        passes = [
            probe_model(subject, prompts=one).run.passes
            for subject in (server.url, _subject(server.url, folder))
        ]
    whys = [one.verdicts[0].fault for one in passes if one is not None]
    assert whys[0] is None
    assert whys[1] is not None
    assert str(whys[1].why) == "the thinking block is not closed"


def _subject(url: str, folder: Path) -> Any:
    return import_module("genfix.api.probing").Subject(url, folder=str(folder))


# Sampling ---------------------------------------------------------------------------------------------------


def obeys(body: dict[str, Any]) -> Said:
    """As it is asked: seeds count where the temperature is above 0."""
    seed = body.get("seed") if body.get("temperature", 1) > 0 else 0
    return Said(f"7, and {random.Random(seed).random()}")


def ignores_seed() -> Callable[[dict[str, Any]], Said]:
    count = itertools.count()
    return lambda body: Said("7") if body.get("temperature") == 0 else Said(f"7 {next(count)}")


def ignores_both() -> Callable[[dict[str, Any]], Said]:
    count = itertools.count()
    return lambda body: Said(f"7 {next(count)}")


def takes_no_seed(body: dict[str, Any]) -> Said | Status:
    return Status(400, "unknown field seed") if "seed" in body else Said("7")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (obeys, []),
        (ignores_seed(), ["does not keep the seed"]),
        (ignores_both(), ["does not keep the seed", "does not keep temperature 0"]),
        (always(Said("7")), ["the same answer at temperature 0 and 1"]),
        (takes_no_seed, ["takes no seed"]),
    ],
)
def test_what_a_server_does_with_seed_and_temperature_is_said(
    one: Path, answers: Callable[[dict[str, Any]], Said], told: list[str]
) -> None:
    with Stub(answers) as server:
        found = probe_model(server.url, prompts=one)
    assert len(found.notes) == len(told)
    for note, words in zip(found.notes, told, strict=True):
        assert words in str(note)
    assert (found.run.sampling.seed is None) == (told == ["takes no seed"])


def test_a_plain_probe_asks_nothing_about_sampling(tmp_path: Path) -> None:
    file = tmp_path / "plain.jsonl"
    file.write_text('{"prompt": "Hello"}', "utf-8")
    with Stub(always(Said("Hi"))) as server:
        assert probe_model(server.url, prompts=file).notes == ()
        assert len(server.asked) == 1
        assert probe_model(server.url, prompts=file, temperature=0.5).notes != ()
        assert len(server.asked) == 1 + 1 + 5


# On the command line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "least", "code"), [("7", "1", 0), ("8", "0.5", 1), ("8", "0", 0)])
def test_the_threshold_decides_the_exit_code(run: Run, one: Path, text: str, least: str, code: int) -> None:
    with Stub(always(Said(text))) as server:
        result = run("probe", server.url, "--prompts", one, "--min-pass-rate", least)
    assert result.code == code
    assert ("pass rate 0 %: below --min-pass-rate 50 %" in result.err) == (code == 1)


def test_a_kind_that_is_none_is_one_sentence(run: Run) -> None:
    result = run("probe", "http://127.0.0.1:9", "--kinds", "json,jsn")
    assert result.code == 2
    assert "there is no kind 'jsn' of quality prompts" in " ".join(result.err.split())


@pytest.mark.parametrize(
    "broken", [bad.hangs, bad.drips, bad.streams_for_ever, bad.streams_garbage, bad.closes_mid_stream]
)
def test_a_broken_server_is_one_sentence(one: Path, broken: Handler) -> None:
    limits = Limits(request_seconds=0.5, total_seconds=2, retries=0, max_tokens=8)
    with Stub(always(broken)) as server, pytest.raises(ProbeError):
        probe_model(server.url, prompts=one, limits=limits)


def test_prompts_that_the_server_does_not_take_are_not_wrong() -> None:
    answers = oracle()

    def no_tools(body: dict[str, Any]) -> Said | Status:
        return Status(400, "no tools here") if "tools" in body else answers(body)

    with Stub(no_tools) as server:
        passes = probe_model(server.url, kinds=["tool"]).run.passes
    assert passes is not None
    assert (passes.verdicts, passes.not_judged, passes.total) == ((), 12, None)
