"""Plans: what is written, what the plan says of it, and when there is none."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from genfix.engines.every import EVERY_ENGINE
from genfix.folder import Folder, LocalFolder, OverlayFolder, input_digest
from genfix.language import remembered
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import (
    Applicability,
    Context,
    CopyField,
    Finding,
    Fix,
    Operation,
    RemoveField,
    RestoreFile,
    SetField,
    Severity,
    Witness,
)
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    MemoryFolder,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    vlm_files,
    with_json,
    with_token_list,
    without,
    write_folder,
)
from tests.support.judging import is_of_engines, written

GEN, TOK, CONFIG = "generation_config.json", "tokenizer_config.json", "config.json"
BOM = b"\xef\xbb\xbf"


def plan(merged: Files, base: Files | None = None, *, unsafe_fixes: bool = False) -> Plan:
    facts = BaseFacts(MemoryFolder(base, "base")) if base is not None else None
    return make_plan(MemoryFolder(merged), facts, unsafe_fixes=unsafe_fixes)


def changed_lines(before: bytes, after: bytes) -> list[str]:
    return [line.strip() for line in after.decode().splitlines() if line not in before.decode().splitlines()]


def test_the_users_own_case_is_a_change_of_one_value() -> None:
    base = glm_files()
    merged = with_json(base, GEN, eos_token_id=151329)
    result = plan(merged, base)
    [change] = result.changes
    assert (change.name, change.codes, change.source) == (GEN, ("GF101",), None)
    assert change.before == merged[GEN]
    assert change.after == base[GEN]
    assert all(map(is_of_engines, result.remaining))
    assert [finding.code for finding in result.fixed] == ["GF101"]
    assert result.views_before["transformers5"].stop_token_ids == (151329,)
    assert result.views_after == result.base_views


def test_a_healthy_folder_has_an_empty_plan() -> None:
    result = plan(glm_files(), glm_files())
    assert (result.changes, result.fixed) == ((), ())
    assert all(map(is_of_engines, result.findings))
    assert result.views_after == result.views_before


@pytest.mark.parametrize("layout", [{"indent": 4}, {"indent": None}, {"indent": "\t", "sort_keys": True}])
def test_an_edit_changes_nothing_but_its_value(layout: dict[str, object]) -> None:
    base = glm_files()
    document = json.loads(base[GEN]) | {"eos_token_id": 151329, "odd": 1e-05, "name": "\u00e9"}
    text = json.dumps(document, **layout)  # type: ignore[arg-type]
    result = written(plan(base | {GEN: text.encode()}, base))[GEN].decode()
    assert json.loads(result) == document | {"eos_token_id": [151329, 151336, 151338]}
    same = [line for line in text.splitlines() if "eos_token_id" not in line]
    assert [line for line in result.splitlines() if line in same] == same
    assert text.endswith("\n") == result.endswith("\n")


def test_a_big_integer_beside_an_edit_and_in_a_copy_stays_itself() -> None:
    big = b"1000000000000000019884624838656"
    base = glm_files()
    assert big in base[TOK]
    after = written(plan(with_json(base, TOK, chat_template=...), base))[TOK]
    assert big in after
    assert json.loads(after) == json.loads(base[TOK])
    base = with_json(chatml_files(), CONFIG, rope_theta=int(big))
    after = written(plan(with_json(base, CONFIG, rope_theta=...), base))[CONFIG]
    assert (
        changed_lines(with_json(base, CONFIG, rope_theta=...)[CONFIG], after)[-1]
        == f'"rope_theta": {big.decode()}'
    )


def test_a_copied_value_keeps_the_bases_spelling_and_place() -> None:
    base = chatml_files()
    base |= {
        CONFIG: base[CONFIG]
        .replace(b"1000000.0", b"1.0e6")
        .replace(b'"rope_theta"', b'"x": 1,\n  "rope_theta"')
    }
    merged = with_json(base, CONFIG, rope_theta=...)
    assert b'"rope_theta": 1.0e6' in written(plan(merged, base))[CONFIG]


def test_lost_files_come_back_byte_for_byte() -> None:
    base = vlm_files()
    result = plan({"README.md": b"mine"}, base)
    assert written(result) == base
    assert all(change.source is Witness.BASE and change.before is None for change in result.changes)
    assert [change.name for change in result.changes] == sorted(base)


def test_a_lost_tokenizer_brings_its_code_and_its_template_with_it() -> None:
    base = glm_files()
    result = plan(without(base, TOK, "tokenizer.model", "tokenization_chatglm.py", GEN), base)
    assert {*written(result)} == {TOK, "tokenizer.model", "tokenization_chatglm.py", GEN}
    assert all(map(is_of_engines, result.remaining))
    assert {finding.code for finding in result.fixed if not is_of_engines(finding)} == {
        *("GF301", "GF502", "GF601")
    }


def test_what_a_torn_file_hid_is_found_and_fixed_in_the_next_round() -> None:
    """config.json does not parse, so nobody knows that it names code that is lost too."""
    base = glm_files()
    merged = without(base, "modeling_chatglm.py") | {CONFIG: b'{"model_type": "chat'}
    result = plan(merged, base)
    assert written(result) == {CONFIG: base[CONFIG], "modeling_chatglm.py": base["modeling_chatglm.py"]}
    assert {finding.code for finding in result.fixed if not is_of_engines(finding)} == {"GF901", "GF502"}


def test_a_byte_order_mark_goes_and_then_the_value_behind_it_is_mended() -> None:
    base = glm_files()
    narrow = with_json(with_json(base, GEN, eos_token_id=151329), CONFIG, eos_token_id=151329)
    result = plan(narrow | {GEN: BOM + narrow[GEN]}, base)
    [_, change] = result.changes
    assert (change.after, change.codes, change.source) == (base[GEN], ("GF903", "GF101"), None)
    assert {finding.code for finding in result.fixed} == {"GF903", "GF101", "GF103"}


def test_a_restored_file_keeps_the_id_that_only_the_folder_knew() -> None:
    """The base is a pretrained one; the chat tune's own end stands in its config.json alone."""
    base = with_json(chatml_files(eos=1000), CONFIG, eos_token_id=1000)
    merged = with_json(without(base, GEN), CONFIG, eos_token_id=1002)
    [change] = plan(merged, base).changes
    assert (change.name, change.source) == (GEN, None)
    assert change.after is not None
    assert json.loads(change.after) == json.loads(base[GEN]) | {"eos_token_id": [1000, 1002]}


def test_a_turn_end_of_its_own_joins_a_restored_file() -> None:
    base = glm_files()
    tokens = json.loads(base[TOK])["added_tokens_decoder"] | added_tokens({"<|im_end|>": 151400})
    merged = without(with_json(base, TOK, chat_template=CHATML, added_tokens_decoder=tokens), GEN)
    result = plan(merged, base)
    assert 151400 in json.loads(written(result)[GEN])["eos_token_id"]
    assert all(map(is_of_engines, result.remaining))


def test_unsafe_fixes_are_made_only_when_asked_for() -> None:
    base = chatml_files()
    merged = with_json(base, GEN, temperature=0.3, max_new_tokens=9)
    safe, unsafe = plan(merged, base), plan(merged, base, unsafe_fixes=True)
    assert [finding.code for finding in safe.remaining] == ["GF605"]
    assert json.loads(written(safe)[GEN])["temperature"] == 0.3
    assert (written(unsafe), unsafe.remaining) == ({GEN: base[GEN]}, ())


def test_rules_that_do_not_count_are_neither_found_nor_fixed() -> None:
    base = glm_files()
    merged = without(with_json(base, GEN, eos_token_id=151329), "LICENSE")
    result = make_plan(
        MemoryFolder(merged), BaseFacts(MemoryFolder(base)), wanted=lambda code: code.startswith("GF50")
    )
    assert [finding.code for finding in result.findings] == ["GF503"]
    assert {*written(result)} == {"LICENSE"}


def test_the_plan_names_every_file_it_rests_on(tmp_path: Path) -> None:
    base = glm_files()
    merged = without(base, GEN) | {
        "model.safetensors": safetensors(151552),
        "notes.txt": b"",
        "args.json": b"{}",
    }
    folder = LocalFolder(write_folder(tmp_path, merged), "./merged")
    result = make_plan(folder, BaseFacts(MemoryFolder(base, "base")))
    present = {name: digest for name, digest in result.inputs.items() if digest is not None}
    assert present == {
        "model.safetensors": input_digest(folder, "model.safetensors"),
        **{
            name: hashlib.sha256(merged[name]).hexdigest()
            for name in merged
            if name not in {"notes.txt", "args.json", "model.safetensors", "README.md", "LICENSE"}
        },
    }
    absent = result.inputs.keys() - present.keys()
    assert {GEN, "chat_template.jinja", "tokenizer.json", "preprocessor_config.json"} <= absent
    assert absent.isdisjoint(merged)
    assert (result.target, result.base) == ("./merged", "base")
    assert result.sources[Witness.BASE].inputs.keys() == base.keys() - {"README.md", "LICENSE"}


def test_of_weights_a_plan_rests_on_the_size_and_the_header(tmp_path: Path) -> None:
    name = "model.safetensors"
    first = input_digest(LocalFolder(write_folder(tmp_path / "a", {name: safetensors(7) + b"data"})), name)
    other_data = write_folder(tmp_path / "b", {name: safetensors(7) + b"DATA"})
    assert input_digest(LocalFolder(other_data), name) == first
    for content in (safetensors(8) + b"data", safetensors(7) + b"more data", b""):
        changed = LocalFolder(write_folder(tmp_path / "c", {name: content}))
        assert input_digest(changed, name) != first


def test_the_same_folder_gives_the_same_plan() -> None:
    base = vlm_files()
    merged = without(
        with_json(base, GEN, eos_token_id=1000, top_p=0), "preprocessor_config.json", "tokenizer.json"
    )
    assert plan(merged, base, unsafe_fixes=True) == plan(merged, base, unsafe_fixes=True)


# -- refusals ------------------------------------------------------------------------------------------------


def fix_once(
    monkeypatch: pytest.MonkeyPatch, *operations: Operation, then: Callable[[Context], bool] = lambda _: False
) -> None:
    """Let the judgement be one made-up finding with that fix; ``then`` tells whether it is found again."""
    fix = Fix(Applicability.SAFE, remembered("why-bom", {}), operations)
    name = operations[0].file
    found = Finding(
        "GF000", "made-up", Severity.ERROR, name, remembered("json-bom", {}), Witness.BASE, fix=fix
    )
    looks = iter([True])

    def judged(context: Context) -> tuple[Finding, ...]:
        return (found,) if next(looks, False) or then(context) else ()

    monkeypatch.setattr("genfix.planner.trials.judge", judged)


@pytest.mark.parametrize(
    "operation",
    [
        RemoveField(GEN, "/eos_token_id"),
        SetField(GEN, "/eos_token_id", [1002]),
        SetField(GEN, "/eos_token_id", "<|im_end|>"),
        RemoveField(CONFIG, "/model_type"),
        RemoveField(TOK, "/chat_template"),
        SetField(TOK, "/chat_template", None),
    ],
    ids=str,
)
def test_a_fix_that_makes_an_engine_do_worse_is_left_out(
    monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    fix_once(monkeypatch, operation)
    assert left_out(plan(chatml_files(), chatml_files())) == "objection-worse-view"


def test_a_fix_that_breaks_an_engine_no_rule_judges_by_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    files = with_json(chatml_files(), TOK, tokenizer_class="PreTrainedTokenizerFast")
    fix_once(
        monkeypatch, SetField(TOK, "/tokenizer_class", "TokenizersBackend")
    )  # transformers 4 has no such class
    assert left_out(plan(files, files)) == "objection-worse-view"


def test_a_plan_tells_what_all_engines_do_before_and_after_and_with_the_base() -> None:
    base = glm_files()
    result = plan(with_json(base, GEN, eos_token_id=151329), base)
    for views in (result.views_before, result.views_after, result.base_views):
        assert [*views] == [*EVERY_ENGINE]
    stops = {
        name: (set(view.stop_token_ids), set(result.views_after[name].stop_token_ids))
        for name, view in result.views_before.items()
    }
    assert stops["openvino-genai"] == ({151329}, {151329, 151336, 151338})
    assert stops["sglang"] == ({151329, 151336, 151338}, {151329, 151336, 151338})


def left_out(result: Plan) -> str:
    """Why the plan's only fix is not in it."""
    assert result.changes == ()
    [finding] = result.remaining
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL
    return finding.fix.why.id


@pytest.mark.parametrize("value", [0.1, 0.7], ids=["another value", "the value it has"])
def test_a_fix_that_does_not_clear_its_finding_is_left_out(
    monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    fix_once(monkeypatch, SetField(GEN, "/temperature", value), then=lambda _: True)
    assert left_out(plan(chatml_files(), chatml_files())) == "objection-not-cleared"


def test_a_fix_refused_in_a_trial_is_left_out_alone() -> None:
    """vLLM stops at the EOS that is there, and would do so no more."""
    base = chatml_files()
    merged = with_json(with_json(base, TOK, eos_token="<|im_start|>"), GEN, temperature=0.3, do_sample=...)
    result = plan(merged, base, unsafe_fixes=True)
    assert {finding.code for finding in result.fixed} == {"GF604", "GF605"}
    [finding] = result.remaining
    assert finding.fix is not None
    assert (finding.code, finding.fix.why.id) == ("GF106", "objection-worse-view")


def test_of_fixes_that_each_do_harm_none_is_made_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    files = chatml_files()
    edits: dict[str, Operation] = {
        "GF001": SetField(GEN, "/temperature", 0.1),
        "GF002": RemoveField(CONFIG, "/model_type"),
        "GF003": RemoveField(TOK, "/chat_template"),
    }
    said = remembered("json-bom", {})
    made_up = [
        Finding(code, "made-up", Severity.ERROR, edit.file, said, Witness.BASE, fix=Fix.safe(said, edit))
        for code, edit in edits.items()
    ]

    def judged(context: Context) -> tuple[Finding, ...]:
        return tuple(f for f in made_up if context.merged.folder.read(f.file) == files[f.file])

    monkeypatch.setattr("genfix.planner.trials.judge", judged)
    result = plan(files, files)
    assert written(result) == {GEN: files[GEN].replace(b"0.7", b"0.1")}
    assert {finding.code for finding in result.remaining} == {"GF002", "GF003"}


def test_a_fix_that_causes_another_finding_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fix = Fix(Applicability.SAFE, remembered("why-bom", {}), (SetField(GEN, "/temperature", 0.1),))
    first = Finding(
        "GF000", "made-up", Severity.ERROR, GEN, remembered("json-bom", {}), Witness.BASE, fix=fix
    )
    caused = first._replace(code="GF001", severity=Severity.WARNING, fix=None)
    monkeypatch.setattr(
        "genfix.planner.trials.judge",
        lambda context: (caused,) if context.views["vllm"].sampling["temperature"] == 0.1 else (first,),
    )
    assert left_out(plan(chatml_files(), chatml_files())) == "objection-new-finding"


@pytest.mark.parametrize("operation", [RestoreFile(GEN), CopyField(GEN, "/top_k")])
def test_a_fix_from_a_base_that_is_not_there_is_left_out(
    monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    fix_once(monkeypatch, operation, then=lambda _: True)
    assert left_out(plan(chatml_files())) == "objection-not-possible"


def torn(files: Files) -> Files:
    return files | {TOK: b'{"chat_temp'}


MINE = (CHATML + "{# mine #}").encode()
NO_CODE = without(glm_files(), *(name for name in glm_files() if name.endswith(".py")))
FOREIGN = with_json(
    chatml_files(),
    "tokenizer.json",
    added_tokens=[{"id": i, "content": t} for t, i in {**CHATML_TOKENS, "<|mine|>": 1003}.items()],
)
THEIRS = with_json(
    chatml_files(),
    "tokenizer.json",
    added_tokens=[{"id": i, "content": t} for t, i in {**CHATML_TOKENS, "<|tool|>": 1003}.items()],
)
INTERN = chatml_files() | {
    CONFIG: dump({"model_type": "internvl", "architectures": ["A"], "llm_config": {"eos_token_id": 7}})
}
REFUSED: dict[str, tuple[Files, Files | None, bool]] = {
    # Reported: each of these gets no plan at all, or ends in an exception that is no GenfixError.
    "lost tokenizer_config beside a template of its own": (
        without(chatml_files(), TOK) | {"chat_template.jinja": MINE}, chatml_files(), False),
    "torn tokenizer_config beside a template of its own": (
        torn(chatml_files()) | {"chat_template.jinja": MINE}, chatml_files(), False),
    "torn config whose code may not be restored": (
        without(glm_files(), "modeling_chatglm.py") | {CONFIG: b"{", "configuration_chatglm.py": b"x = 1\n"},
        glm_files(), False),
    "lost config and tokenizer_config, base without code": (without(NO_CODE, CONFIG, TOK), NO_CODE, False),
    "mark before a narrower list": (
        with_json(chatml_files(), CONFIG, eos_token_id=[1002, 1000]) | {GEN: BOM + b'{"eos_token_id": 1002}'},
        None, False),
    "mark before a fault for a person": (chatml_files() | {GEN: BOM + b'{"eos_token_id": "nope"}'}, None,
        False),
    "lost settings, own end is another token in the base": (
        without(with_json(FOREIGN, CONFIG, eos_token_id=1003), GEN), THEIRS, False),
    "lost settings, end in llm_config": (without(INTERN, GEN), INTERN, False),
    "an edit of a file with a key twice": (
        glm_files() | {GEN: b'{"eos_token_id": 151329, "top_p": 0.8, "top_p": 0.8}'}, glm_files(), False),
    "a lost key of a config with a key twice": (
        chatml_files() | {CONFIG: without(
            {CONFIG: chatml_files()[CONFIG].replace(b'"hidden_size": 64',
                b'"model_type": "qwen2"')})[CONFIG]},
        chatml_files(), False),
    "unsafe: the base samples without do_sample": (
        with_json(chatml_files(), GEN, do_sample=...), with_json(chatml_files(), GEN, do_sample=...), True),
    "unsafe: the base has a refused value": (
        with_json(chatml_files(), GEN, top_p=0), with_json(chatml_files(), GEN, top_p=0), True),
    "unsafe: named templates in a list": (
        with_json(chatml_files(), TOK, chat_template=[{"name": "default", "template": "x"}])
        | {"chat_template.jinja": CHATML.encode()}, chatml_files(), True),
    "unsafe: a setting with a slash in its name": (
        with_json(chatml_files(), GEN, **{"a/b": 1}), chatml_files(), True),
    "unsafe: a tokenizer with other ids": (
        with_json(without(chatml_files(), "tokenizer.json"), TOK, added_tokens_decoder=added_tokens(
            {"<|im_end|>": 900})), chatml_files(), True),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_fault_that_cannot_be_mended_leaves_the_rest_to_be_mended(name: str) -> None:
    merged, base, unsafe_fixes = REFUSED[name]
    result = plan(merged, base, unsafe_fixes=unsafe_fixes)
    assert plan(merged | written(result), base, unsafe_fixes=unsafe_fixes).changes == ()


def test_a_plan_is_judged_on_what_it_would_make(tmp_path: Path) -> None:
    """The overlay a plan was judged on is, byte for byte, the folder it makes."""
    base = glm_files()
    merged = without(with_json(base, CONFIG, rope_ratio=...), GEN, "LICENSE")
    local: Folder = LocalFolder(write_folder(tmp_path / "merged", merged))
    result = make_plan(local, BaseFacts(MemoryFolder(base)))
    write_folder(tmp_path / "merged", written(result))
    overlay = OverlayFolder(local, written(result))
    on_disk = LocalFolder(tmp_path / "merged")
    assert {name: overlay.read(name) for name in overlay.names()} == {
        name: on_disk.read(name) for name in on_disk.names()
    }


def test_what_was_hidden_in_a_file_that_did_not_parse_is_no_reason_not_to_mend_it() -> None:
    base = with_token_list(chatml_files(), CHATML_TOKENS, special=False)
    base = with_json(base, TOK, additional_special_tokens=["<|im_start|>"])
    shrunk = with_json(base, TOK, additional_special_tokens=[], eos_token="<|endoftext|>")
    result = plan(shrunk | {TOK: shrunk[TOK].replace(b"{", b"{  # mine", 1)}, base)
    [change] = result.changes
    assert change.after == with_json(shrunk, TOK, eos_token="<|im_end|>")[TOK]
    assert [finding.code for finding in result.remaining] == ["GF305"]
    assert {finding.code for finding in result.fixed if not is_of_engines(finding)} == {"GF901", "GF106"}
