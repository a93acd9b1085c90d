"""genfix at a Python prompt and in a notebook: what values show, and that no call knows of another."""

import asyncio
import io
import json
import shutil
import sys
import threading
import types
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import genfix
from genfix.cli.waiting_line import WaitingLine
from genfix.errors import GenfixError, InputError, in_python
from genfix.folder import FileStat, Origin
from genfix.folder.remote import OnFile, RemoteFolder
from genfix.language import Language
from genfix.probe.probe_values import Limits
from genfix.web.exchange import opened
from genfix.web.waiting import watched
from tests.support.docs import blocks
from tests.support.folders import dump, glm_files, with_json, write_folder
from tests.support.merges import adapter_files, adapter_of, merge, model_of, world
from tests.support.places import ROOT
from tests.support.probe_stub import Said, Stub, always

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("python")
    shutil.copytree(ROOT / "examples" / "glm4", place, dirs_exist_ok=True)
    world_ = world()
    adapter = adapter_of()
    write_folder(place / "weighed-base", model_of(world_))
    write_folder(place / "adapter", adapter_files(adapter))
    write_folder(place / "weighed", model_of(merge(world_, adapter)))
    return place


@pytest.fixture(scope="module")
def answers(place: Path) -> dict[str, object]:
    """One of each kind."""
    merged, base = place / "merged", place / "base"
    with Stub(always(Said())) as server:
        probe = genfix.probe_model(server.url, limits=Limits(max_tokens=8))
    repaired = shutil.copytree(merged, place / "repaired")
    report = genfix.check(merged, base)
    return {
        "report": report,
        "plan": genfix.plan(merged, base),
        "repair": genfix.repair(repaired, base),
        "engines": genfix.engine_views(merged),
        "bases": genfix.base_candidates(merged),
        "models": genfix.find_models(["qwen"]),
        "weights": genfix.inspect_weights(
            place / "weighed", place / "weighed-base", adapter=place / "adapter"
        ),
        "probe": probe,
        "finding": report.findings[0],
        "context": report.context,
        "model": report.context.merged,
        "folder": report.context.merged.folder,
        "views": report.views,
        "differences": genfix.diff(merged, base),
        "log": genfix.log(repaired),
        "message": report.findings[0].message,
    }


NAMES = ["report", "plan", "repair", "engines", "bases", "models", "weights", "probe", "finding", "context"]
NAMES += ["model", "folder", "views", "differences", "log", "message"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_prompt_shows_is_short(answers: dict[str, object], name: str) -> None:
    assert len(repr(answers[name])) < 1000
    assert "\n" not in repr(answers[name])


@pytest.mark.parametrize("name", NAMES[:8])
def test_print_shows_the_text_of_the_command_line(answers: dict[str, object], name: str) -> None:
    assert str(answers[name]) == genfix.render(answers[name])  # type: ignore[arg-type] # all kinds
    assert len(str(answers[name]).splitlines()) > 2


def test_the_text_is_that_of_check(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    from genfix.cli.main import main  # noqa: PLC0415 - for one test

    main(["check", str(place / "merged"), "--base", str(place / "base")])
    said = capsys.readouterr()
    shown = str(genfix.check(place / "merged", place / "base"))
    assert shown.startswith(said.out.rstrip("\n"))
    for line in shown[len(said.out) :].splitlines():
        assert line in said.err


class Parts(HTMLParser):
    """The names of tags, and of attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.running: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.running |= {f"{name}={value}" for name, value in attrs if name.startswith("on")}
        links = [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        self.running |= {link for link in links if not link.startswith("#")}


@pytest.mark.parametrize("name", ["report", "plan", "repair", "weights", "probe"])
def test_a_notebook_shows_it_without_any_script(answers: dict[str, object], name: str) -> None:
    found: str = getattr(answers[name], "_repr_html_")()  # noqa: B009 - of several types
    parts = Parts()
    parts.feed(found)
    assert "style" in parts.tags
    assert not parts.tags & {"script", "iframe", "form", "html", "body", "link", "meta", "object"}
    assert parts.running == set()
    style = found.partition("<style>")[2].partition("</style>")[0]
    assert style.startswith(".genfix {")
    assert style.count("{") == style.count("}")
    assert ":root" not in style


def test_what_a_folder_says_stays_text(tmp_path: Path) -> None:
    files = with_json(glm_files(), "generation_config.json", eos_token_id=[151329], note=HOSTILE)
    files = with_json(files, "config.json", _name_or_path=HOSTILE)
    report = genfix.check(write_folder(tmp_path / "<img src=x onerror=y>", files))
    found = report._repr_html_()
    assert "<script" not in found
    assert "<img" not in found
    assert "\x1b" not in found + str(report) + repr(report)


def test_words_in_another_language(answers: dict[str, object]) -> None:
    report = answers["report"]
    assert isinstance(report, genfix.Report)
    finding = report.findings[0]
    assert str(finding.message) in finding.text
    assert genfix.render(finding.message, lang="zh").startswith("只在")
    assert "错误" in genfix.render(report, lang="zh")
    assert '<div class="genfix" lang="zh">' in genfix.render(report, "html", lang="zh")
    assert genfix.render(report, "page").startswith("<!doctype html>")
    assert "\x1b[" in genfix.render(report, color=True)
    assert len(genfix.render(report, verbose=True)) > len(genfix.render(report))
    with pytest.raises(ValueError, match="'fr'"):
        genfix.render(report, lang="fr")
    with pytest.raises(TypeError, match="no page for a Finding"):
        genfix.render(finding, "html")


@pytest.mark.parametrize(
    ("sentence", "there"),
    [
        ("name the base with --base", "name the base with base="),
        ("add --base org/name@main, please", "add base='org/name@main', please"),
        ("(--base FOLDER or --base ./folder)", "(base=FOLDER or base='./folder')"),
        ("leave --offline out", "leave offline=True out"),
        ("or add --allow-base-mismatch if you are sure", "or add allow_base_mismatch=True if you are sure"),
        ("ModelScope (--base ms://org/name), or", "ModelScope (base='ms://org/name'), or"),
        ("with --output: a copy", "with output=: a copy"),
        ("`genfix plan DIR --base X` and --base X", "`genfix plan DIR --base X` and base=X"),
        ("run `hf download x --local-dir y`", "run `hf download x --local-dir y`"),
        ("--nothing-of-ours stays", "--nothing-of-ours stays"),
    ],
)
def test_options_are_arguments_in_python(sentence: str, there: str) -> None:
    assert in_python(sentence) == there
    error = InputError("wrong", sentence)
    assert (str(error), error.hint) == (f"wrong\n{there}", sentence)
    assert repr(error).startswith("InputError(")


def test_calls_at_the_same_time_keep_their_languages(tmp_path: Path) -> None:
    """Four checks at once, in two languages, and with a base and without."""
    narrowed = dump(json.loads(glm_files()["generation_config.json"]) | {"eos_token_id": 151329})
    merged = write_folder(tmp_path / "merged", glm_files() | {"generation_config.json": narrowed})
    base = write_folder(tmp_path / "base", glm_files())
    calls = [(lang, against) for lang in ("en", "zh") for against in (base, None)]

    def one(lang: str, against: Path | None) -> str:
        return genfix.render(genfix.check(merged, against), lang=lang)

    async def at_once() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(one, *call) for call in calls))

    found = asyncio.run(at_once())
    assert found == [one(*call) for call in calls]
    assert len({*found}) == 4


def test_progress_has_names_and_bytes(tmp_path: Path) -> None:
    """Of the files that are fetched, by the sizes that they are listed with."""
    files = {"config.json": b"{}", "generation_config.json": b"[1]"}
    write_folder(tmp_path, files)

    def together(work: Callable[[str], object], names: Sequence[str], progress: OnFile | None = None) -> None:
        assert progress is not None
        progress(0, len(names), "")
        for done, name in enumerate(names, 1):
            work(name)
            progress(done, len(names), name)
        progress(len(names), len(names), "")

    listing = {name: FileStat(len(content)) for name, content in files.items()}
    origin = Origin("hub", "org/name", "0" * 40)
    folder = RemoteFolder(origin, listing, lambda name: tmp_path / name, together=together)
    told: list[genfix.Fetching] = []
    folder.fetch_ahead([*files, "not-there.json"], told.append)
    assert told == [
        (0, 2, "", 0, 5),
        (1, 2, "config.json", 2, 5),
        (2, 2, "generation_config.json", 5, 5),
        (2, 2, "", 5, 5),
    ]


def test_the_bar_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genfix.api.fetch_bar.PATIENCE", 0)
    monkeypatch.setattr("genfix.api.fetch_bar.INTERVAL", 0)
    file = io.StringIO()
    bar = genfix.FetchBar("fetching", file=file)
    for step in ((0, 2, "", 0), (1, 2, "a.json", 1500), (2, 2, "b\x1b.json", 3000), (2, 2, "", 3000)):
        bar(genfix.Fetching(*step, 3000))
    assert "fetching" in file.getvalue()
    assert "a.json" in file.getvalue()
    assert "1.50k/3.00k" in file.getvalue()
    assert "b\x1b" not in file.getvalue()


def test_who_waits_is_told_and_nobody_else() -> None:
    """Requests of other threads, which were not begun inside, are no concern of this call."""
    seen: list[str] = []

    @contextmanager
    def watch(host: str) -> Iterator[None]:
        seen.append(f"to {host}")
        yield
        seen.append(f"from {host}")

    with Stub(always(Said())) as server, watched(watch):
        request = urllib.request.Request(f"{server.url}/v1/models")
        with opened(request, 5):
            pass
        other = threading.Thread(target=lambda: opened(request, 5).__enter__())
        other.start()
        other.join()
    assert seen == ["to 127.0.0.1", "from 127.0.0.1"]


def test_a_silent_server_is_named_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where stderr is no terminal, in plain lines."""
    monkeypatch.setattr("genfix.cli.waiting_line._PATIENCE", 0)
    line = WaitingLine(Language.CHINESE)
    said = ""
    for _ in range(2):
        with line("example.org"):
            while "example.org" not in said:
                said += capsys.readouterr().err
    assert said == "正在等待 example.org ……\n"


def python_of(page: str) -> list[str]:
    return [
        block.text
        for block in blocks((ROOT / "docs" / page).read_text("utf-8"))
        if block.language == "python"
    ]


def test_the_page_about_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks in one go, but the one that trains: `dev/integration` runs that."""
    shutil.copytree(ROOT / "examples" / "glm4", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    texts = [text for text in python_of("python.md") if "transformers import" not in text]
    assert len(texts) == len(python_of("python.md")) - 1
    for text in texts:
        exec(compile(text, "docs/python.md", "exec"), names)
    assert isinstance(names["report"], genfix.Report)


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells, as a Jupyter would run them; `dev/integration` has one run it."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)


def test_the_root_of_errors_is_public() -> None:
    assert genfix.GenfixError is GenfixError


class Place(NamedTuple):
    """What the Trainer hands to a callback: arguments, state and control in one."""

    output_dir: str
    global_step: int
    is_world_process_zero: bool = True


class Control:
    should_training_stop = False


@pytest.fixture
def callback_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`GenfixCallback` beside a transformers that has only its root; `dev/integration` has a real one."""
    there = types.ModuleType("transformers")
    setattr(there, "TrainerCallback", type("TrainerCallback", (), {}))  # noqa: B010
    monkeypatch.setitem(sys.modules, "transformers", there)
    monkeypatch.delitem(sys.modules, "genfix.integrations.transformers", raising=False)
    found: Callable[..., Any] = import_module("genfix.integrations.transformers").GenfixCallback
    return found


def test_the_callback_checks_and_keeps_a_checkpoint(
    tmp_path: Path, callback_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    narrowed = with_json(glm_files(), "generation_config.json", eos_token_id=151329)
    folder = write_folder(tmp_path / "checkpoint-7", narrowed)
    told: list[Path] = []
    callback = callback_of(base, on_checkpoint=lambda place, report: told.append(place))
    strict, control = callback_of(base, keep=False, stop_on_error=True), Control()
    place = Place(str(tmp_path), 7)
    callback.on_save(place, place, control)
    assert (told, control.should_training_stop) == ([folder], False)
    assert callback.reports[7].findings[0].code == "GF101"
    assert [kept.note["message"] for kept in genfix.log(folder)] == ["step 7"]
    assert "GF101 generation_config.json" in caplog.text
    strict.on_save(place, place, control)
    assert (len(genfix.log(folder)), control.should_training_stop) == (1, True)


def test_the_callback_lets_training_go_on(
    tmp_path: Path, callback_of: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    callback, control = callback_of(stop_on_error=True), Control()
    for place in (Place(str(tmp_path), 1), Place(str(tmp_path), 2, is_world_process_zero=False)):
        callback.on_save(place, place, control)
    assert callback.reports == {}
    assert not control.should_training_stop
    assert caplog.text.count("was not checked") == 1


def test_without_transformers_the_callback_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "genfix.integrations.transformers", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'genfix\[transformers\]'"):
        import_module("genfix.integrations.transformers")
