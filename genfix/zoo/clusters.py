"""Workers on a cluster: executors of Dask and of Ray, which are installed where somebody uses them.

Genfix must be installed on the workers, and the folders must be there under the same paths. A task whose
worker dies is tried again by the cluster itself.
"""

import os
import socket
from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from types import ModuleType
from typing import Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

from genfix.errors import GenfixError, InputError
from genfix.message import text

Given = ParamSpec("Given")
Result = TypeVar("Result")
_RAY_TRIES: Final = 3
"""So often a cluster of Ray that takes connections is asked for a server; one that dies takes 40 s."""


class DaskExecutor(Executor):
    """The executor of a Dask client; closing it closes the client."""

    def __init__(self, address: str) -> None:
        distributed = _module("distributed", "dask")
        try:
            self._client = distributed.Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise _unreachable("Dask", address, error) from error
        self._inner: Executor = self._client.get_executor(pure=False)

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        threads: dict[str, int] = self._client.nthreads()
        return sum(threads.values())

    def submit(
        self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """Run a function on some worker."""
        return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is
        """Leave the cluster; what still runs is canceled."""
        del cancel_futures
        self._inner.shutdown(wait)
        self._client.close()


class RayExecutor(Executor):
    """Tasks of Ray as an executor: Ray has none of its own."""

    def __init__(self, address: str) -> None:
        # Else what `uv run` started sends the directory it stands in to every worker
        # (ray/util/client/__init__.py), with the environments in it. Ray reads this when it is imported.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        self._ray = _module("ray", "ray")
        _ask(address)  # Ray itself takes half a minute to say that nobody listens
        for left in range(_RAY_TRIES - 1, -1, -1):
            try:
                self._ray.init(address, ignore_reinit_error=True, log_to_driver=False)
            except Exception as error:  # Ray raises what it likes, plain exceptions too
                # Its proxy starts a server for each client, which may die at its start; the next one lives.
                _ask(address)
                if not left:
                    raise _serves_nobody(address, error) from error
            else:
                break

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        resources: dict[str, float] = self._ray.cluster_resources()
        return max(1, int(resources.get("CPU", 1)))

    def submit(
        self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """Run a function on some worker."""
        found: Future[Result] = self._ray.remote(max_retries=2)(fn).remote(*args, **kwargs).future()
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is
        """Leave the cluster; what still runs is canceled."""
        del wait, cancel_futures
        self._ray.shutdown()


def _ask(address: str) -> None:
    """Raises `GenfixError` where nobody takes connections."""
    try:
        parts = urlsplit(address)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10):
            pass
    except (OSError, ValueError) as error:
        raise _unreachable("Ray", address, error) from error


def _module(name: str, extra: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            "{name} is not installed here",
            "install it: {command}",
            name=name,
            command=f"pip install 'genfix[{extra}]'",
        ) from error


def _unreachable(what: str, address: str, error: Exception) -> GenfixError:
    return GenfixError(
        text(
            "there is no cluster of {what} at {address}: {why}", what=what, address=address, why=_why(error)
        ),
        "check the address and that the cluster runs",
    )


def _serves_nobody(address: str, error: Exception) -> GenfixError:
    return GenfixError(
        text(
            "Ray at {address} takes connections, and started no server for us in {count} tries: {why}",
            address=address,
            count=_RAY_TRIES,
            why=_why(error),
        ),
        "its log is ray_client_server_*.err on the head node; sweep again when the node has less to do",
    )


def _why(error: Exception) -> str:
    """The last line: what is above it in an error of a cluster is a traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
