"""A sweep: all judged once, whatever stops it, and nothing done twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path

import pytest

from genfix import Setup, folders_below, sweep
from genfix.api.judging import check_case
from genfix.model import remembered
from genfix.resolver import shared_work
from genfix.zoo import sweeping, worker
from genfix.zoo.executors import Pool
from genfix.zoo.judgement import Answer, Task
from genfix.zoo.store import open_store
from genfix.zoo.sweeping import Sweep
from genfix.zoo.time_limit import time_limit
from tests.support.folders import chatml_files, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run
from tests.support.trees import user_files
from tests.support.zoos import GENERATION, NEW, OLD, make_zoo, newest, rows, state_of_files


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_zoo(tmp_path, 10)
    return tmp_path / "zoo"


STORE = Path("results.sqlite")
BY_BASE = Setup(base="base")


def run_here(
    zoo: Path, setup: Setup = BY_BASE, *, again: bool = False
) -> tuple[sweeping.Swept, list[Answer]]:
    """A sweep whose worker is a thread of this process."""
    answers: list[Answer] = []
    done = sweep(
        folders_below(zoo), STORE, setup, executor="thread", jobs=1, again=again, told=answers.append
    )
    return done, answers


def test_every_folder_is_judged_as_check_does_it(run: Run, zoo: Path) -> None:
    done, _ = run_here(zoo)
    assert done[:6] == (10, 0, 0, 0, 5, 0)
    for path, _, errors in rows(STORE):
        alone = json.loads(run("check", str(path), "--base", "base", "--output-format", "json").out)
        query = "SELECT code, severity, f.message FROM findings AS f JOIN latest ON id = result WHERE path ="
        found = rows(STORE, f"{query} '{path}'")
        assert found == [(one["code"], one["severity"], one["message"]) for one in alone["findings"]]
        assert errors == alone["summary"]["error"]


def test_what_has_not_changed_is_not_judged_again(zoo: Path) -> None:
    run_here(zoo)
    again, answers = run_here(zoo)
    assert (again.judged, again.unchanged, again.errors) == (0, 10, 5)
    assert all(answer.judgement is None for answer in answers)
    (zoo / "team-0" / "run-00000" / GENERATION).write_bytes(OLD)
    os.utime(zoo / "team-0" / "run-00003" / "config.json")
    later, _ = run_here(zoo)
    assert (later.judged, later.unchanged, later.errors) == (2, 8, 6)
    assert len(rows(STORE)) == 12
    assert run_here(zoo, again=True)[0].judged == 10
    assert run_here(zoo, BY_BASE._replace(ignore=("GF101",)))[0].judged == 10


def test_another_base_or_version_is_another_judgement(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(zoo)
    (zoo.parent / "base" / "LICENSE").write_bytes(b"do better\n")
    assert run_here(zoo)[0].judged == 10
    monkeypatch.setattr("genfix.zoo.folder_digest.__version__", "99")
    assert run_here(zoo)[0].judged == 10


def test_repairs_are_made_once_and_can_be_taken_back(run: Run, zoo: Path) -> None:
    done, _ = run_here(zoo, BY_BASE._replace(repair=True))
    assert (done.judged, done.repaired, done.failed) == (10, 5, 0)
    assert {state_of_files(folder) for folder in zoo.glob("*/*")} == {"new"}
    assert run_here(zoo, BY_BASE._replace(repair=True))[0][:6] == (0, 0, 10, 0, 0, 0)
    assert {state for _, state, _ in rows(STORE)} == {"judged", "repaired"}
    assert run("undo", zoo / "team-0" / "run-00001").code == 0
    assert state_of_files(zoo / "team-0" / "run-00001") == "old"


def test_a_folder_that_was_recovered_is_not_judged_again(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill left half done is put right before the folder is judged: that folder was judged."""

    def recovered(folder: Path, **_: object) -> None:
        if (folder / GENERATION).read_bytes() != NEW:
            (folder / GENERATION).write_bytes(NEW)

    monkeypatch.setattr("genfix.applier.recover", recovered)
    repair = BY_BASE._replace(repair=True)
    assert run_here(zoo, repair)[0].judged == 10
    monkeypatch.undo()
    monkeypatch.chdir(zoo.parent)
    assert run_here(zoo, repair)[0][:3] == (0, 0, 10)


def test_tokenizers_templates_and_bases_are_read_once(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = (
        write_folder(zoo.parent / "tokenizers", {"t.json": chatml_files()["tokenizer.json"]}) / "t.json"
    )
    for place in range(12):
        folder = write_folder(zoo / "linked" / str(place), chatml_files())
        (folder / "tokenizer.json").unlink()
        os.link(tokenizer, folder / "tokenizer.json")
    read: list[str] = []

    def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            read.append(name)
            return function(*args, **options)

        return call

    for module, name in (
        (remembered, "read_tokenizer_head"),
        (remembered, "find_turn_ends"),
        (shared_work, "resolve_base"),
    ):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    done, _ = run_here(zoo / "linked", Setup(base=str(zoo / "linked" / "0")))
    assert (done.judged, done.failed) == (12, 0)
    assert sorted(read) == ["find_turn_ends", "read_tokenizer_head", "resolve_base"]


def test_a_base_that_changes_meanwhile_is_read_anew(zoo: Path) -> None:
    def told(answer: Answer) -> None:
        if answer.task.path.endswith("run-00001"):
            settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": [151329]}
            Path("next.json").write_text(json.dumps(settings))
            Path("next.json").replace(zoo.parent / "base" / GENERATION)

    paths = [zoo / "team-0" / "run-00001"] * 48 + [zoo / "team-0" / "run-00003"]
    done = sweep(map(str, paths), STORE, BY_BASE, executor="thread", jobs=1, again=True, told=told)
    assert done.judged == 49
    last = rows(STORE, "SELECT errors FROM results ORDER BY id")
    assert (last[0], last[-1]) == ((1,), (0,))


# Folders that do harm ---------------------------------------------------------------------------------------


def test_one_hostile_folder_harms_no_other(zoo: Path) -> None:
    team = zoo / "team-0"
    os.mkfifo(team / "run-00002" / "added_tokens.json")
    (team / "run-00004" / "config.json").write_bytes(b"[" * 10**6)
    (team / "run-00006" / "chat_template.jinja").write_text("{% for _ in range(10**12) %}{% endfor %}")
    done, _ = run_here(zoo, Setup())
    assert (done.judged, done.failed) == (10, 0)
    assert newest(STORE)["run-00003"] == "judged"
    assert [errors for path, _, errors in rows(STORE) if str(path).endswith(("2", "4", "6"))] > [0, 0, 0]


@pytest.mark.parametrize("thread", ["the first thread", "another thread, as on Dask"])
def test_a_folder_that_takes_too_long_is_given_up(
    zoo: Path, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    def judge(case: object, opened: object) -> object:
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001 - as a rule may that looks at anything
                continue

    monkeypatch.setattr(worker, "check_case", judge)
    task = Task(str(zoo / "team-0" / "run-00001"))
    if thread == "the first thread":
        found = worker.judge_folder(Setup(seconds=0.05), task)
    else:
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(worker.judge_folder, Setup(seconds=0.05), task).result()
            assert pool.submit(sum, [1, 2]).result() == 3
    assert found is not None
    assert (found.state, found.message) == ("failed", "not judged after 0 seconds")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert "time-limit" not in {thread.name for thread in threading.enumerate()}


def test_work_that_is_done_in_time_hears_of_no_limit() -> None:
    def work() -> int:
        with time_limit(60):
            return 5

    with ThreadPoolExecutor(1) as pool:
        assert [pool.submit(work).result() for _ in range(20)] == [5] * 20
    assert work() == 5


def test_a_bug_is_the_folders_own(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = check_case
    (zoo / "team-0" / "run-00003" / "NOTICE").write_bytes(b"unlike the others\n")

    def sometimes(case: object, opened: object) -> object:
        if str(getattr(case, "target", "")).endswith("3"):
            raise MemoryError
        return judge(case, opened)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "check_case", sometimes)
    done, _ = run_here(zoo)
    assert (done.judged, done.failed) == (9, 1)
    [row] = rows(STORE, "SELECT message FROM latest WHERE state = 'failed'")
    assert row == ("this is a bug in genfix: MemoryError: ",)


class Dying(ThreadPoolExecutor):
    """Workers that die of one folder, and of every batch that has it."""

    def __init__(self, poison: str) -> None:
        super().__init__(1)
        self.poison = poison

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> Future:  # type: ignore[type-arg]
        setup, tasks = args
        assert isinstance(tasks, Sequence)
        if any(str(task.path).endswith(self.poison) for task in tasks):
            lost: Future[object] = Future()
            lost.set_exception(BrokenProcessPool("a worker died"))
            return lost
        return super().submit(fn, setup, tasks)


def test_what_no_worker_survives_is_quarantined_and_the_others_are_judged(zoo: Path) -> None:
    started: list[Executor] = []

    def start() -> Executor:
        started.append(Dying("run-00004"))
        return started[-1]

    with open_store(STORE, to_write=True) as store:
        setup = BY_BASE._replace(base=str(zoo.parent / "base"))
        done = Sweep(store, setup, Pool(start, 1), lambda _: None).run(folders_below(zoo))
    assert (done.judged, done.failed) == (9, 1)
    assert newest(STORE)["run-00004"] == "quarantined"
    assert len(rows(STORE)) == 10
    assert run_here(zoo)[0].failed == 1  # not tried again before it changes
    assert run_here(zoo, again=True)[0].failed == 0
    for executor in started:
        executor.shutdown()


# Processes that are killed ----------------------------------------------------------------------------------

SWEEP = [
    "-m",
    "genfix",
    "sweep",
    "zoo",
    "--base",
    "base",
    "--store",
    "results.sqlite",
    "--jobs",
    "2",
    "--repair",
]


def start(place: Path, mark: str = "") -> "subprocess.Popen[bytes]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "GENFIX_MARK": mark}
    return subprocess.Popen(
        [sys.executable, *SWEEP], cwd=place, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_killed_at_any_moment_it_goes_on_and_judges_each_once(tmp_path: Path) -> None:
    zoo, _ = make_zoo(tmp_path, 120)
    folders = [*zoo.glob("*/*")]
    for seconds in (0.9, 1.1, 1.3):
        process = start(tmp_path)
        time.sleep(seconds)
        process.kill()
        process.wait()
        for folder in folders:
            assert state_of_files(folder) in {"old", "new"}, folder
    assert start(tmp_path).wait() == 0
    assert {state_of_files(folder) for folder in folders} == {"new"}
    counted = rows(tmp_path / "results.sqlite", "SELECT path, count(*) FROM results GROUP BY path")
    assert sorted(Path(str(path)).name for path, _ in counted) == sorted(folder.name for folder in folders)
    assert {number for _, number in counted} == {1}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_workers_end_with_their_driver(tmp_path: Path) -> None:
    make_zoo(tmp_path, 120)
    mark = f"mark-{os.urandom(8).hex()}"
    process = start(tmp_path, mark)
    deadline = time.monotonic() + 30
    while len(marked(mark)) < 4:  # the driver, its server and two workers
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    while workers := marked(mark):
        assert time.monotonic() < deadline, workers
        time.sleep(0.05)


def marked(mark: str) -> Sequence[int]:
    """Processes that have ``mark`` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


# The store --------------------------------------------------------------------------------------------------


def test_one_sweep_at_a_time_writes_to_a_store(run: Run, zoo: Path) -> None:
    with open_store(STORE, to_write=True):
        result = run("sweep", "zoo", "--store", STORE)
    assert (result.code, result.out) == (3, "")
    assert "another sweep is using results.sqlite" in result.err


@pytest.mark.parametrize("content", [b"x" * 4096, b"{}", b"SQLite format 3\0" + bytes(4080)])
def test_a_file_that_is_no_store_is_left_alone(run: Run, zoo: Path, content: bytes) -> None:
    STORE.write_bytes(content)
    result = run("sweep", "zoo", "--store", STORE)
    assert (result.code, result.out) == (2, "")
    assert "results.sqlite is no store of a sweep" in result.err
    assert STORE.read_bytes() == content


def test_a_torn_store_is_an_error_in_one_sentence(run: Run, zoo: Path) -> None:
    run_here(zoo)
    STORE.write_bytes(STORE.read_bytes()[:4096] + b"x" * 4096)
    for words in (("sweep", "zoo", "--store", STORE), ("sweep", "report", STORE)):
        result = run(*words)
        assert (result.code, result.out) == (2, "")
        assert "the store results.sqlite cannot be used: " in result.err


def test_a_store_is_not_put_into_a_model_folder_by_accident(run: Run, zoo: Path) -> None:
    before = user_files(zoo)
    assert run("sweep", "zoo", "--store", "zoo/team-0/run-00000/config.json").code == 3
    assert run("sweep", "zoo", "--store", "nowhere/x.sqlite").code == 2
    assert user_files(zoo) == before


def test_nothing_of_a_store_is_ever_changed(zoo: Path) -> None:
    run_here(zoo)
    before = rows(STORE, "SELECT * FROM results")
    run_here(zoo, again=True)
    assert rows(STORE, "SELECT * FROM results")[: len(before)] == before


def test_names_of_strangers_are_kept_as_text(zoo: Path) -> None:
    write_folder(zoo / "x'; DROP TABLE results; --\udcff", {**glm_files(), GENERATION: OLD})
    done, _ = run_here(zoo)
    assert (done.judged, done.failed) == (11, 0)
    assert len(rows(STORE)) == 11


# The command ------------------------------------------------------------------------------------------------


def test_exit_codes_say_how_the_zoo_is(run: Run, zoo: Path) -> None:
    words = ("sweep", "zoo", "--base", "base", "--executor", "thread")
    assert run(*words).code == 1
    assert run(*words).code == 1
    assert "10 not changed since" in run(*words).told
    assert run(*words, "--repair").code == 0
    Path("list.txt").write_text(f"# mine\n\nzoo/team-0/run-00000\n{zoo}/nowhere\n")
    listed = run("sweep", "--from", "list.txt", "--base", "base", "--executor", "thread")
    assert listed.code == 2
    assert "1 could not be judged" in listed.told
    assert f"not judged or repaired: {zoo}/nowhere: " in listed.told
    assert run("sweep", "--from", "empty.txt").code == 2
    assert run("sweep", "nowhere").code == 2
    assert run("sweep", "zoo", "--select", "GF9999").code == 2
    assert "there is no executor 'boat'" in run("sweep", "zoo", "--executor", "boat").err


def test_a_report_has_the_worst_first_in_every_form(run: Run, zoo: Path) -> None:
    assert run("sweep", "zoo", "--base", "base", "--executor", "thread", "--store", STORE).code == 1
    text = run("sweep", "report", STORE)
    assert text.code == 0
    assert "GF101 stop-tokens-narrowed" in text.out
    document = json.loads(run("sweep", "report", STORE, "--output-format", "json").out)
    assert document["folders"] == 10
    assert document["states"]["endless"] == 5
    assert document["by_rule"][0] == {"rule": "GF101 stop-tokens-narrowed", "folders": 5}
    assert [one["path"] for one in document["worst"]][-1] == str(zoo / "team-0" / "run-00009")
    page = run("sweep", "report", STORE, "--output-format", "html").out
    assert page.count('class="endless"') > 5
    assert "run-00009" in page
    assert run("sweep", "report", "nothing.sqlite").code == 2
    kept = run("sweep", "report", STORE, "--output-format", "html", "-o", "zoo.html")
    assert (kept.out, kept.err) == ("", "10 folders: 5 never stop\nwrote zoo.html\n")


def test_a_store_goes_to_parquet(run: Run, zoo: Path) -> None:
    run_here(zoo)
    assert "-o results.parquet" in run("sweep", "report", STORE, "--output-format", "parquet").err
    result = run("sweep", "report", STORE, "--output-format", "parquet", "-o", "r.parquet")
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        assert result.code == 2
        assert "pip install 'genfix[parquet]'" in result.err
        return
    assert result.err == "10 folders: 5 never stop\nwrote r.parquet\n"
    table = parquet.read_table("r.parquet").to_pylist()
    assert len(table) == 10
    assert sum(one["errors"] for one in table) == 5


def test_the_schema_of_the_docs_is_that_of_the_store(zoo: Path) -> None:
    run_here(zoo)
    page = (ROOT / "docs" / "sweep.md").read_text("utf-8")
    connection = sqlite3.connect(STORE)
    tables = {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        for name in ("runs", "results", "findings")
    }
    connection.close()
    for name, columns in tables.items():
        assert f"| `{name}` | {', '.join(f'`{column}`' for column in columns)} |" in page
