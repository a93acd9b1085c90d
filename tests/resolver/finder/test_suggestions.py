"""A name that nobody knows: what it was meant to be."""

from pathlib import Path

import pytest

import genfix
from genfix.errors import BaseModelError
from tests.support.folders import Files, dump, glm_files, write_folder
from tests.support.hub_caches import cached, use_cache
from tests.support.running import Run, runner


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path / "hub")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def hint(tmp_path: Path, base: str, files: Files | None = None) -> str:
    folder = write_folder(tmp_path / "merged", files or glm_files())
    with pytest.raises(BaseModelError) as error:
        genfix.check(folder, base)
    return error.value.hint


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ("Qwen/Qwen2.5-7B-Instuct", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("meta-lama/Llama-3.2-3B-Instruct", "meta-llama/Llama-3.2-3B-Instruct"),
        ("THUDM/glm-4-9b-chat", "zai-org/glm-4-9b-chat"),
        ("ZhipuAI/glm-4-9b-chat", "ms://ZhipuAI/glm-4-9b-chat"),
        ("ms://zai-org/glm-4-9b-chat", "zai-org/glm-4-9b-chat"),
        ("qwen/qwen2.5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen2.5-7b-Chat", "Qwen/Qwen2.5-7B-Instruct"),
        ("openbmb/MiniCPM-V-2.6", "openbmb/MiniCPM-V-2_6"),
        ("Qwen/Qwen2.5 7B Instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct-", "Qwen/Qwen2.5-7B-Instruct"),
        ("https://modelscope.cn/models/Qwen/Qwen2.5-7B-Instuct", "ms://Qwen/Qwen2.5-7B-Instruct"),
    ],
    ids=[
        *("a typo", "no organisation", "a typo in it", "renamed", "ModelScope's", "the Hub's", "its case"),
        *("chat for instruct", "a dot for a line", "spaces", "a line too many", "an address"),
    ],
)
def test_a_name_of_the_catalogue(tmp_path: Path, given: str, first: str) -> None:
    assert hint(tmp_path, given).startswith(f"did you mean {first}")


def test_the_folders_own_name_comes_first(tmp_path: Path) -> None:
    named = glm_files() | {
        "sft_args.json": dump({"model_id_or_path": "my/own-model", "model_revision": "v1"})
    }
    told = hint(tmp_path, "my/own-modell", named)
    assert told.startswith("did you mean ms://my/own-model@v1")


def test_a_cached_name(tmp_path: Path) -> None:
    cached(tmp_path / "hub", "rare/unheard-of-9b", glm_files())
    assert hint(tmp_path, "rare/unheard-off-9b").startswith("did you mean rare/unheard-of-9b")


def test_a_folder_here(tmp_path: Path) -> None:
    write_folder(Path("my-base"), glm_files())
    assert hint(tmp_path, "./my-bases").startswith("did you mean ./my-base?")


def test_nothing_like_it(tmp_path: Path) -> None:
    assert "did you mean" not in hint(tmp_path, "zzzz/qqqqqqqqqqqq")


def test_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run: Run = runner(capsys)
    folder = write_folder(tmp_path / "merged", glm_files())
    told = run("check", folder, "--base", "THUDM/glm-4-9b-chat", "--lang", "zh")
    assert told.code == 2
    assert "是不是想写 zai-org/glm-4-9b-chat" in told.err
    saved = run("capsule", "THUDM/glm-4-9b-chat", tmp_path / "out", "--lang", "zh")
    assert "是不是想写 zai-org/glm-4-9b-chat" in saved.err
