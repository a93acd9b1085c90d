"""A machine of its own that uses a fake Hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub
from tests.support.forks import Forks
from tests.support.hub_machine import Machine, environment


@pytest.fixture
def machine(tmp_path: Path, forks: Forks) -> Iterator[Machine]:
    """A machine that uses a fake Hub."""
    with FakeHub() as hub:
        yield Machine(tmp_path, hub, environment(tmp_path, hub), forks)
