"""Control symbols of a SentencePiece vocabulary, read without its library, from bytes nobody vouches for."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genfix.model import Model
from genfix.model.sentencepiece import special_pieces
from tests.support.folders import MemoryFolder, dump
from tests.support.work import steps

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    """A field with a length of its own."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def piece(text: str | bytes, kind: int | None = None, score: float | None = -1.0) -> bytes:
    """One vocabulary entry; an ordinary one has no type."""
    content = field(1, text.encode() if isinstance(text, str) else text)
    if score is not None:
        content += b"\x15" + struct.pack("<f", score)
    if kind is not None:
        content += b"\x18" + varint(kind)
    return field(1, content)


TRAINER = field(2, field(1, b"corpus.txt") + b"\x18\x02" + b"\x20" + varint(32000))
LLAMA = (
    piece("<unk>", UNKNOWN, 0.0)
    + piece("<s>", CONTROL, 0.0)
    + piece("</s>", CONTROL, 0.0)
    + b"".join(piece(f"<0x{byte:02X}>", BYTE) for byte in range(256))
    + piece("▁the")
    + piece("▁" * 200)
    + piece("<|im_end|>", USER_DEFINED)
    + piece("\x18\x03")
    + piece("unused", UNUSED)
)
SYMBOLS = {"<s>": 1, "</s>": 2, "<|im_end|>": 261}


def test_control_and_user_defined_symbols_have_their_places_as_ids() -> None:
    assert special_pieces(LLAMA + TRAINER) == SYMBOLS
    assert special_pieces(LLAMA) == SYMBOLS


def test_fields_in_any_order_and_unknown_ones_are_read_over() -> None:
    text, kind = field(1, b"<s>"), b"\x18\x03"
    for content in (
        kind + text,
        text + kind + b"\x20\x05",
        b"\x31" + bytes(8) + text + field(9, b"x") + kind,
    ):
        assert special_pieces(piece("a") + field(1, content)) == {"<s>": 1}
    assert special_pieces(field(1, text + kind + b"\x18\x01")) == {}  # the last value counts
    assert special_pieces(field(1, text + b"\x18\x83\x00")) == {}  # no library writes a number so


def test_of_two_pieces_with_one_text_the_first_counts() -> None:
    assert special_pieces(piece("<s>", CONTROL) + piece("<s>", CONTROL)) == {"<s>": 0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"vocabulary",
        b"IQ== 0\nIg== 1\n",  # GLM-4: the vocabulary of tiktoken under this name
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\n\n\n\n\n\n",
        b'\n{"model": {}}\n',
        TRAINER,
        piece("<s>", CONTROL) + b"text",
        piece(b"\xff\xfe", CONTROL),
        field(1, b""),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x0a" + varint(2**63) + piece("<s>", CONTROL),
        field(1, b"\x0b\x18\x03"),
        field(1, b"\x18\x03"),
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_such_vocabulary_tells_nothing(content: bytes) -> None:
    assert special_pieces(content) == {}


def test_one_that_was_cut_off_tells_nothing_wrong() -> None:
    whole = LLAMA + TRAINER
    for end in range(len(whole)):
        found = special_pieces(whole[:end])
        assert found.items() <= SYMBOLS.items()


@pytest.mark.parametrize("unit", [b"\x0a\x00", b"\x0a\x02\x18\x03", b"\x0a", b"\x0a\x80", piece("a", 1)[:-2]])
def test_a_huge_one_takes_no_more_work_than_its_length(unit: bytes) -> None:
    content = unit * (2 * 1024 * 1024 // len(unit))
    assert steps(lambda: special_pieces(content)) < 300 * len(content)
    assert special_pieces(content) == {}


def test_a_large_vocabulary_is_read() -> None:
    content = b"".join(piece(f"▁{number}") for number in range(300_000)) + piece("<end>", USER_DEFINED)
    assert steps(lambda: special_pieces(content + TRAINER)) < 300 * len(content)
    assert special_pieces(content + TRAINER) == {"<end>": 300_000}


@settings(deadline=None)
@given(
    st.binary()
    | st.lists(st.binary(max_size=12)).map(lambda parts: b"".join(field(1, part) for part in parts))
)
@example(b"\x0a\x05\x0a\xff\xff\xff\xff")
@example(field(1, b"\x0a\x7f<s>\x18\x03"))
def test_no_bytes_are_too_odd(content: bytes) -> None:
    found = special_pieces(content)
    assert all(0 <= index < len(content) for index in found.values())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1), st.sampled_from([None, NORMAL, CONTROL, USER_DEFINED, BYTE])),
        unique_by=lambda entry: entry[0],
    )
)
def test_what_is_written_is_read(entries: list[tuple[str, int | None]]) -> None:
    content = b"".join(piece(text, kind) for text, kind in entries)
    expected = {text: place for place, (text, kind) in enumerate(entries) if kind in (CONTROL, USER_DEFINED)}
    assert special_pieces(content + TRAINER) == expected


def test_a_folder_asks_it_only_where_nothing_else_tells_ids() -> None:
    files = {"tokenizer.model": LLAMA + TRAINER, "tokenizer_config.json": dump({"eos_token": "</s>"})}
    model = Model(MemoryFolder(files))
    assert model.tokenizer.ids == SYMBOLS
    assert model.tokenizer.eos_token_id == 2
    added = {"added_tokens_decoder": {"32000": {"content": "<|im_end|>", "special": True}}}
    assert Model(MemoryFolder(files | {"tokenizer_config.json": dump(added)})).tokenizer.ids == SYMBOLS | {
        "<|im_end|>": 32000
    }
    own_code = dump({"auto_map": {"AutoTokenizer": ["tokenization_chatglm.ChatGLMTokenizer", None]}})
    assert Model(MemoryFolder(files | {"tokenizer_config.json": own_code})).tokenizer.ids == {}
    fast = dump({"added_tokens": [], "model": {"vocab": {}}})
    assert Model(MemoryFolder(files | {"tokenizer.json": fast})).tokenizer.ids == {}
