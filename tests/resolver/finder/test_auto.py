"""``--base auto``: the base that the folder names, opened, proven, and said; or one sentence that says why
none.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

import genfix
from genfix.errors import BaseModelError, GenfixError, InputError, RefusedError
from genfix.resolver import resolve_base
from genfix.rules.core.finding import Applicability
from tests.support.folders import Files, chatml_files, dump, glm_files, write_folder
from tests.support.running import Run, runner
from tests.support.trees import tree


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hint of a test is ever asked for over the network."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def damaged(**more: bytes) -> Files:
    """A folder that has lost its generation_config.json."""
    files = {name: content for name, content in glm_files().items() if name != "generation_config.json"}
    return files | more


def swift(*bases: Path) -> bytes:
    return dump({"model_dir": str(bases[0]), "model": str(bases[-1]), "use_hf": True})


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


def test_the_named_base_is_taken_and_said(tmp_path: Path, base: Path, run: Run) -> None:
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(base)})
    before = tree(base)
    result = run("repair", merged, "--base", "auto")
    assert result.code == 0
    assert (
        f"note: the base is {base}, which stops at 151329 <|endoftext|>, 151336 <|user|>, 151338"
        in result.told
    )
    assert "model_dir of args.json names it" in result.told
    assert (merged / "generation_config.json").read_bytes() == glm_files()["generation_config.json"]
    assert tree(base) == before
    assert genfix.check(merged, base="auto").base == str(base)


def test_what_is_gone_or_disproved_is_passed_over(tmp_path: Path, base: Path) -> None:
    other = write_folder(tmp_path / "other", chatml_files())
    more = {
        "args.json": swift(other, tmp_path / "gone"),
        "adapter_config.json": dump({"base_model_name_or_path": str(base)}),
    }
    merged = write_folder(tmp_path / "merged", damaged() | more | {"model.safetensors": b"x"})
    report = genfix.check(merged, base="auto")
    assert report.base == str(base)
    disproved, gone, taken = map(str, report.notes)
    assert disproved.startswith(
        f"passed over as the base: {other} (model_dir of args.json): {other} is not the base"
    )
    assert gone.startswith(
        f"passed over as the base: {tmp_path / 'gone'} (model of args.json): it is not on this"
    )
    assert taken.startswith(f"the base is {base},")


def test_nothing_named(tmp_path: Path, run: Run) -> None:
    merged = write_folder(tmp_path / "merged", damaged())
    before = tree(merged)
    result = run("repair", merged, "--base", "auto")
    assert (result.code, result.out) == (2, "")
    assert f"error: nothing in {merged} says which base it was made from (no args.json" in result.err
    assert "hint: name the base with --base" in result.err
    assert tree(merged) == before


def test_nothing_that_can_be_taken(tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other", chatml_files())
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(other, tmp_path / "gone")})
    with pytest.raises(BaseModelError) as error:
        genfix.check(merged, base="auto")
    assert error.value.message.startswith(
        f"no base that {merged} names can be taken: {other} (model_dir of args.json)"
    )
    assert str(tmp_path / "gone") in error.value.message


def test_a_base_of_which_nothing_is_known_is_not_taken(tmp_path: Path) -> None:
    """No fact contradicts it, and none speaks for it."""
    silent = write_folder(tmp_path / "silent", {"config.json": b"{}"})
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(silent)})
    with pytest.raises(BaseModelError, match="nothing in the two folders can be compared"):
        genfix.check(merged, base="auto")
    assert genfix.check(merged, base=silent).base == str(silent)


def test_a_long_recipe_is_not_followed_to_its_end(tmp_path: Path) -> None:
    others = [write_folder(tmp_path / f"b{number}", chatml_files()) for number in range(12)]
    recipe = "models:\n" + "".join(f"- model: {other}\n" for other in others)
    merged = write_folder(tmp_path / "merged", damaged() | {"mergekit_config.yml": recipe.encode()})
    with pytest.raises(BaseModelError) as error:
        genfix.check(merged, base="auto")
    assert error.value.message.count("is not the base of") == 8


def test_code_of_a_hinted_base_is_nobodys_choice(tmp_path: Path, base: Path) -> None:
    files = {name: content for name, content in damaged().items() if name != "tokenization_chatglm.py"}
    merged = write_folder(tmp_path / "merged", files | {"args.json": swift(base)})

    def fix_of_code(spec: str | Path) -> Applicability | None:
        [found] = [f for f in genfix.check(merged, base=spec).findings if f.file == "tokenization_chatglm.py"]
        return found.fix.applicability if found.fix else None

    assert fix_of_code("auto") is Applicability.UNSAFE
    assert fix_of_code(base) is Applicability.SAFE
    done = genfix.repair(merged, "auto")
    assert (merged / "generation_config.json").exists()
    assert not (merged / "tokenization_chatglm.py").exists()
    assert any(finding.file == "tokenization_chatglm.py" for finding in done.plan.remaining)


def test_a_folder_called_auto(tmp_path: Path, run: Run) -> None:
    write_folder(Path("auto"), glm_files())
    merged = write_folder(tmp_path / "merged", damaged())
    assert "GF601" in run("check", merged, "--base", "./auto").out
    assert genfix.check(merged, base=Path("auto")).base == "./auto"
    assert run("check", merged, "--base", "auto").code == 2
    with pytest.raises(InputError) as error:
        resolve_base("auto")
    assert error.value.hint == "a folder of that name is ./auto"


# the traps --------------------------------------------------------------------------------------------------


def test_a_copied_card_does_not_lead_to_the_bases_parent(tmp_path: Path) -> None:
    """axolotl copies all files of the base, its card too; the adapter beside ``merged/`` names the base
    itself.
    """
    own_card = b"---\nbase_model: x/Qwen2.5-7B\n---\n# Qwen2.5-7B-Instruct\n"
    base = write_folder(tmp_path / "Qwen2.5-7B-Instruct", chatml_files() | {"README.md": own_card})
    write_folder(Path("x/Qwen2.5-7B"), chatml_files(eos=1000))
    merged = write_folder(tmp_path / "out" / "merged", chatml_files() | {"README.md": own_card})
    with pytest.raises(
        BaseModelError, match=r"README\.md is the card of Qwen2\.5-7B-Instruct, whose parent it names"
    ):
        genfix.check(merged, base="auto")
    assert not any("Qwen2.5-7B" in note for note in genfix.check(merged).notes)
    peft = {"adapter_config.json": dump({"base_model_name_or_path": str(base)})}
    write_folder(tmp_path / "out", peft)
    assert genfix.check(merged, base="auto").base == str(base)


def test_a_hint_is_only_read(tmp_path: Path, base: Path) -> None:
    """A path that a stranger wrote leads nowhere but to a model folder, and nothing there changes."""
    secret = write_folder(tmp_path / "secret", {"id_rsa": b"key", "config.json": b"no"})
    before = tree(tmp_path / "secret")
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(secret)})
    with pytest.raises(BaseModelError):
        genfix.repair(merged, "auto")
    assert tree(tmp_path / "secret") == before
    assert "id_rsa" not in os.listdir(merged)  # noqa: PTH208


def test_hostile_names_are_shown_and_quoted(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a; rm -rf $HOME").mkdir()
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(tmp_path / "a; rm -rf $HOME")})
    told = run("check", merged).err
    assert f"--base '{tmp_path}/a; rm -rf $HOME'\n" in told
    for text in ("a\x1b[31mb", "a\nb/c", "\ud800"):
        (merged / "args.json").write_bytes(json.dumps({"model": text}).encode())
        assert "\x1b" not in run("check", merged, "--base", "auto").err


# without a base ---------------------------------------------------------------------------------------------


def test_without_a_base_the_hint_is_told(tmp_path: Path, run: Run) -> None:
    merged = write_folder(
        tmp_path / "merged", damaged() | {"args.json": dump({"model": "Qwen/X", "use_hf": True})}
    )
    for command in ("check", "plan", "repair"):
        said = run(command, merged).err
        assert "model of args.json" in said
        assert said.count("--base Qwen/X\n") == 1
    (merged / "args.json").write_bytes(dump({"model": "/data/gone"}))
    [note] = genfix.check(merged).notes
    assert (
        str(note)
        == "model of args.json names /data/gone as the base, which is not here: say where with --base"
    )


# a base that was named, and is another ----------------------------------------------------------------------


def test_a_refusal_names_the_better_candidate(tmp_path: Path, base: Path) -> None:
    other = write_folder(tmp_path / "other", chatml_files())
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(other, base)})
    with pytest.raises(RefusedError) as error:
        genfix.check(merged, base=other)
    assert error.value.hint.startswith(f"the folder itself names {base}: use that with --base")
    (merged / "args.json").unlink()
    with pytest.raises(RefusedError) as error:
        genfix.check(merged, base=other)
    assert error.value.hint.startswith("name the base it was trained from")


def test_swapped_arguments_are_refused(tmp_path: Path, base: Path) -> None:
    merged = write_folder(tmp_path / "merged", damaged() | {"args.json": swift(base)})
    with pytest.raises(RefusedError) as error:
        genfix.check(base, base=merged)
    assert error.value.message == (
        f"{merged} was made from {base}, not the other way round: model_dir of args.json in it says so"
    )
    assert error.value.hint.startswith("swap the two, ")
    assert genfix.check(base, base=merged, allow_base_mismatch=True).base == str(merged)
    assert genfix.check(merged, base=merged).base == str(merged)


# real merges ------------------------------------------------------------------------------------------------

NAMES_A_BASE = ("ms-swift@", "mergekit-")


def test_real_merges(merge_corpus: Path, tmp_path: Path) -> None:
    """Each folder whose tool left a hint, rewritten to where the base lies here: that base. The
    others: none.
    """
    taken = none = 0
    for merged in sorted(merge_corpus.glob("*/*/merged")):
        base, tool = merged.parent / "base", merged.parent.parent.name
        copy = tmp_path / tool / merged.parent.name / "merged"
        shutil.copytree(merged, copy)
        for name in ("args.json", "mergekit_config.yml"):
            if (copy / name).exists():
                text = (copy / name).read_text()
                for place in ("/data/bases/", "/data/bases_x/"):
                    text = text.replace(f"{place}{merged.parent.name}", str(base))
                (copy / name).write_text(text)
        if tool.startswith(NAMES_A_BASE):
            assert genfix.check(copy, base="auto").base == str(base)
            taken += 1
        else:
            with pytest.raises(GenfixError, match="says which base it was made from"):
                genfix.check(copy, base="auto")
            none += 1
    assert taken >= 10
    assert none >= 20
