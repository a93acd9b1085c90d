"""From a base's name to its files, on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genfix.errors import BaseModelError, GenfixError
from genfix.resolver import resolve_base
from tests.support.folders import glm_files, vlm_files, write_folder
from tests.support.places import ROOT
from tests.support.trees import tree


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


@pytest.mark.parametrize("spelling", ["absolute", "relative", "dotted", "home", "slash"])
def test_a_directory_by_any_name(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = {
        "absolute": str(base),
        "relative": "base",
        "dotted": "./base",
        "home": "~/base",
        "slash": "base/",
    }[spelling]
    found = resolve_base(spec)
    assert found.folder.names() == glm_files().keys()
    assert found.folder.origin.kind == "local"
    assert found.folder.origin.label == spec
    assert found.folder.origin.revision is None
    assert found.notes == ()
    assert found.facts.config["model_type"] == "chatglm"


def test_a_directory_that_reads_as_a_repo_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "org" / "name", glm_files())
    monkeypatch.chdir(tmp_path)
    [note] = resolve_base("org/name").notes
    assert str(note) == "org/name is a folder here and was taken as such, not as a Hub repo"
    assert resolve_base("./org/name").notes == ()


def test_looking_changes_nothing(base: Path) -> None:
    before = tree(base)
    facts = resolve_base(str(base)).facts
    assert facts.tokenizer.ids
    assert facts.end_ids
    assert tree(base) == before


@pytest.mark.parametrize(
    "name", ["config.json", "generation_config.json", "tokenizer_config.json", "preprocessor_config.json"]
)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1, "a": 2}', b"\xef\xbb\xbf{}", b"\xff"])
def test_a_damaged_file_is_an_error_at_once(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_folder(tmp_path / "base", vlm_files() | {name: content})
    with pytest.raises(BaseModelError) as error:
        resolve_base(str(folder))
    assert error.value.exit_code == 2
    assert error.value.message.startswith(f"{name} of the base {folder} cannot be used: ")
    assert error.value.hint


@pytest.mark.parametrize("name", ["tokenizer.json", "README.md", "args.json", "model.safetensors.index.json"])
def test_a_file_nobody_copies_may_be_damaged(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "base", glm_files() | {name: b"{"})
    assert name in resolve_base(str(folder)).folder.names()


def test_a_link_out_of_the_base_is_refused(tmp_path: Path, base: Path) -> None:
    (tmp_path / "secret").write_text('{"password": "x"}')
    (base / "generation_config.json").unlink()
    (base / "generation_config.json").symlink_to(tmp_path / "secret")
    with pytest.raises(GenfixError, match=r"generation_config\.json"):
        resolve_base(str(base)).folder.read("generation_config.json")


def test_links_within_a_hub_cache_are_followed(tmp_path: Path) -> None:
    repo = tmp_path / "models--org--glm"
    snapshot = repo / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repo / "blobs").mkdir()
    for number, (name, content) in enumerate(glm_files().items()):
        (repo / "blobs" / str(number)).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    base = resolve_base(str(snapshot))
    assert base.facts.config["model_type"] == "chatglm"
    assert str(base.folder.origin) == "org/glm@" + "a" * 40
    (tmp_path / "link").symlink_to(snapshot)
    assert str(resolve_base(str(tmp_path / "link")).folder.origin) == "org/glm@" + "a" * 40


@pytest.mark.parametrize(
    "place", ["models--org--glm/snapshots/main", "models--org/snapshots/" + "a" * 40, "x/y/z"]
)
def test_what_only_looks_like_a_snapshot_is_a_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    folder = write_folder(tmp_path / place, glm_files())
    assert str(resolve_base(str(folder)).folder.origin) == str(folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}, "is an adapter"),
        ({"model.gguf": b"GGUF"}, "GGUF"),
        ({"model_index.json": b"{}"}, "diffusers"),
        ({"run/config.json": b"{}"}, "run"),
        ({"README.md": b"#"}, ""),
        ({}, ""),
    ],
)
def test_what_is_no_model(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    (tmp_path / "base").mkdir()
    folder = write_folder(tmp_path / "base", files)
    with pytest.raises(BaseModelError) as error:
        resolve_base(str(folder))
    assert said in error.value.message + error.value.hint
    assert str(folder) in error.value.message
    assert error.value.hint


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="there is no folder"):
        resolve_base(str(tmp_path / "nowhere"))


def test_a_local_base_costs_no_hub_client(base: Path) -> None:
    code = (
        "import sys; from genfix.resolver import resolve_base; resolve_base(sys.argv[1]);"
        "print(sorted(name for name in sys.modules "
        "if name.startswith(('huggingface_hub', 'genfix.resolver.hub'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, base],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[]\n"
