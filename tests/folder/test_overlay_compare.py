"""A folder as it would be, and whether two folders hold the same file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from genfix.folder import (
    FileKind,
    FileStat,
    Folder,
    LocalFolder,
    OverlayFolder,
    kind_of,
    read_cap,
    same_but_for_line_ends,
    same_file,
    sha256_of,
)
from genfix.folder.compare import git_sha1_of
from genfix.folder.kinds import is_json_config
from tests.support.folders import MemoryFolder, write_folder

FILES = {"a.json": b"old", "b.json": b"kept", "c.json": b"gone"}


def overlay() -> OverlayFolder:
    return OverlayFolder(
        MemoryFolder(FILES), {"a.json": b"new bytes", "sub/d.json": b"", "c.json": None, "e": None}
    )


def test_an_overlay_lists_what_would_be_there() -> None:
    assert overlay().names() == {"a.json", "b.json", "sub/d.json"}
    assert overlay().origin == MemoryFolder(FILES).origin


def test_an_overlay_reads_the_new_bytes_and_the_ones_below() -> None:
    folder = overlay()
    assert {name: folder.read(name) for name in folder.names()} == {
        "a.json": b"new bytes", "b.json": b"kept", "sub/d.json": b""}  # fmt: skip
    assert folder.read_range("a.json", 4, 99) == b"bytes"
    assert folder.read_range("b.json", 1, 2) == b"ep"
    assert folder.stat("a.json") == FileStat(9, sha256=hashlib.sha256(b"new bytes").hexdigest())
    assert folder.stat("b.json").size == 4


@pytest.mark.parametrize("name", ["c.json", "e", "never.json"])
def test_a_file_taken_away_is_not_there(name: str) -> None:
    for read in (overlay().read, overlay().stat, lambda name: overlay().read_range(name, 0, 1)):
        with pytest.raises(KeyError):
            read(name)


def test_overlays_lie_upon_each_other() -> None:
    upper = OverlayFolder(overlay(), {"c.json": b"back", "b.json": b"other"})
    assert {name: upper.read(name) for name in upper.names()} == {
        "a.json": b"new bytes", "b.json": b"other", "c.json": b"back", "sub/d.json": b""}  # fmt: skip


class Listed(MemoryFolder):
    """A folder as the Hub lists it: one digest per file, and no byte may be fetched to compare."""

    def __init__(self, files: Mapping[str, bytes], *, git: bool, may_read: bool = False) -> None:
        super().__init__(files)
        self.git, self.may_read = git, may_read

    def stat(self, name: str) -> FileStat:
        content = self.files[name]
        if self.git:
            blob = b"blob %d\0" % len(content) + content
            return FileStat(len(content), git_sha1=hashlib.sha1(blob, usedforsecurity=False).hexdigest())
        return super().stat(name)

    def read(self, name: str) -> bytes:
        assert self.may_read
        return super().read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        raise AssertionError(name)


def kinds(tmp_path: Path, content: bytes) -> dict[str, Folder]:
    files = {"x.json": content}
    return {
        "local": LocalFolder(write_folder(tmp_path / hashlib.sha256(content).hexdigest(), files)),
        "git": Listed(files, git=True),
        "lfs": Listed(files, git=False),
        "overlay": OverlayFolder(MemoryFolder({}), files),
        "memory": MemoryFolder(files),
    }


PAIRS = [
    (left, right)
    for left in ("local", "git", "lfs", "overlay", "memory")
    for right in ("local", "git", "lfs")
    if {left, right} != {"git", "lfs"}
]


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_two_folders_hold_the_same_file_or_not(tmp_path: Path, left: str, right: str, size: int) -> None:
    ours, same = kinds(tmp_path, b"a" * size)[left], kinds(tmp_path, b"a" * size)[right]
    assert same_file(ours, same, "x.json")
    if size:
        assert not same_file(ours, kinds(tmp_path, b"a" * (size - 1) + b"b")[right], "x.json")
    assert not same_file(ours, kinds(tmp_path, b"a" * size + b"b")[right], "x.json")


def test_two_listings_with_different_digests_are_compared_by_reading_one() -> None:
    files = {"x.json": b"content"}
    assert same_file(
        Listed(files, git=True, may_read=True), Listed(files, git=False, may_read=True), "x.json"
    )


@pytest.mark.parametrize("name", ["x.json", "README.md", "modeling_mine.py", "merges.txt"])
def test_line_ends_make_no_other_text_file(name: str) -> None:
    text = b"{\n  1\n}\n"
    windows = MemoryFolder({name: text.replace(b"\n", b"\r\n")})
    assert same_but_for_line_ends(windows, MemoryFolder({name: text}), name)
    assert same_but_for_line_ends(MemoryFolder({name: text}), windows, name)
    assert not same_but_for_line_ends(windows, MemoryFolder({name: text.replace(b"1", b"2")}), name)
    assert not same_but_for_line_ends(windows, MemoryFolder({name: text.replace(b"\n", b"  ")}), name)


def test_a_file_that_is_no_text_is_compared_by_bytes() -> None:
    left, right = MemoryFolder({"tokenizer.model": b"\r\n"}), MemoryFolder({"tokenizer.model": b"\n"})
    assert not same_but_for_line_ends(left, right, "tokenizer.model")


@pytest.mark.parametrize("ours", [b"a\nc\n", b"a", b"a\nbcd\n", b"a\r\nbc\r\n"])
def test_a_file_that_cannot_be_the_same_text_is_not_fetched(ours: bytes) -> None:
    listed = Listed({"x.json": b"a\nb\n"}, git=True)
    assert not same_but_for_line_ends(MemoryFolder({"x.json": ours}), listed, "x.json")


def test_a_file_that_one_folder_lacks_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        same_file(MemoryFolder(FILES), MemoryFolder({}), "a.json")


def test_digests_come_from_the_listing_or_from_the_bytes(tmp_path: Path) -> None:
    for folder in kinds(tmp_path, b"abc").values():
        if not isinstance(folder, Listed) or not folder.git:
            assert sha256_of(folder, "x.json") == hashlib.sha256(b"abc").hexdigest()
        if not isinstance(folder, Listed) or folder.git:
            assert (
                git_sha1_of(folder, "x.json") == "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"
            )  # git hash-object


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("config.json", FileKind.CONFIG),
        ("sub/config.json", FileKind.OTHER),
        ("generation_config.json", FileKind.GENERATION_CONFIG),
        ("tokenizer.model", FileKind.TOKENIZER),
        ("original/tokenizer.model", FileKind.OTHER),
        ("preprocessor_config.json", FileKind.PROCESSOR),
        ("chat_template.jinja", FileKind.CHAT_TEMPLATE),
        ("additional_chat_templates/tool_use.jinja", FileKind.CHAT_TEMPLATE),
        ("adapter_config.json", FileKind.ADAPTER),
        ("adapter_model.safetensors", FileKind.ADAPTER),
        ("model-00001-of-00002.safetensors", FileKind.WEIGHTS),
        ("model.safetensors.index.json", FileKind.WEIGHTS_INDEX),
        ("training_args.bin", FileKind.WEIGHTS),
        ("model-q4.gguf", FileKind.GGUF),
        ("modeling_chatglm.py", FileKind.CODE),
        ("LICENSE", FileKind.LICENCE),
        ("USE_POLICY.md", FileKind.LICENCE),
        ("Use-Policy.txt", FileKind.LICENCE),
        ("docs/LICENSE", FileKind.OTHER),
        ("README.md", FileKind.OTHER),
        ("args.json", FileKind.OTHER),
        ("Modelfile", FileKind.OTHER),
    ],
)
def test_a_name_tells_what_a_file_is(name: str, kind: FileKind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("config.json", True), ("chat_template.json", True), ("special_tokens_map.json", True),
        ("processor_config.json", True), ("tokenizer.json", False), ("vocab.json", False),
        ("model.safetensors.index.json", False), ("adapter_config.json", False), ("args.json", False),
        ("chat_template.jinja", False),
    ],
)  # fmt: skip
def test_small_json_files_are_the_ones_parsed_whole(name: str, *, small: bool) -> None:
    assert is_json_config(name) is small
    if small:
        assert read_cap(name) <= 4 << 20


def test_the_largest_real_tokenizers_are_within_their_cap() -> None:
    """Gemma 3's tokenizer.json has 33 MB."""
    assert read_cap("tokenizer.json") > 40_000_000
