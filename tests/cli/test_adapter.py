"""The adapter as a witness, from outside: named with --adapter or found beside, and never written to."""

import json
from pathlib import Path

import pytest

from tests.support.folders import CHATML_TOKENS, Files, chatml_files, dump, with_json, write_folder
from tests.support.running import Run
from tests.support.trees import tree, user_files
from tests.support.weight_files import HIDDEN, causal, weight_file

GEN, TOK, FAST, CONFIG = "generation_config.json", "tokenizer_config.json", "tokenizer.json", "config.json"
WEIGHTS = {"model.safetensors": weight_file(causal())}

PRETRAINED: Files = (
    with_json(
        with_json(chatml_files(eos=1000), CONFIG, eos_token_id=1000, hidden_size=HIDDEN, num_hidden_layers=2),
        TOK,
        eos_token="<|endoftext|>",
    )
    | WEIGHTS
)
"""A pretrained model that ships a chat template (Qwen2.5): only a training makes its end of turn a stop."""
OWN_TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>\n{% endfor %}"


def adapter_files(hidden: int = HIDDEN) -> Files:
    """A LoRA of ``PRETRAINED`` with the tokenizer of its training: one token more, another template."""
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    tokens = CHATML_TOKENS | {"<tool>": 1003}
    entries = [{"id": i, "content": text, "special": True} for text, i in tokens.items()]
    trained = with_json(with_json(PRETRAINED, FAST, added_tokens=entries), TOK, chat_template=OWN_TEMPLATE)
    return {
        "adapter_config.json": dump({"base_model_name_or_path": "org/pretrained", "peft_type": "LORA"}),
        "adapter_model.safetensors": weight_file({f"{name}.lora_A.weight": (8, hidden)}, "F32"),
        FAST: trained[FAST],
        TOK: trained[TOK],
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", PRETRAINED)


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """What a merge leaves that loads the tokenizer from the base."""
    return write_folder(tmp_path / "merged", PRETRAINED)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "trained" / "sft", adapter_files())


def codes(run: Run, *args: str | Path) -> set[str]:
    result = run("check", *args, "--output-format", "json")
    return {f["code"] for f in json.loads(result.out)["findings"] if f["severity"] != "info"}


def test_check_sees_what_only_the_adapter_can_tell(run: Run, base: Path, merged: Path, adapter: Path) -> None:
    assert codes(run, merged) == codes(run, merged, "--base", base) == set()
    before = tree(adapter.parent)
    assert codes(run, merged, "--adapter", adapter) == {
        "GF102",
        "GF302",
    }  # whose template it is, nobody knows
    assert codes(run, merged, "--base", base, "--adapter", adapter) == {"GF102", "GF208", "GF302"}
    result = run("check", merged, "--base", base, "--adapter", adapter)
    assert result.code == 1
    assert "<tool>" in result.out
    assert f"chats were trained: {adapter} is the adapter" in " ".join(result.out.split())
    assert f"genfix plan {merged} --base {base} --adapter {adapter}" in result.err
    assert tree(adapter.parent) == before


def test_repair_brings_the_trained_tokenizer_and_undo_takes_it_back(
    run: Run, base: Path, merged: Path, adapter: Path
) -> None:
    before, witnesses = user_files(merged), (tree(base), tree(adapter))
    options = ("--base", base, "--adapter", adapter)
    assert run("repair", merged, *options).code == 0
    assert (merged / FAST).read_bytes() == (adapter / FAST).read_bytes()
    assert json.loads((merged / TOK).read_bytes())["chat_template"] == OWN_TEMPLATE
    assert json.loads((merged / GEN).read_bytes())["eos_token_id"] == [1000, 1002]
    assert codes(run, merged, *options) == set()
    repaired = user_files(merged)
    assert run("repair", merged, *options).code == 0
    assert user_files(merged) == repaired
    assert run("undo", merged).code == 0
    assert user_files(merged) == before
    assert (tree(base), tree(adapter)) == witnesses


def test_a_plan_says_whose_file_it_would_copy(run: Run, base: Path, merged: Path, adapter: Path) -> None:
    before = tree(merged)
    options = ("--base", base, "--adapter", adapter)
    assert run("plan", merged, *options).code == 1
    assert run("repair", merged, *options, "--dry-run").out == run("plan", merged, *options).out
    assert "the adapter" in run("plan", merged, *options).out
    assert tree(merged) == before


@pytest.mark.parametrize("verb", ["check", "plan", "repair"])
def test_one_beside_the_folder_is_found_and_said(run: Run, tmp_path: Path, base: Path, verb: str) -> None:
    place = write_folder(tmp_path / "out", adapter_files())
    inside = write_folder(place / "merged", PRETRAINED)
    result = run(verb, inside, "--base", base)
    assert f"note: the adapter in {place} is taken for the one that was merged" in result.told
    assert (verb == "repair") == ((inside / FAST).read_bytes() == (place / FAST).read_bytes())


def test_a_report_for_machines_is_nothing_but_json(run: Run, tmp_path: Path, base: Path) -> None:
    place = write_folder(tmp_path / "run" / "checkpoint-7", adapter_files())
    folder = write_folder(tmp_path / "run" / "checkpoint-7-merged", PRETRAINED)
    result = run("check", folder, "--base", base, "--output-format", "json")
    assert {f["code"] for f in json.loads(result.out)["findings"]} >= {"GF102", "GF208", "GF302"}
    assert f"note: the adapter in {place} is taken for the one that was merged" in result.told


def test_a_base_beside_an_adapter_is_healthy(run: Run, tmp_path: Path) -> None:
    """Neither the base's own folder nor a copy in the adapter's is what was merged."""
    write_folder(tmp_path / "work", adapter_files())
    for name in ("work/base", "work/pretrained", "pretrained"):
        folder = write_folder(tmp_path / name, PRETRAINED)
        for options in ((), ("--base", folder)):
            result = run("check", folder, *options, "--fail-on", "warning")
            assert (result.code, result.out) == (0, "")
            assert "note:" not in result.err


def test_one_of_another_model_is_left_out_beside_and_refused_where_named(
    run: Run, tmp_path: Path, base: Path, merged: Path
) -> None:
    other = write_folder(tmp_path / "out", adapter_files(hidden=8))
    inside = write_folder(other / "merged", PRETRAINED)
    found = run("check", inside, "--base", base)
    assert (found.code, found.out) == (0, "")
    assert f"note: the adapter in {other} is left out: " in found.told
    assert "takes 4 values here and 8 there" in found.err
    before = tree(merged)
    for verb in ("check", "plan", "repair"):
        named = run(verb, merged, "--base", base, "--adapter", other)
        assert (named.code, named.out) == (3, "")
        assert "takes 4 values here and 8 there" in named.err
    assert tree(merged) == before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gone", "there is no adapter folder gone"),
        ("", "the path of the adapter is empty"),
        ("base", "base is no adapter: it has no adapter_config.json"),
        ("trained", "trained is no adapter: it has no adapter_config.json"),
        ("torn", "adapter_config.json of the adapter torn cannot be used: "),
        ("torn/adapter_config.json", "torn/adapter_config.json is a file, not an adapter folder"),
        ("\x1b[31mred", "there is no adapter folder \\x1b[31mred"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "repair"])
def test_what_is_no_adapter_is_one_sentence_and_exit_2(
    run: Run,
    tmp_path: Path,
    base: Path,
    merged: Path,
    adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    spec: str,
    message: str,
) -> None:
    write_folder(tmp_path / "torn", adapter_files() | {"adapter_config.json": b'{"r": 8,'})
    monkeypatch.chdir(tmp_path)
    before = tree(merged)
    result = run(verb, merged, "--base", base, "--adapter", spec)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) <= 3, result.err
    assert tree(merged) == before
    assert adapter.is_dir()
