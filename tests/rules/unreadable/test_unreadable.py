"""GF9xx: what genfix says about files that are there and cannot be read."""

import hashlib
import os
from pathlib import Path

import pytest

from genfix.errors import BaseModelError
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.rules import (
    Applicability,
    Context,
    Finding,
    Mend,
    Operation,
    Quarantine,
    RemoveField,
    RestoreFile,
    Severity,
    StripBom,
    WriteFile,
    judge,
)
from tests.support.folders import (
    Files,
    chatml_files,
    glm_files,
    safetensors,
    vlm_files,
    with_json,
    without,
    write_folder,
)
from tests.support.judging import context, find, only, repaired

GEN, TOK, FAST = "generation_config.json", "tokenizer_config.json", "tokenizer.json"
BOM = b"\xef\xbb\xbf"
BROKEN = {
    b"": "json-empty",
    b"\0\0\0": "json-empty",
    b'{"a": 1': "json-syntax",
    b'{"a": 1,,}': "json-syntax",
    b'{"a": 1} {"b": 2}': "json-syntax",
    BOM + b'{"a": ': "json-syntax",
    b"\xff\xfe{\0": "json-encoding",
    b'{"a": "\xff"}': "json-encoding",
    b"[]": "json-not-an-object",
    b"null": "json-not-an-object",
    b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}": "json-too-deep",
}


@pytest.mark.parametrize(("content", "message"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_file_that_does_not_parse_is_an_error_and_the_bases_copy_replaces_it(
    content: bytes, message: str
) -> None:
    base = glm_files()
    [finding] = find(base | {"config.json": content}, base, "GF9")
    assert (finding.code, finding.severity, finding.message.id) == ("GF901", Severity.ERROR, message)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (RestoreFile("config.json"),)


@pytest.mark.parametrize("name", [*vlm_files(), "added_tokens.json", "special_tokens_map.json"])
def test_every_json_file_engines_read_is_looked_at(name: str) -> None:
    found = find(vlm_files() | {name: b"{"}, None, "GF901")
    assert [finding.file for finding in found] == [name]


def test_a_broken_file_the_base_does_not_have_has_no_automatic_fix() -> None:
    broken = glm_files() | {"special_tokens_map.json": b"{"}
    for base in (None, glm_files()):
        [finding] = find(broken, base, "GF901")
        assert finding.fix is not None
        assert finding.fix.applicability is Applicability.MANUAL


def test_a_broken_config_of_a_resized_model_is_replaced_only_on_demand() -> None:
    merged = chatml_files() | {"config.json": b"{", "model.safetensors": safetensors(1032)}
    [finding] = find(merged, chatml_files(), "GF901")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_a_broken_generation_config_keeps_what_config_made_the_model_stop_at() -> None:
    base = glm_files()
    merged = with_json(base, "config.json", eos_token_id=[151336, 151337]) | {GEN: b"{"}
    [finding] = find(merged, base, "GF901")
    assert finding.fix is not None
    assert [type(operation).__name__ for operation in finding.fix.operations] == ["RestoreFile", "SetField"]
    assert getattr(finding.fix.operations[1], "value", None) == [151329, 151336, 151338, 151337]


@pytest.mark.parametrize("content", [b"{", b'{"a": 1, "a": 2}', BOM + b"{}"])
def test_a_base_that_cannot_be_read_is_an_error_and_no_finding(content: bytes) -> None:
    base = glm_files() | {GEN: content}
    with pytest.raises(BaseModelError, match="generation_config"):
        judge(context(glm_files(), base))


def test_a_key_that_stands_twice_is_a_warning_for_a_person() -> None:
    [finding] = find(
        chatml_files() | {"special_tokens_map.json": b'{"a": 1, "b": {"c": 1, "c": 2}}'}, None, "GF9"
    )
    assert (finding.code, finding.severity) == ("GF902", Severity.WARNING)
    assert finding.message.args["detail"] == "c"
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


def test_a_value_that_stands_twice_is_read_as_engines_read_it() -> None:
    merged = glm_files() | {
        GEN: b'{"do_sample": true, "eos_token_id": [151329, 151336, 151338], "eos_token_id": 151329}'
    }
    assert [finding.code for finding in find(merged, glm_files(), "GF1")] == ["GF101"]


def test_a_byte_order_mark_is_an_error_and_is_taken_off() -> None:
    base = glm_files()
    marked = base | {GEN: BOM + base[GEN]}
    [finding] = find(marked, base, "GF")
    assert (finding.code, finding.severity) == ("GF903", Severity.ERROR)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (StripBom(GEN),)
    assert repaired(marked, base) == base


def test_operations_of_different_kinds_are_never_equal() -> None:
    content: list[Operation] = [WriteFile(GEN, b"{}"), Mend(GEN, b"{}")]
    alike: list[Operation] = [
        StripBom(GEN),
        Quarantine(GEN),
        RestoreFile(GEN),
        RemoveField(GEN, "/a"),
        *content,
    ]
    assert len({*alike}) == len(alike)


def on_disk(path: Path, files: Files) -> list[Finding]:
    """The GF9xx findings on a folder on disk, against the GLM base."""
    folder = LocalFolder(write_folder(path, files))
    return [
        finding
        for finding in judge(
            Context(Model(folder), Model(LocalFolder(write_folder(path.parent / "b", glm_files()))))
        )
        if finding.code.startswith("GF9")
    ]


def test_what_is_no_file_is_never_read_and_never_replaced(tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merged.mkdir()
    os.mkfifo(merged / GEN)
    (tmp_path / "elsewhere.json").write_bytes(b"{}")
    (merged / "special_tokens_map.json").symlink_to(tmp_path / "elsewhere.json")
    (merged / "chat_template.jinja").symlink_to(tmp_path / "nothing")
    (merged / "added_tokens.json").symlink_to(tmp_path)
    large = {"processor_config.json": b" " * (1 << 20) + b"{}"}
    found = on_disk(merged, without(glm_files(), GEN) | large)
    assert {finding.file: finding.message.id for finding in found} == {
        GEN: "file-not-regular",
        "special_tokens_map.json": "file-link-outside",
        "chat_template.jinja": "file-link-outside",
        "added_tokens.json": "file-link-outside",
        "processor_config.json": "file-too-large",
    }
    assert {(f.code, f.severity, f.fix and f.fix.applicability) for f in found} == {
        ("GF904", Severity.ERROR, Applicability.MANUAL)
    }


def test_a_link_inside_the_folder_is_read(tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merged.mkdir()
    (merged / GEN).symlink_to("real.json")
    files = glm_files()
    assert on_disk(merged, without(files, GEN) | {"real.json": files[GEN]}) == []


@pytest.mark.parametrize("name", ["tokenizer.json", "modeling_chatglm.py"])
def test_a_link_to_elsewhere_is_found_in_every_file_engines_read(tmp_path: Path, name: str) -> None:
    merged = tmp_path / "merged"
    merged.mkdir()
    (merged / name).symlink_to(tmp_path / "nothing")
    assert [finding.file for finding in on_disk(merged, without(glm_files(), name))] == [name]


# -- slips of a person
# -----------------------------------------------------------------------------------------

MINE = with_json(chatml_files(), GEN, temperature=0.3)
"""A folder with a setting of its own, which the base's copy would lose."""


def slip(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


SLIPS = {
    "json-slip-comment": ("0.3,", "0.3, // was 0.7"),
    "json-slip-trailing-comma": ("20\n}", "20,\n}"),
    "json-slip-missing-comma": ("0.3,", "0.3"),
    "json-slip-single-quotes": ('"top_k"', "'top_k'"),
    "json-slip-bare-key": ('"top_k"', "top_k"),
    "json-slip-python-word": ("true", "True"),
    "json-slip-no-zero": ("0.3,", ".3,"),
    "json-slip-equal-key": ('"top_k": 20', '"top_k": 20,\n  "top_k": 20,'),
}


@pytest.mark.parametrize("said", SLIPS)
@pytest.mark.parametrize("base", [None, chatml_files()], ids=["alone", "against the base"])
def test_a_slip_with_one_reading_is_mended_and_the_folders_own_values_stay(
    said: str, base: Files | None
) -> None:
    broken = slip(MINE, GEN, *SLIPS[said])
    finding = only(find(broken, base, "GF901"), Applicability.SAFE)
    assert finding.severity is Severity.ERROR
    assert said in {finding.message.id, *(evidence.id for evidence in finding.evidence)}
    assert repaired(broken, base) == MINE


def test_utf_16_becomes_utf_8() -> None:
    broken = MINE | {GEN: MINE[GEN].decode().encode("utf-16")}
    assert only(find(broken, None, "GF901"), Applicability.SAFE).message.args["text"] == "UTF-16"
    assert repaired(broken, None) == MINE


def test_the_first_slip_is_the_message_and_the_others_are_told_with_line_and_column() -> None:
    broken = slip(slip(MINE, GEN, '"do_sample"', "'do_sample'"), GEN, "20\n}", "20, # as before\n}")
    finding = only(find(broken, None, "GF901"), Applicability.SAFE)
    told = [
        (said.id, said.args["line"], said.args["column"]) for said in (finding.message, *finding.evidence)
    ]
    assert told == [
        ("json-slip-single-quotes", 3, 3),
        ("json-slip-trailing-comma", 10, 14),
        ("json-slip-comment", 10, 16),
    ]
    assert repaired(broken, None) == MINE


def test_a_slip_behind_a_byte_order_mark_is_mended_with_it() -> None:
    broken = slip(MINE, GEN, "0.3,", "0.3, // x")
    broken |= {GEN: BOM + broken[GEN]}
    assert [finding.code for finding in find(broken, None, "GF9")] == ["GF901"]
    assert repaired(broken, None) == MINE


def test_a_slip_in_the_tokenizer_keeps_its_tokens() -> None:
    broken = slip(MINE, FAST, '"special": true', '"special": True')
    assert repaired(broken, chatml_files()) == MINE


def test_what_was_wrong_in_a_mended_file_is_found_and_fixed_next() -> None:
    narrowed = slip(with_json(glm_files(), GEN, eos_token_id=151329), GEN, "151329,", "151329, // x")
    assert repaired(narrowed, glm_files()) == glm_files()


@pytest.mark.parametrize("content", ['{"a": "http://x", "b": "# /* , }"}', '{"a": [], "b": {}}\n'])
def test_strict_json_that_looks_like_a_slip_is_no_finding(content: str) -> None:
    assert find(MINE | {"special_tokens_map.json": content.encode()}, None, "GF9") == []


def test_a_key_that_stands_twice_with_one_value_loses_the_second() -> None:
    twice = slip(MINE, GEN, '"top_k": 20', '"top_k": 20,\n  "top_k": 20')
    finding = only(find(twice, None, "GF9"), Applicability.SAFE)
    assert (finding.code, finding.severity) == ("GF902", Severity.WARNING)
    assert (finding.message.args["line"], finding.message.args["column"]) == (11, 3)
    assert finding.fix is not None
    assert finding.fix.operations == (Mend(GEN, MINE[GEN]),)
    assert repaired(twice, chatml_files()) == MINE


def test_a_key_that_stands_twice_behind_a_byte_order_mark_is_told_beside_it() -> None:
    broken = MINE | {GEN: BOM + slip(MINE, GEN, "{", '{"top_k": 1,')[GEN]}
    assert [finding.code for finding in find(broken, None, "GF9")] == ["GF903", "GF902"]


# -- numbers that JSON does not have
# ---------------------------------------------------------------------------

CONFIG = "config.json"


def test_nan_where_the_base_has_a_number_is_a_warning() -> None:
    merged = slip(MINE, CONFIG, "1000000.0", "NaN")
    finding = only(find(merged, MINE, "GF905"), Applicability.UNSAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/rope_theta")
    assert finding.message.args == {"number": "NaN", "line": 9, "column": 17}
    assert repaired(merged, MINE) == merged
    assert repaired(merged, MINE, unsafe=True) == MINE


def test_an_infinity_that_the_base_has_no_key_for_is_for_a_person() -> None:
    merged = slip(MINE, CONFIG, "{", '{\n  "ssm": {"limit": [0.0, -Infinity, 1e999], "x": "NaN"},')
    finding = only(find(merged, MINE, "GF905"), Applicability.MANUAL)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/ssm/limit")
    assert finding.message.args == {"number": "-Infinity", "line": 2, "column": 26}


@pytest.mark.parametrize("theirs", ["[0.0, Infinity]", '[0.0, {"__float__": "Infinity"}]'])
def test_an_infinity_of_the_base_is_meant(theirs: str) -> None:
    ours, base = (slip(MINE, CONFIG, "{", '{"limit": ' + v + ",") for v in ("[0.0, Infinity]", theirs))
    assert find(ours, base, "GF905") == []
    assert find(base, ours, "GF905") == []


def test_without_a_base_nan_is_information_but_in_the_tokenizer_an_error() -> None:
    assert find(slip(MINE, CONFIG, "1000000.0", "Infinity"), None, "GF905") == []
    merged = slip(MINE, CONFIG, "1000000.0", "[Infinity, NaN]")
    assert only(find(merged, None, "GF905"), Applicability.MANUAL).severity is Severity.INFO
    merged = slip(MINE, FAST, "{", '{"x": NaN, ')
    assert only(find(merged, None, "GF905"), Applicability.MANUAL).severity is Severity.ERROR


@pytest.mark.parametrize(
    "value", ['"NaN"', "1e308", "-0.0", str(10**400), '{"__float__": "NaN"}', '["Infinity"]']
)
def test_words_and_large_numbers_are_no_finding(value: str) -> None:
    assert find(slip(MINE, CONFIG, "{", '{"x": ' + value + ","), MINE, "GF905") == []


# -- Git LFS pointers
# ------------------------------------------------------------------------------------------


def pointer_to(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()


@pytest.mark.parametrize("name", [FAST, TOK, GEN])
def test_a_pointer_to_the_bases_file_is_replaced_by_it(name: str) -> None:
    base = chatml_files()
    merged = base | {name: pointer_to(base[name])}
    finding = only(find(merged, base, "GF9"), Applicability.SAFE)
    assert (finding.code, finding.severity, finding.file) == ("GF906", Severity.ERROR, name)
    assert finding.fix is not None
    assert finding.fix.operations == (RestoreFile(name),)
    assert repaired(merged, base) == base


def test_a_pointer_to_another_file_is_not_replaced_by_the_bases_unasked() -> None:
    base = chatml_files()
    merged = base | {FAST: pointer_to(base[FAST] + b" ")}
    only(find(merged, base, "GF9"), Applicability.UNSAFE)
    assert repaired(merged, base) == merged
    assert repaired(merged, base, unsafe=True) == base
    torn = base | {FAST: b"version https://git-lfs.github.com/spec/v1\n"}
    only(find(torn, base, "GF9"), Applicability.UNSAFE)


def test_a_pointer_without_a_base_or_in_the_base_too_has_to_be_pulled() -> None:
    merged = glm_files() | {"tokenizer.model": pointer_to(b"vocabulary")}
    assert only(find(merged, None, "GF9"), Applicability.MANUAL).severity is Severity.ERROR
    assert only(find(merged, merged, "GF9"), Applicability.MANUAL).severity is Severity.INFO
    assert repaired(merged, glm_files()) == glm_files()


def test_text_about_pointers_and_longer_files_are_no_pointers() -> None:
    pointer = pointer_to(b"x")
    for files in (
        {"README.md": pointer},
        {"merges.txt": b"#" + pointer},
        {"merges.txt": pointer + b"\n" * 1024},
    ):
        assert find(glm_files() | files, glm_files(), "GF906") == []


def test_a_base_that_is_a_pointer_is_an_error_and_no_finding() -> None:
    base = glm_files()
    with pytest.raises(BaseModelError, match="generation_config"):
        judge(context(glm_files(), base | {GEN: pointer_to(base[GEN])}))
