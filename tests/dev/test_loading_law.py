"""The loading law breaks where it must and holds where it should; the run itself needs transformers."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from dev.loading_law.child.sizes import ATTEMPTS, layer_counts, of_counted
from dev.loading_law.damages import DAMAGES, damaged
from dev.loading_law.files import keys_of_parts
from dev.loading_law.laws import Seen, breaches, close, differently
from dev.loading_law.page import Run, page
from dev.loading_law.proving import prove
from dev.loading_law.reader import Loaded, Reader, ReaderError
from dev.loading_law.subjects import Kind, Subject, cases
from genfix.json_types import JsonObject, JsonValue
from tests.support.folders import chatml_files, with_json, without, write_folder

ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="the reader is a shell script")
FULL: JsonObject = {
    "config": {"facts": {"class": "LlamaConfig"}},
    "generation": {"facts": {"stops": [1, 2]}},
    "tokenizer": {"facts": {"ids": [[5, 6]], "template": ["hi<end>", None], "turn ends": [2]}},
    "processor": {"facts": {"class": "P"}},
    "model": {"facts": {"missing": [], "rope": [[1.0, 0.1, 0.0001], []], "answer": [1.0, -3.0]}},
}

READER = """#!/bin/sh
# An interpreter that loads each config.json that is JSON, and dies or hangs when told to.
while read -r line; do
  case "$line" in
    *die*) exit 1 ;;
    *refuse*) echo '{"error": "ValueError: no"}' ;;
    *load*) echo "$line" >>"$0.log"; echo "{\\"answer\\": $(cat "$0.answer")}" ;;
    *) echo '{"answer": ["llama"]}' ;;
  esac
done
"""


def changed(part: str, **facts: JsonValue) -> Loaded:
    """What a reader sees of the full folder where one part says something else."""
    whole: dict[str, JsonObject] = json.loads(json.dumps(FULL))
    found = whole[part]["facts"]
    assert isinstance(found, dict)
    found.update(facts)
    return whole


def failing(part: str) -> Loaded:
    whole: dict[str, JsonObject] = json.loads(json.dumps(FULL))
    return whole | {part: {"error": "KeyError: 'mrope'"}}


def told(before: Loaded, after: Loaded, base: Loaded | None = None) -> list[str]:
    allowed = [] if base is None else [{"v5": base}]
    return list(breaches(Seen({"v5": before}, {"v5": after}, allowed, frozenset([1, 2]))))


@pytest.mark.parametrize("part", FULL)
def test_what_loaded_before_has_to_load_after(part: str) -> None:
    whole = changed("config")
    assert told(whole, whole) == []
    assert told(failing(part), whole) == []
    assert told(failing(part), failing(part)) == []
    assert f"v5: {part} loaded before and does not after (KeyError: 'mrope')" in told(whole, failing(part))


@pytest.mark.parametrize(
    ("part", "name", "other"),
    [
        ("model", "rope", [[1.0, 0.1, 0.0008], []]),
        ("model", "rope", [[1.0, 0.1, 0.0001], [1.3]]),
        ("model", "answer", [1.0, -3.1]),
        ("tokenizer", "ids", [[5, 7]]),
        ("tokenizer", "template", ["hi", None]),
    ],
)
def test_what_it_says_is_the_bases_or_its_own(part: str, name: str, other: JsonValue) -> None:
    whole, another = changed("config"), changed(part, **{name: other})
    assert told(whole, another) == [f"v5: {name} is neither the base's nor the folder's own"]
    assert told(whole, another, base=another) == []
    seen = Seen({"v5": failing(part)}, {"v5": another}, [{"v5": whole}])
    assert list(breaches(seen)) == []  # nothing that loaded is other than it was
    assert list(differently(seen)) == [f"v5: {part} loads now, with {name} of its own"]
    silent = changed(part, **{name: None})
    assert told(whole, silent) == [f"v5: {name} was there before and is not after"]
    assert told(whole, silent, base=silent) == []


def test_one_readers_facts_are_the_folders_own_in_another() -> None:
    right, wrong = changed("config"), changed("model", rope=[[1.0, 0.5], []], answer=[2.0, 2.0])
    seen = Seen({"v4": wrong, "v5": right}, {"v4": right, "v5": right}, [])
    assert list(breaches(seen)) == []


def test_a_stop_set_grows_by_turn_ends_and_the_bases_ids_alone() -> None:
    before = changed("generation", stops=[1])
    assert told(before, changed("generation", stops=[1, 2])) == []
    assert told(before, changed("generation", stops=[1, 9])) == ["v5: stop ids ['9'] are nobody's"]
    assert told(before, changed("generation", stops=[1, 9]), changed("generation", stops=[9])) == []
    assert told(before, changed("generation", stops=[2])) == ["v5: stop ids ['1'] are lost"]


def test_no_tensor_goes_missing() -> None:
    before, after = changed("model", missing=["a"]), changed("model", missing=["a", "lm_head.weight"])
    assert told(before, after) == ["v5: 1 tensors are missing that were not before, such as lm_head.weight"]
    assert told(after, before) == []


def test_numbers_are_close_as_two_releases_compute_them() -> None:
    assert close([3.0, 0.0], [3.0001, 0.0001])
    assert not close([3.0, 0.0], [3.0001, 0.0001], each=True)
    assert not close([3.0], [3.0, 1.0])
    assert close([["a"], None], [["a"], None])
    assert not close(1, 2)


def test_each_damage_does_something_and_leaves_the_rest() -> None:
    files = chatml_files()
    files = with_json(files, "config.json", tie_word_embeddings=True, rope_theta=1e6, num_hidden_layers=2)
    found = damaged({**files, "preprocessor_config.json": b"{}"}, "any", len(DAMAGES))
    assert set(DAMAGES) - set(found) <= {"one stop id left"}
    assert "generation_config.json" not in found["generation_config lost"]
    assert b"rope" not in bytes(str(found["RoPE lost"]["config.json"]), "utf-8")


def test_lists_of_a_tiny_type_have_as_many_items_as_layers() -> None:
    fields = {"num_hidden_layers": 54, "layer_types": ["mamba"] * 54, "sections": [1, 2, 3], "name": "x"}
    counts = layer_counts(fields, ATTEMPTS[0])
    small = {field: of_counted(ATTEMPTS[0](field, value), counts) for field, value in fields.items()}
    assert small == fields | {"num_hidden_layers": 2, "layer_types": ["mamba"] * 2}


def test_a_size_that_a_class_leaves_open_is_filled_where_nothing_else_builds() -> None:
    assert [filled("head_dim", None) for filled in ATTEMPTS[:2]] == [None, 16]
    assert ATTEMPTS[1]("layer_types", None) == ["full_attention"] * 2


def test_a_case_knows_other_spellings_of_its_damage(tmp_path: Path) -> None:
    with closing(reader(tmp_path, FULL)) as asked:
        write_folder(tmp_path / "set", without(chatml_files(), "tokenizer.json"))
        found = list(cases(Subject(Kind.PUBLISHED, "set", tmp_path / "set"), [asked], tmp_path / "proof"))
    damages = [case for case in found if case.name.startswith("token ids lost, saved")]
    assert [len(case.alike) for case in damages] == [1] * len(damages)


def test_a_part_is_read_again_only_where_its_files_changed() -> None:
    files = chatml_files()
    whole = keys_of_parts(files)
    fewer = keys_of_parts(without(files, "generation_config.json"))
    assert {part for part in whole if whole[part] != fewer.get(part)} == {"generation"}


def reader(folder: Path, answer: JsonObject) -> Reader:
    python = folder / "python"
    python.write_text(READER)
    python.chmod(0o755)
    Path(f"{python}.answer").write_text(json.dumps(answer))
    return Reader("v5", str(python), folder / "work")


@ON_POSIX
def test_a_reader_that_dies_is_started_anew(tmp_path: Path) -> None:
    with closing(reader(tmp_path, FULL)) as asked:
        with pytest.raises(ReaderError, match="died"):
            asked.ask("die")
        with pytest.raises(ReaderError, match="ValueError: no"):
            asked.ask("refuse")
        assert asked.ask("types") == ["llama"]


@ON_POSIX
def test_a_merge_is_repaired_and_read(tmp_path: Path) -> None:
    base = with_json(chatml_files(), "config.json", architectures=["Qwen2ForCausalLM"])
    write_folder(tmp_path / "merge/base", base)
    write_folder(tmp_path / "merge/merged", without(base, "generation_config.json"))
    with closing(reader(tmp_path, FULL)) as asked:
        outcome = prove(Subject(Kind.MERGE, "tool@1/model", tmp_path / "merge"), [asked], tmp_path / "proof")
    assert outcome.breaches == []
    assert outcome.excluded is None
    assert outcome.folders["judged"] > outcome.folders["changed"] > 0
    assert not (tmp_path / "proof").exists()
    text = page(Run({"v5": "transformers 5.24.0"}, [outcome]))
    assert "| merges | 1 | 0 |" in text
    assert "None: 0 folders that loaded before and do not after." in text


@ON_POSIX
def test_a_subject_that_cannot_be_built_is_left_out_and_said(tmp_path: Path) -> None:
    with closing(reader(tmp_path, FULL)) as asked:
        outcome = prove(Subject(Kind.TYPE, "refuse"), [asked], tmp_path / "proof")
    assert outcome.excluded == "ValueError: no"
    assert outcome.folders == {}
    assert "| ValueError: no | 1: refuse |" in page(Run({}, [outcome]))
