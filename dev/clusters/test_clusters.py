"""The rows of a sweep are the same wherever its workers run, and one that is killed loses nothing.

uv run --with distributed --with 'ray[client]' --with pyarrow --with fsspec python -m pytest dev/clusters
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.zoos import make_zoo, rows

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = 300
SAME = """
SELECT path, inputs, state, worst, errors, warnings, infos, base, named_base, made_by, model_type, message
FROM results ORDER BY path
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    make_zoo(root, FOLDERS)
    (root / "zoo" / "team-0" / "run-00000" / "config.json").write_bytes(b"{")
    assert sweep(root, "process.sqlite", "process").wait(120) in {1, 2}
    return root


def sweep(root: Path, store: str, executor: str) -> "subprocess.Popen[bytes]":
    words = ["sweep", "zoo", "--base", "base", "--store", store, "--executor", executor, "--again"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(root / "cache")}
    return subprocess.Popen([sys.executable, "-m", "genfix", *words], cwd=root, env=env)


@pytest.fixture(scope="module")
def dask() -> Iterator[tuple[str, Callable[[], int]]]:
    """Its address, and how to find a worker's process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address.removeprefix("tcp://")
        yield f"dask://{address}", lambda: next(iter(cluster.workers.values())).pid


@pytest.fixture(scope="module")
def ray() -> Iterator[tuple[str, Callable[[], int]]]:
    pytest.importorskip("ray")
    with ExitStack() as heads:
        # Ray gives a node 30 s to start (node.py): too little where others load the machine.
        started = (heads.enter_context(_ray_head()) for _ in range(3))
        port = next((port for port in started if port is not None), None)
        assert port is not None, "Ray does not start"
        yield f"ray://127.0.0.1:{port}", _ray_worker


@contextmanager
def _ray_head() -> Iterator[int | None]:
    """The port of its client server; `None` where it has ended."""
    ports = [*_free_ports(2)]
    command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--head",
               "--block", "--num-cpus=2", f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}",
               "--include-dashboard=false", "--disable-usage-stats"]  # fmt: skip
    # This very test may be started by `uv run`: see `RayExecutor`. The proxy forks the server of a client
    # while gRPC has threads; gRPC's own handlers of a fork then end it now and then (fork_posix.cc). And it
    # waits 30 s for that server, which has to import Ray anew: too little where others load the machine.
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "150",
    }
    # In the foreground: it ends its own processes when it is ended.
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True) as head:
        try:
            yield ports[1] if _answers(ports[1], head) else None
        finally:
            head.terminate()
            head.wait(60)


def _free_ports(number: int) -> Iterator[int]:
    for _ in range(number):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            yield free.getsockname()[1]


def _answers(port: int, head: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and head.poll() is None:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.2)
    return False


def _ray_worker() -> int:
    """A process that runs our tasks: Ray names it after the function."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdecimal() and b"ray::judge_folders" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
            except OSError:
                continue
        time.sleep(0.02)
    raise AssertionError("no task of ours runs")


@pytest.mark.parametrize("kill", [False, True], ids=["whole", "a worker is killed"])
@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_the_rows_are_those_of_the_process_pool(
    request: pytest.FixtureRequest, zoo: Path, kind: str, kill: bool
) -> None:
    address, worker = request.getfixturevalue(kind)
    store = f"{kind}-{kill}.sqlite"
    process = sweep(zoo, store, address)
    if kill:
        while not (zoo / store).exists() and process.poll() is None:
            time.sleep(0.05)
        time.sleep(1.0 if kind == "dask" else 0)
        os.kill(worker(), signal.SIGKILL)
    assert process.wait(300) in {1, 2}
    assert rows(zoo / store, SAME) == rows(zoo / "process.sqlite", SAME)
    assert len(rows(zoo / store, SAME)) == FOLDERS


def test_a_store_goes_to_parquet(zoo: Path) -> None:
    parquet = import_module("pyarrow.parquet")
    words = ["sweep", "report", "process.sqlite", "--output-format", "parquet", "-o", "zoo.parquet"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "genfix", *words], cwd=zoo, env=env, check=True)
    table = parquet.read_table(zoo / "zoo.parquet").to_pylist()
    assert len(table) == FOLDERS
    assert {one["code"] for row in table for one in row["findings"]} >= {"GF101"}


def test_a_cluster_that_is_not_there_is_said(zoo: Path) -> None:
    for address in ("dask://127.0.0.1:9", "ray://127.0.0.1:9"):
        words = ["sweep", "zoo", "--store", "none.sqlite", "--executor", address]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "genfix", *words],
            cwd=zoo,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "error: there is no cluster of" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_folder_behind_fsspec_is_judged_as_the_same_folder_here(zoo: Path) -> None:
    folder = zoo / "zoo" / "team-0" / "run-00001"
    told = []
    for target in (folder.as_uri(), str(folder)):
        words = ["check", target, "--base", "base", "--output-format", "json"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "genfix", *words], cwd=zoo, env=env, capture_output=True, check=False
        )
        told.append(json.loads(done.stdout)["findings"])
    assert told[0] == told[1]
    assert told[0]
