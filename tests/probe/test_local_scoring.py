"""Log probabilities from an engine in a child process: interpreters that stand in for one, well and badly."""

import sys
from pathlib import Path

import pytest

from genfix.api.likelihood import LikelihoodReport, measure_likelihood
from genfix.api.probing import Subject
from genfix.errors import ProbeError
from genfix.probe.probe_values import Limits
from tests.support.folders import glm_files, write_folder

CODE = """#!{python}
import json, math, sys
job = json.loads(sys.stdin.buffer.read())
print(json.dumps({{"ready": "9.9"}}), flush=True)
for one in job["texts"]:
    text = one["text"]
    starts = [*range(0, len(text), 5)]
    tokens = [text[start:start + 5] for start in starts]
    line = {{"id": one["id"], "bos": True, "starts": starts, "tokens": tokens,
            "logprobs": [-2 * math.log(2) * len(token) for token in tokens],
            "top": [{{token: -0.1}} for token in tokens]}}
    {change}
    print(json.dumps(line), flush=True)
"""
LIMITS = Limits(request_seconds=20, total_seconds=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "merged", glm_files())


def measured(folder: Path, change: str = "") -> LikelihoodReport:
    file = folder.parent / "python"
    file.write_text(CODE.format(python=sys.executable, change=change or "pass"))
    file.chmod(0o755)
    return measure_likelihood(Subject(str(folder), engine="transformers", python=str(file)), limits=LIMITS)


def test_a_folder_is_scored_with_its_own_dialogues(folder: Path) -> None:
    report = measured(folder)
    assert report.groups[0].run.per_character == pytest.approx(2)
    assert "dialogue" in {group.name for group in report.groups}
    assert report.run.bos is True


def test_a_first_character_may_be_cut_into_several_tokens(folder: Path) -> None:
    parts = "(('starts', 0), ('tokens', ''), ('logprobs', 0.0), ('top', {}))"
    report = measured(folder, f"for name, part in {parts}: line[name].insert(1, part)")
    assert report.failure is None
    assert report.groups[0].run.per_character == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("line['logprobs'][3] = float('nan')", "no logarithm of a probability"),
        ("line['logprobs'][3] = None", "have no log probability"),
        ("line['logprobs'][3] = 'x'", "no number"),
        ("line['tokens'].pop()", "of other tokens"),
        ("del line['starts']", "says nothing of the text's tokens"),
        ("line['top'][3] = 7", "are no table"),
        ("line['id'] = 'strange'", "ended before it had answered"),
        ("line = {'error': 'failed', 'detail': 'no memory left'}", "no memory left"),
    ],
)
def test_what_is_no_log_probability_is_one_sentence(folder: Path, change: str, words: str) -> None:
    with pytest.raises(ProbeError) as caught:
        measured(folder, change)
    assert words in caught.value.message
