"""Keeps the run offline; the libraries read these when they are imported, so it is done before that. And the
model that is trained once for all tests of a run, and vLLM, which is slow to start, with it.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows genfix's texts and the answers to some of its questions: `tiny_language`."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from dev.integration.tiny_language import VOCABULARY, train

    folder = tmp_path_factory.mktemp("models") / "sound"
    texts, answers = train(folder)
    print("loss in nats per token: texts", texts, "answers", answers)
    assert max(texts, answers) < math.log(VOCABULARY) / 3
    return folder


@pytest.fixture(scope="session")
def sound_in_vllm(sound: Path) -> Iterator[str]:
    """The URL of vLLM with that model."""
    from dev.integration.real_servers import vllm_server

    with vllm_server(sound) as url:
        yield url
