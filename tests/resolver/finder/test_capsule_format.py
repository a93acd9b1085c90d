"""Capsules: the same findings as with the base itself, without network, and never with a file that was
changed.
"""

import json
import shutil
from pathlib import Path

import pytest

import genfix
from genfix.errors import BaseModelError, InputError
from genfix.resolver import resolve_base
from tests.support.fakehub import FakeHub
from tests.support.folders import Files, chatml_files, dump, glm_files, safetensors, vlm_files, write_folder
from tests.support.hub_runner import Runner
from tests.support.running import Run, runner
from tests.support.trees import tree
from tests.support.weight_files import causal, weight_file

MANIFEST, PARTS, WEIGHTS = "genfix-capsule.json", "genfix-capsule.parts", "model.safetensors"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def with_weights(files: Files, fill: int = 0) -> Files:
    tensors = causal(layers=6)
    return files | {WEIGHTS: weight_file(tensors, fill=dict.fromkeys(tensors, fill))}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    more = {
        "LICENSE": b"do good\n",
        "training_args.bin": b"\x80secret",
        "args.json": dump({"hub_token": "hf_secret"}),
    }
    return write_folder(tmp_path / "my-base", with_weights(glm_files() | more))


@pytest.fixture
def capsule(tmp_path: Path, base: Path) -> Path:
    genfix.capsule(base, tmp_path / "cap")
    return tmp_path / "cap"


def manifest(capsule: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((capsule / MANIFEST).read_text())
    return document


def told(report: genfix.Report) -> list[str]:
    return [str(finding).replace(str(report.base), "BASE") for finding in report.findings]


# saving -----------------------------------------------------------------------------------------------------


def test_what_is_saved(tmp_path: Path, base: Path, cli: Run) -> None:
    before = tree(base)
    result = cli("capsule", base, tmp_path / "cap")
    assert (result.code, result.out) == (0, "my-base\n")
    assert f"--base {tmp_path}/cap" in result.err
    saved = {path.name for path in (tmp_path / "cap").iterdir()}
    assert saved == {*glm_files(), MANIFEST, PARTS}
    for name in glm_files():
        assert (tmp_path / "cap" / name).read_bytes() == (base / name).read_bytes()
    assert tree(base) == before


def test_a_capsule_tells_nothing_of_the_machine_or_the_time(
    tmp_path: Path, base: Path, capsule: Path
) -> None:
    shutil.copytree(base, tmp_path / "elsewhere" / "my-base")
    genfix.capsule(tmp_path / "elsewhere" / "my-base", tmp_path / "again")
    first, again = (
        {p.name: p.read_bytes() for p in place.iterdir()} for place in (capsule, tmp_path / "again")
    )
    assert first == again
    assert not any(str(tmp_path).encode() in content or b"hf_secret" in content for content in first.values())
    assert manifest(capsule)["origin"] == {"is_folder": True, "label": "my-base", "revision": None}


def test_an_empty_folder_is_filled_and_no_other(tmp_path: Path, base: Path, cli: Run) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("capsule", base, tmp_path / "empty").code == 0
    full = write_folder(tmp_path / "full", {"mine": b"x"})
    (tmp_path / "link").symlink_to(full)
    (tmp_path / "file").write_bytes(b"x")
    for place, said in (
        (full, "exists already"),
        (tmp_path / "link", "exists already"),
        (tmp_path / "file", "exists already"),
        (base / "cap", "inside the base itself"),
        (tmp_path / "no" / "where", "there is no folder"),
        (tmp_path / "file" / "x", "there is no folder"),
    ):
        before = tree(tmp_path)
        result = cli("capsule", base, place)
        assert (result.code, result.out) == (2, "")
        assert said in result.err
        assert tree(tmp_path) == before


@pytest.mark.parametrize("spec", ["auto", "nowhere", "./nowhere", ""])
def test_no_base_no_capsule(tmp_path: Path, spec: str, cli: Run) -> None:
    result = cli("capsule", spec, tmp_path / "cap")
    assert result.code == 2
    assert not (tmp_path / "cap").exists()


def test_a_file_that_cannot_be_read_is_not_left_out(tmp_path: Path, base: Path) -> None:
    (tmp_path / "outside").write_bytes(b"{}")
    (base / "tokenizer.model").unlink()
    (base / "tokenizer.model").symlink_to(tmp_path / "outside")
    with pytest.raises(genfix.GenfixError, match=r"tokenizer\.model"):
        genfix.capsule(base, tmp_path / "cap")
    assert not (tmp_path / "cap").exists()


# using ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [glm_files, chatml_files, vlm_files])
@pytest.mark.parametrize("lost", ["generation_config.json", "tokenizer_config.json", "README.md"])
@pytest.mark.parametrize("fill", [0, 1])
def test_the_same_findings_as_with_the_base(tmp_path: Path, family: object, lost: str, fill: int) -> None:
    """Also what weights tell: ``fill`` changes them, and with that whether chats were trained."""
    assert callable(family)
    files: Files = family()
    base = write_folder(tmp_path / "base", with_weights(files))
    kept = {name: content for name, content in files.items() if name != lost}
    merged = write_folder(tmp_path / "merged", with_weights(kept, fill) | {"adapter_model.bin": b"x"})
    genfix.capsule(base, tmp_path / "cap")
    with_base, with_capsule = genfix.check(merged, base), genfix.check(merged, tmp_path / "cap")
    assert told(with_capsule) == told(with_base)
    assert with_capsule.context.chat_training == with_base.context.chat_training
    assert [note for note in map(str, with_capsule.notes) if "capsule" in note] == [
        f"{tmp_path}/cap is a capsule of base"
    ]


def test_a_repair_from_a_capsule(tmp_path: Path, capsule: Path, cli: Run) -> None:
    files = {name: content for name, content in glm_files().items() if name != "tokenization_chatglm.py"}
    merged = write_folder(tmp_path / "merged", with_weights(files))
    assert "error:" not in cli("repair", merged, "--base", capsule, "--offline").err
    assert (merged / "tokenization_chatglm.py").read_bytes() == glm_files()["tokenization_chatglm.py"]


def test_a_capsule_of_a_capsule_is_the_same_capsule(tmp_path: Path, capsule: Path) -> None:
    genfix.capsule(capsule, tmp_path / "second")
    for path in capsule.iterdir():
        assert (tmp_path / "second" / path.name).read_bytes() == path.read_bytes()


def test_weights_are_listed_and_cannot_be_read(base: Path, capsule: Path) -> None:
    folder = resolve_base(str(capsule)).folder
    assert folder.names() == {path.name for path in base.iterdir()}
    assert folder.stat(WEIGHTS).size == (base / WEIGHTS).stat().st_size
    assert folder.read_range(WEIGHTS, 0, 8) == (base / WEIGHTS).read_bytes()[:8]
    with pytest.raises(genfix.GenfixError, match="is not in the capsule of my-base"):
        folder.read(WEIGHTS)
    with pytest.raises(genfix.GenfixError, match="is not in the capsule"):
        folder.read_range(WEIGHTS, 8, 10**6)
    with pytest.raises(KeyError):
        folder.read(MANIFEST)


# damaged, or of a stranger ----------------------------------------------------------------------------------


def refused(capsule: Path) -> str:
    with pytest.raises(BaseModelError) as error:
        resolve_base(str(capsule))
    assert error.value.exit_code == 2
    assert error.value.hint == "make the capsule again: genfix capsule BASE OUT"
    return error.value.message


def test_every_file_is_verified(tmp_path: Path, capsule: Path) -> None:
    names = sorted(path.name for path in capsule.iterdir() if path.name != MANIFEST)
    assert len(names) > 8
    for name in names:
        copy = tmp_path / f"changed-{name}"
        shutil.copytree(capsule, copy)
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert refused(copy).startswith(f"{name} in the capsule {copy} is not the file that was saved")
        (copy / name).unlink()
        assert refused(copy) == f"{name} is gone from the capsule {copy}"


def test_a_file_that_was_added_is_not_of_the_base(capsule: Path) -> None:
    (capsule / "evil.py").write_bytes(b"x")
    assert "evil.py" not in resolve_base(str(capsule)).folder.names()


DIGEST = "0" * 64


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": None},
        {"origin": None},
        {"origin": {"is_folder": False, "label": "org/name", "revision": 7}},
        {"origin": {"is_folder": True, "label": 7, "revision": None}},
        {"files": []},
        {"files": {"../x": {"size": 1, "git_sha1": None, "sha256": DIGEST, "stored": True}}},
        {"files": {"/etc/passwd": {"size": 1, "git_sha1": None, "sha256": DIGEST, "stored": True}}},
        {"files": {"config.json": {"size": -1, "git_sha1": None, "sha256": DIGEST, "stored": True}}},
        {"files": {"config.json": {"size": 1, "git_sha1": None, "sha256": None, "stored": True}}},
        {"files": {"config.json": {"size": 1, "git_sha1": "x", "sha256": None, "stored": False}}},
        {"files": {"config.json": "x"}},
        {"parts": []},
        {"parts": {"ranges": {}, "sha256": "x"}},
        {"parts": {"ranges": {"other": []}, "sha256": DIGEST}},
        {"parts": {"ranges": {WEIGHTS: 7}, "sha256": DIGEST}},
        {"parts": {"ranges": {WEIGHTS: [[0, -1]]}, "sha256": DIGEST}},
    ],
)
def test_a_manifest_that_says_something_else_is_refused(capsule: Path, changes: dict[str, object]) -> None:
    (capsule / MANIFEST).write_bytes(dump(manifest(capsule) | changes))
    assert refused(capsule).startswith(f"{MANIFEST} of the capsule {capsule} cannot be used: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1, "a": 2}', b"\xff"])
def test_a_manifest_that_cannot_be_read(capsule: Path, content: bytes) -> None:
    (capsule / MANIFEST).write_bytes(content)
    assert refused(capsule).startswith(f"{MANIFEST} of the capsule {capsule} cannot be used: ")


def test_a_capsule_is_proven_like_any_base(tmp_path: Path, capsule: Path) -> None:
    merged = write_folder(tmp_path / "merged", chatml_files())
    with pytest.raises(genfix.GenfixError, match="is not the base of"):
        genfix.check(merged, capsule)
    with pytest.raises(InputError):
        genfix.capsule(write_folder(tmp_path / "b", chatml_files()), capsule)


# from the Hub -----------------------------------------------------------------------------------------------


def test_a_capsule_from_the_hub_needs_it_no_more(hub: FakeHub, run: Runner, tmp_path: Path) -> None:
    files = glm_files() | {WEIGHTS: safetensors(151552, 4096)}
    commit = hub.add_repo("org/glm", files)
    write_folder(
        tmp_path / "merged", {name: files[name] for name in files if name != "generation_config.json"}
    )

    def genfix_says(*args: str) -> tuple[str, str]:
        done = run.python(f"import sys; from genfix.cli import main; sys.exit(main({list(args)!r}))")
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    out, _ = genfix_says("capsule", "org/glm", "cap")
    assert out == f"org/glm@{commit}\n"
    assert not hub.asked(WEIGHTS)
    assert manifest(tmp_path / "cap")["origin"] == {
        "is_folder": False,
        "label": "org/glm",
        "revision": commit,
    }
    hub.requests.clear()
    shutil.rmtree(tmp_path / "xdg")
    _, err = genfix_says("repair", "merged", "--base", "./cap")
    assert f"note: ./cap is a capsule of org/glm@{commit}" in err
    assert (tmp_path / "merged" / "generation_config.json").read_bytes() == files["generation_config.json"]
    out, _ = genfix_says("capsule", "./cap", "again")
    assert out == f"org/glm@{commit}\n"
    assert (tmp_path / "again" / MANIFEST).read_bytes() == (tmp_path / "cap" / MANIFEST).read_bytes()
    assert hub.asked() == []
