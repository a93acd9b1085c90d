"""The header of a GGUF: read whole, refused in one sentence, written with other values."""

import os
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genfix.folder import LocalFolder
from genfix.gguf import GgufError, GgufType, Header, TypedValue, edited_header, parse_header, read_header
from tests.support.gguf_files import GLM_KEYS, TENSORS, edited, gguf_bytes, text_bytes

WHOLE = gguf_bytes(GLM_KEYS, TENSORS)
MOST_READ = 4 * 1024 * 1024


def header_of(content: bytes, size: int | None = None) -> Header:
    return parse_header(lambda start, length: content[start : start + length], size or len(content), "m.gguf")


def one_key(key: bytes, value: bytes, count: int = 1) -> bytes:
    """A header with this entry, ``count`` times as it says."""
    return b"GGUF" + struct.pack("<IQQ", 3, 0, count) + text_bytes(key) + value


def listed(count: int, *entries: bytes) -> bytes:
    """A header with a list of tensors."""
    return b"GGUF" + struct.pack("<IQQ", 3, count, 0) + b"".join(entries)


def tensor(name: bytes = b"t", shape: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    return text_bytes(name) + struct.pack(f"<I{len(shape)}qIQ", len(shape), *shape, kind, offset)


def test_every_value_comes_back() -> None:
    header = header_of(WHOLE)
    assert {key: header.value(key) for key in header.entries} == GLM_KEYS
    assert header.data_end == len(WHOLE)
    assert header.value("nothing") is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it ends, after 0 bytes"),
        (b"GG", "it ends, after 2 bytes"),
        (b"\x89PNG" + bytes(60), "it does not begin with GGUF"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<III", 1, 0, 0) + bytes(9), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 4, 0, 0), "version 4"),
        (b"GGUF" + struct.pack("<IQQ", 0, 0, 0), "version 0"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9), "it ends"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**64 - 1, 0), "it ends"),
        (one_key(b"k", struct.pack("<IQ", 8, 2**31) + b"x"), "it ends"),
        (one_key(b"k", struct.pack("<IIQ", 9, 4, 10**9) + bytes(64)), "it ends"),
        (one_key(b"k", struct.pack("<IIQ", 9, 8, 10**9) + bytes(64)), "it ends"),
        (one_key(b"k", struct.pack("<IIQ", 9, 9, 1) + bytes(64)), "a list of lists"),
        (one_key(b"k", struct.pack("<II", 13, 0)), "unknown type 13"),
        (one_key(b"", struct.pack("<II", 4, 1)), "without a name"),
        (one_key(b"\xff\xfe", struct.pack("<II", 4, 1)), "not UTF-8"),
        (
            one_key(b"k", struct.pack("<II", 4, 1) + text_bytes("k") + struct.pack("<II", 4, 1), 2),
            "the key k twice",
        ),
        (one_key(b"general.alignment", struct.pack("<II", 4, 48)), "no power of two"),
        (one_key(b"general.alignment", struct.pack("<II", 4, 0)), "no power of two"),
        (one_key(b"general.alignment", struct.pack("<IQ", 10, 32)), "no number"),
        (listed(1, tensor(b"n" * 64)), "a name of 64 bytes"),
        (listed(1, tensor(shape=(1,) * 5)), "5 dimensions"),
        (listed(1, tensor(shape=(-32,))), "cannot have the shape"),
        (listed(1, tensor(shape=(2**40, 2**40))), "cannot have the shape"),
        (listed(1, tensor(shape=(31,), kind=2)), "cannot have the shape"),
        (listed(2, tensor(), tensor(offset=128)), "the tensor t twice"),
        (listed(2, tensor(), tensor(b"u", offset=64)), "begins at 64, and not at 128"),
        (listed(2, tensor(), tensor(b"u", offset=2**64 - 32)), "and not at 128"),
        (listed(1, tensor(offset=32)), "begins at 32, and not at 0"),
    ],
)
def test_a_file_that_llama_cpp_refuses_is_refused_in_one_sentence(content: bytes, why: str) -> None:
    with pytest.raises(GgufError) as caught:
        header_of(content)
    assert why in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"GGUF" + struct.pack("<IQQ", 3, 0, 10**9),
        b"GGUF" + struct.pack("<IQQ", 3, 10**9, 0),
        one_key(b"k", struct.pack("<IQ", 8, 2 * 10**9)),
        one_key(b"k", struct.pack("<IIQ", 9, 4, 10**9)),
        one_key(b"k", struct.pack("<IIQ", 9, 8, 10**9)),
        one_key(b"k", struct.pack("<IIQ", 9, 8, 2**62)),
        text_bytes(b""),
    ],
)
def test_what_a_file_of_20_gb_promises_is_not_believed(content: bytes) -> None:
    read = 0

    def sparse(start: int, length: int) -> bytes:
        nonlocal read
        read += length
        return content[start : start + length].ljust(length, b"\0")

    with pytest.raises(GgufError):
        parse_header(sparse, 20 * 10**9, "m.gguf")
    assert read <= MOST_READ


def test_of_a_large_file_only_the_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    shape = (4096, 1_000_000)
    keys = edited(GLM_KEYS)
    content = gguf_bytes(keys, {"token_embd.weight": (shape, b"")})
    path.write_bytes(content)
    os.truncate(path, len(content) + 4096 * 1_000_000 * 4)
    reads: list[int] = []

    class Counting(LocalFolder):
        def read_range(self, name: str, start: int, length: int) -> bytes:
            reads.append(length)
            return super().read_range(name, start, length)

    header = read_header(Counting(tmp_path), "m.gguf")
    assert header.data_end == path.stat().st_size > 16 * 10**9
    assert sum(reads) <= MOST_READ


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_damage_is_more_than_a_sentence(data: st.DataObject) -> None:
    content = bytearray(WHOLE[: header_of(WHOLE).data_start])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 8))
        content[place : place + 8] = data.draw(
            st.sampled_from([b"\xff" * 8, bytes(8), struct.pack("<Q", 10**9)])
        )
    end = data.draw(st.integers(0, len(content)))
    with suppress(GgufError):
        header_of(bytes(content[:end]), len(WHOLE) if end == len(content) else None)


@pytest.mark.parametrize("alignment", [8, 32, 64, 4096])
@pytest.mark.parametrize("version", [2, 3])
def test_other_values_move_the_data_and_nothing_else(alignment: int, version: int) -> None:
    keys = edited(GLM_KEYS, general__alignment=alignment)
    content = gguf_bytes(keys, TENSORS, alignment=alignment, version=version)
    header = header_of(content)
    edits = {
        "tokenizer.ggml.eot_token_id": TypedValue(GgufType.UINT32, 5),
        "tokenizer.chat_template": TypedValue(GgufType.STRING, "{{ x }}\u20ac"),
        "tokenizer.ggml.add_bos_token": TypedValue(GgufType.BOOL, value=True),
        "tokenizer.ggml.token_type": TypedValue(GgufType.ARRAY, [1, 2, 3], GgufType.INT32),
    }
    head = edited_header(header, edits)
    after = header_of(head + content[header.data_start :])
    assert len(head) % alignment == 0
    assert (after.version, after.data_start) == (version, len(head))
    assert after.tensors == header.tensors
    assert {key: after.value(key) for key in after.entries} == keys | {
        key: edit.value for key, edit in edits.items()
    }
    assert [*after.entries][: len(keys)] == [*keys]


def test_two_long_lists_are_as_long_as_they_are() -> None:
    keys = edited(GLM_KEYS, tokenizer__ggml__merges=["a b"] * 400, tokenizer__ggml__scores=["c"] * 400)
    content = gguf_bytes(keys, {})
    assert header_of(content[: header_of(content + bytes(8000)).data_start]).value("tokenizer.ggml.scores")


@pytest.mark.parametrize("alignment", [8, 32, 4096, 8192])
def test_the_data_of_a_large_file_keeps_its_place_in_a_block(alignment: int) -> None:
    keys = edited(GLM_KEYS, general__alignment=alignment)
    content = gguf_bytes(keys, {"t": ((1024, 65536), b"")}, alignment=alignment)
    size = header_of(content).data_start + 1024 * 65536 * 4
    before = header_of(content, size)
    for number in range(3):
        edits = {"tokenizer.chat_template": TypedValue(GgufType.STRING, "x" * 1111 * number)}
        head = edited_header(before, edits)
        after = header_of(head, len(head) + before.file_size - before.data_start)
        assert after.data_start % 4096 == before.data_start % 4096
        assert len(head) - len(before.data) < 8192 + alignment
        before = after


def test_without_a_change_the_header_is_the_same_bytes() -> None:
    header = header_of(WHOLE)
    assert edited_header(header, {}) == WHOLE[: header.data_start]


def test_a_text_that_is_no_utf8_keeps_its_bytes() -> None:
    keys = edited(GLM_KEYS, general__name=struct.pack("<I", 8) + text_bytes(b"\xff\xfea"))
    header = header_of(gguf_bytes(keys, TENSORS))
    name = header.value("general.name")
    assert isinstance(name, str)
    assert edited_header(header, {"general.name": TypedValue(GgufType.STRING, name)}) == edited_header(
        header, {}
    )


@pytest.mark.parametrize(
    "value",
    [
        TypedValue(GgufType.UINT32, -1),
        TypedValue(GgufType.UINT32, "3"),
        TypedValue(GgufType.STRING, 3),
        TypedValue(GgufType.ARRAY, 3, GgufType.INT32),
        TypedValue(GgufType.ARRAY, [3]),
    ],
)
def test_a_value_that_does_not_fit_is_never_written(value: TypedValue) -> None:
    with pytest.raises(ValueError, match=r".+"):
        edited_header(header_of(WHOLE), {"k": value})


NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))


@pytest.mark.parametrize("number", NUMBERS)
def test_each_type_of_number_is_read_and_kept_alone_and_in_a_list(number: int) -> None:
    one = struct.pack(f"<I{NUMBERS[number]}", number, 1)
    many = struct.pack(f"<IIQ3{NUMBERS[number]}", 9, number, 3, 1, 0, 1)
    header = header_of(gguf_bytes(GLM_KEYS | {"k.one": one, "k.many": many}, TENSORS))
    assert (header.value("k.one"), header.value("k.many")) == (1, [1, 0, 1])
    edits = {
        "k.one": TypedValue(GgufType(number), 1),
        "k.many": TypedValue(GgufType.ARRAY, [1, 0, 1], GgufType(number)),
    }
    assert edited_header(header, edits) == edited_header(header, {})
