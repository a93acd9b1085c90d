"""A folder on an object store: listed and read in parts, never whole weights, never written to."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from genfix.errors import BaseModelError, InputError
from genfix.resolver import stored_folder
from genfix.resolver.stored_folder import StoredFolder, open_stored
from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.running import Run
from tests.support.trees import tree


class Bucket:
    """A store whose files are those of a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read = 0

    def find(self, path: str, maxdepth: int | None, *, detail: bool) -> Mapping[str, Mapping[str, object]]:
        assert detail
        files = [file for file in (self.root / path).rglob("*") if file.is_file()]
        return {str(file.relative_to(self.root)): {"size": file.stat().st_size} for file in files}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        content = (self.root / path).read_bytes()[start:end]
        self.read += len(content)
        return content


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    found = Bucket(tmp_path)
    settings = json.loads(glm_files()["generation_config.json"]) | {"eos_token_id": 151329}
    files = glm_files() | {"generation_config.json": dump(settings)}
    files |= {"model.safetensors": safetensors(151552) + bytes(50_000_000), ".cache/x.json": b"{}"}
    write_folder(tmp_path / "models" / "merged", files)
    write_folder(tmp_path / "base", glm_files())
    monkeypatch.chdir(tmp_path)

    def url_to_fs(address: str) -> tuple[Bucket, str]:
        if not address.startswith("s3://"):
            raise ValueError(f"Protocol not known: {address}")
        return found, address.removeprefix("s3://")

    fsspec = SimpleNamespace(core=SimpleNamespace(url_to_fs=url_to_fs))
    monkeypatch.setattr(stored_folder, "import_module", lambda _: fsspec)
    return found


def test_it_is_judged_as_the_same_folder_here(run: Run, bucket: Bucket) -> None:
    words = ("--base", "base", "--output-format", "json")
    there = json.loads(run("check", "s3://models/merged", *words).out)
    here = json.loads(run("check", "models/merged", *words).out)
    assert there.pop("target") == "s3://models/merged"
    here.pop("target")
    assert there == here
    assert "GF101" in {finding["code"] for finding in there["findings"]}
    assert bucket.read < 1_000_000


def test_it_is_never_written_to(run: Run, bucket: Bucket) -> None:
    before = tree(bucket.root)
    for words in (("repair", "s3://models/merged"), ("undo", "s3://models/merged")):
        assert run(*words).code == 2
    assert run("plan", "s3://models/merged", "--base", "base").code == 1
    assert tree(bucket.root) == before


def test_names_are_those_of_a_folder(bucket: Bucket) -> None:
    found = open_stored("s3://models/merged")
    assert found.names() == {*glm_files(), "model.safetensors"}
    assert found.read_range("config.json", 0, 5) == glm_files()["config.json"][:5]
    assert found.read_range("config.json", 10**9, 5) == b""
    with pytest.raises(KeyError):
        found.stat("nothing")


def test_what_a_store_says_is_said_in_a_sentence(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="boat://x cannot be read: Protocol not known"):
        open_stored("boat://x")

    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError("Access Denied " + "x" * 5000)

    monkeypatch.setattr(bucket, "cat_file", refuse)
    found = open_stored("s3://models/merged")
    with pytest.raises(BaseModelError, match=r"PermissionError: Access Denied x+") as error:
        found.read("config.json")
    assert len(error.value.message) < 400


def test_a_file_that_changes_meanwhile_is_no_file_of_the_folder(bucket: Bucket) -> None:
    found = open_stored("s3://models/merged")
    (bucket.root / "models" / "merged" / "config.json").write_bytes(b"{}")
    with pytest.raises(BaseModelError, match="changed meanwhile"):
        found.read("config.json")


def test_without_fsspec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Callable[[], None]:
        raise ImportError(name)

    monkeypatch.setattr(stored_folder, "import_module", missing)
    with pytest.raises(InputError) as error:
        open_stored("s3://models/merged")
    assert "pip install 'genfix[fsspec]'" in error.value.hint


def test_a_bucket_of_a_hundred_thousand_files_is_no_model() -> None:
    class Huge(Bucket):
        def find(
            self, path: str, maxdepth: int | None, *, detail: bool
        ) -> Mapping[str, Mapping[str, object]]:
            return {f"{path}/{number}": {"size": 1} for number in range(100_001)}

    with pytest.raises(BaseModelError, match="more than a model"):
        StoredFolder(Huge(Path()), "x", "s3://x")
