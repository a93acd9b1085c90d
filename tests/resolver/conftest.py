"""A fake Hub, and a machine that uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub
from tests.support.fakemodelscope import FakeModelScope
from tests.support.forks import Forks
from tests.support.hub_machine import environment
from tests.support.hub_runner import Runner


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        yield server


@pytest.fixture
def run(hub: FakeHub, tmp_path: Path, forks: Forks) -> Runner:
    """A machine whose Hub is ``hub``. Telemetry is left on, so that a test sees requests it would send."""
    return Runner(tmp_path, environment(tmp_path, hub), forks)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModelScope]:
    """The ModelScope of this process, whose home is ``tmp_path``; retries cost nothing."""
    for name in (
        "MODELSCOPE_CACHE",
        "MODELSCOPE_API_TOKEN",
        "MODELSCOPE_DOMAIN",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("genfix.resolver.modelscope.modelscope_site._PAUSES", (0.0, 0.0))
    with FakeModelScope() as server:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.endpoint)
        yield server
