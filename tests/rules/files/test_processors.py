"""What a processor needs, names that no library has, and code that nothing points to."""

import json

import pytest

from genfix.rules import Applicability, Severity
from genfix.rules.core.finding import CopyField, SetField, WriteFile
from tests.support.folders import Files, chatml_files, dump, vlm_files, with_json, without
from tests.support.judging import find, only, repaired
from tests.support.rule_cases import LLAVA, SEEN

PREPROCESSOR, PROCESSOR, TOK = "preprocessor_config.json", "processor_config.json", "tokenizer_config.json"
VLM = vlm_files()


# -- GF506 ---------------------------------------------------------------------------------------

BLIND = without(SEEN, PREPROCESSOR)


def test_a_vision_model_without_any_processor() -> None:
    assert only(find(BLIND, None, "GF506"), Applicability.MANUAL).severity is Severity.WARNING


@pytest.mark.parametrize(
    "files",
    [
        BLIND | {"video_preprocessor_config.json": b"{}"},
        without(BLIND, "model.safetensors"),
        with_json(BLIND, "config.json", vision_config=...),
        with_json(BLIND, "config.json", model_type="own"),
        with_json(BLIND, "config.json", auto_map={"AutoModel": "own.Own"}),
    ],
)
def test_a_folder_that_may_need_none(files: Files) -> None:
    assert find(files, None, "GF506") == []


# -- GF507 ---------------------------------------------------------------------------------------


def test_an_argument_that_the_vision_part_says() -> None:
    finding = only(find(LLAVA, None, "GF507"), Applicability.UNSAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/patch_size")
    after = repaired(LLAVA, None, unsafe=True)
    assert json.loads(after[PROCESSOR]) == {"patch_size": 14, "processor_class": "LlavaProcessor"}
    assert only(find(LLAVA, LLAVA, "GF507"), Applicability.MANUAL).severity is Severity.INFO


def test_a_file_that_is_missing_is_written() -> None:
    finding = only(find(without(LLAVA, PROCESSOR), None, "GF507"), Applicability.UNSAFE)
    assert finding.fix is not None
    [operation] = finding.fix.operations
    assert isinstance(operation, WriteFile)


def test_a_text_counts_where_the_class_compares_to_it() -> None:
    full = with_json(LLAVA, "config.json", vision_feature_select_strategy="full")
    assert [f.pointer for f in find(with_json(full, PROCESSOR, patch_size=14), None, "GF507")] == []
    default = with_json(LLAVA, "config.json", vision_feature_select_strategy="default")
    [finding] = find(with_json(default, PROCESSOR, patch_size=14), None, "GF507")
    assert finding.pointer == "/vision_feature_select_strategy"


@pytest.mark.parametrize(
    "files",
    [
        with_json(LLAVA, "config.json", vision_config={"model_type": "clip_vision_model"}),
        with_json(LLAVA, PROCESSOR, processor_class="OwnProcessor"),
        with_json(LLAVA, PROCESSOR, auto_map={"AutoProcessor": "own.OwnProcessor"}),
        with_json(LLAVA, PROCESSOR, processor_class="Qwen2VLProcessor"),
    ],
)
def test_what_nobody_says_or_computes_with(files: Files) -> None:
    assert find(files, None, "GF507") == []


# -- GF508 ---------------------------------------------------------------------------------------

UNKNOWN = with_json(VLM, PREPROCESSOR, image_processor_type="Qwen2_5_VLImageProcessor")


def test_a_name_that_no_release_has() -> None:
    assert only(find(UNKNOWN, None, "GF508"), Applicability.MANUAL).severity is Severity.WARNING
    finding = only(find(UNKNOWN, VLM, "GF508"), Applicability.SAFE)
    assert finding.severity is Severity.ERROR
    assert finding.fix is not None
    assert finding.fix.operations == (CopyField(PREPROCESSOR, "/image_processor_type"),)
    assert find(UNKNOWN, UNKNOWN, "GF508") == []


def test_what_a_newer_library_may_have_is_information() -> None:
    newer = with_json(UNKNOWN, "config.json", transformers_version="99.0.0")
    assert only(find(newer, VLM, "GF508"), Applicability.UNSAFE).severity is Severity.INFO
    own = with_json(VLM, TOK, processor_class="ColOwnProcessor")
    assert only(find(own, None, "GF508"), Applicability.MANUAL).severity is Severity.INFO


@pytest.mark.parametrize(
    "files",
    [
        UNKNOWN | {"image_processing_own.py": b"class Qwen2_5_VLImageProcessor: ...\n"},
        with_json(UNKNOWN, PREPROCESSOR, auto_map={"AutoImageProcessor": "own.Own"}),
        with_json(VLM, PREPROCESSOR, image_processor_type="AriaImageProcessorFast"),
        VLM | {PROCESSOR: dump({"image_processor": {"image_processor_type": "CLIPImageProcessor"}})},
    ],
)
def test_own_processors_and_known_ones(files: Files) -> None:
    assert find(files, None, "GF508") == []


# -- GF509 and GF510 -----------------------------------------------------------------------------

CODE = chatml_files() | {
    "configuration_own.py": b"class OwnConfig(PretrainedConfig):\n    model_type = 'own'\n",
    "modeling_own.py": b"class OwnForCausalLM(Base):\n    pass\n",
}
CODE = with_json(CODE, "config.json", model_type="own", architectures=["OwnForCausalLM"])


def test_code_that_nothing_points_to() -> None:
    finding = only(find(CODE, None, "GF509"), Applicability.UNSAFE)
    assert finding.fix is not None
    assert finding.fix.operations == (
        SetField(
            "config.json",
            "/auto_map",
            {
                "AutoConfig": "configuration_own.OwnConfig",
                "AutoModelForCausalLM": "modeling_own.OwnForCausalLM",
            },
        ),
    )
    assert only(find(CODE, CODE, "GF509"), Applicability.MANUAL).severity is Severity.INFO
    only(find(without(CODE, "configuration_own.py"), None, "GF509"), Applicability.MANUAL)


@pytest.mark.parametrize(
    "files",
    [
        without(CODE, "modeling_own.py"),
        CODE | {"modeling_own.py": b"class OwnForCausalLM(:"},
        with_json(CODE, "config.json", architectures=["Qwen2ForCausalLM"]),
        with_json(CODE, "config.json", auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}),
    ],
)
def test_a_class_that_is_elsewhere_or_mapped(files: Files) -> None:
    assert find(files, None, "GF509") == []


@pytest.mark.parametrize(
    ("references", "found"),
    [
        ({"AutoConfig": "own.Own", "AutoModel": "a/b--own.Model"}, 1),
        ({"AutoConfig": "a/b--own.Own", "AutoModel": "a/b--own.Model"}, 0),
        ({"AutoConfig": "own.Own", "AutoTokenizer": ["own.Slow", None]}, 0),
    ],
)
def test_code_from_two_places(references: dict[str, object], found: int) -> None:
    files = with_json(CODE, "config.json", auto_map=references)
    assert len(find(files, None, "GF510")) == found
