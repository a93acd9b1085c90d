"""Connecting to a cluster that is slow to come, or does not; `dev/clusters` has real ones."""

import socket
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from genfix.errors import GenfixError
from genfix.zoo.clusters import RayExecutor


class Ray(ModuleType):
    """Of Ray what an executor needs; its servers die at their start as often as is said."""

    def __init__(self, deaths: int) -> None:
        super().__init__("ray")
        self.deaths, self.asked = deaths, 0

    def init(self, address: str, **options: object) -> None:
        del address, options
        self.asked += 1
        if self.asked <= self.deaths:
            raise ConnectionError("Starting Ray client server failed.\nSee ray_client_server_23000.err")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}


@pytest.fixture
def port() -> Iterator[int]:
    """One at which somebody takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")


def test_a_server_of_ray_that_dies_at_its_start_is_asked_for_again(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = Ray(deaths=2)
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert RayExecutor(f"ray://127.0.0.1:{port}").workers == 2
    assert ray.asked == 3


def test_asking_has_an_end_and_one_sentence(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray(deaths=99)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(GenfixError) as caught:
        RayExecutor(f"ray://127.0.0.1:{port}")
    assert ray.asked == 3
    assert f"{port} takes connections, and started no server" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("address", ["ray://127.0.0.1:9", "ray://127.0.0.1:nine", "ray://[::1"])
def test_where_nobody_listens_ray_is_not_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray(deaths=99)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(GenfixError, match="there is no cluster of Ray"):
        RayExecutor(address)
    assert ray.asked == 0
