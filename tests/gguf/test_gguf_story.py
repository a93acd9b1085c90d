"""A GGUF from the command line: judged, planned, repaired into a new file, compared."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.fakehub import FakeHub
from tests.support.folders import chatml_files, with_json, write_folder
from tests.support.gguf_files import GLM_KEYS, QWEN_KEYS, edited, gguf_bytes
from tests.support.running import Run
from tests.support.servers import Quiet, QuietServer, Site
from tests.support.trees import tree

BROKEN = edited(GLM_KEYS, tokenizer__ggml__eot_token_id=...)


def file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A broken file and its base."""
    return file(tmp_path / "m.gguf", gguf_bytes(BROKEN)), file(tmp_path / "b.gguf", gguf_bytes(GLM_KEYS))


def test_a_healthy_file_has_nothing_to_report(run: Run, tmp_path: Path) -> None:
    for keys in (GLM_KEYS, QWEN_KEYS):
        done = run("check", file(tmp_path / "m.gguf", gguf_bytes(keys)), "--verbose")
        assert (done.code, done.out) == (0, "")


def test_a_lost_stop_is_found_and_a_new_file_made(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    model, base = pair
    was = tree(tmp_path)
    done = run("check", model, "--base", base)
    assert done.code == 1
    assert "GF101" in done.out
    assert "the base also stops at 3 <|user|>" in done.out
    assert f"genfix plan {model} --base {base}" in done.err
    planned = run("plan", model, "--base", base)
    assert planned.code == 1
    assert '+   "tokenizer.ggml.eot_token_id": 3' in planned.out
    assert "    - " not in planned.out
    assert f"genfix repair {model} --base {base} --output NEW.gguf" in planned.err
    assert run("repair", model, "--base", base, "--dry-run").code == 1
    assert tree(tmp_path) == was
    new = tmp_path / "new.gguf"
    assert run("repair", model, "--base", base, "--output", new).code == 0
    now = tree(tmp_path)
    assert [now[name] for name in ("m.gguf", "b.gguf")] == [was[name] for name in ("m.gguf", "b.gguf")]
    assert sorted(now) == [".", "b.gguf", "m.gguf", "new.gguf"]
    assert run("check", new, "--base", base, "--verbose").out == ""
    data = gguf_bytes(GLM_KEYS)
    assert new.read_bytes()[-4096:] == data[-4096:]


def test_it_is_never_changed_in_place_nor_another_file_replaced(
    run: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    model, base = pair
    was = tree(tmp_path)
    for output in ([], ["--output", model], ["--output", base], ["--output", tmp_path / "no" / "n.gguf"]):
        done = run("repair", model, "--base", base, *output)
        assert (done.code, done.out) == (2, "")
    for name in ("plan.bin", "x"):
        done = run("repair", model, "--base", base, "--output", tmp_path / name)
        assert "is not called .gguf" in done.err
    assert "cannot be kept" in run("plan", model, "--base", base, "-o", tmp_path / "plan.json").err
    assert tree(tmp_path) == was


def test_of_a_healthy_file_none_is_made(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    done = run("repair", pair[1], "--base", pair[1], "--output", tmp_path / "new.gguf")
    assert done.code == 0
    assert not (tmp_path / "new.gguf").exists()


def test_without_a_base_the_template_alone_is_a_warning_and_unsafe(run: Run, pair: tuple[Path, Path]) -> None:
    done = run("check", pair[0], "--output-format", "json")
    (found,) = json.loads(done.out)["findings"]
    assert (found["code"], found["severity"], found["fix"]["applicability"]) == ("GF102", "warning", "unsafe")


def test_a_name_that_says_it_was_tuned_makes_it_certain(run: Run, tmp_path: Path) -> None:
    model = file(tmp_path / "m.gguf", gguf_bytes(BROKEN | {"general.finetune": "Instruct"}))
    done = run("check", model, "--output-format", "json")
    (found,) = json.loads(done.out)["findings"]
    assert (found["code"], found["severity"], found["fix"]["applicability"]) == ("GF102", "error", "safe")
    assert run("repair", model, "--output", tmp_path / "new.gguf").code == 0
    assert run("check", tmp_path / "new.gguf").out == ""


@pytest.mark.parametrize("form", ["json", "sarif", "github", "markdown", "html"])
@pytest.mark.parametrize("verb", ["check", "plan"])
def test_every_form_of_report_names_the_key(run: Run, pair: tuple[Path, Path], verb: str, form: str) -> None:
    done = run(verb, *pair[:1], "--base", pair[1], "--output-format", form)
    assert done.code == 1
    assert "GF101" in done.out
    assert "eot_token_id" in done.out or form in {"github", "markdown"}


def test_a_sarif_place_is_the_file_itself(
    run: Run, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pair[0].parent)
    done = run("check", "m.gguf", "--base", "b.gguf", "--output-format", "sarif")
    place = json.loads(done.out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "m.gguf"


def test_a_baseline_counts_for_a_file_too(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    run("check", pair[0], "--base", pair[1], "--write-baseline", kept)
    done = run("check", pair[0], "--base", pair[1], "--baseline", kept)
    assert (done.code, done.out) == (0, "")


def test_two_files_are_compared_key_by_key(run: Run, pair: tuple[Path, Path]) -> None:
    done = run("diff", pair[0], "--base", pair[1], "--output-format", "json")
    assert json.loads(done.out)["files"] == [
        {
            "file": "m.gguf",
            "status": "changed",
            "values": [{"pointer": "/tokenizer.ggml.eot_token_id", "base": 3}],
        }
    ]


def test_what_it_was_judged_by_is_said(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    said = json.loads(run("check", *pair[:1], "--base", pair[1], "--output-format", "json").out)["coverage"]
    assert said == {"kind": "export", "witnesses": ["base", "weights", "engine"], "not_judged": []}
    alone = json.loads(run("check", pair[0], "--output-format", "json").out)["coverage"]
    assert alone["not_judged"] == ["lost"]


def test_several_files_are_judged_in_one_table(run: Run, pair: tuple[Path, Path]) -> None:
    done = run("check", *pair)
    assert done.code == 0
    assert "GF102" in done.out
    assert pair[1].name in done.out


def test_the_engine_tells_where_it_stops(run: Run, pair: tuple[Path, Path]) -> None:
    assert "stops at 1 <|endoftext|>X, 3 <|user|>" in run("engines", pair[1]).out
    assert run("engines", pair[1], "--engine", "vllm").code == 2


# -- against folders -------------------------------------------------------------------------


SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "max_position_embeddings": 128, "rope_theta": 10000.0}
QWEN_BASE = with_json(chatml_files(), "config.json", **SIZES)
TOKENS = {"<|endoftext|>": 1, "<|im_start|>": 2, "<|im_end|>": 3}


def qwen_folder(path: Path, **config: object) -> Path:
    listed = [{"id": number, "content": text, "special": True} for text, number in TOKENS.items()]
    files = with_json(QWEN_BASE, "tokenizer.json", added_tokens=listed)
    files = with_json(files, "tokenizer_config.json", added_tokens_decoder=..., eos_token="<|im_end|>")
    return write_folder(path, with_json(files, "config.json", eos_token_id=3, **config))


def test_a_folder_is_a_witness_as_its_converter_reads_it(run: Run, tmp_path: Path) -> None:
    base = qwen_folder(tmp_path / "base")
    good = file(tmp_path / "good.gguf", gguf_bytes(QWEN_KEYS))
    assert run("check", good, "--base", base, "--verbose").out == ""
    keys = edited(QWEN_KEYS, tokenizer__ggml__eos_token_id=1, tokenizer__chat_template=...)
    bad = file(tmp_path / "bad.gguf", gguf_bytes(keys))
    done = run("check", bad, "--base", base)
    assert [line.split()[1] for line in done.out.splitlines() if " GF" in line] == ["GF201", "GF106"]
    assert run("repair", bad, "--base", base, "--output", tmp_path / "new.gguf").code == 0
    assert run("check", tmp_path / "new.gguf", "--base", base, "--verbose").out == ""


def test_the_folder_it_lies_in_is_a_witness_where_sizes_fit(run: Run, tmp_path: Path) -> None:
    folder = qwen_folder(tmp_path / "merged")
    keys = edited(QWEN_KEYS, tokenizer__chat_template="{{ messages }}")
    model = file(folder / "m.gguf", gguf_bytes(keys))
    done = run("check", model)
    assert "GF202" in done.out
    assert "converted from the folder it lies in" in done.err
    qwen_folder(folder, hidden_size=64)
    assert "converted from" not in run("check", model).err


def test_a_base_of_other_sizes_is_refused(run: Run, tmp_path: Path) -> None:
    model = file(tmp_path / "m.gguf", gguf_bytes(QWEN_KEYS))
    other = qwen_folder(tmp_path / "base", hidden_size=64)
    done = run("check", model, "--base", other)
    assert done.code == 3
    assert "embedding_length is 32 here and 64 there" in done.err
    assert run("check", model, "--base", other, "--allow-base-mismatch").code == 0


def test_the_base_that_the_file_names_is_suggested(run: Run, tmp_path: Path) -> None:
    named = {"general.base_model.0.repo_url": "https://huggingface.co/org/base"}
    model = file(tmp_path / "m.gguf", gguf_bytes(QWEN_KEYS | named))
    assert f"genfix check {model} --base org/base" in run("check", model).err


# -- parts, addresses, bad input ---------------------------------------------------------------


def test_a_split_file_is_judged_by_its_first_part(run: Run, tmp_path: Path) -> None:
    keys = GLM_KEYS | {"split.count": 2, "split.no": 0}
    first = file(tmp_path / "m-00001-of-00002.gguf", gguf_bytes(keys))
    second = file(tmp_path / "m-00002-of-00002.gguf", gguf_bytes(keys | {"split.no": 1}))
    done = run("check", first)
    assert (done.code, done.out) == (0, "")
    assert "the tensors of the other parts are not judged" in " ".join(done.err.split())
    assert "name the first part" in run("check", second).err
    second.unlink()
    assert "GF521 m-00002-of-00002.gguf" in run("check", first).out


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9), gguf_bytes(GLM_KEYS)[:700]]
)
@pytest.mark.parametrize("verb", ["check", "plan", "engines", "modelfile", "diff"])
def test_what_is_no_gguf_gets_one_sentence(run: Run, tmp_path: Path, verb: str, content: bytes) -> None:
    model = file(tmp_path / "m.gguf", content)
    base = ["--base", model] if verb == "diff" else []
    done = run(verb, model, *base)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 2
    assert "is no GGUF that llama.cpp opens" in done.err


@pytest.mark.parametrize("name", ["no.gguf", "no/no.gguf", "a" * 300 + ".gguf", "ftp://host/m.gguf"])
def test_a_file_that_is_not_there_gets_one_sentence(run: Run, name: str) -> None:
    done = run("check", name)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 2)


def test_a_folder_with_such_a_name_is_a_folder(run: Run, tmp_path: Path) -> None:
    assert run("check", write_folder(tmp_path / "m.gguf", chatml_files())).code == 0


def test_a_folder_of_files_names_the_one_to_judge(run: Run, tmp_path: Path) -> None:
    file(tmp_path / "ggufs" / "m.gguf", gguf_bytes(GLM_KEYS))
    assert f"genfix check {tmp_path / 'ggufs'}/m.gguf" in run("check", tmp_path / "ggufs").err


class Files(Quiet, BaseHTTPRequestHandler):
    """Gives parts of one content, or the whole where it is told so."""

    def __init__(self, content: bytes, *args: object, has_parts: bool) -> None:
        self.content = content
        self.has_parts = has_parts
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        part = self.content[int(first) : int(last) + 1] if self.has_parts else self.content
        self.send_response(206 if self.has_parts else 200)
        if self.has_parts:
            end = int(first) + len(part) - 1
            self.send_header("Content-Range", f"bytes {first}-{end}/{len(self.content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


class FileSite(Site):
    def __init__(self, content: bytes, *, has_parts: bool) -> None:
        handler = partial(Files, content, has_parts=has_parts)
        self._servers = [QuietServer(handler)]  # type: ignore[arg-type]
        self.address = f"http://127.0.0.1:{self._servers[0].server_port}/some/m.gguf"


@contextmanager
def served(content: bytes, *, has_parts: bool = True) -> Iterator[str]:
    with FileSite(content, has_parts=has_parts) as site:
        yield site.address


def test_a_file_elsewhere_is_judged_by_parts_of_it(run: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    with served(pair[0].read_bytes()) as address:
        done = run("check", f"{address}?download=true", "--base", pair[1])
        assert done.code == 1
        assert "GF101" in done.out
        assert "download" in run("repair", address, "--base", pair[1], "--output", tmp_path / "n.gguf").err
        assert "is offline" in run("check", address, "--offline").err
    with served(pair[0].read_bytes(), has_parts=False) as address:
        done = run("check", address)
        assert (done.code, len(done.err.splitlines())) == (2, 2)
        assert "answers 200 and no part" in done.err
    assert run("check", address).code == 2  # nobody is there any more


def test_a_file_on_the_hub_is_pinned_and_never_downloaded(
    run: Run, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    big = gguf_bytes(BROKEN) + bytes(8 * 1024 * 1024)
    with FakeHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        commit = hub.add_repo("org/ggufs", {"m.gguf": big, "README.md": b"x"})
        done = run("check", "hf://org/ggufs/m.gguf", "--base", pair[1], "--output-format", "json")
        report = json.loads(done.out)
        assert (done.code, report["findings"][0]["code"]) == (1, "GF101")
        assert report["target"] == f"hf://org/ggufs/m.gguf@{commit}"
        assert sum(sent for _, sent in hub.sent) < 4 * 1024 * 1024
        assert "there is no n.gguf in org/ggufs" in run("check", "hf://org/ggufs/n.gguf").err
        assert run("check", f"{hub.endpoint}/org/ggufs/resolve/main/m.gguf", "--base", pair[1]).code == 1
