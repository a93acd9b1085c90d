"""What is found in a GGUF: each code on a file that has the fault, and none on one that is like it."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import genfix
from tests.support.folders import CHATML, added_tokens, dump, write_folder
from tests.support.gguf_files import (
    GLM_KEYS,
    GLM_TEXTS,
    QWEN_KEYS,
    QWEN_TEXTS,
    WORDS,
    Tensors,
    edited,
    gguf_bytes,
    keys_of,
    tensors_of,
)

EOS, EOT = "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"
ROWS = len(QWEN_TEXTS) + len(WORDS)
TYPES = "tokenizer.ggml.token_type"
NORMAL = [2, *[3] * (len(GLM_TEXTS) - 1), *[1] * len(WORDS)]
NORMAL[3] = 1
FILLERS = keys_of([*QWEN_TEXTS[:3], "[PAD3]"], CHATML)
PAGE: Mapping[str, Any] = {
    "config.json": {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "max_position_embeddings": 128,
        "rope_theta": 10000.0,
        "vocab_size": ROWS,
    },
    "tokenizer_config.json": {
        "added_tokens_decoder": added_tokens({text: place for place, text in enumerate(QWEN_TEXTS) if place}),
        "chat_template": CHATML,
        "eos_token": "<|im_end|>",
        "tokenizer_class": "Qwen2Tokenizer",
    },
    "tokenizer.json": {
        "added_tokens": [
            {"id": place, "content": text, "special": True} for place, text in enumerate(QWEN_TEXTS) if place
        ],
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    },
}
FOLDER = {name: dump(value) for name, value in PAGE.items()}


class Case(NamedTuple):
    """A file, what it is judged by, and what is found above information."""

    keys: Mapping[str, Any]
    found: tuple[str, ...] = ()
    base: Mapping[str, Any] | None = None
    tensors: Tensors | None = None
    applicability: str | None = None


def of(code: str, how: str) -> dict[str, Any]:
    return {"found": (code,), "applicability": how}


CASES = {
    "an end that is no token, alone": Case(edited(GLM_KEYS, **{EOT: 999}), ("GF102", "GF104")),
    "an end that is no token": Case(edited(GLM_KEYS, **{EOT: 999}), base=GLM_KEYS, **of("GF104", "safe")),
    "no EOS": Case(edited(GLM_KEYS, **{EOS: ...}), base=GLM_KEYS, **of("GF110", "safe")),
    "another EOS, which ends by its text": Case(
        edited(QWEN_KEYS, **{EOS: 1}), base=QWEN_KEYS, **of("GF106", "safe")
    ),
    "another EOS beside another template": Case(
        edited(QWEN_KEYS, **{EOS: 1}, tokenizer__chat_template=CHATML + "!"), base=QWEN_KEYS
    ),
    "a turn end that is no token": Case(
        edited(QWEN_KEYS, tokenizer__chat_template=CHATML.replace("<|im_end|>", "<|stop|>")),
        base=QWEN_KEYS,
        **of("GF107", "manual"),
    ),
    "a lost template": Case(
        edited(GLM_KEYS, tokenizer__chat_template=...), base=GLM_KEYS, **of("GF201", "safe")
    ),
    "a template that does not render": Case(
        edited(GLM_KEYS, tokenizer__chat_template="{% for %}"), base=GLM_KEYS, **of("GF203", "manual")
    ),
    "a template of its own with the same ends": Case(
        edited(GLM_KEYS, tokenizer__chat_template=GLM_KEYS["tokenizer.chat_template"] + " "), base=GLM_KEYS
    ),
    "a token that is cut": Case(edited(GLM_KEYS, **{TYPES: NORMAL}), base=GLM_KEYS, **of("GF304", "safe")),
    "a token that is cut, alone": Case(edited(GLM_KEYS, **{TYPES: NORMAL}), **of("GF304", "unsafe")),
    "no BOS any more": Case(
        edited(QWEN_KEYS, tokenizer__ggml__add_bos_token=False),
        base=edited(QWEN_KEYS, tokenizer__ggml__add_bos_token=True),
        **of("GF306", "unsafe"),
    ),
    "a BOS where there was none": Case(
        edited(QWEN_KEYS, tokenizer__ggml__add_bos_token=True),
        base=edited(QWEN_KEYS, tokenizer__ggml__add_bos_token=False),
    ),
    "fewer rows than tokens": Case(QWEN_KEYS, tensors=tensors_of(ROWS - 1), **of("GF411", "manual")),
    "another number of layers": Case(
        edited(QWEN_KEYS, llama__block_count=2), tensors=tensors_of(ROWS), **of("GF414", "safe")
    ),
    "layers that only predict are not counted": Case(
        edited(QWEN_KEYS, llama__block_count=2, llama__nextn_predict_layers=1), tensors=tensors_of(ROWS)
    ),
    "another number of layers, and a list of them": Case(
        edited(QWEN_KEYS, llama__block_count=2, llama__attention__head_count=[4, 4]),
        tensors=tensors_of(ROWS),
        **of("GF414", "manual"),
    ),
    "a layer between others": Case(
        edited(QWEN_KEYS, llama__block_count=3), tensors=tensors_of(ROWS, (0, 2)), **of("GF414", "manual")
    ),
    "layers of other parts": Case(
        edited(QWEN_KEYS, llama__block_count=9, split__count=2, split__no=0), tensors=tensors_of(ROWS)
    ),
    "no length": Case(edited(QWEN_KEYS, llama__context_length=...), **of("GF513", "manual")),
    "an id of another type": Case(
        edited(QWEN_KEYS, **{EOS: struct.pack("<Ii", 5, 3)}), **of("GF513", "safe")
    ),
    "types for some tokens": Case(edited(QWEN_KEYS, **{TYPES: [2, 3, 3, 3]}), **of("GF513", "manual")),
    "another RoPE": Case(
        QWEN_KEYS, base=edited(QWEN_KEYS, llama__rope__freq_base=1e6), **of("GF712", "unsafe")
    ),
    "another length is information": Case(
        edited(QWEN_KEYS, llama__context_length=64), base=edited(QWEN_KEYS, llama__context_length=256)
    ),
}


def judged(tmp_path: Path, case: Case) -> genfix.Report:
    model, base = tmp_path / "m.gguf", tmp_path / "base.gguf"
    model.write_bytes(gguf_bytes(case.keys, case.tensors))
    if case.base is not None:
        base.write_bytes(gguf_bytes(case.base))
    return genfix.check(model, base if case.base is not None else None, allow_base_mismatch=True)


@pytest.mark.parametrize("name", CASES)
def test_exactly_that_is_found(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    serious = [finding for finding in judged(tmp_path, case).findings if finding.severity != "info"]
    assert tuple(sorted(finding.code for finding in serious)) == case.found
    if case.applicability is not None:
        assert [str(found.fix.applicability) for found in serious if found.fix] == [case.applicability]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.applicability == "safe"])
def test_a_safe_fix_clears_it_and_a_second_repair_changes_nothing(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    judged(tmp_path, case)
    model, new = tmp_path / "m.gguf", tmp_path / "new.gguf"
    base = tmp_path / "base.gguf" if case.base is not None else None
    done = genfix.repair(model, base, output=new, allow_base_mismatch=True)
    assert {finding.code for finding in done.plan.fixed} >= {*case.found}
    assert genfix.plan(new, base, allow_base_mismatch=True).changes == ()
    assert [
        f for f in genfix.check(new, base, allow_base_mismatch=True).findings if f.severity != "info"
    ] == []


@pytest.mark.parametrize("keys", [GLM_KEYS, QWEN_KEYS], ids=["glm", "qwen"])
def test_a_file_judged_against_itself_has_nothing(keys: Mapping[str, Any], tmp_path: Path) -> None:
    assert judged(tmp_path, Case(keys, base=keys)).findings == ()


def test_tokens_that_the_converter_did_not_know_are_fillers(tmp_path: Path) -> None:
    model, base = tmp_path / "m.gguf", write_folder(tmp_path / "base", FOLDER)
    model.write_bytes(gguf_bytes(FILLERS))
    found = genfix.check(model, base).findings
    assert "GF303" in {finding.code for finding in found if finding.severity == "error"}
    model.write_bytes(gguf_bytes(QWEN_KEYS))
    assert genfix.check(model, base).findings == ()


def test_a_file_that_is_cut_off_is_torn(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(gguf_bytes(QWEN_KEYS)[:-64])
    (found,) = genfix.check(model).findings
    assert (found.code, found.severity) == ("GF522", "error")


def test_codes_are_chosen_and_left_out(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(gguf_bytes(edited(GLM_KEYS, **{EOT: 999})))
    assert {finding.code for finding in genfix.check(model, select="GF104").findings} == {"GF104"}
    assert {finding.code for finding in genfix.check(model, ignore="GF104").findings} == {"GF102"}


def test_unsafe_fixes_are_made_where_they_are_wanted(tmp_path: Path) -> None:
    model, new = tmp_path / "m.gguf", tmp_path / "new.gguf"
    model.write_bytes(gguf_bytes(edited(GLM_KEYS, **{EOT: ...})))
    assert genfix.plan(model).changes == ()
    genfix.repair(model, output=new, unsafe_fixes=True)
    assert genfix.check(new).findings == ()


def test_a_modelfile_beside_it_is_judged_too(tmp_path: Path) -> None:
    model, modelfile = tmp_path / "m.gguf", tmp_path / "Modelfile"
    model.write_bytes(gguf_bytes(edited(GLM_KEYS, **{EOT: ...})))
    modelfile.write_text('FROM ./m.gguf\nTEMPLATE """{{ .Prompt }}"""\n')
    found = [finding for finding in genfix.check(model).findings if finding.code == "GF112"]
    assert [(finding.file, finding.pointer) for finding in found] == [
        ("Modelfile", "/PARAMETER stop"),
        ("Modelfile", "/TEMPLATE"),
    ]
    modelfile.write_text('FROM ./m.gguf\nPARAMETER stop "<|user|>"\n')
    assert "GF112" not in {finding.code for finding in genfix.check(model).findings}
    model.write_bytes(gguf_bytes(GLM_KEYS))
    modelfile.write_text("FROM ./m.gguf\n")
    assert genfix.check(model).findings == ()
