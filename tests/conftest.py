"""What all tests share: a cache and a state of their own, no network, and real folders if there are any."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

if threading.current_thread() is threading.main_thread():
    # Under nohup and some schedulers SIGINT is ignored, by children too: interrupts are tested here.
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.support.forks import Forks
from tests.support.places import SHARED
from tests.support.rendering import Renderer, turn_ends_once
from tests.support.running import Run, runner


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "GENFIX_STATE_DIR",
            "GENFIX_DEBUG",
            "NO_COLOR",
            "FORCE_COLOR",
            "HF_TOKEN",
            "HF_ENDPOINT",
            "HF_HOME",
            "HF_HUB_CACHE",
            "HUGGINGFACE_HUB_CACHE",
            "GENFIX_BASE",
        ):
            patch.delenv(name, raising=False)
        # One cache per run: the user's own is not touched, nor searched for bases.
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        patch.setenv("MODELSCOPE_CACHE", str(tmp_path_factory.getbasetemp() / "modelscope"))
        patch.setenv("COLUMNS", "100")
        patch.setenv("GENFIX_LANG", "en")
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_are_rendered_once() -> Iterator[None]:
    """By one process, and what a template says is found out once: tests of rules ask it hundreds of times."""
    with pytest.MonkeyPatch.context() as patch, Renderer() as renderer:
        if hasattr(os, "fork"):
            patch.setattr("genfix.model.template_render._run_child", renderer)
        patch.setattr("genfix.model.remembered.find_turn_ends", turn_ends_once)
        yield


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """One command in this process."""
    return runner(capsys)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """What stands for new Python processes, once for all tests."""
    with Forks() as forks:
        yield forks


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
