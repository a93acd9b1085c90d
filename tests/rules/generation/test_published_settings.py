"""GF609: what an official model's files say, where the folder is that model by its own files."""

import json
from collections.abc import Callable

import pytest

from genfix.catalogue import identify as identifying
from genfix.catalogue.identify import facts_of
from genfix.catalogue.official import OfficialModel, Source
from genfix.model import Model
from genfix.model.sizes import sizes
from genfix.planner.planner import make_plan
from genfix.rules import Applicability, Context, Finding, Severity, judge
from tests.support.folders import CHATML_TOKENS, Files, MemoryFolder, chatml_files, with_json, without
from tests.support.weight_files import SINGLE, causal, weight_file

GEN = "generation_config.json"
WHOLE = with_json(chatml_files(), "config.json", max_position_embeddings=4096, num_hidden_layers=2)
NARROW = with_json(WHOLE, GEN, eos_token_id=1002)
PLACE = Source("somebody/copies", "c" * 40, f"models/one/{GEN}")
Publish = Callable[..., None]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Make these folders the official models."""

    def published(*models: Files) -> None:
        rows = tuple(_row(f"org/model-{number}", files) for number, files in enumerate(models))
        monkeypatch.setattr(identifying, "read_models", lambda: rows)

    return published


def _row(name: str, files: Files) -> OfficialModel:
    model = Model(MemoryFolder(files))
    return OfficialModel(
        name, type=model.model_type, sizes=sizes(model), facts=facts_of(model), sources=(PLACE,)
    )


def found(files: Files, base: Files | None = None) -> Finding | None:
    context = Context(Model(MemoryFolder(files)), Model(MemoryFolder(base)) if base is not None else None)
    return next((finding for finding in judge(context) if finding.code == "GF609"), None)


def repaired(files: Files) -> dict[str, object]:
    plan = make_plan(MemoryFolder(files), None, unsafe_fixes=True)
    [change] = [change for change in plan.changes if change.name == GEN]
    value: dict[str, object] = json.loads(change.after or b"")
    return value


def test_a_stop_token_that_only_the_official_model_has_is_an_unsafe_fix(publish: Publish) -> None:
    publish(WHOLE)
    finding = found(NARROW)
    assert finding is not None
    assert finding.severity is Severity.INFO  # config files alone
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert "1000 <|endoftext|>" in str(finding.message)
    assert f"somebody/copies at cccccccccccc: models/one/{GEN}" in str(finding.evidence[0])
    assert repaired(NARROW)["eos_token_id"] == [1002, 1000]
    whole_model = found(NARROW | {SINGLE: weight_file(causal())})
    assert whole_model is not None
    assert whole_model.severity is Severity.WARNING


def test_a_lost_file_is_written_with_stops_and_sampling(publish: Publish) -> None:
    publish(WHOLE)
    lost = without(WHOLE, GEN)
    assert found(lost) is not None
    made = repaired(lost)
    assert made["eos_token_id"] == [1002, 1000]
    assert (made["temperature"], made["top_k"], made["do_sample"]) == (0.7, 20, True)
    written_anew = lost | {GEN: b'{"_from_model_config": true, "eos_token_id": 1002}'}
    assert repaired(written_anew) == {
        "eos_token_id": [1002, 1000],
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 20,
        "repetition_penalty": 1.05,
    }


def test_settings_that_somebody_chose_are_left_alone(publish: Publish) -> None:
    publish(WHOLE)
    assert found(with_json(WHOLE, GEN, temperature=0.2, top_k=None)) is None
    assert found(with_json(WHOLE, GEN, eos_token_id=[1002, 1000, 1001])) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"chat_template": "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}"}, id="own"
        ),
        pytest.param({"chat_template": None}, id="none"),
    ],
)
def test_nothing_is_said_of_a_folder_with_another_template(
    publish: Publish, change: dict[str, str | None]
) -> None:
    publish(WHOLE)
    assert found(with_json(NARROW, "tokenizer_config.json", **change)) is None


def test_nothing_is_said_where_several_models_are_alike_or_a_base_is_named(publish: Publish) -> None:
    publish(WHOLE, NARROW)
    assert found(NARROW) is None
    publish(WHOLE)
    assert found(NARROW, WHOLE) is None
    assert found(with_json(NARROW, "config.json", eos_token_id=1000)) is None


def test_an_id_that_is_no_token_here_is_not_added(publish: Publish) -> None:
    publish(with_json(WHOLE, GEN, eos_token_id=[1002, 1000, 999]))
    finding = found(NARROW)
    assert finding is not None
    assert "999" not in str(finding.message)
    assert 999 not in CHATML_TOKENS.values()
