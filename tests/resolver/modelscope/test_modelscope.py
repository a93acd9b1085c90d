"""A base on ModelScope: listed once, pinned where that can be, each file by its digest, from a cache where it
can be.
"""

from pathlib import Path

import pytest

from genfix.errors import BaseModelError, StorageError
from genfix.folder import FolderFileError
from genfix.folder.folder import Folder
from genfix.resolver import resolve_base
from genfix.resolver.modelscope.modelscope_repo import open_modelscope
from genfix.resolver.naming.spec import ModelScopeSpec
from tests.support.fakemodelscope import FakeModelScope, sha256
from tests.support.folders import Files, glm_files

CONFIG = b'{"model_type": "glm"}'
FILES: Files = {"config.json": CONFIG, "tokenizer.json": b'{"large": 1}', "model.safetensors": b"w" * 4096}
SPEC = ModelScopeSpec("org/glm")


def opened(spec: ModelScopeSpec = SPEC, *, offline: bool = False) -> tuple[Folder, tuple[str, ...]]:
    base = open_modelscope(spec, offline=offline)
    return base.folder, tuple(map(str, base.notes))


def test_it_is_listed_once_and_pinned_to_a_commit(site: FakeModelScope) -> None:
    commit = site.add("org/glm", FILES | {"figures/a.png": b"p"})
    folder, notes = opened()
    assert notes == ()
    assert folder.origin.kind == "modelscope"
    assert str(folder.origin) == f"ms://org/glm@{commit}"
    assert folder.names() == FILES.keys() | {"figures/a.png"}
    assert folder.stat("config.json").sha256 == sha256(CONFIG)
    assert folder.stat("model.safetensors").size == 4096
    assert site.asked() == ["/api/v1/models/org/glm/repo/files?Revision=master&Recursive=True"]


def test_a_file_is_fetched_from_the_commit_and_kept(site: FakeModelScope) -> None:
    commit = site.add("org/glm", FILES)
    folder, _ = opened()
    site.commit("org/glm", FILES | {"config.json": b"{}"})
    assert folder.read("config.json") == CONFIG
    assert folder.read("tokenizer.json") == FILES["tokenizer.json"]  # by a redirect to another host
    assert site.asked("FilePath=config.json") == [
        f"/api/v1/models/org/glm/repo?Revision={commit}&FilePath=config.json"
    ]
    site.requests.clear()
    folder, _ = opened(ModelScopeSpec("org/glm", commit))
    assert folder.read("config.json") == CONFIG
    assert site.requests == []  # a commit never changes, and its list is known


@pytest.mark.parametrize("told", ["short", "no"])
def test_without_a_full_commit_the_digests_stand_for_it(site: FakeModelScope, told: str) -> None:
    site.commits_told = "short" if told == "short" else "no"
    commit = site.add("org/glm", FILES)
    folder, notes = opened()
    assert str(folder.origin) == ("ms://org/glm@" + commit[:8] if told == "short" else "ms://org/glm")
    assert [note for note in notes if "the digests" in note] == list(notes)
    assert len(notes) == (told == "no")
    site.commit("org/glm", FILES | {"config.json": b"{}"})
    assert folder.read("config.json") == CONFIG  # each row of the list names the commit that holds the file
    folder, _ = opened(ModelScopeSpec("org/glm", commit))
    assert folder.origin.revision == (commit if told == "no" else commit[:8])


def test_a_branch(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    commit = site.commit("org/glm", {"config.json": b'{"a": 1}'}, branch="v1.0")
    folder, _ = opened(ModelScopeSpec("org/glm", "v1.0"))
    assert folder.origin.revision == commit
    assert folder.read("config.json") == b'{"a": 1}'


def test_of_weights_only_parts_are_fetched(site: FakeModelScope) -> None:
    site.add("org/glm", FILES)
    folder, _ = opened()
    with pytest.raises(FolderFileError, match="weights"):
        folder.read("model.safetensors")
    assert site.asked("safetensors") == []
    assert folder.read_range("model.safetensors", 0, 8) == b"w" * 8
    assert len(site.asked("safetensors")) == 1


def test_names_that_leave_the_folder_are_dropped(site: FakeModelScope) -> None:
    site.add(
        "org/glm", FILES | {"../evil.json": b"{}", "/etc/passwd": b"", ".git/config": b"", "a/../b": b""}
    )
    assert opened()[0].names() == FILES.keys()


def test_more_files_than_a_list_can_have(site: FakeModelScope) -> None:
    """The list is cut without a word; the top of the repo, where engines read, is asked for by itself."""
    many = {f"a{number // 100}/{number}.txt": b"x" for number in range(3100)}
    site.add("org/glm", many | FILES)
    folder, notes = opened()
    assert FILES.keys() <= folder.names()
    assert "some in its folders may be missing" in notes[0]
    assert len(site.requests) == 2


def test_a_file_without_a_digest_is_not_trusted(site: FakeModelScope) -> None:
    site.without_digest.add("config.json")
    site.add("org/glm", FILES)
    folder, _ = opened()
    with pytest.raises(BaseModelError, match=r"lists config\.json of ms://org/glm without its SHA-256"):
        folder.read("config.json")
    assert len(site.requests) == 1


def test_what_the_merged_folder_has_costs_no_request(site: FakeModelScope, tmp_path: Path) -> None:
    site.add("org/glm", glm_files())
    near = tmp_path / "near"
    near.mkdir()
    for name, content in glm_files().items():
        (near / name).write_bytes(content if name != "config.json" else content + b"\n")
    merged = resolve_base(str(near)).folder
    facts = resolve_base("ms://org/glm", near=merged).facts
    for name in glm_files():
        assert facts.folder.read(name) == glm_files()[name]
    assert len(site.asked("FilePath")) == 1
    assert site.sent() == len(glm_files()["config.json"])


# The caches -------------------------------------------------------------------------------------------------


PLACES = [
    "models/org--glm-4.5/snapshots/master",
    "models/org/glm-4___5",
    "hub/models/org/glm-4___5",
    "hub/org/glm-4.5",
]


def downloaded(home: Path, place: str, files: Files) -> Path:
    """What ModelScope's client leaves in its cache."""
    folder = home / ".cache" / "modelscope" / place
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / ".msc").write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    return folder


@pytest.mark.parametrize("place", PLACES)
def test_the_clients_copy_is_taken_where_it_has_the_digest(
    site: FakeModelScope, tmp_path: Path, place: str
) -> None:
    spec = ModelScopeSpec("org/glm-4.5")
    site.add("org/glm-4.5", FILES)
    changed = b"w" * len(FILES["tokenizer.json"])
    downloaded(tmp_path, place, FILES | {"tokenizer.json": changed})
    folder, _ = opened(spec)
    assert folder.read("config.json") == CONFIG
    assert folder.read_range("model.safetensors", 1, 3) == b"www"
    assert len(site.requests) == 1
    assert folder.read("tokenizer.json") == FILES["tokenizer.json"]
    assert len(site.asked("FilePath=tokenizer")) == 1


@pytest.mark.parametrize("place", PLACES)
def test_offline_with_the_clients_cache_alone(site: FakeModelScope, tmp_path: Path, place: str) -> None:
    where = downloaded(tmp_path, place, FILES)
    folder, [note] = opened(ModelScopeSpec("org/glm-4.5"), offline=True)
    assert str(folder.origin) == "ms://org/glm-4.5"
    assert folder.names() >= FILES.keys()
    assert folder.read("config.json") == CONFIG
    assert "genfix is offline; the list of files of ms://org/glm-4.5 is not cached" in note
    assert str(where) in note
    assert site.requests == []
    assert not (tmp_path / "ran").exists()


def test_the_clients_cache_elsewhere(
    site: FakeModelScope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded(tmp_path, "models/org--glm/snapshots/v1", FILES)
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / ".cache" / "modelscope"))
    assert opened(ModelScopeSpec("org/glm", "v1"), offline=True)[0].read("config.json") == CONFIG
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(BaseModelError, match="is not cached"):
        opened(ModelScopeSpec("org/glm", "v1"), offline=True)


def test_an_old_cache_does_not_stand_for_a_revision_it_cannot_tell(
    site: FakeModelScope, tmp_path: Path
) -> None:
    downloaded(tmp_path, "hub/org/glm", FILES)
    with pytest.raises(BaseModelError, match="ms://org/glm@v2 is not cached"):
        opened(ModelScopeSpec("org/glm", "v2"), offline=True)


def test_a_link_out_of_the_clients_cache_is_not_followed(site: FakeModelScope, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(CONFIG)
    (downloaded(tmp_path, "models/org/glm", {}) / "config.json").symlink_to(tmp_path / "secret")
    with pytest.raises(FolderFileError, match="a link to a file outside"):
        opened(offline=True)[0].read("config.json")
    site.add("org/glm", FILES)
    assert opened()[0].read("config.json") == CONFIG
    assert len(site.asked("FilePath=config")) == 1


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", ""])
def test_offline_sends_nothing(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    commit = site.add("org/glm", FILES)
    opened()[0].read("config.json")
    site.requests.clear()
    if variable:
        monkeypatch.setenv(variable, "1")
    folder, [note] = opened(offline=not variable)
    assert f"using the list of files of ms://org/glm at commit {commit[:7]} that was read last" in note
    assert folder.read("config.json") == CONFIG
    with pytest.raises(
        BaseModelError, match=r"tokenizer\.json of ms://org/glm is not cached and .* (offline|is set)"
    ):
        folder.read("tokenizer.json")
    assert opened(ModelScopeSpec("org/glm", commit), offline=not variable)[1] == ()
    with pytest.raises(BaseModelError, match="ms://org/other is not cached"):
        opened(ModelScopeSpec("org/other"), offline=not variable)
    assert site.requests == []


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * len(CONFIG), CONFIG + b" "])
def test_a_damaged_copy_is_fetched_again(site: FakeModelScope, tmp_path: Path, content: bytes) -> None:
    site.add("org/glm", FILES)
    opened()[0].read("config.json")
    [copy] = (tmp_path / "xdg" / "genfix" / "files").iterdir()
    assert copy.name == sha256(CONFIG)
    copy.write_bytes(content)
    with pytest.raises(BaseModelError, match="is not the file that was listed"):
        opened(offline=True)[0].read("config.json")
    assert opened()[0].read("config.json") == CONFIG
    assert copy.read_bytes() == CONFIG


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "commit": 1, "files": {"a": [1]}}'])
def test_a_damaged_list_is_no_list(site: FakeModelScope, tmp_path: Path, content: bytes) -> None:
    site.add("org/glm", FILES)
    opened()
    for kept in (tmp_path / "xdg" / "genfix" / "modelscope-listing").iterdir():
        kept.write_bytes(sha256(content).encode() + b"\n" + content)
    with pytest.raises(BaseModelError, match="is not cached"):
        opened(offline=True)
    assert opened()[0].names() == FILES.keys()


def test_lists_of_two_sites_are_not_mixed_up(site: FakeModelScope, monkeypatch: pytest.MonkeyPatch) -> None:
    site.add("org/glm", FILES)
    opened()
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "https://www.modelscope.ai")
    with pytest.raises(BaseModelError, match="is not cached"):
        opened(offline=True)


def test_a_cache_that_cannot_be_written(
    site: FakeModelScope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("org/glm", FILES)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="the cache of genfix cannot be used") as error:
        opened()[0].read("config.json")
    assert "XDG_CACHE_HOME" in error.value.hint


def test_an_empty_model(site: FakeModelScope) -> None:
    site.add("org/glm", {})
    assert opened()[0].names() == frozenset()
    with pytest.raises(BaseModelError, match="ms://org/glm has no file of a model"):
        resolve_base("ms://org/glm")
