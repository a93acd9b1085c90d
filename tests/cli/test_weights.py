"""`genfix weights`: tensors by part, what became of the base's, and whether the adapter was merged."""

import json
import re
from html.parser import HTMLParser
from importlib import import_module, resources
from pathlib import Path

import pytest

import genfix
from tests.support.folders import glm_files, with_json, without, write_folder
from tests.support.merges import ADAPTER_CONFIG, MODULES, adapter_files, adapter_of, merge, model_of, world
from tests.support.running import Run
from tests.support.trees import picture
from tests.support.weight_files import SINGLE
from tests.support.whole_models import WHOLE, lost, whole_but

jsonschema = import_module("jsonschema")  # it has no types of its own
BASE, ADAPTER = world(), adapter_of()
ONCE = merge(BASE, ADAPTER)
MERGES = {
    "right": ONCE,
    "none": BASE,
    "left": ONCE | {MODULES[2]: BASE[MODULES[2]]},
    "twice": merge(BASE, ADAPTER, lambda _: 4.0),
    "other": merge(BASE, adapter_of(2)),
    "more": merge(ONCE, adapter_of(2)),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_folder(tmp_path / "base", model_of(BASE))
    write_folder(tmp_path / "lora", adapter_files(ADAPTER))
    for name, matrices in MERGES.items():
        write_folder(tmp_path / name, model_of(matrices))
    return tmp_path


def given(place: Path) -> tuple[str | Path, ...]:
    return ("--base", place / "base", "--adapter", place / "lora")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("right", 0, "lora: merged as the adapter says 6 of 6 matrices looked at, 6 have the update"),
        ("none", 1, "lora: not merged 6 of 6 matrices looked at, 6 are the base's"),
        ("left", 1, f"kB read {MODULES[2]}: is the base's"),
        ("twice", 1, "lora: merged at 2.0 times its scale"),
        ("other", 1, "lora: another adapter, or another training"),
        ("more", 0, "lora: cannot be told the weights differ from the base by more than this adapter"),
    ],
)
def test_the_proof_is_told(run: Run, place: Path, name: str, code: int, said: str) -> None:
    before = picture(place / name)
    told = run("weights", place / name, *given(place))
    assert told.code == code
    assert said in " ".join(re.sub(r"\x1b\[\d+m", "", told.out).split())
    assert picture(place / name) == before


def test_the_parts_are_told_and_what_became_of_them(run: Run, place: Path) -> None:
    told = run("weights", place / "left", "--base", place / "base")
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert "attention 4 tensors 18.4 kB BF16 4 tuned" not in lines
    assert "attention 4 tensors 18.4 kB BF16 tuned" in lines
    assert "MLP 2 tensors 9.2 kB BF16 1 untouched, 1 tuned" in lines
    assert "embedding 1 tensor 8.2 kB BF16 untouched" in lines


def test_what_was_lost_and_added_is_named(run: Run, tmp_path: Path) -> None:
    base, merged = (
        model_of(BASE),
        model_of({name: ONCE[name] for name in MODULES[1:]} | {"extra": ONCE[MODULES[0]]}),
    )
    write_folder(tmp_path / "base", base)
    folder = write_folder(tmp_path / "merged", merged)
    told = run("weights", folder, "--base", tmp_path / "base")
    assert f"lost (1)\n  {MODULES[0]}.weight" in told.out
    assert "added (1)\n  extra.weight" in told.out


def test_without_a_base_the_parts_are_told_alone(run: Run, place: Path) -> None:
    told = run("weights", place / "right")
    assert told.code == 0
    assert "untouched" not in told.out
    assert "attention" in told.out
    assert "--base" in told.err


def test_machines_get_the_figures(run: Run, place: Path) -> None:
    told = run("weights", place / "left", *given(place), "--output-format", "json")
    document = json.loads(told.out)
    schema = resources.files("genfix.report").joinpath("schemas", "weights.schema.json")
    jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(document)
    proof = document["proof"]
    assert (proof["verdict"], proof["changes"]) == ("partly", 6)
    assert [matrix["name"] for matrix in proof["matrices"] if matrix["shows"] == "base"] == [MODULES[2]]
    assert all(matrix["numbers"] > 7 for matrix in proof["matrices"])
    states = {tensor["name"]: tensor["state"] for tensor in document["tensors"]}
    assert states[f"{MODULES[2]}.weight"] == "untouched"
    assert states[f"{MODULES[0]}.weight"] == "tuned"
    assert document["read"]["bytes"] < 2**20


def test_what_the_class_lacks_refuses_and_does_not_read_is_told(run: Run, tmp_path: Path) -> None:
    """With a base and without: the class alone says it."""
    odd = {"model.layers.0.mlp.up_proj.weight": (64, 96), "extra.weight": (4,)}
    files = whole_but(lambda tensors: {**lost(tensors, "layers.1.input_layernorm.weight"), **odd})
    folder, report = write_folder(tmp_path / "merged", files), tmp_path / "page.html"
    write_folder(tmp_path / "base", WHOLE)
    name = "model.layers.1.input_layernorm.weight"
    for base in ((), ("--base", tmp_path / "base")):
        told = run("weights", folder, *base)
        assert told.code == 0
        assert re.search(rf"missing: .* for Qwen3ForCausalLM \(1\)\n  {name}\n", told.out)
        assert "(1)\n  model.layers.0.mlp.up_proj.weight has [64, 96], not [96, 64]" in told.out
        assert "not read by Qwen3ForCausalLM (1)\n  extra.weight" in told.out
        found = json.loads(run("weights", folder, *base, "--output-format", "json").out)
        schema = resources.files("genfix.report").joinpath("schemas", "weights.schema.json")
        jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(found)
        assert (found["class"]["needed"], found["class"]["missing"]) == (25, [name])
        told = run("weights", folder, *base, "--output-format", "html", "-o", report)
        assert told.out == ""
        assert re.search(r": 2\d tensors(, \d+ untouched, .*)? wrote ", told.told) is not None
        page = _Tags()
        page.feed(report.read_text("utf-8"))
        cells = [kind for tag, kind in page.found if tag == "rect"]
        assert cells.count("cell-missing") == 2  # the legend and the cell
    whole = run("weights", tmp_path / "base")
    assert "missing" not in whole.out
    assert "not read" not in whole.out


class _Tags(HTMLParser):
    """The elements of a page, with their classes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs).get("class") or ""))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_shows_the_layers_as_cells(run: Run, place: Path, lang: str) -> None:
    report = place / "page.html"
    look = ("--output-format", "html", "-o", report, "--lang", lang)
    told = run("weights", place / "left", *given(place), *look)
    assert told.code == 1
    page = _Tags()
    page.feed(report.read_text("utf-8"))
    cells = [kind for tag, kind in page.found if tag == "rect"]
    legend = 1  # each color stands once in the legend
    assert cells.count("cell-unmerged") == legend + 1
    assert cells.count("cell-tuned") == legend + 5
    assert cells.count("cell-untouched") == legend + 2
    assert not re.search(r"https?://", report.read_text("utf-8"))


def test_a_pickle_stays_closed_and_that_is_said(run: Run, tmp_path: Path) -> None:
    files = without(model_of(BASE), SINGLE) | {"pytorch_model.bin": b"\x80\x04."}
    told = run("weights", write_folder(tmp_path / "merged", files))
    assert told.code == 0
    assert "not opened" in told.out


def test_a_folder_without_weights_is_refused(run: Run, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", without(glm_files(), SINGLE))
    told = run("weights", folder)
    assert (told.code, told.out) == (2, "")
    assert "no weights" in told.err


def test_an_adapter_of_an_unknown_kind_is_no_pass(run: Run, place: Path) -> None:
    write_folder(place / "lora", with_json(adapter_files(ADAPTER), "adapter_config.json", peft_type="VERA"))
    told = run("weights", place / "right", *given(place))
    assert told.code == 0
    assert "cannot be told" in told.out
    assert "VERA" in told.out


def test_names_of_tensors_are_shown_harmless(run: Run, tmp_path: Path) -> None:
    evil = "model.layers.0.\x1b[31m\u202e<img src=x>"
    folder = write_folder(tmp_path / "merged", model_of(ONCE | {evil: ONCE[MODULES[0]]}))
    write_folder(tmp_path / "base", model_of(BASE))
    for form in ("text", "html", "json"):
        told = run("weights", folder, "--base", tmp_path / "base", "--output-format", form)
        assert not [part for part in ("\x1b[31m", "\u202e") if part in told.out]
        assert form != "html" or "<img" not in told.out


# -- check, plan and run carry what is found --------------------------------------------------------


def test_check_and_plan_carry_it(run: Run, place: Path) -> None:
    for command in ("check", "plan"):
        told = run(command, place / "none", *given(place), "--output-format", "json")
        found = json.loads(told.out)["findings"]
        assert [one["code"] for one in found if one["code"].startswith("GF44")] == ["GF441"]
    assert run("check", place / "none", *given(place)).code == 1
    told = run("check", place / "right", *given(place))
    assert told.code == 0
    assert "6 of 6 matrices were looked at" in " ".join(told.err.split())


def test_an_adapter_that_was_only_found_is_a_warning(run: Run, place: Path) -> None:
    """It may be another checkpoint's."""
    write_folder(place / "lora" / "merged", model_of(BASE))
    told = run("check", place / "lora" / "merged", "--base", place / "base", "--output-format", "json")
    assert [
        (one["code"], one["severity"]) for one in json.loads(told.out)["findings"] if "GF44" in one["code"]
    ] == [("GF441", "warning")]
    assert run("weights", place / "lora" / "merged", "--base", place / "base").code == 0


def test_a_check_without_an_adapter_reads_no_tensor_data(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genfix.weights.tensor_reader.TensorReader.read", None)
    assert run("check", place / "right", "--base", place / "base").code == 0


def test_the_function_gives_what_the_command_says(place: Path) -> None:
    report = genfix.inspect_weights(place / "none", place / "base", adapter=place / "lora")
    assert report.is_faulty
    assert report.proof is not None
    assert report.proof.total == len(MODULES)
    assert ADAPTER_CONFIG["r"] == report.proof.recipe.rank
