"""The harness itself: its folders, its comparison, and a run against an engine of a few lines of Python."""

import json
import sys
from pathlib import Path

import pytest

from dev.conformance import __main__ as harness
from dev.conformance.__main__ import outcomes
from dev.conformance.compare import Difference, differences
from dev.conformance.keys import keys_in
from dev.conformance.known import explanation
from dev.conformance.setups import Setup
from dev.conformance.telling import Told
from dev.conformance.variants import Variant, variants, write
from genfix.engines.every import engine_view
from genfix.folder import LocalFolder
from genfix.json_types import JsonObject
from genfix.model import Model

ENGINE = "transformers5"


def usual() -> Variant:
    name = "qwen2/generation=list,config=int,tokenizer=v4-text"
    return next(variant for variant in variants(["qwen2"]) if variant.name == name)


def test_the_folders_are_many_and_always_the_same() -> None:
    once = {variant.name: variant.files for variant in variants()}
    assert len(once) >= 5000
    assert {variant.name: variant.files for variant in variants()} == once
    contents = {tuple(sorted(files.items())) for files in once.values()}
    assert len(contents) >= 5000


def test_keys_are_what_code_looks_up_in_a_config() -> None:
    code = """
def load(config, text):
    possible = ["max_length", "Not a key"]
    config.append("no_key")
    if "in_it" in config:
        return getattr(config, "by_name", None) or config.get("got") or config["there"] or text["elsewhere"]
    return config.attribute
"""
    assert keys_in(code) == {"max_length", "in_it", "by_name", "got", "there", "attribute"}


def test_each_key_is_put_into_each_file() -> None:
    names = {variant.name for variant in variants(["qwen2"], ["odd_key"]) if "odd_key" in variant.name}
    files = {name.partition("=")[2].partition(".json")[0] for name in names}
    assert (len(names), files) == (12, {"config", "generation_config", "tokenizer_config"})


ANSWER: JsonObject = {
    "loads": True,
    "error": None,
    "fails": None,
    "stops": [258, 257],
    "stop_strings": [],
    "sampling": {"top_k": None},
}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, []),
        ({"stops": [257]}, ["stops"]),
        ({"stops": [257.0, 258]}, ["stops"]),
        ({"stop_strings": ["x"]}, ["stop_strings"]),
        ({"sampling": {"top_k": 20}}, ["sampling"]),
        ({"template": None}, ["template"]),
        ({"context": 5}, ["context"]),
        ({"fails": "IndexError"}, ["fails"]),
        ({"loads": False, "error": "ValueError"}, ["loads"]),
    ],
)
def test_the_comparison_finds_what_differs(said: JsonObject, found: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, usual())
    view = engine_view(ENGINE, Model(LocalFolder(folder)))
    defaults: JsonObject = {"top_k": None}
    assert [difference.answer for difference in differences(view, {**ANSWER, **said}, defaults)] == found


def test_a_folder_is_explained_only_where_all_its_differences_are(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, usual())
    view = engine_view(ENGINE, Model(LocalFolder(folder)))
    refused: JsonObject = {**ANSWER, "loads": False, "error": "KeyError"}
    found = tuple(differences(view, refused, {}))
    assert explanation(ENGINE, "qwen2/tekken=older", found) is not None
    assert explanation(ENGINE, "qwen2/length=max_position_embeddings-null", found) is None
    assert explanation("mistral.rs", "qwen2/tekken=older", found) is None


def test_a_key_whose_value_is_refused_is_known_and_one_that_changes_an_answer_is_not() -> None:
    key = "qwen2/keys=config.json.hidden_size-text"
    refused, changed = Difference("loads", True, "TypeError"), Difference("sampling", {"top_k": 1}, {})
    assert explanation(ENGINE, key, [refused]) is not None
    assert explanation(ENGINE, key, [refused, changed]) is None


def test_a_quantization_that_the_machine_has_no_kernels_for_is_known() -> None:
    no_kernels = Difference(
        "loads", True, "ValueError: Unknown quantization method: gptq. Must be one of ['fp8']"
    )
    no_match = Difference(
        "loads", True, "ValueError: Quantization method specified in the model config (gptq)"
    )
    assert explanation("sglang", "real/llama/as-is", [no_kernels]) is not None
    assert explanation("sglang", "real/llama/as-is", [no_match]) is None


SCRIPT = """
import json, sys
from pathlib import Path
print(json.dumps({"version": "5.23.0"}))
for line in sys.stdin:
    try:
        eos = json.loads(Path(line.strip(), "generation_config.json").read_text())["eos_token_id"]
        print(json.dumps({"loads": True, "error": None, "stops": eos}))
    except Exception as error:
        print(json.dumps({"loads": False, "error": repr(error)}))
"""


@pytest.mark.parametrize(
    ("only", "code", "end"),
    [
        ("generation=list,config=list,tokenizer=v4-t", 0, "0 differ\n"),
        ("generation=empty-object,config=int", 1, " differ\n"),
    ],
)
def test_a_run_asks_a_script_and_compares(
    only: str,
    code: int,
    end: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "ask").mkdir()
    (tmp_path / "ask" / "stub.py").write_text(SCRIPT)
    monkeypatch.setattr(harness, "HERE", tmp_path)
    monkeypatch.setattr(harness, "SETUPS", {ENGINE: Setup("stub.py", [])})
    arguments = [
        "conformance",
        ENGINE,
        "--python",
        sys.executable,
        "--only",
        f"llama/{only}",
        "--at-most",
        "4",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    assert harness.main() == code
    assert capsys.readouterr().out.endswith(end)


@pytest.mark.parametrize(
    ("stops", "known"), [([257, 258, 300], True), ([257, 258, 259], False), ([300], False)]
)
def test_an_end_beyond_the_vocabulary_is_known(stops: list[int], *, known: bool, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, usual())
    config: JsonObject = {**Model(LocalFolder(folder)).config, "vocab_size": 300}
    (folder / "config.json").unlink()  # which may be one file with other folders
    (folder / "config.json").write_text(json.dumps(config))
    told = Told({"defaults": {"top_k": None}}, [{**ANSWER, "stops": [*stops]}])
    (outcome,) = outcomes("sglang", told, [usual()], [folder])
    assert [difference.answer for difference in outcome.differences] == ["stops"]
    assert (outcome.explanation is not None) is known
