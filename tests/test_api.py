"""genfix as a library: the verbs as functions, with the behaviour of the commands."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import genfix
from genfix.errors import ChangedError, GenfixError, InputError, RefusedError
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from tests.support.folders import (
    CHATML,
    FAMILIES,
    GLM_TEMPLATE,
    Files,
    MemoryFolder,
    chatml_files,
    dump,
    glm_files,
    write_folder,
)
from tests.support.judging import written
from tests.support.trees import tree, user_files

GENERATION = "generation_config.json"
STOPS = [151329, 151336, 151338]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    document = json.loads(glm_files()[GENERATION]) | {
        "eos_token_id": 151329,
        "max_new_tokens": 9,
        "temperature": 0.1,
    }
    return write_folder(tmp_path / "merged", glm_files() | {GENERATION: dump(document)})


def test_what_is_public_is_there() -> None:
    assert dir(genfix) == sorted(genfix.__all__)
    for name in genfix.__all__:
        assert getattr(genfix, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(genfix, "nothing")  # noqa: B009 - a type checker would not let it pass


def test_one_code_needs_no_list(merged: Path, base: Path) -> None:
    for codes in ("GF101", ["GF101"], ("GF101",)):
        assert [finding.code for finding in genfix.check(merged, base, select=codes).findings] == ["GF101"]
        assert "GF101" not in {finding.code for finding in genfix.check(merged, base, ignore=codes).findings}
    with pytest.raises(genfix.GenfixError, match="there is no rule 'GF9999'"):
        genfix.plan(merged, base, select="GF9999")
    [view] = genfix.engine_views(merged, engines="vllm").views
    assert view.engine == "vllm"


@pytest.mark.parametrize("kind", [str, Path])
def test_check(merged: Path, base: Path, kind: Callable[[Path], str | Path]) -> None:
    before = tree(merged.parent)
    report = genfix.check(kind(merged), kind(base))
    assert isinstance(report, genfix.Report)
    assert [finding.code for finding in report.findings] == ["GF101", "GF603", "GF605"]
    assert all(isinstance(finding, genfix.Finding) for finding in report.findings)
    assert (report.target, report.base) == (str(merged), str(base))
    assert set(report.views) == set(report.base_views)
    assert report.views["transformers5"].stop_token_ids == (151329,)
    assert report.base_views["transformers5"].stop_token_ids == tuple(STOPS)
    [note] = report.notes
    assert str(note) == "the base stops at 151329 <|endoftext|>, 151336 <|user|>, 151338 <|observation|>"
    assert tree(merged.parent) == before


def test_check_alone(merged: Path) -> None:
    report = genfix.check(merged)
    assert report.base is None
    assert report.base_views == {}


def test_select_and_ignore(merged: Path, base: Path) -> None:
    assert {finding.code for finding in genfix.check(merged, base, select=["GF6"]).findings} == {
        "GF603",
        "GF605",
    }
    assert {finding.code for finding in genfix.check(merged, base, ignore=("GF6",)).findings} == {"GF101"}
    with pytest.raises(InputError, match="there is no rule"):
        genfix.check(merged, base, select=["GF999"])
    with pytest.raises(InputError, match="there is no rule"):
        genfix.check(merged, base, ignore=[""])


def test_plan_apply_undo(merged: Path, base: Path) -> None:
    before, files = tree(merged.parent), user_files(merged)
    plan = genfix.plan(merged, base)
    assert tree(merged.parent) == before
    [change] = plan.changes
    assert (change.name, change.source) == (GENERATION, None)
    assert change.before == (merged / GENERATION).read_bytes()
    assert {finding.code for finding in plan.fixed} == {"GF101", "GF603"}
    assert {finding.code for finding in plan.remaining} == {"GF605"}

    receipt = genfix.apply(plan)
    assert isinstance(receipt, genfix.Receipt)
    assert (merged / GENERATION).read_bytes() == change.after
    assert (receipt.backup / GENERATION).read_bytes() == change.before
    assert change.after is not None
    assert json.loads(change.after)["eos_token_id"] == STOPS
    [logged] = genfix.log(merged)
    assert logged == receipt

    undone = genfix.undo(merged)
    assert (undone.kind, undone.undoes) == ("undo", receipt.id)
    assert user_files(merged) == files
    assert [entry.kind for entry in genfix.log(merged)] == ["repair", "undo"]


def test_repair(merged: Path, base: Path) -> None:
    done = genfix.repair(merged, base)
    assert isinstance(done, genfix.Repair)
    assert done.receipt is not None
    assert [change.name for change in done.receipt.changes] == [GENERATION]
    again = genfix.repair(merged, base)
    assert again.receipt is None
    assert again.plan.changes == ()
    assert len(genfix.log(merged)) == 1


def test_an_empty_plan_writes_nothing(base: Path) -> None:
    before = tree(base)
    assert genfix.apply(genfix.plan(base, base)) is None
    assert genfix.repair(base, base).receipt is None
    assert tree(base) == before


def test_unsafe_fixes(merged: Path, base: Path) -> None:
    assert genfix.repair(merged, base, unsafe_fixes=True).plan.remaining == ()
    assert json.loads((merged / GENERATION).read_bytes()) == json.loads((base / GENERATION).read_bytes())


@pytest.mark.parametrize("name", [GENERATION, "config.json", "tokenizer_config.json", "modeling_chatglm.py"])
def test_a_stale_plan_is_refused(merged: Path, base: Path, name: str) -> None:
    plan = genfix.plan(merged, base)
    (merged / name).write_bytes((merged / name).read_bytes() + b"\n")
    before = tree(merged)
    with pytest.raises(ChangedError, match=f"stale plan: {name}") as error:
        genfix.apply(plan)
    assert error.value.exit_code == 3
    assert tree(merged) == before


def test_a_plan_for_a_file_that_came_up_meanwhile_is_refused(merged: Path, base: Path) -> None:
    (merged / GENERATION).unlink()
    plan = genfix.plan(merged, base)
    (merged / GENERATION).write_bytes(b"{}")
    with pytest.raises(ChangedError):
        genfix.apply(plan)
    assert (merged / GENERATION).read_bytes() == b"{}"


def test_a_plan_can_be_applied_once(merged: Path, base: Path) -> None:
    plan = genfix.plan(merged, base)
    genfix.apply(plan)
    with pytest.raises(ChangedError):
        genfix.apply(plan)
    assert len(genfix.log(merged)) == 1


def test_a_relative_path_is_good_in_the_directory_it_was_given_in(
    merged: Path, base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert genfix.repair("merged", "./base").receipt is not None
    assert genfix.undo("merged").kind == "undo"


def test_state_dir(merged: Path, base: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "state"
    elsewhere.mkdir()
    files = user_files(merged)
    done = genfix.repair(merged, base, state_dir=elsewhere)
    assert done.receipt is not None
    assert done.receipt.backup.is_relative_to(elsewhere)
    assert not (merged / ".cache").exists()
    assert len(genfix.log(merged, state_dir=elsewhere)) == 1
    assert genfix.log(merged) == ()
    genfix.undo(merged, state_dir=elsewhere)
    assert user_files(merged) == files


def test_diff(merged: Path, base: Path) -> None:
    before = tree(merged.parent)
    [file] = genfix.diff(merged, base)
    assert (file.name, file.status) == (GENERATION, "changed")
    assert {value.pointer for value in file.values} == {"/eos_token_id", "/max_new_tokens", "/temperature"}
    assert genfix.diff(base, base) == ()
    assert tree(merged.parent) == before


def test_errors_are_of_one_family(merged: Path, base: Path, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", chatml_files())
    calls: list[tuple[Callable[[], object], type[GenfixError], int]] = [
        (lambda: genfix.check(tmp_path / "nowhere"), InputError, 2),
        (lambda: genfix.check(merged, tmp_path / "nowhere"), GenfixError, 2),
        (lambda: genfix.check(merged, other), RefusedError, 3),
        (lambda: genfix.repair(merged, other), RefusedError, 3),
        (lambda: genfix.undo(merged), InputError, 2),
        (lambda: genfix.log(tmp_path / "nowhere"), InputError, 2),
        (lambda: genfix.check(merged, "s3://org/name"), InputError, 2),
    ]
    before = tree(tmp_path)
    for call, kind, code in calls:
        with pytest.raises(kind) as error:
            call()
        assert isinstance(error.value, genfix.GenfixError)
        assert error.value.exit_code == code
        assert error.value.message
        assert error.value.hint
    assert tree(tmp_path) == before
    assert genfix.check(merged, other, allow_base_mismatch=True).notes


# Plans that must come about ---------------------------------------------------------------------------------


def repaired(merged: Files, base: Files, *, unsafe: bool = False) -> Files:
    """``merged`` after a repair; a second one must have nothing to do."""
    plan = make_plan(MemoryFolder(merged), BaseFacts(MemoryFolder(base, "base")), unsafe_fixes=unsafe)
    after = merged | written(plan)
    again = make_plan(MemoryFolder(after), BaseFacts(MemoryFolder(base, "base")), unsafe_fixes=unsafe)
    assert again.changes == ()
    return after


def with_json(files: Files, name: str, **values: object) -> Files:
    return files | {name: dump(json.loads(files[name]) | values)}


def test_a_lost_tokenizer_config_beside_another_template() -> None:
    """What comes back with the file is another template than the one that was trained."""
    base = chatml_files()
    merged = base | {"chat_template.jinja": GLM_TEMPLATE.encode()}
    del merged["tokenizer_config.json"]
    after = repaired(merged, base)
    assert after["chat_template.jinja"] == GLM_TEMPLATE.encode()


def test_a_lost_config_where_the_base_has_not_all_of_its_code() -> None:
    base = glm_files()
    del base["modeling_chatglm.py"]
    merged = {name: content for name, content in base.items() if name != "config.json"}
    assert repaired(merged, base)["config.json"] == base["config.json"]


def test_stop_tokens_in_words_beside_another_template() -> None:
    base = glm_files()
    merged = with_json(base, GENERATION, eos_token_id="<|user|>")
    merged = with_json(merged, "tokenizer_config.json", chat_template="{{ messages[0].content }}")
    assert 151336 in json.loads(repaired(merged, base)[GENERATION])["eos_token_id"]


def test_named_templates_beside_a_jinja_file() -> None:
    base = chatml_files()
    named = [{"name": "default", "template": CHATML}, {"name": "tool_use", "template": CHATML + " "}]
    merged = with_json(base, "tokenizer_config.json", chat_template=named)
    merged |= {"chat_template.jinja": (CHATML + "{# mine #}").encode()}
    for unsafe in (False, True):
        repaired(merged, base, unsafe=unsafe)


@pytest.mark.parametrize("content", [b"{}", b"\xef\xbb\xbf{}"])
def test_an_empty_config_is_a_finding(tmp_path: Path, base: Path, content: bytes) -> None:
    merged = write_folder(tmp_path / "merged", glm_files() | {"config.json": content})
    report = genfix.check(merged, base)
    assert "error" in {finding.severity for finding in report.findings if finding.file == "config.json"}
    genfix.repair(merged, base)
    assert json.loads((merged / "config.json").read_bytes())["model_type"] == "chatglm"


VALUES: tuple[object, ...] = (
    None, True, 0, -1, 7, 1.5, "x", "<|user|>", [], {}, [None], ["x"], [7], [1002, 7], 151329, 1002, 1000,
    [1.5], {"a": 1}, 10**30, "", [[1]],
)  # fmt: skip
TEMPLATES: tuple[object, ...] = (
    CHATML, GLM_TEMPLATE, "{% for %}", "", "{{ messages[0].content }}", 5, None, [],
    [{"name": "default", "template": CHATML}], [{"name": "x"}],
)  # fmt: skip
KEYS = {
    "config.json": (
        "eos_token_id", "vocab_size", "text_config", "auto_map", "rope_theta", "model_type", "architectures",
        "hidden_size", "pad_token_id",
    ),
    GENERATION: (
        "eos_token_id", "temperature", "top_p", "max_new_tokens", "max_length", "do_sample",
        "_from_model_config",
    ),
    "tokenizer_config.json": ("chat_template", "eos_token", "added_tokens_decoder", "tokenizer_class",
        "auto_map"),
}  # fmt: skip
RAW = (b"", b"{", b"[]", b"null", b"{}", b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b"\xff")


def mutated(rng: random.Random, files: Files) -> Files:
    """A folder after a few accidents."""
    result = dict(files)
    for _ in range(rng.randint(1, 4)):
        name = rng.choice(sorted(result))
        match rng.choice(["lose", "edit", "edit", "edit", "spoil", "twice", "template"]):
            case "lose":
                del result[name]
            case "edit":
                name = rng.choice(sorted(KEYS))
                result = _edited(rng, result, name) if name in result else result
            case "spoil":
                result[name] = rng.choice(RAW)
            case "twice" if result[name].startswith(b'{\n  "'):
                result[name] = b'{"zz": 1, "zz": 2,' + result[name][1:]
            case _:
                text = rng.choice([text for text in TEMPLATES if isinstance(text, str)])
                result["chat_template.jinja"] = text.encode()
        if not result:
            return dict(files)
    return result


def _edited(rng: random.Random, files: Files, name: str) -> Files:
    try:
        document = json.loads(files[name])
    except ValueError:
        return files
    if not isinstance(document, dict):
        return files
    key = rng.choice(KEYS[name])
    if rng.random() < 0.3:
        document.pop(key, None)
    else:
        document[key] = rng.choice(TEMPLATES if key == "chat_template" else VALUES)
    return files | {name: dump(document)}


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_any_accident_has_a_plan_and_a_second_repair_has_none(family: str, *, unsafe: bool) -> None:
    """No folder makes genfix fail: what cannot be fixed is left as a finding."""
    base = FAMILIES[family]()
    failed: dict[str, int] = {}
    for seed in range(120):
        merged = mutated(random.Random(seed), base)
        try:
            repaired(merged, base, unsafe=unsafe)
        except (GenfixError, KeyError, ValueError, AssertionError) as error:
            failed.setdefault(f"{type(error).__name__}: {error}".splitlines()[0][:100], seed)
    assert failed == {}


def test_a_notebook_shows_values_in_a_line(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", glm_files() | {"generation_config.json": b"{}"})
    report, made = genfix.check(merged, base), genfix.plan(merged, base)
    finding = report.findings[0]
    assert str(finding) == finding.text
    assert finding.text.startswith(f"{finding.code} {finding.file}: ")
    assert finding.text.endswith(str(finding.message))
    assert repr(finding) == f"<Finding error {finding.text}>"
    assert repr(report) == f"<Report on {merged}: {len(report.findings)} findings>"
    assert repr(made).startswith(f"<Plan of {merged}: 1 files change")
    assert len(repr(made.changes)) < 200
    assert {"check", "plan", "repair", "Finding", "__version__"} <= {*dir(genfix)}
    assert not {"Final", "TYPE_CHECKING", "import_module"} & {*dir(genfix)}
