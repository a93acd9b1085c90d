"""Faults that bits per character show, on a real model in real engines: rows of the embedding in another
order, another base of RoPE, a tokenizer without its merges.

Needs transformers and torch: ``pytest dev/integration/test_likelihood.py``. MLX-LM, llama-cpp-python's
server and vLLM's are asked as well where they are installed, here or where `real_servers` is told; a GGUF of
the same model is made for llama-cpp-python.
"""

import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from dev.integration.real_servers import NEEDS_LLAMA, NEEDS_VLLM, PYTHONS, genfix, llama_server, vllm_server  # noqa: E402
from dev.integration.tiny_language import FAULTS, TEXTS, THETA, broken, with_theta  # noqa: E402
from genfix.api.likelihood import LikelihoodReport, LikelihoodRun, compare_likelihood, measure_likelihood  # noqa: E402
from genfix.probe.likelihood.bits import Change  # noqa: E402
from genfix.probe.likelihood.completion_scoring import score_on_server  # noqa: E402
from genfix.probe.likelihood.local_scoring import score_in_engine  # noqa: E402
from genfix.probe.likelihood.scored_texts import Text, built_in_texts  # noqa: E402
from genfix.probe.likelihood.token_scores import ScoredText  # noqa: E402
from genfix.probe.local_engine import LocalEngine  # noqa: E402
from genfix.probe.probe_values import Limits  # noqa: E402
from genfix.probe.server import Server  # noqa: E402
from genfix.probe.watch import Watch  # noqa: E402
from tests.support.likelihood_stub import reply, sends  # noqa: E402
from tests.support.probe_stub import Reply, Stub  # noqa: E402

LIMITS = Limits(request_seconds=600, total_seconds=1800)
POINTS_TO = {"theta": "GF712", "rows": "GF412", "merges": "GF302"}
"""The class's own theta is so far from the model's that texts are worse from their first words on."""
SERVERS = [pytest.param("llama-cpp-python", marks=NEEDS_LLAMA), pytest.param("vllm", marks=NEEDS_VLLM)]
ENGINES = [
    "transformers",
    pytest.param("mlx-lm", marks=pytest.mark.skipif(not find_spec("mlx_lm"), reason="no MLX-LM")),
    *SERVERS,
]


def as_gguf(folder: Path, place: Path, *options: str) -> Path:
    """The folder as a GGUF, made where gguf is installed."""
    file = place / f"{folder.name}.gguf"
    script = Path(__file__).with_name("tiny_llama_gguf.py")
    subprocess.run([PYTHONS["llama-cpp-python"], script, folder, file, *options], check=True)
    return file


def served(folder: Path, engine: str, place: Path) -> AbstractContextManager[str]:
    return vllm_server(folder) if engine == "vllm" else llama_server(as_gguf(folder, place))


def measured(
    folder: Path, engine: str, place: Path, texts: tuple[Text, ...] = TEXTS, up: str = ""
) -> LikelihoodReport:
    """By a server that is up already, where there is one."""
    if engine in {"llama-cpp-python", "vllm"}:
        with (
            nullcontext(up) if up else served(folder, engine, place) as url,
            Watch(time.monotonic() + LIMITS.total_seconds) as watch,
        ):
            server = Server(url, None, LIMITS)
            found = tuple(score_on_server(server, one, watch) for one in texts)
    else:
        runner = LocalEngine(engine, sys.executable)
        heard = score_in_engine(runner, folder, texts, LIMITS, lambda _: None)
        found = tuple(one for one in heard.found.values() if isinstance(one, ScoredText))
    assert len(found) == len(texts)
    return LikelihoodReport(LikelihoodRun(folder.name, found), None, (), (), None, (), "English and code")


def with_sound(request: pytest.FixtureRequest, engine: str) -> str:
    return request.getfixturevalue("sound_in_vllm") if engine == "vllm" else ""


@pytest.fixture(scope="session", params=ENGINES)
def base(
    request: pytest.FixtureRequest, sound: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, LikelihoodReport]:
    engine, place = request.param, tmp_path_factory.mktemp("base")
    return engine, measured(sound, engine, place, up=with_sound(request, engine))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_from_the_sound_model(
    base: tuple[str, LikelihoodReport], sound: Path, tmp_path: Path, fault: str
) -> None:
    engine, well = base
    broken(sound, fault, tmp_path / fault)
    compared = compare_likelihood(measured(tmp_path / fault, engine, tmp_path), well)
    print("", fault, engine, *map(str, compared.verdict), sep="\n")
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


def test_a_theta_that_is_little_off_hurts_with_the_distance(
    base: tuple[str, LikelihoodReport], sound: Path, tmp_path: Path
) -> None:
    """Half of it: neighbors turn nearly as they should, far tokens do not."""
    engine, well = base
    with_theta(sound, THETA / 2, tmp_path / "half")
    compared = compare_likelihood(measured(tmp_path / "half", engine, tmp_path), well)
    print("", "half of theta", engine, *map(str, compared.verdict), sep="\n")
    far = [said for said in compared.verdict if said.id == "likelihood-far"]
    assert far
    assert "GF712" in str(far[0])


@pytest.mark.parametrize("engine", SERVERS)
def test_a_real_server_gives_the_bits_of_the_folder(
    request: pytest.FixtureRequest, sound: Path, tmp_path: Path, engine: str
) -> None:
    """In Chinese too, where most tokens are parts of characters."""
    chinese = next(one for one in built_in_texts() if one.language == "zh" and one.text)
    texts, up = (*TEXTS, chinese), with_sound(request, engine)
    theirs = measured(sound, engine, tmp_path, texts, up).run
    ours = measured(sound, "transformers", tmp_path, texts).run
    error = {"llama-cpp-python": 1e-2, "vllm": 1e-5}[engine]
    for one, own in zip(theirs.scored, ours.scored, strict=True):
        assert (one.bits, one.characters) == (pytest.approx(own.bits, rel=error), own.characters)


@NEEDS_LLAMA
def test_llama_cpp_python_without_a_bos_is_not_believed(sound: Path, tmp_path: Path) -> None:
    with llama_server(as_gguf(sound, tmp_path, "--no-bos")) as url:
        report = measure_likelihood(url, limits=LIMITS)
    assert [said.id for said in report.verdict] == ["likelihood-not-given"]
    assert "adds no BOS" in str(report.verdict[0])


@NEEDS_VLLM
def test_vllm_lacks_a_model_and_does_not_take_a_long_text(sound_in_vllm: str, tmp_path: Path) -> None:
    """The long Chinese text takes more than the 4096 tokens of the model."""
    words = ("--likelihood", "--skip-prompts", "--model", "another")
    wrong = genfix("probe", sound_in_vllm, *words, cwd=tmp_path)
    assert (wrong.returncode, "lacks the model" in wrong.stderr) == (2, True)
    said = measure_likelihood(sound_in_vllm, limits=LIMITS).verdict[-1]
    assert said.id == "likelihood-left-out"
    assert "4096 tokens" in str(said)


def test_a_server_gives_the_bits_of_the_folder(sound: Path) -> None:
    """A server that answers as vLLM does, with the same model behind it; most Chinese tokens are parts of
    characters.
    """
    tokenizer = transformers.AutoTokenizer.from_pretrained(sound)
    model = transformers.AutoModelForCausalLM.from_pretrained(sound)

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
    for own in measured(sound, "transformers", sound.parent).run.scored:
        assert theirs[own.text.id].bits == pytest.approx(own.bits, rel=1e-4)
        assert theirs[own.text.id].characters == own.characters
    assert len(theirs) > len(TEXTS)
    assert report.run.bos is True
