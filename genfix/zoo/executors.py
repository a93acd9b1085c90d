"""Where the workers of a sweep run: `concurrent.futures` executors, of this machine or of a cluster."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Final, NamedTuple

from genfix.errors import InputError
from genfix.json_types import JsonValue
from genfix.message import text

KINDS: Final = ("process", "thread", "dask://HOST:PORT", "ray://HOST:PORT")
_BYTES: Final = 4 * 1024**3
"""Of address space for one process: the largest real headers and tokenizers need a tenth."""


class Pool(NamedTuple):
    """Workers, and how to get others where they are lost."""

    start: Callable[[], Executor]
    """Makes an executor; made anew where the last one broke."""
    jobs: int
    """How many folders are judged at once."""


def pool_of(spec: str, jobs: int | None) -> Pool:
    """The workers that ``spec`` names.

    Raises `InputError` for what is none, and `GenfixError` where a cluster is not there.
    """
    kind, _, address = spec.partition("://")
    if spec == "process":
        number = jobs or _cores()
        return Pool(lambda: _processes(number), number)
    if spec == "thread":
        number = jobs or _cores()
        return Pool(lambda: ThreadPoolExecutor(number), number)
    if kind in {"dask", "ray"} and address:
        from genfix.zoo.clusters import DaskExecutor, RayExecutor  # noqa: PLC0415 - few have a cluster

        found = DaskExecutor(f"tcp://{address}") if kind == "dask" else RayExecutor(spec)
        return Pool(lambda: found, jobs or found.workers)
    names: list[JsonValue] = [*KINDS]
    raise InputError(
        text("there is no executor '{spec}'", spec=spec), text("it is one of {executors}", executors=names)
    )


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes(number: int) -> Executor:
    """Processes that share no memory with this one: forks of a server, or started anew."""
    if sys.platform == "win32":
        context = multiprocessing.get_context("spawn")
    else:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["genfix.zoo.worker"])
    return ProcessPoolExecutor(number, mp_context=context, initializer=_begin)


def _begin() -> None:
    """What a worker process does first: it ends with its driver, and a folder that wants all memory fails."""
    import signal  # noqa: PLC0415 - in the worker only
    import threading  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for all of them, and a traceback each is no help
    threading.Thread(target=_end_with_driver, daemon=True).start()
    if sys.platform == "linux":
        import resource  # noqa: PLC0415

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _BYTES if hard == resource.RLIM_INFINITY else min(_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _end_with_driver() -> None:
    """End this process when the driver is killed: nobody would take its answers, and none would end it."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
