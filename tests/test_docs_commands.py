"""Every command that the documentation shows is run: on copies of the example, with the example's base for a
model of the Hub.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.docs import COMMANDS
from tests.support.folders import write_folder
from tests.support.gguf_files import GLM_KEYS, gguf_bytes
from tests.support.likelihood_stub import one_bit, scores
from tests.support.merges import adapter_files, adapter_of, merge, model_of, world
from tests.support.places import ROOT
from tests.support.probe_stub import Stub
from tests.support.running import Run, runner

NOT_HERE = {"--install-completion"}  # writes into the shell's own files
MODELS = ("THUDM/", "Qwen/", "meta-llama/", "ms://", "ORG/NAME")
EXAMPLE = ROOT / "examples" / "glm4"


def shown() -> list[tuple[str, ...]]:
    """The commands, without the pages they are on, and each once; `test_hub_pull_requests` has the Hub's."""
    found = {words for command in COMMANDS if "hf://" not in " ".join(words := command[1:])}
    return sorted(words for words in found if not NOT_HERE & {*words} and "transformers" not in words)


def here(word: str) -> str:
    """The word where the documentation's folders are below the working directory."""
    if word.startswith(MODELS):
        return "base"
    return {"$OUT": "out", "$BASE": "base"}.get(word, f".{word}" if word.startswith("/tmp/") else word)


def glm_gguf() -> bytes:
    """What the example's base becomes when it is converted."""
    sizes = json.loads((EXAMPLE / "base" / "config.json").read_bytes())
    counts = {"llama.embedding_length": sizes["hidden_size"], "llama.block_count": sizes["num_layers"]}
    return gguf_bytes(GLM_KEYS | counts)


def lay_out_weights(place: Path) -> None:
    """A base, an adapter and their merge that have tensors, which the example has not."""
    base, adapter = world(), adapter_of()
    shutil.rmtree(place / "base")
    shutil.rmtree(place / "merged")
    write_folder(place / "base", model_of(base))
    write_folder(place / "adapter", adapter_files(adapter))
    write_folder(place / "merged", model_of(merge(base, adapter)))


def come_before(place: Path, words: list[str], run: Run) -> None:
    """What has to be done before the command is typed."""
    if words[0] == "apply":
        assert run("plan", "merged", "--base", "base", "-o", "plan.json").code == 1
    if "--baseline" in words:
        assert run("check", "merged", "--base", "base", "--write-baseline", "known.json").code == 0
    if words[0] == "sweep":
        (place / "merges" / "list.txt").parent.mkdir(exist_ok=True)
        (place / "merges" / "list.txt").write_text("merged\n")
    if words[:2] == ["sweep", "report"]:
        assert run("sweep", "merged", "--executor", "thread").code == 1
    if words[0] == "undo":
        assert run("repair", words[1], "--base", "base").code == 0


def lay_out(place: Path, words: list[str], run: Run) -> None:
    """What the command is about: folders, a plan, settings, a baseline, an earlier repair."""
    shutil.copytree(EXAMPLE / "base", place / "base")
    (place / "examples").mkdir()
    shutil.copytree(EXAMPLE, place / "examples" / "glm4")
    ends = ("merged", "out", "model", "/m", "exported")
    folders = [word for word in words[1:] if word.rstrip("/").endswith(ends)]
    folders += ["m"] if words[:2] == ["plan", "m"] else []
    folders += ["merges/a", "merges/b"] if any(word.startswith("merges") for word in words) else []
    for folder in {*folders, "merged"} if words[0] != "run" else ():
        shutil.copytree(EXAMPLE / "merged", place / folder, dirs_exist_ok=True)
    for word in words:
        if word.startswith("./tmp/") and word.endswith("/base"):
            shutil.copytree(EXAMPLE / "base", place / word)
    (place / "ci").mkdir()
    (place / "ci" / "genfix.toml").write_text('fail-on = "error"\n')
    for folder in {*folders, "merged"} if "auto" in words else ():
        (place / folder / "args.json").write_text(json.dumps({"model_dir": str(place / "base")}))
    if any(word.endswith("-capsule") for word in words) and words[0] != "capsule":
        assert run("capsule", "base", "glm-4-9b-chat-capsule").code == 0
    for word in {"model.gguf", "base.gguf"} & {*words}:
        (place / word).write_bytes(glm_gguf())
    if words[0] == "weights":
        lay_out_weights(place)
    come_before(place, words, run)


@pytest.mark.parametrize("command", shown(), ids=" ".join)
def test_a_command_that_is_shown_works(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = runner(capsys)
    monkeypatch.chdir(tmp_path)
    own = command[: command.index(">")] if ">" in command else command
    words = [here(word) for word in own]
    lay_out(tmp_path, words, run)
    if "--" in words:  # the merge command itself is a recipe's business
        out = words[words.index("--output") + 1]
        os.makedirs(Path(out).parent, exist_ok=True)  # noqa: PTH103
        words[words.index("--") + 1 :] = ["cp", "-r", "examples/glm4/merged", out]
    if words[0] == "probe":
        with Stub(scores(one_bit)) as first, Stub(scores(one_bit)) as second:
            urls = iter((first.url, second.url))
            words = [next(urls) if word.startswith("http://") else word for word in words]
            assert run(*words).code in (0, 1)
        return
    result = run(*words)
    assert result.code in (0, 1), result.err
    assert result.out or result.err
