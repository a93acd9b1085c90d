"""Faults planted together: each is found, and a repair takes away exactly these and nothing else."""

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.engines import ENGINES, breaks, is_worse
from genfix.rules import Severity
from tests.support.folders import Files, chatml_files, glm_files, vlm_files, with_head, with_json, without
from tests.support.judging import find, plan, written
from tests.support.weight_files import INDEX, SINGLE, causal, sharded, weight_file

PROCESSOR = "preprocessor_config.json"
GEN, CONFIG, TOK, FAST = "generation_config.json", "config.json", "tokenizer_config.json", "tokenizer.json"


class Fault(NamedTuple):
    """One thing that goes wrong on the way from the base to the merge."""

    code: str
    place: str
    """What it damages; of two faults of one place only one is planted."""
    plant: Callable[[Files], Files]


def edit(file: str, **values: object) -> Callable[[Files], Files]:
    return lambda files: with_json(files, file, **values)


def lose(*names: str) -> Callable[[Files], Files]:
    return lambda files: without(files, *names)


def prefix(file: str, start: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {file: start + files[file]}


def comma(file: str) -> Callable[[Files], Files]:
    def plant(files: Files) -> Files:
        text = files[file].rstrip()
        return files | {file: text[:-1].rstrip() + b",\n}\n"}

    return plant


SIZES = {"num_hidden_layers": 2, "tie_word_embeddings": False, "use_cache": True}
CUT = {"direction": "Right", "max_length": 64, "strategy": "LongestFirst", "stride": 0}
QWEN: Final = (
    with_head(with_json(chatml_files(), CONFIG, **SIZES, num_experts=4), truncation=None)
    | sharded(causal(experts=4), 2)
    | {"LICENSE": b"do good\n"}
)
GLM: Final = glm_files()
VLM: Final = with_json(
    with_json(vlm_files(), CONFIG, **SIZES), PROCESSOR, processor_class="Qwen2VLProcessor"
) | {SINGLE: weight_file(causal(), fill={"lm_head.weight": 7})}

COMMON: Final = (
    Fault("GF603", f"{GEN}#length", edit(GEN, max_new_tokens=64)),
    Fault("GF901", f"{GEN}#text", comma(GEN)),
    Fault("GF903", f"{CONFIG}#text", prefix(CONFIG, b"\xef\xbb\xbf")),
    Fault("GF201", f"{TOK}#template", edit(TOK, chat_template=...)),
)
FAULTS: Final[Mapping[str, tuple[Files, tuple[Fault, ...]]]] = {
    "chatml": (
        QWEN,
        (
            *COMMON,
            Fault("GF101", f"{GEN}#eos", edit(GEN, eos_token_id=1000)),
            Fault("GF106", f"{TOK}#eos", edit(TOK, eos_token="<|endoftext|>")),
            Fault("GF402", f"{CONFIG}#rope", edit(CONFIG, rope_theta=...)),
            Fault("GF411", f"{CONFIG}#rows", edit(CONFIG, vocab_size=1030)),
            Fault("GF414", f"{CONFIG}#layers", edit(CONFIG, num_hidden_layers=4)),
            Fault(
                "GF421",
                f"{CONFIG}#quant",
                edit(CONFIG, quantization_config={"quant_method": "gptq", "bits": 4}),
            ),
            Fault("GF308", f"{FAST}#cut", edit(FAST, truncation=CUT)),
            Fault("GF403", f"{CONFIG}#cache", edit(CONFIG, use_cache=False)),
            Fault("GF415", f"{CONFIG}#experts", edit(CONFIG, num_experts=8)),
            Fault("GF503", "LICENSE", lose("LICENSE")),
            Fault("GF523", INDEX, lose(INDEX)),
        ),
    ),
    "glm": (
        GLM,
        (
            *COMMON,
            Fault("GF101", f"{GEN}#eos", edit(GEN, eos_token_id=151329)),
            Fault("GF103", f"{CONFIG}#eos", edit(CONFIG, eos_token_id=151329)),
            Fault("GF502", "code", lose("modeling_chatglm.py")),
            Fault("GF503", "LICENSE", lose("LICENSE")),
            Fault("GF301", "vocabulary", lose("tokenizer.model")),
        ),
    ),
    "vlm": (
        VLM,
        (
            *COMMON[:3],
            Fault("GF501", f"{PROCESSOR}#class", lose(PROCESSOR)),
            Fault("GF402", f"{CONFIG}#image", edit(CONFIG, image_token_id=...)),
            Fault("GF413", f"{CONFIG}#tied", edit(CONFIG, tie_word_embeddings=True)),
            Fault(
                "GF705",
                f"{PROCESSOR}#class",
                edit(PROCESSOR, processor_class="_Unsloth_Patched_Qwen2VLProcessor"),
            ),
        ),
    ),
}


@st.composite
def planted(draw: st.DrawFn, faults: tuple[Fault, ...]) -> list[Fault]:
    chosen = draw(st.lists(st.sampled_from(faults), min_size=1, unique_by=lambda fault: fault.place))
    # faults in the text of a file come last: its values cannot be edited any more
    return sorted(chosen, key=lambda fault: fault.place.endswith("#text"))


def meaning(files: Files) -> dict[str, object]:
    """Files by what they say: JSON without its spelling."""
    return {
        name: json.loads(content.removeprefix(b"\xef\xbb\xbf")) if name.endswith(".json") else content
        for name, content in files.items()
    }


@pytest.mark.parametrize("name", FAULTS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_all_are_found_and_exactly_they_are_repaired(name: str, data: st.DataObject) -> None:
    base, faults = FAULTS[name]
    chosen = data.draw(planted(faults))
    merged = dict(base)
    for fault in chosen:
        merged = fault.plant(merged)
    first = plan(merged, base)
    codes = {finding.code for finding in first.findings}
    assert {fault.code for fault in chosen} <= codes
    result = merged | written(first)
    assert meaning(result) == meaning(base)
    assert {c.name for c in first.changes} == {name for name in base if merged.get(name) != base[name]}
    assert [f.code for f in first.remaining if f.severity is not Severity.INFO] == []
    for engine, view in first.views_before.items():
        harms = is_worse if engine in ENGINES else breaks
        assert not harms(view, first.views_after[engine], ())


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_alone_is_one_finding(name: str) -> None:
    base, faults = FAULTS[name]
    for fault in faults:
        found = [
            f
            for f in find(fault.plant(dict(base)), base)
            if f.severity is not Severity.INFO or f.code == fault.code
        ]
        assert {f.code for f in found} == {fault.code}, fault.place
