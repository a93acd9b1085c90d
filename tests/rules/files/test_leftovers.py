"""What is said about files of training that were left in the folder."""

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import Files, with_json
from tests.support.judging import find, plan
from tests.support.weighted import ADAPTER, WEIGHTED


@pytest.mark.parametrize("base", [WEIGHTED, None], ids=["base", "alone"])
def test_an_adapter_beside_the_weights_is_moved_when_asked(base: Files | None) -> None:
    merged = WEIGHTED | ADAPTER
    (finding,) = find(merged, base, "GF721")
    assert finding.severity is Severity.ERROR
    assert finding.message.args["base"] == "Qwen/Qwen2.5-7B"
    assert plan(merged, base).changes == ()
    made = plan(merged, base, unsafe=True)
    assert [(change.name, change.after) for change in made.changes] == [("adapter_config.json", None)]
    assert [f.code for f in made.remaining if f.code == "GF721"] == []


def test_an_adapter_folder_is_no_merge() -> None:
    assert find(ADAPTER | {"adapter_model.safetensors": b""}, None, "GF721") == []


def test_an_adapter_that_belongs_to_the_model_stays() -> None:
    merged = WEIGHTED | ADAPTER
    assert find(merged, merged, "GF721") == []
    assert find(with_json(merged, "config.json", has_lora_adapter=True), None, "GF721") == []


def test_files_of_the_run_are_told_and_never_touched() -> None:
    merged = WEIGHTED | {"optimizer.pt": b"", "args.json": b"{}", "rng_state_0.pth": b"", "notes.txt": b""}
    (finding,) = find(merged, WEIGHTED, "GF722")
    assert finding.message.args["files"] == ["args.json", "optimizer.pt", "rng_state_0.pth"]
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.INFO, Applicability.MANUAL)
