"""What genfix is given by mistake, or by malice: one sentence, the right code, and an untouched disk."""

import fcntl
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.folders import (
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    vlm_files,
    write_folder,
)
from tests.support.running import Result, Run
from tests.support.trees import picture, tree

GENERATION = "generation_config.json"
READERS = ("check", "plan", "diff", "dry-run", "repair")
"""The one that may write comes last."""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A folder with something to repair, so that a refusal is one of something that was wanted."""
    files = glm_files() | {"model.safetensors": safetensors(151552, 4096)}
    del files[GENERATION]
    return write_folder(tmp_path / "merged", files)


def command(verb: str, target: str | Path, base: str | Path | None = None) -> list[str]:
    words = ["repair", "--dry-run"] if verb == "dry-run" else [verb]
    return [*words, str(target), *(["--base", str(base)] if base is not None else [])]


def assert_told(result: Result, code: int, *parts: str) -> None:
    """One error and at most one hint; nothing on stdout, and nothing of Python's."""
    assert (result.code, result.out) == (code, ""), result.err
    first, *rest = [line for line in result.err.splitlines() if not line.startswith("note: ")]
    assert first.startswith("error: ")
    assert not first.endswith(".")
    assert len(rest) <= 1
    assert all(line.startswith("hint: ") for line in rest)
    for sign in ("Traceback", "bug in genfix", "Errno", "PosixPath"):
        assert sign not in result.err
    for part in parts:
        assert part in result.err


def _adapter(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {"adapter_config.json": b"{}", "adapter_model.safetensors": safetensors(4)} | {
        name: files[name] for name in ("tokenizer_config.json", "README.md")
    }


def _parent(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {f"{run}/{name}": content for run in ("run-1", "run-2") for name, content in files.items()}


LAYOUTS: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    "adapter": (_adapter(glm_files()), "is an adapter"),
    "adapter in .bin": ({"adapter_config.json": b"{}", "adapter_model.bin": b"x"}, "is an adapter"),
    "gguf": ({"glm-4-9b-Q4_K_M.gguf": b"GGUF", "README.md": b"#"}, "GGUF"),
    "diffusers": ({"model_index.json": b"{}", "unet/config.json": b"{}"}, "diffusers"),
    "parent": (_parent(glm_files()), "run-1"),
    "trainer output": ({"checkpoint-5/config.json": b"{}", "trainer_state.json": b"{}"}, "checkpoint-5"),
    "empty": ({}, "no file of a model"),
    "pictures": ({"a.png": b"x", "notes.txt": b"y"}, "no file of a model"),
}


@pytest.mark.parametrize(
    ("layout", "verb"),
    # of a parent, only what takes one folder has to say that it is none
    [(layout, verb) for layout in LAYOUTS for verb in READERS if layout != "parent" or verb == "diff"],
)
def test_folders_that_are_no_merged_model(
    run: Run, tmp_path: Path, base: Path, layout: str, verb: str
) -> None:
    files, said = LAYOUTS[layout]
    (tmp_path / "target").mkdir()
    target = write_folder(tmp_path / "target", files)
    before = tree(tmp_path)
    assert_told(run(*command(verb, target, base)), 2, str(target), said, "hint: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", [*READERS, "undo", "log"])
def test_no_such_folder(run: Run, tmp_path: Path, base: Path, verb: str) -> None:
    before = tree(tmp_path)
    given = None if verb in {"undo", "log"} else base
    assert_told(run(*command(verb, tmp_path / "nowhere", given)), 2, "nowhere", "hint: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", [*READERS, "undo", "log"])
def test_a_file_is_no_folder(run: Run, tmp_path: Path, base: Path, verb: str) -> None:
    target = base / "config.json"
    before = tree(tmp_path)
    given = None if verb in {"undo", "log"} else base
    assert_told(run(*command(verb, target, given)), 2, "config.json", "hint: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", [*READERS, "undo", "log"])
def test_an_empty_path_is_not_the_working_directory(
    run: Run, merged: Path, base: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """What ``genfix repair "$MERGED"`` gives where the variable is not set."""
    monkeypatch.chdir(merged)
    before = picture(merged, base)
    given = None if verb in {"undo", "log"} else base
    result = run(*command(verb, "", given))
    assert result.code == 2
    assert picture(merged, base) == before


@pytest.mark.parametrize("name", ["x" * 5000, "x/" * 3000, "a\nb\x1b[31m", "\u202egnp.exe"])
@pytest.mark.parametrize("verb", ["check", "repair", "undo", "log"])
def test_paths_no_folder_can_have(run: Run, tmp_path: Path, name: str, verb: str) -> None:
    before = tree(tmp_path)
    result = run(verb, tmp_path / name)
    assert_told(result, 2)
    assert "\x1b" not in result.err
    assert "\u202e" not in result.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["x" * 5000, "./" + "x" * 5000, "/" + "x/" * 3000])
def test_bases_no_folder_can_be(run: Run, merged: Path, name: str) -> None:
    assert_told(run("check", merged, "--base", name), 2)


def test_a_link_that_leads_nowhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dead").symlink_to("nowhere")
    for name in ("loop", "dead"):
        assert_told(run("check", tmp_path / name), 2, name)


def test_a_link_to_a_folder_is_that_folder(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    (tmp_path / "link").symlink_to(merged)
    assert run("repair", tmp_path / "link", "--base", base).code == 0
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert (tmp_path / "link").is_symlink()
    assert run("undo", tmp_path / "link").code == 0
    assert not (merged / GENERATION).exists()


# Files that cannot be read -------------------------------------------------------------------------------

BROKEN: Mapping[str, tuple[bytes, str]] = {
    "cut off": (b'{"eos_token_id": [1513', "GF901"),
    "empty": (b"", "GF901"),
    "a list": (b"[1, 2]", "GF901"),
    "not utf-8": (b'{"a": "\xff\xfe"}', "GF901"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "GF901"),
    "deep": (b'{"a":' * 3000 + b"1" + b"}" * 3000, "GF901"),
    "a huge number": (b'{"a": ' + b"9" * 6000 + b"}", "GF901"),
    "nul": (b'{"a": 1}\0', "GF901"),
    "too large": (b'{"a": "' + b"x" * (5 * 1024 * 1024) + b'"}', "GF9"),
    "twice": (b'{"eos_token_id": 1, "eos_token_id": 2}', "GF902"),
    "bom": (b'\xef\xbb\xbf{"a": 1}', "GF903"),
}


@pytest.mark.parametrize("name", ["config.json", GENERATION, "tokenizer_config.json"])
@pytest.mark.parametrize("harm", BROKEN)
def test_unreadable_json_of_the_folder_is_a_finding(
    run: Run, merged: Path, base: Path, name: str, harm: str
) -> None:
    content, code = BROKEN[harm]
    (merged / name).write_bytes(content)
    before = picture(merged, base)
    for options in ((), ("--base", base)):
        result = run("check", merged, *options, "--output-format", "json")
        assert result.code in {0, 1}, result.err
        found = [
            finding for finding in json.loads(result.out)["findings"] if finding["code"].startswith(code)
        ]
        assert name in {finding["file"] for finding in found}
    assert name in run("check", merged, "--base", base, "-v").out
    assert run("diff", merged, "--base", base).code == 0
    assert run("plan", merged, "--base", base).code in {0, 1}
    assert picture(merged, base) == before


@pytest.mark.parametrize("name", ["config.json", GENERATION])
def test_a_file_with_a_key_twice_is_left_alone_and_the_others_are_repaired(
    run: Run, tmp_path: Path, base: Path, name: str
) -> None:
    files = glm_files()
    twice = json.dumps({"x": 1} | json.loads(files[name]) | {"eos_token_id": 151329}).encode()
    files |= {name: b'{"x": 2, ' + twice[1:], "tokenizer_config.json": b"{"}
    merged = write_folder(tmp_path / "merged", files)
    result = run("repair", merged, "--base", base)
    assert "bug in genfix" not in result.err
    assert result.code in {0, 1}, result.err
    assert (merged / name).read_bytes() == files[name]
    assert (merged / "tokenizer_config.json").read_bytes() == glm_files()["tokenizer_config.json"]
    assert "GF902" in result.out


@pytest.mark.parametrize("name", ["config.json", GENERATION, "tokenizer_config.json"])
def test_json_that_does_not_parse_is_replaced_by_the_bases(
    run: Run, merged: Path, base: Path, name: str
) -> None:
    (merged / name).write_bytes(b"{")
    assert run("repair", merged, "--base", base).code == 0
    assert (merged / name).read_bytes() == glm_files()[name]


@pytest.mark.parametrize("name", ["config.json", GENERATION, "tokenizer_config.json"])
@pytest.mark.parametrize("harm", BROKEN)
def test_unreadable_json_of_the_base_is_an_error(
    run: Run, merged: Path, base: Path, name: str, harm: str
) -> None:
    content, _ = BROKEN[harm]
    (base / name).write_bytes(content)
    before = picture(merged, base)
    for verb in ("check", "repair"):
        assert_told(run(*command(verb, merged, base)), 2, name, str(base), "hint: ")
    assert picture(merged, base) == before


def _secret_link(path: Path) -> None:
    secret = path.parent.parent / "secret.json"
    secret.write_text('{"password": "Xyzzy"}')
    path.symlink_to(secret)


ODD: Mapping[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "directory": lambda path: path.mkdir(),
    "link outside": _secret_link,
    "dead link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("name", ["config.json", GENERATION, "tokenizer_config.json", "chat_template.jinja"])
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_in_the_folder_never_hangs_or_leaks(
    run: Run, merged: Path, base: Path, name: str, kind: str
) -> None:
    (merged / name).unlink(missing_ok=True)
    ODD[kind](merged / name)
    before = picture(merged, base)
    for verb in ("check", "diff", "repair"):
        result = run(*command(verb, merged, base))
        assert result.code in {0, 1, 2, 3}
        for sign in ("Traceback", "bug in genfix", "Xyzzy"):
            assert sign not in result.out + result.err
        assert result.err
        if verb != "repair":
            assert picture(merged, base) == before
    assert tree(merged)[name]._replace(mtime_ns=0) == before[f"{merged}/{name}"]._replace(mtime_ns=0)
    assert tree(base) == {
        entry.removeprefix(f"{base}/"): before[entry] for entry in before if f"{base}/" in entry
    }


@pytest.mark.parametrize(
    "name", ["config.json", GENERATION, "LICENSE", "tokenization_chatglm.py", "tokenizer.model"]
)
@pytest.mark.parametrize("kind", ["link outside", "fifo"])
def test_a_base_cannot_smuggle_a_file_in(run: Run, merged: Path, base: Path, name: str, kind: str) -> None:
    """A link in a base would have a file of this machine copied into the folder, and published with it."""
    (merged / name).unlink(missing_ok=True)
    (base / name).unlink()
    ODD[kind](base / name)
    before = picture(merged, base)
    result = run("repair", merged, "--base", base)
    if name.endswith(".json"):
        assert_told(result, 2, name)
        assert picture(merged, base) == before
    # What else the base has may still come back; that file may not.
    assert "bug in genfix" not in result.err
    assert not os.path.lexists(merged / name)
    secrets = [path for path in merged.rglob("*") if path.is_file() and b"Xyzzy" in path.read_bytes()]
    assert secrets == []
    assert "Xyzzy" not in result.out + result.err


# The base -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", READERS)
def test_a_base_of_another_architecture_is_refused_with_the_facts(
    run: Run, tmp_path: Path, merged: Path, verb: str
) -> None:
    other = write_folder(tmp_path / "other", chatml_files())
    before = tree(tmp_path)
    result = run(*command(verb, merged, other))
    assert_told(
        result, 3, "model_type", "chatglm", "qwen2", "hidden_size", "4096", "64", "<|endoftext|>", "151329"
    )
    assert "--allow-base-mismatch" in result.err
    assert tree(tmp_path) == before


def _larger(files: dict[str, bytes]) -> dict[str, bytes]:
    config = json.loads(files["config.json"]) | {"hidden_size": 5120}
    return files | {"config.json": dump(config)}


def _moved_tokens(files: dict[str, bytes]) -> dict[str, bytes]:
    document = json.loads(files["tokenizer_config.json"])
    document["added_tokens_decoder"] = added_tokens(
        {"<|endoftext|>": 151329, "<|user|>": 7, "<|observation|>": 8}
    )
    return files | {"tokenizer_config.json": dump(document)}


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (_larger, ("hidden_size", "4096", "5120")),
        (_moved_tokens, ("<|observation|>", "151338", "8", "1 more token")),
    ],
)
def test_a_sibling_of_the_base_is_refused_with_the_facts(
    run: Run,
    tmp_path: Path,
    merged: Path,
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    facts: tuple[str, ...],
) -> None:
    other = write_folder(tmp_path / "other", change(glm_files()))
    before = tree(tmp_path)
    assert_told(run("repair", merged, "--base", other), 3, *facts)
    assert tree(tmp_path) == before


def test_a_mismatch_can_be_overruled_and_is_said(run: Run, tmp_path: Path, merged: Path) -> None:
    other = write_folder(tmp_path / "other", _larger(glm_files()))
    result = run("check", merged, "--base", other, "--allow-base-mismatch")
    assert result.code in {0, 1}
    assert "note: going on as told, although" in result.err
    assert "hidden_size" in result.err


BASES: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    layout: LAYOUTS[layout] for layout in ("adapter", "gguf", "diffusers", "parent", "empty", "pictures")
}


@pytest.mark.parametrize("verb", ["check", "repair"])
@pytest.mark.parametrize("layout", BASES)
def test_a_base_that_is_no_model_is_not_a_base_with_nothing_to_say(
    run: Run, tmp_path: Path, merged: Path, layout: str, verb: str
) -> None:
    (tmp_path / "other").mkdir()
    other = write_folder(tmp_path / "other", BASES[layout][0])
    before = tree(tmp_path)
    assert_told(run(*command(verb, merged, other)), 2, str(other), "hint: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not name a base model"),
        ("   ", "does not name a base model"),
        ("./nowhere", "./nowhere"),
        ("/nowhere/at/all", "/nowhere/at/all"),
        ("glm-4", "no folder glm-4"),
        ("a/b/c", "neither a folder nor a Hub id"),
        ("ms://glm-4-9b-chat", "glm-4-9b-chat"),
        ("s3://bucket/model", "s3://bucket/model"),
        ("https://example.org/org/name", "example.org"),
        ("org/name@", "revision"),
        ("org/name@../../x", "revision"),
        ("org/na me", "org/na me"),
        ("-x/y", "-x/y"),
        ("org/\x1b[31mname", "name"),
    ],
)
def test_texts_that_name_no_base(run: Run, tmp_path: Path, merged: Path, text: str, said: str) -> None:
    before = tree(tmp_path)
    result = run("repair", merged, f"--base={text}")
    assert_told(result, 2, said, "hint: ")
    assert "\x1b" not in result.err
    assert tree(tmp_path) == before


def test_modelscope_is_told_a_way(run: Run, merged: Path) -> None:
    assert "--base ./folder" in run("check", merged, "--base", "ms://ZhipuAI/glm-4-9b-chat").err


def test_a_base_that_is_a_file(run: Run, merged: Path, base: Path) -> None:
    assert_told(run("check", merged, "--base", base / "config.json"), 2, "not a folder")


def test_a_folder_called_like_a_repo_is_taken_and_said(
    run: Run, tmp_path: Path, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "org" / "glm", glm_files())
    monkeypatch.chdir(tmp_path)
    result = run("check", merged, "--base", "org/glm", "--output-format", "json")
    assert json.loads(result.out)["base"] == "org/glm"
    assert "note: org/glm is a folder here" in result.err


# What may not be written ------------------------------------------------------------------------------------


def test_a_read_only_folder(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    merged.chmod(0o555)
    before = tree(tmp_path)
    try:
        assert_told(run("repair", merged, "--base", base), 2, "is read-only", "hint: ")
        assert run("check", merged, "--base", base).code in {0, 1}
        assert tree(tmp_path) == before
    finally:
        merged.chmod(0o755)


def test_a_read_only_file(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    (merged / GENERATION).write_bytes(b'{"eos_token_id": 151329}')
    (merged / GENERATION).chmod(0o444)
    before = tree(tmp_path)
    assert_told(run("repair", merged, "--base", base), 3, "is read-only", "chmod u+w")
    assert tree(tmp_path) == before


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A snapshot in a Hub cache, as huggingface_hub lays it out: links into ``blobs``."""
    repo = tmp_path / "hub" / "models--org--glm"
    folder = repo / "snapshots" / ("0" * 40)
    files = glm_files() | {
        GENERATION: b'{"eos_token_id": 151329}\n',
        "model.safetensors": safetensors(151552, 4096),
    }
    folder.mkdir(parents=True)
    (repo / "blobs").mkdir()
    for number, (name, content) in enumerate(files.items()):
        (repo / "blobs" / f"{number:040x}").write_bytes(content)
        (folder / name).symlink_to(f"../../blobs/{number:040x}")
    return folder


def test_a_snapshot_of_the_hub_cache_is_judged_and_never_repaired(
    run: Run, tmp_path: Path, snapshot: Path, base: Path
) -> None:
    before = tree(tmp_path)
    checked = run("check", snapshot, "--base", base, "--output-format", "json")
    assert checked.code == 1
    assert "GF101" in {finding["code"] for finding in json.loads(checked.out)["findings"]}
    assert run("plan", snapshot, "--base", base).code == 1
    assert_told(run("repair", snapshot, "--base", base), 3, "snapshot in the Hub cache", "copy it out")
    assert tree(tmp_path) == before


def test_a_snapshot_of_the_hub_cache_can_be_a_base(
    run: Run, tmp_path: Path, snapshot: Path, merged: Path
) -> None:
    assert run("repair", merged, "--base", snapshot).code == 0
    restored = merged / GENERATION
    assert not restored.is_symlink()
    assert restored.read_bytes() == b'{"eos_token_id": 151329}\n' or json.loads(restored.read_bytes())


@pytest.fixture
def busy(merged: Path) -> Iterator[None]:
    """Another process's lock on the folder."""
    fd = os.open(merged, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


@pytest.mark.usefixtures("busy")
def test_a_folder_another_process_works_on(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    before = tree(tmp_path)
    assert_told(run("repair", merged, "--base", base), 3, "another genfix", "hint: ")
    assert tree(tmp_path) == before
    for verb in ("check", "plan", "diff"):
        assert run(*command(verb, merged, base)).code in {0, 1}
    assert run("log", merged).code == 0
    assert tree(tmp_path) == before


def test_a_planted_state_folder_is_not_followed(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (merged / ".cache").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path)
    assert_told(run("repair", merged, "--base", base), 3, "link")
    assert run("check", merged, "--base", base).code in {0, 1}
    assert tree(tmp_path) == before


def test_a_planted_journal_is_an_error_and_not_a_crash(run: Run, merged: Path, base: Path) -> None:
    state = write_folder(
        merged / ".cache" / "huggingface" / "genfix", {"journal.json": b'{"ops": [{"name": "../x"}]}'}
    )
    before = picture(merged, base)
    assert (state / "journal.json").exists()
    for verb in ("check", "plan", "repair"):
        result = run(*command(verb, merged, base))
        assert result.code in {0, 1, 2, 3}
        assert "Traceback" not in result.err
        assert "bug in genfix" not in result.err
        if verb != "repair":
            assert picture(merged, base) == before


def test_nothing_to_undo(run: Run, tmp_path: Path, merged: Path) -> None:
    before = tree(tmp_path)
    assert_told(run("undo", merged), 2, "no repair", "genfix log")
    assert_told(run("undo", merged, "20260101T000000Z-abcdef"), 2, "20260101T000000Z-abcdef")
    assert_told(run("undo", merged, "../../x"), 2)
    assert tree(tmp_path) == before


def test_a_state_folder_that_is_a_file(run: Run, tmp_path: Path, merged: Path, base: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    before = tree(tmp_path)
    for place in (tmp_path / "state", tmp_path / "state" / "below"):
        for words in (
            ("check", merged, "--base", base),
            ("repair", merged, "--base", base),
            ("undo", merged),
            ("log", merged),
            ("snapshot", merged),
            ("log", "hf://org/name"),
        ):
            assert_told(run(*words, "--state-dir", place), 2, "cannot be a folder: ", "name a folder")
    assert tree(tmp_path) == before


# The command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--select", "--ignore"])
@pytest.mark.parametrize("code", ["XY1", "GF999", "", "gf101x", "*"])
def test_codes_no_rule_has(run: Run, tmp_path: Path, merged: Path, option: str, code: str) -> None:
    before = tree(tmp_path)
    assert_told(run("check", merged, option, code), 2, "there is no rule", "genfix rules")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "words",
    [
        ["check", "{}", "--nope"],
        ["check"],
        ["check", "{}", "--output-format", "yaml"],
        ["check", "{}", "--fail-on", "never"],
        ["check", "{}", "--color", "maybe"],
        ["check", "{}", "--base"],
        ["chekc", "{}"],
        ["explain"],
    ],
)
def test_usage_errors(run: Run, tmp_path: Path, merged: Path, words: list[str]) -> None:
    before = tree(tmp_path)
    result = run(*(word.format(merged) for word in words))
    assert (result.code, result.out) == (2, "")
    assert re.search("^error: ", result.err, re.MULTILINE | re.IGNORECASE)
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err
    assert tree(tmp_path) == before


def test_a_close_option_or_command_is_suggested(run: Run, merged: Path) -> None:
    assert "--base" in run("check", merged, "--bsae", "x").err
    assert "check" in run("chekc", merged).err


def test_explain_of_no_rule(run: Run) -> None:
    assert_told(run("explain", "GF999"), 2, "GF999", "genfix rules")
    result = run("explain", "\x1b[31mx")
    assert_told(result, 2)
    assert "\x1b" not in result.err


def test_diff_without_a_base(run: Run, merged: Path) -> None:
    assert_told(run("diff", merged), 2, "--base")


def test_a_bug_is_one_sentence_too(run: Run, merged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("never \x1b[31mmind")

    monkeypatch.setattr("genfix.cli.looking.check_case", fails)
    result = run("check", merged)
    assert result.code == 2
    assert result.err.startswith("error: this is a bug in genfix: ZeroDivisionError")
    assert "GENFIX_DEBUG=1" in result.err
    assert "\x1b" not in result.err
    assert "Traceback" not in result.err
    monkeypatch.setenv("GENFIX_DEBUG", "1")
    assert "Traceback" in run("check", merged).err


def test_a_part_that_does_not_load_is_no_bug(
    run: Run, merged: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules are loaded when they are needed: the disk may fail just then."""
    monkeypatch.delitem(sys.modules, "genfix.cli.planning", raising=False)
    monkeypatch.setitem(sys.modules, "genfix.api.changing", None)
    before = picture(merged, base)
    assert_told(run("repair", merged, "--base", base), 2, "genfix.api.changing", "install genfix again")
    assert picture(merged, base) == before


@pytest.mark.parametrize("name", ["Config.json", "GENERATION_CONFIG.JSON"])
def test_names_that_differ_in_case_only(run: Run, merged: Path, base: Path, name: str) -> None:
    """On some disks they are one file: genfix must not write the other."""
    (merged / name).write_bytes(b"{}")
    before = picture(merged, base)
    result = run("repair", merged, "--base", base)
    if name.lower() == GENERATION:
        assert_told(result, 3, "one name on some disks")
        assert picture(merged, base) == before
    else:
        assert result.code in {0, 3}


def test_files_of_a_vision_model_are_judged_as_well(run: Run, tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base", vlm_files())
    merged = write_folder(tmp_path / "merged", vlm_files() | {"preprocessor_config.json": b"{,}"})
    found = json.loads(run("check", merged, "--base", base, "--output-format", "json").out)["findings"]
    assert ("GF901", "preprocessor_config.json") in {(finding["code"], finding["file"]) for finding in found}
