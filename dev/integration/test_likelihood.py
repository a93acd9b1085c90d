"""Faults that bits per character show, on a real model in real engines: rows of the embedding in another
order, another base of RoPE, a tokenizer without its merges.

Needs transformers and torch: ``pytest dev/integration/test_likelihood.py``. MLX-LM is asked as well where it
is installed.
"""

import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dev.integration.tiny_language import FAULTS, TEXTS, VOCABULARY, broken, train
from genfix.api.likelihood import LikelihoodReport, LikelihoodRun, compare_likelihood, measure_likelihood
from genfix.probe.likelihood.bits import Change
from genfix.probe.likelihood.local_scoring import score_in_engine
from genfix.probe.likelihood.token_scores import ScoredText
from genfix.probe.local_engine import LocalEngine
from genfix.probe.probe_values import Limits
from tests.support.likelihood_stub import reply, sends
from tests.support.probe_stub import Reply, Stub

LIMITS = Limits(request_seconds=600, total_seconds=1800)
POINTS_TO = {"theta": "GF712", "rows": "GF412", "merges": "GF302"}
"""RoPE of a model this small is wrong from the first words on, not only far away."""
ENGINES = [
    "transformers",
    pytest.param("mlx-lm", marks=pytest.mark.skipif(not find_spec("mlx_lm"), reason="no MLX-LM")),
]


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sound"
    loss = train(folder)
    print("loss in nats per token", loss)
    assert loss < math.log(VOCABULARY) / 3
    return folder


def measured(folder: Path, engine: str) -> LikelihoodReport:
    runner = LocalEngine(engine, sys.executable)
    heard = score_in_engine(runner, folder, TEXTS, LIMITS, lambda _: None)
    found = tuple(one for one in heard.found.values() if isinstance(one, ScoredText))
    assert len(found) == len(TEXTS)
    return LikelihoodReport(LikelihoodRun(folder.name, found), None, (), (), None, (), "English and code")


@pytest.fixture(scope="session", params=ENGINES)
def base(request: pytest.FixtureRequest, sound: Path) -> tuple[str, LikelihoodReport]:
    return request.param, measured(sound, request.param)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_from_the_sound_model(
    base: tuple[str, LikelihoodReport], sound: Path, tmp_path: Path, fault: str
) -> None:
    engine, well = base
    broken(sound, fault, tmp_path / fault)
    compared = compare_likelihood(measured(tmp_path / fault, engine), well)
    print("", fault, engine, *map(str, compared.verdict), sep="\n")
    print(
        [
            (one.start, one.run.per_character, one.against and one.against.per_character)
            for one in compared.places
        ]
    )
    change = compared.change
    assert isinstance(change, Change)
    assert change.low is not None
    assert change.low > 0.3
    assert POINTS_TO[fault] in " ".join(map(str, compared.verdict))


def test_the_sound_model_is_as_good_as_itself(base: tuple[str, LikelihoodReport]) -> None:
    _, well = base
    again = compare_likelihood(well, well)
    assert [said.id for said in again.verdict] == ["likelihood-same", "likelihood-agreement"]
    assert well.run.bos is True


def test_a_server_gives_the_bits_of_the_folder(sound: Path) -> None:
    """A server that answers as vLLM does, with the same model behind it; most Chinese tokens are parts of
    characters.
    """
    tokenizer = AutoTokenizer.from_pretrained(sound)
    model = AutoModelForCausalLM.from_pretrained(sound)

    def answer(body: dict[str, Any]) -> Reply:
        given = tokenizer(body["prompt"])["input_ids"]
        with torch.no_grad():
            rows = model(input_ids=torch.tensor([given])).logits[0].log_softmax(-1)
        new = int(rows[-1].argmax())
        numbers = [None, *(float(rows[place, token]) for place, token in enumerate([*given[1:], new]))]
        tokens = [tokenizer.decode([token]) for token in [*given, new]]
        found = {"tokens": tokens, "token_logprobs": numbers, "top_logprobs": None, "text_offset": None}
        return sends(reply(body["prompt"], found, written=tokens[-1]))

    with Stub(answer) as server:
        report = measure_likelihood(server.url, limits=LIMITS)
    theirs = {one.text.id: one for one in report.run.scored}
    for own in measured(sound, "transformers").run.scored:
        assert theirs[own.text.id].bits == pytest.approx(own.bits, rel=1e-4)
        assert theirs[own.text.id].characters == own.characters
    assert len(theirs) > len(TEXTS)
    assert report.run.bos is True
