"""The callback in a real training: a tiny model, two steps, a checkpoint after each."""

import json
import re
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

import genfix
from genfix.integrations.transformers import GenfixCallback

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    config.eos_token_id = 2
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = [2, 7]
    model.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def given(base: Path, out: Path) -> dict:
    """What a training takes."""
    rows = [{"input_ids": torch.tensor([1, 3, 2]), "labels": torch.tensor([1, 3, 2])}] * 4
    arguments = TrainingArguments(
        str(out), max_steps=2, save_steps=1, report_to="none", use_cpu=True, per_device_train_batch_size=1
    )
    return {"model": LlamaForCausalLM.from_pretrained(base), "arguments": arguments, "rows": rows}


def trained(base: Path, out: Path, callback: GenfixCallback) -> Trainer:
    names = given(base, out)
    trainer = Trainer(names["model"], names["arguments"], train_dataset=names["rows"], callbacks=[callback])
    trainer.train()
    return trainer


def test_each_checkpoint_is_checked_and_kept(base: Path, tmp_path: Path) -> None:
    told = []
    callback = GenfixCallback(base, on_checkpoint=lambda folder, report: told.append(folder.name))
    trained(base, tmp_path / "out", callback)
    assert told == ["checkpoint-1", "checkpoint-2"]
    assert sorted(callback.reports) == [1, 2]
    found = [finding for report in callback.reports.values() for finding in report.findings]
    assert [finding for finding in found if finding.severity == "error"] == []
    [kept] = genfix.log(tmp_path / "out" / "checkpoint-2")
    assert (kept.kind, kept.note["message"]) == ("snapshot", "step 2")


def test_a_fault_is_found_at_the_first_checkpoint_and_ends_the_training(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The base's own list of stop tokens is narrowed before the training begins."""
    narrowed = tmp_path / "narrowed"
    narrowed.mkdir()
    for file in base.iterdir():
        (narrowed / file.name).write_bytes(file.read_bytes())
    path = narrowed / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": 2}))
    callback = GenfixCallback(base, stop_on_error=True)
    trainer = trained(narrowed, tmp_path / "out", callback)
    assert [finding.code for finding in callback.reports[1].findings][:1] == ["GF101"]
    assert trainer.state.global_step == 1
    assert "GF101" in caplog.text


def test_a_checkpoint_that_cannot_be_judged_is_a_warning(
    tmp_path: Path, base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callback = GenfixCallback(tmp_path / "nowhere")
    trainer = trained(base, tmp_path / "out", callback)
    assert trainer.state.global_step == 2
    assert callback.reports == {}
    assert "was not checked" in caplog.text


def test_the_example_of_the_documentation_runs(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [block] = [text for text in found if "Trainer" in text]
    names = given(base, tmp_path / "out")
    exec(compile(block, "docs/python.md", "exec"), names)
    assert sorted(names["callback"].reports) == [1, 2]
