"""Folders made to harm: nothing hangs, leaks, runs or leaves the folder, and the user gets a sentence."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run, spawn
from tests.support.trees import picture, tree

CONFIG, GENERATION, TOKENIZER = "config.json", "generation_config.json", "tokenizer_config.json"


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "merged", glm_files())


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


def change(folder: Path, name: str, **values: object) -> None:
    path = folder / name
    path.write_bytes(dump(json.loads(path.read_bytes()) | values))


@pytest.mark.parametrize(
    "reference",
    [
        "../evil.Model",
        "/etc/passwd.Model",
        "a/../../evil.Model",
        "org/repo--evil.Model",
        "a\0b.Model",
        ".Model",
        ".",
    ],
)
def test_code_that_config_names_is_never_looked_for_outside(
    run: Run, merged: Path, base: Path, reference: str
) -> None:
    (merged.parent / "evil.py").write_text("raise SystemExit('ran')")
    change(merged, CONFIG, auto_map={"AutoModel": reference, "AutoConfig": [reference, None]})
    before = picture(base) | {"evil": tree(merged.parent / "evil.py")["."]}
    done = run("repair", merged, "--base", base)
    assert done.code in {0, 1}
    assert "Traceback" not in done.err
    assert not (merged / "evil.py").exists()
    assert picture(base) | {"evil": tree(merged.parent / "evil.py")["."]} == before


def test_a_sparse_file_of_terabytes_is_a_finding_at_once(run: Run, merged: Path, base: Path) -> None:
    for name in (CONFIG, TOKENIZER, "tokenizer.json", "chat_template.jinja"):
        with (merged / name).open("ab") as file:
            file.truncate(1 << 40)
    told = run("check", merged, "--base", base)
    assert told.code == 1
    assert f"GF904 {CONFIG}\n    is far larger than such a file can be" in told.out
    assert run("repair", merged, "--base", base).code in {1, 2, 3}
    assert (merged / CONFIG).stat().st_size == 1 << 40 or (merged / CONFIG).read_bytes() == (
        base / CONFIG
    ).read_bytes()


@pytest.mark.parametrize("name", [CONFIG, GENERATION, TOKENIZER, "tokenizer.json", "added_tokens.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"eos_token_id": ' + b"9" * 10_000 + b"}",
        b'{"eos_token_id": 1e999, "temperature": NaN}',
        b'{"eos_token_id": "\\ud800", "chat_template": "\\udfff"}',
        b'{"a": "\\u0000\x00"}',
        "﻿{}".encode("utf-16"),
    ],
    ids=["brackets", "depth", "digits", "infinite", "surrogates", "nul", "utf-16"],
)
def test_json_that_hurts_a_parser_is_a_finding(
    run: Run, merged: Path, base: Path, name: str, content: bytes
) -> None:
    (merged / name).write_bytes(content)
    for arguments in (("check", merged), ("check", merged, "--base", base), ("engines", merged)):
        told = run(*arguments)
        assert told.code in {0, 1}, told.err
        assert "Traceback" not in told.err
    json.loads(run("check", merged, "--base", base, "--output-format", "json").out)
    assert run("repair", merged, "--base", base).code in {0, 1}


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% for a in range(10**9) %}{% for b in range(10**9) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 10**10 }}",
        "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% include '/etc/passwd' %}",
        "{{ messages.append(1) }}{{ raise_exception('\x1b]0;title\x07') }}",
    ],
    ids=["classes", "loops", "memory", "globals", "recursion", "include", "escape"],
)
def test_a_hostile_template_runs_nothing_and_ends(tmp_path: Path, template: str) -> None:
    merged = write_folder(tmp_path / "merged", glm_files())
    change(merged, TOKENIZER, chat_template=template)
    told = spawn("check", merged, cwd=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert told.code in {0, 1}
    assert "Traceback" not in told.err
    assert "\x1b" not in told.out + told.err
    assert not (tmp_path / "ran").exists()
    assert "root:" not in told.out


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    merged = write_folder(tmp_path / "merged", glm_files())
    base = write_folder(tmp_path / "base", glm_files())
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "rng_state.pth"):
        (merged / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    (merged / GENERATION).unlink()
    script = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith(('.bin', '.pt', '.pth')):\n"
        "        raise SystemExit(f'opened {arguments[0]}')\n"
        "    if event in ('pickle.find_class', 'os.system', 'socket.connect'):\n"
        "        raise SystemExit(event)\n"
        "sys.addaudithook(hook)\n"
        "from genfix.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    path = tmp_path / "watched.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path, "repair", merged, "--base", base],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert (merged / GENERATION).exists()


def test_a_model_card_is_read_as_data_and_not_far(run: Run, merged: Path) -> None:
    bomb = (
        "---\na: &a [x,x]\n"
        + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(200))
        + "base_model: evil/model\n"
    )
    (merged / "README.md").write_text(bomb + "x" * 2_000_000 + "\n---\n<script>alert(1)</script>")
    (merged / GENERATION).unlink()
    told = run("check", merged)
    assert told.code in {0, 1}
    assert "<script>" not in told.out + told.err


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be there")
def test_control_characters_in_names_and_values_are_shown_as_what_they_are(
    run: Run, merged: Path, base: Path
) -> None:
    (merged / "a\x1b[31m\n::error::x.json").write_text("{}")
    change(merged, GENERATION, eos_token_id="\x1b]8;;http://evil\x07\u202e", max_new_tokens=5)
    change(merged, TOKENIZER, eos_token="\x1b[2J")
    for verb in ("check", "plan", "repair", "diff", "engines", "log"):
        told = run(verb, merged, *(("--base", base) if verb not in {"engines", "log"} else ()))
        assert not {"\x1b", "\x07", "\u202e"} & set(told.out + told.err), verb
        assert "\n::error" not in told.out + told.err


def test_settings_in_the_model_folder_are_not_settings_of_genfix(run: Run, merged: Path, base: Path) -> None:
    change(merged, GENERATION, eos_token_id=151329)
    for name in ("pyproject.toml", "genfix.toml", "setup.cfg"):
        (merged / name).write_text('[tool.genfix]\nignore = ["GF"]\nbase = "evil/model"\n')
    assert "GF101" in run("check", merged, "--base", base).out


def test_a_reader_sees_each_file_whole_all_the_time(run: Run, merged: Path, base: Path) -> None:
    change(merged, GENERATION, eos_token_id=151329, max_new_tokens=5)
    seen: set[bytes] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add((merged / GENERATION).read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(3):
            assert run("repair", merged, "--base", base).code == 0
            assert run("undo", merged).code == 0
    finally:
        stop.set()
        reader.join()
    assert len(seen) <= 2
    assert all(json.loads(content) for content in seen)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files away, which needs root"
)
def test_root_leaves_files_with_their_owner(run: Run, merged: Path, base: Path) -> None:
    change(merged, GENERATION, eos_token_id=151329)
    os.chown(merged / GENERATION, 12345, 54321)
    assert run("repair", merged, "--base", base).code == 0
    status = (merged / GENERATION).stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)
