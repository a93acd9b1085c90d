from pathlib import Path

import pytest

from genfix.errors import BaseModelError, GenfixError, InputError, UnknownModelError
from genfix.resolver.naming.spec import HubSpec, LocalSpec, ModelScopeSpec, is_repo_id, parse_spec


@pytest.fixture(autouse=True)
def in_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.delenv("MODELSCOPE_ENDPOINT", raising=False)


@pytest.mark.parametrize(
    ("text", "repo_id", "revision"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct", None),
        ("org/name@v1.0", "org/name", "v1.0"),
        ("org/name@refs/pr/3", "org/name", "refs/pr/3"),
        ("org/name@" + "a" * 40, "org/name", "a" * 40),
        ("hf://org/name", "org/name", None),
        ("hf://models/org/name@dev", "org/name", "dev"),
        ("https://huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/", "org/name", None),
        ("https://hf.co/org/name/tree/v2?not-for-all-audiences=true", "org/name", "v2"),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3", "org/name", "refs/pr/3"),
        ("https://huggingface.co/org/name/tree/refs/pr/3/sub", "org/name", "refs/pr/3"),
        ("https://huggingface.co/org/name/blob/main/config.json", "org/name", "main"),
        ("https://huggingface.co/org/name/blob/main/a/b.json#L3", "org/name", "main"),
        ("https://huggingface.co/org/name/raw/v2/config.json", "org/name", "v2"),
        ("https://huggingface.co/org/name/resolve/v2/config.json?download=true", "org/name", "v2"),
        ("https://huggingface.co/org/name/commit/" + "a" * 40, "org/name", "a" * 40),
        ("hf://org/name@refs%2Fpr%2F3", "org/name", "refs/pr/3"),
        ("HF://org/name", "org/name", None),
    ],
)
def test_hub(text: str, repo_id: str, revision: str | None) -> None:
    assert parse_spec(text) == HubSpec(repo_id, revision)


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        ("ms://org/name", None),
        ("ms://org/name@v1.0", "v1.0"),
        ("MS://models/org/name@master", "master"),
        ("https://modelscope.cn/models/org/name", None),
        ("https://www.modelscope.cn/models/org/name/", None),
        ("https://modelscope.cn/models/org/name/summary", None),
        ("https://modelscope.cn/models/org/name/files?version=master", None),
        ("https://modelscope.cn/models/org/name/file/view/v2/config.json?status=1", "v2"),
        ("https://modelscope.cn/models/org/name/file/view", None),
        ("https://modelscope.cn/models/org/name/tree/v2/sub", "v2"),
        ("https://modelscope.cn/models/org/name/resolve/master/config.json", "master"),
    ],
)
def test_modelscope(text: str, revision: str | None) -> None:
    assert parse_spec(text) == ModelScopeSpec("org/name", revision)


@pytest.mark.parametrize("endpoint", ["https://ms.example.com", "ms.example.com"])
def test_address_of_the_modelscope_in_use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", endpoint)
    assert parse_spec("https://ms.example.com/models/org/name") == ModelScopeSpec("org/name")


def test_one_name_on_two_hubs_is_two_bases() -> None:
    assert {HubSpec("org/name"), ModelScopeSpec("org/name")} == {
        parse_spec("org/name"),
        parse_spec("ms://org/name"),
    }
    assert len({HubSpec("org/name"), ModelScopeSpec("org/name")}) == 2


def test_spec_prints_as_written() -> None:
    assert str(ModelScopeSpec("org/name")) == "ms://org/name"
    assert str(ModelScopeSpec("org/name", "dev")) == "ms://org/name@dev"
    assert str(HubSpec("org/name")) == "org/name"
    assert str(HubSpec("org/name", "dev")) == "org/name@dev"


def test_address_of_the_mirror_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hf-mirror.com")
    assert parse_spec("https://hf-mirror.com/org/name") == HubSpec("org/name")


@pytest.mark.parametrize("text", ["./base", "base", "base/", "sub/../base"])
def test_directory(text: str) -> None:
    Path("base").mkdir()
    Path("sub").mkdir()
    assert parse_spec(text) == LocalSpec(Path(text), text)


def test_directory_by_other_paths(tmp_path: Path) -> None:
    Path("base").mkdir()
    assert parse_spec(str(tmp_path / "base")) == LocalSpec(tmp_path / "base", str(tmp_path / "base"))
    assert parse_spec("~/base") == LocalSpec(tmp_path / "base", "~/base")
    assert parse_spec("..") == LocalSpec(Path(".."), "..")


@pytest.mark.parametrize("text", ["org/name", "org/name@main"])
def test_directory_wins_over_repo_and_says_so(text: str) -> None:
    Path(text).mkdir(parents=True)
    assert parse_spec(text) == LocalSpec(Path(text), text, shadows_repo=True)


def test_explicit_path_shadows_nothing() -> None:
    Path("org/name").mkdir(parents=True)
    assert parse_spec("./org/name") == LocalSpec(Path("org/name"), "./org/name", shadows_repo=False)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", InputError, "does not name a base"),
        ("  ", InputError, "does not name a base"),
        ("org/na\nme", InputError, "does not name a base"),
        ("org/na\x1bme", InputError, "does not name a base"),
        ("base", UnknownModelError, "there is no folder base"),
        ("gpt2@main", UnknownModelError, "there is no folder gpt2@main"),
        ("./base", UnknownModelError, "there is no folder ./base"),
        ("/nope/base", UnknownModelError, "there is no folder /nope/base"),
        ("~nobody-here/base", UnknownModelError, "there is no folder ~nobody-here/base"),
        ("./" + "x" * 5000, UnknownModelError, "there is no folder"),
        ("a/b/c", UnknownModelError, "neither a folder nor a Hub id"),
        ("org/../name", UnknownModelError, "neither a folder nor a Hub id"),
        ("org/a--b", UnknownModelError, "neither a folder nor a Hub id"),
        ("org/name.git", UnknownModelError, "neither a folder nor a Hub id"),
        ("org/name/", UnknownModelError, "neither a folder nor a Hub id"),
        ("órg/name", UnknownModelError, "neither a folder nor a Hub id"),
        ("org/name@", InputError, "not a revision"),
        ("org/name@../../../etc/passwd", InputError, "not a revision"),
        ("org/name@/etc/passwd", InputError, "not a revision"),
        ("org/name@my branch", InputError, "not a revision"),
        ("ms://org", InputError, "ms://org does not name a model"),
        ("ms://", InputError, "does not name a model"),
        ("ms://org/../name", InputError, "does not name a model"),
        ("ms://org/name@../../x", InputError, "not a revision"),
        ("https://modelscope.cn/org/name", InputError, "not the address of a model"),
        ("https://modelscope.cn/models/org/name/nonsense", InputError, "not the address of a model"),
        ("https://modelscope.cn/datasets/org/name", InputError, "not the address of a model"),
        ("https://huggingface.co/org/name/tree", InputError, "not the address of a model"),
        ("https://huggingface.co/org/name/nonsense/main", InputError, "not the address of a model"),
        ("ftp://org/name", InputError, "not an address"),
        ("hf://datasets/org/name", InputError, "does not name a model"),
        ("https://example.com/org/name", InputError, "example.com is neither the Hugging Face Hub nor"),
        ("https://huggingface.co/datasets/org/name", InputError, "not the address of a model"),
        ("https://huggingface.co/org", InputError, "not the address of a model"),
        ("https://[::1/org/name", InputError, "not a valid web address"),
    ],
)
def test_refused(text: str, error: type[GenfixError], says: str) -> None:
    with pytest.raises(error) as caught:
        parse_spec(text)
    assert type(caught.value) is error
    assert says in caught.value.message
    assert caught.value.hint


def test_single_name_is_told_how_a_hub_id_looks() -> None:
    with pytest.raises(BaseModelError, match="a Hub id is written org/name"):
        parse_spec("Qwen2.5-7B")


def test_file_is_no_base() -> None:
    Path("config.json").write_text("{}")
    with pytest.raises(BaseModelError, match=r"the base \./config\.json is not a folder"):
        parse_spec("./config.json")


@pytest.mark.parametrize(
    "text", ["-org/name", "org/-name", "org/name.", "org/" + "x" * 100, "org", "org/na me"]
)
def test_is_no_repo_id(text: str) -> None:
    assert not is_repo_id(text)


def test_a_file_that_exists_is_asked_of_no_hub() -> None:
    Path("merged").mkdir()
    Path("merged/config.json").write_text("{}")
    with pytest.raises(BaseModelError, match=r"the base merged/config\.json is not a folder"):
        parse_spec("merged/config.json")
    assert parse_spec("merged/config") == HubSpec("merged/config")
