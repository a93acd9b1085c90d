"""GF5xx: processors, custom code, licences, and folders that are no model folder."""

import json
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.rules import Applicability, Context, RestoreFile, Severity, judge
from tests.support.folders import (
    Files,
    chatml_files,
    dump,
    glm_files,
    vlm_files,
    with_json,
    without,
    write_folder,
)
from tests.support.judging import find


def test_a_lost_preprocessor_is_an_error_and_comes_back_whole() -> None:
    base = vlm_files()
    [finding] = find(without(base, "preprocessor_config.json"), base, "GF501")
    assert finding.severity is Severity.ERROR
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (RestoreFile("preprocessor_config.json"),)


@pytest.mark.parametrize(
    ("lost", "part", "found"),
    [
        ("preprocessor_config.json", "image_processor", []),
        ("video_preprocessor_config.json", "video_processor", []),
        ("preprocessor_config.json", "video_processor", [Severity.ERROR]),
        ("video_preprocessor_config.json", "image_processor", [Severity.WARNING]),
        ("audio_tokenizer_config.json", "image_processor", [Severity.WARNING]),
    ],
)
def test_only_what_transformers_5_folded_into_processor_config_is_not_missed(
    lost: str, part: str, found: list[Severity]
) -> None:
    base = without(vlm_files(), "preprocessor_config.json") | {lost: dump({"size": 1})}
    merged = without(base, lost) | {"processor_config.json": dump({part: {"size": 1}})}
    assert [finding.severity for finding in find(merged, base, "GF501")] == found


def test_processor_settings_of_its_own_are_no_finding() -> None:
    base = vlm_files()
    assert find(with_json(base, "preprocessor_config.json", min_pixels=1), base, "GF5") == []


def test_lost_code_comes_back_with_what_it_imports() -> None:
    base = glm_files() | {
        "modeling_chatglm.py": b"from .rope_tools import rotate\nimport os\n",
        "rope_tools.py": b"from .deeper import x\n",
        "deeper.py": b"",
        "unused.py": b"",
    }
    merged = without(base, "modeling_chatglm.py", "rope_tools.py", "deeper.py", "unused.py")
    findings = find(merged, base, "GF502")
    assert [finding.file for finding in findings] == ["deeper.py", "modeling_chatglm.py", "rope_tools.py"]
    assert {finding.fix and finding.fix.applicability for finding in findings} == {Applicability.SAFE}


def test_code_is_put_back_only_on_demand_where_the_code_that_is_here_is_other_code() -> None:
    base = glm_files()
    merged = without(base, "modeling_chatglm.py") | {
        "configuration_chatglm.py": b"class ChatGLMConfig: mine\n"
    }
    [finding] = find(merged, base, "GF502")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_code_in_other_line_ends_is_the_bases() -> None:
    base = glm_files()
    name = "configuration_chatglm.py"
    merged = without(base, "modeling_chatglm.py") | {name: base[name].replace(b"\n", b"\r\n")}
    [finding] = find(merged, base, "GF502")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_lost_code_without_a_base_is_information() -> None:
    [finding] = find(without(glm_files(), "tokenization_chatglm.py"), None, "GF502")
    assert finding.severity is Severity.INFO
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


@pytest.mark.parametrize(
    "auto_map",
    [
        {"AutoConfig": "other/repo--configuration_chatglm2.ChatGLMConfig"},
        {"AutoConfig": None},
        {"AutoConfig": 7},
        "configuration_chatglm2.ChatGLMConfig",
        ["configuration_chatglm2.ChatGLMConfig"],
        {"AutoConfig": "configuration_chatglm2"},
    ],
)
def test_an_auto_map_that_names_no_file_of_this_repo_misses_none(auto_map: object) -> None:
    merged = with_json(glm_files(), "config.json", auto_map=auto_map)
    assert find(merged, merged | {"configuration_chatglm2.py": b""}, "GF502") == []


def test_code_the_base_lacks_too_is_no_finding_against_it() -> None:
    both = without(glm_files(), "modeling_chatglm.py")
    assert find(both, both, "GF502") == []


def test_code_of_a_lost_tokenizer_config_is_missed_together_with_it() -> None:
    base = glm_files()
    merged = without(base, "tokenizer_config.json", "tokenization_chatglm.py")
    assert [finding.file for finding in find(merged, base, "GF502")] == ["tokenization_chatglm.py"]


@pytest.mark.parametrize("name", ["configuration_chatglm.py", "tokenizer.model"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_that_cannot_be_compared_does_not_end_the_check(
    tmp_path: Path, name: str, *, dangling: bool
) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    lost = "modeling_chatglm.py" if name.endswith(".py") else "tokenizer_config.json"
    merged = write_folder(tmp_path / "merged", without(glm_files(), lost, name))
    (merged / name).symlink_to(tmp_path / "nothing" if dangling else base / name)
    findings = judge(Context(Model(LocalFolder(merged)), Model(LocalFolder(base))))
    assert lost in {finding.file for finding in findings}


@pytest.mark.parametrize(
    "name", ["LICENSE", "LICENSE.txt", "NOTICE", "USE_POLICY.md", "license.md", "COPYING"]
)
def test_a_lost_licence_is_information_with_a_safe_copy(name: str) -> None:
    base = without(glm_files(), "LICENSE") | {name: b"do good\n"}
    [finding] = find(without(base, name), base, "GF5")
    assert (finding.code, finding.severity, finding.file) == ("GF503", Severity.INFO, name)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("name", ["README.md", ".gitattributes", "original/params.json", "docs/LICENSE"])
def test_a_lost_file_that_describes_the_base_is_nothing(name: str) -> None:
    base = glm_files() | {name: b"about the base\n"}
    assert find(without(base, name), base) == []


def test_another_licence_text_is_nothing() -> None:
    base = glm_files()
    assert find(base | {"LICENSE": b"do better\n"}, base) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, 1),
        ({"README.md": b"", "notes.txt": b"", "checkpoint-5/config.json": b"{}"}, 1),
        ({"model.safetensors": b""}, 0),
        ({"config.json": b"{}"}, 0),
        ({"chat_template.jinja": b"x"}, 0),
    ],
)
def test_a_folder_with_nothing_an_engine_reads_is_told_so(files: Files, found: int) -> None:
    assert len(find(files, None, "GF504")) == found


def test_a_language_model_taken_out_of_a_vision_language_one_needs_no_processor() -> None:
    base = vlm_files()
    config = json.loads(base["config.json"])
    vision = {
        "vision_config": {"depth": 2},
        "text_config": {"model_type": "qwen2_vl_text", "hidden_size": 64},
    }
    base |= {"config.json": dump(config | vision)}
    alone = config | {"model_type": "qwen2_vl_text", "architectures": ["Qwen2VLTextForCausalLM"]}
    del alone["image_token_id"]
    merged = without(base, "preprocessor_config.json", "chat_template.json") | {"config.json": dump(alone)}
    assert [finding.code for finding in find(merged, base) if finding.severity is not Severity.INFO] == []


def test_what_was_lost_is_named_in_the_findings_in_a_settled_order() -> None:
    findings = find({"README.md": b"x"}, chatml_files())
    assert [finding.severity.rank for finding in findings] == sorted(f.severity.rank for f in findings)
    assert {finding.file for finding in findings} == {*chatml_files(), "."}
