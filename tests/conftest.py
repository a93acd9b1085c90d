"""What all tests share: a cache and a state of their own, no network, and real folders where they are there."""

import signal
import threading
from pathlib import Path

import pytest

if threading.current_thread() is threading.main_thread():
    # Under nohup and some schedulers SIGINT is ignored, and children inherit that: interrupts are tested here.
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.support.places import SHARED


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # One cache per run: templates are rendered once, and the user's own cache is not touched.
    cache = tmp_path_factory.getbasetemp() / "cache"
    for name in ("GENFIX_STATE_DIR", "GENFIX_DEBUG", "NO_COLOR", "FORCE_COLOR", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("GENFIX_LANG", "en")


@pytest.fixture(scope="session")
def real_configs() -> Path:
    """Folders of other people's config files; not part of this repository."""
    path = SHARED / "real_configs"
    if not path.is_dir():
        pytest.skip("the collection of real config files is not on this machine")
    return path


@pytest.fixture(scope="session")
def merge_corpus() -> Path:
    """Bases and what real merge tools made of them; not part of this repository."""
    path = SHARED / "merge_corpus"
    if not path.is_dir():
        pytest.skip("the collection of real merges is not on this machine")
    return path
