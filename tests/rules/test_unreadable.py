"""GF9xx: what genfix says about files that are there and cannot be read."""

import os
from pathlib import Path

import pytest

from genfix.errors import BaseModelError
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.rules import Applicability, Context, Finding, RestoreFile, Severity, StripBom, judge
from tests.folders import Files, chatml_files, context, find, glm_files, safetensors, vlm_files, write_folder
from tests.rules.test_files_rules import without
from tests.rules.test_stop_tokens import with_json

GEN = "generation_config.json"
BOM = b"\xef\xbb\xbf"
BROKEN = {
    b"": "json-empty",
    b"\0\0\0": "json-empty",
    b'{"a": 1': "json-syntax",
    b'{"a": 1,}': "json-syntax",
    b"version https://git-lfs.github.com/spec/v1\n": "json-syntax",
    b"\xff\xfe{\0}\0": "json-encoding",
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
    [finding] = find(base | {GEN: BOM + base[GEN]}, base, "GF")
    assert (finding.code, finding.severity) == ("GF903", Severity.ERROR)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (StripBom(GEN),)


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
