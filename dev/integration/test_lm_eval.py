"""The adapter held against lm-evaluation-harness itself, with a task on local data and a server that adds.

Needs lm-eval in the interpreter that GENFIX_LM_EVAL_PYTHON names, or in this one:
``pytest dev/integration/test_lm_eval.py``. Nothing is downloaded.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genfix.api.probing import Subject
from genfix.api.tasks import TaskReport, run_benchmarks
from genfix.errors import ProbeError
from genfix.probe.benchmarks import Tasks
from genfix.probe.probe_values import Limits
from tests.support.probe_stub import Reply, Stub

PYTHON = os.environ.get("GENFIX_LM_EVAL_PYTHON", sys.executable)
HAS = subprocess.run([PYTHON, "-c", "import lm_eval"], capture_output=True, check=False).returncode == 0
pytestmark = pytest.mark.skipif(not HAS, reason="lm-eval is not installed")

TASK = """
task: genfix_sums
dataset_path: json
dataset_kwargs:
  data_files: {data}
output_type: generate_until
test_split: train
doc_to_text: "What is {{{{a}}}} + {{{{b}}}}? Answer with the number only."
doc_to_target: "{{{{sum}}}}"
generation_kwargs:
  until: ["\\n"]
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""


def adds(body: dict[str, Any]) -> Reply:
    """Right, but for sums above 20."""
    first, second = map(int, re.findall(r"\d+", str(body["messages"]))[:2])
    said = str(first + second if first + second <= 20 else 0)
    message = {"role": "assistant", "content": said}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return lambda exchange: exchange.send_json(answer)


def put(place: Path, *names: str) -> TaskReport:
    data = place / "sums.jsonl"
    sums = [{"a": a, "b": 10, "sum": str(a + 10)} for a in range(1, 21)]
    data.write_text("".join(json.dumps(one) + "\n" for one in sums))
    (place / "sums.yaml").write_text(TASK.format(data=data))
    with Stub(adds) as server:
        tasks = Tasks(names, include=str(place), python=PYTHON)
        return run_benchmarks(Subject(server.url), None, tasks, Limits(total_seconds=900))


def test_a_task_on_local_data(tmp_path: Path) -> None:
    report = put(tmp_path, "genfix_sums")
    (score,) = [one for one in report.run.scores if one.metric.startswith("exact_match")]
    assert (score.task, score.value, score.questions) == ("genfix_sums", 0.5, 20)
    assert score.error == pytest.approx((0.25 / 19) ** 0.5, rel=0.1)
    assert report.run.version


@pytest.mark.parametrize(
    ("name", "words"), [("no_such_task", "has no such task"), ("gsm8k", "the data of a task cannot be had")]
)
def test_what_is_not_there_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        put(tmp_path, name)
