import ast
import codecs
import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genfix.json_types import JsonValue
from genfix.jsontext.json_mistakes import MistakeKind
from genfix.jsontext.json_read import read_json_object
from genfix.jsontext.json_repair import Mended, mended
from tests.support.work import steps


def done(text: str | bytes) -> Mended:
    """The mended file; a second time there is nothing to mend."""
    result = mended(text if isinstance(text, bytes) else text.encode())
    assert result is not None
    assert mended(result.content) is None
    return result


@pytest.mark.parametrize(
    ("broken", "good", "kind", "line", "column"),
    [
        ('{"a": 1, // one\n "b": 2}', '{"a": 1,\n "b": 2}', "comment", 1, 10),
        ('{\n  # one\n  "a": 1\n}\n', '{\n  "a": 1\n}\n', "comment", 2, 3),
        ('{"a": /* one */ 1}', '{"a":  1}', "comment", 1, 7),
        ('{"a": 1}\n// end', '{"a": 1}\n', "comment", 2, 1),
        ('// it\'s\r\n{"a": "// # /*"}\r\n', '{"a": "// # /*"}\r\n', "comment", 1, 1),
        ('{\n  /* one\n     two */\n  "a": 1\n}', '{\n  "a": 1\n}', "comment", 2, 3),
        ('{"a": [1, 2,],\n "b": {},}', '{"a": [1, 2],\n "b": {}}', "trailing-comma", 1, 12),
        ('{"a": 1,\n}', '{"a": 1\n}', "trailing-comma", 1, 8),
        ('{"a": 1},\n', '{"a": 1}\n', "trailing-comma", 1, 9),
        ('{\n  "a": 1\n  "b": "x" \n\n  "c": []\n}', '{\n  "a": 1,\n  "b": "x", \n\n  "c": []\n}',
            "missing-comma", 2, 9),
        ("{'a': 'x\"y', 'b': 'it\\'s\\n\\x1b'}", '{"a": "x\\"y", "b": "it\'s\\n\\u001b"}', "single-quotes", 1,
            2),
        ("{a: 1, $b_2: {0: 2, 151329: 3}}", '{"a": 1, "$b_2": {"0": 2, "151329": 3}}', "bare-key", 1, 2),
        ('{"a": True,\n "b": [False, None]}', '{"a": true,\n "b": [false, null]}', "python-word", 1, 7),
        ('{"a": .7, "b": -.5e3}', '{"a": 0.7, "b": -0.5e3}', "no-zero", 1, 7),
        ('{"a": "x\ty\n\\"z"}', '{"a": "x\\ty\\n\\"z"}', "raw-text", 1, 7),
        ('{\u00a0"a":\u30001\u200b}', '{ "a": 1}', "space", 1, 2),
        ('{"a": 1, "b": 2,\n "a": 1}', '{"a": 1, "b": 2}', "equal-key", 2, 2),
        ('{"a": {"b": [1]}, "a": {"b": [1]}, "c": 0}', '{"a": {"b": [1]}, "c": 0}', "equal-key", 1, 19),
    ],
)  # fmt: skip
def test_a_slip_is_mended_with_the_fewest_characters(
    broken: str, good: str, kind: str, line: int, column: int
) -> None:
    result = done(broken)
    assert result.content.decode() == good
    [slip] = result.mistakes
    assert (slip.kind, slip.line, slip.column) == (MistakeKind(kind), line, column)


@pytest.mark.parametrize(
    "codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]
)
def test_another_encoding_becomes_utf_8_and_lines_are_those_of_the_text(codec: str) -> None:
    result = done('{\r\n  "é": "😀",\r\n}\r\n'.encode(codec))
    assert result.content == '{\r\n  "é": "😀"\r\n}\r\n'.encode()
    assert [(slip.kind, slip.line, slip.column) for slip in result.mistakes] == [
        ("encoding", 1, 1),
        ("trailing-comma", 2, 11),
    ]
    assert done('{"a": 1}'.encode(codec)).content == b'{"a": 1}'


def test_each_kind_is_told_once_with_its_first_place() -> None:
    result = done("{'a': True, // x\n 'a': True,\n b: None, # y\n}")
    assert result.content == b'{"a": true,\n "b": null\n}'
    assert [(slip.kind, slip.line, slip.column, slip.text, slip.times) for slip in result.mistakes] == [
        ("single-quotes", 1, 2, "", 2),
        ("python-word", 1, 7, "True", 3),
        ("comment", 1, 13, "", 2),
        ("equal-key", 2, 2, "a", 1),
        ("bare-key", 3, 2, "b", 1),
        ("trailing-comma", 3, 9, "", 1),
    ]


def test_numbers_that_python_reads_are_kept_as_they_are() -> None:
    content = done('{"a": NaN, "b": [Infinity, -Infinity], "c": 1000000000000000019884624838656,}').content
    assert content == b'{"a": NaN, "b": [Infinity, -Infinity], "c": 1000000000000000019884624838656}'


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{}", '{"a": 1}', "[1,]", "1", "// x", '"a"', "True",
        # cut off, or too much
        '{"a": 1', '{"a": 1,', '{"a": "x', '{"a": [1,}', '{"a": 1}}', '{"a": 1} {"b": 2,}', '{"a": 1,}\0',
        '{"a": /* x }',
        # commas and colons
        "{,}", '{"a": [,]}', '{"a": [1,,2]}', '{"a": 1,,}', '{"a": 1 "b": 2}', '{"a": [1\n2]}',
        '{"a": ["x"\n"y"]}', '{"a": "x"\n"y"}', '{"a": "x"\n"y", "b": 1,}', '{"a"\n"b": 1}', '{"a":, "b": 1}',
        '{"a" 1}', '{"a"= 1,}',
        # words and numbers
        '{"a": undefined}', '{"a": TRUE}', '{"a": tru}', '{"a": yes}', '{"a": 1.,}', '{"a": 0,7}',
        '{"a": 007,}', '{"a": +1,}', '{"a": 0x10,}', '{"a": 1_000,}', '{"a": nan,}', '{"a": (1, 2),}',
        '{"a": .,}', '{"a": #fff\n}',
        # keys
        "{null: 1}", "{None: 1}", "{True: 1}", "{NaN: 1}", "{a-b: 1}", "{01: 1}", "{-1: 1}", "{1.5: 1}",
        "{[]: 1}", "{: 1}", '{"a": 1, "a": 2,}', '{"a": 1, "a": 1.0}', '{"a": 1, "a": true}',
        "{1: 2, '1': 3}",
        # strings
        '{"a": "\\d",}', '{"a": "\\x41",}', "{'a': '\\d'}", "{'a': '\\/'}", "{'a': '\\0'}", "{'a': 'x\ny'}",
        "{'a': 'it's'}", "{'a': \"x'}", "{'a': '''x'''}", '{"a": "x\ry"}', '{"a": "x\0y"}', '{"a": "x\x1by"}',
        '{"a": "\\ud800",}', "{'a': '\\ud800'}", '{"a": "x\\\ny"}', '{"a": `x`}',
        # a quote that was forgotten: what follows turns inside out, and must not pass for a comment or a long
        # string
        '{"a": "x, "#b": 1\n}', '{"a": "x,\n "#b": 1\n}', '{"a": "x, "//": "y"\n}', '{"a": "x,\n"b": 2}',
        '{"a: 1, "#": 2\n}', "{'a': 'x, '#b': 1\n}", '{"a": "x\ny" // "z"\n}', "{'a': 1, \"b\": \"x\ny\"}",
        '{"a: "x",\n "b": 1}',
        # comments whose end readers see in different places
        '{"a": 1 // x\r"b": 2\r}', '{"a": 1 // x\u2028, "b": 2\n}', '{"a": 1 /* /* */ */}',
        '{"a": ' + "9" * 5000 + ",}", '{"a":' * 65 + "1" + ",}" * 65,
    ],
)  # fmt: skip
def test_what_is_whole_or_could_mean_two_things_is_left_alone(text: str) -> None:
    assert mended(text.encode()) is None


@pytest.mark.parametrize(
    "data",
    [b'{"a": "\xe9",}', b"\xff\xfe{", b"\0\0\0{", b"\xff\xfe{\0\0\xd8}\0", b"\xfe\xff",
        b"{" + b" " * (1 << 22) + b"}"],
)  # fmt: skip
def test_bytes_that_are_no_text_and_files_no_person_writes_are_left_alone(data: bytes) -> None:
    assert mended(data) is None


@pytest.mark.parametrize(
    "text",
    [
        "{" + "/**/" * 62_000 + "}", "{\n" + "// x\n" * 50_000 + "}", "{" + "/*" * 125_000,
        "{" + " " * 250_000 + "//", '{"a": [' + "[1,]," * 25_000 + "]}", "{" + '"a": 1,' * 25_000 + "}",
        "{" + '"a": 1\n' * 25_000 + "}", "{'a': '" + '"' * 225_000 + "'}", '{"a": "' + "\n" * 50_000 + '"}',
        "[" * 250_000, '{"a":' * 50_000, "{/*" + "*" * 250_000, "{'" + "\\" * 249_999,
        "{" + "\u00a0" * 100_000 + "//",
    ],
    ids=range(14),
)  # fmt: skip
def test_a_hostile_file_takes_no_more_work_than_its_length(text: str) -> None:
    assert steps(lambda: mended(text.encode())) < 1000 * len(text)


def test_a_used_up_stack_is_no_recursion_error() -> None:
    nested = b'{"a":' * 60 + b"1,}" + b"}" * 59

    def dig() -> list[bool]:
        """Whether the file was mended, with ever fewer frames left, until there is none for the
        call itself.
        """
        try:
            return [mended(nested) is not None, *dig()]
        except RecursionError:
            return []

    results = dig()
    assert results[0]
    assert not results[-1]


# -- any file, broken in any of these ways -------------------------------------------------------------------

STRINGS = st.lists(
    st.sampled_from([*"ab0 ,:{}[]#/*'\"\\", "\n", "\t", "\x1b", "é", "😀", "//", "/*", "*/"]), max_size=8
).map("".join)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STRINGS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(
    STRINGS | st.sampled_from(["a", "b_1", "eos_token_id", "0", "17"]), VALUES, max_size=4
)
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+|\s+')
COMMENTS = ["// x\n", "# it's\n", "/* x */", "/* x\n y */", "/**/", '// "a": 1,\n']
PLAIN = {"true": "True", "false": "False", "null": "None"}


BARE = re.compile(r'"(?:[A-Za-z_]\w*|0|[1-9]\d{0,9})"', re.ASCII)
"""Keys that are as well written without quotes."""


def damaged(text: str, rng: random.Random, *, single: bool, comments: bool) -> str:
    """``text`` with slips at random places, none of which takes anything away from what it says."""
    tokens = TOKENS.findall(text)
    parts: list[str] = []
    for index, token in enumerate(tokens):
        following = next((t for t in tokens[index + 1 :] if t.strip()), "")
        word = token
        last = next((t for t in reversed(tokens[:index]) if t.strip()), "")
        if rng.random() < 0.5:
            is_key = token[0] == '"' and following == ":"
            if is_key and BARE.fullmatch(token) and token not in {'"null"', '"true"', '"false"'}:
                word = token[1:-1]
            elif token[0] == '"' and single and '"' not in token[1:-1] and "\\" not in token:
                word = "'" + token[1:-1].replace("'", "\\'") + "'"
            elif token[0] == '"' and "\\\\" not in token and not single:
                word = (
                    token.replace("\\t", "\t")
                    if comments
                    else token.replace("\\t", "\t").replace("\\n", "\n")
                )
            elif re.fullmatch(r"-?0\.\d+", token):
                word = token.replace("0.", ".", 1)
            elif token in PLAIN:
                word = PLAIN[token]
            elif token in {"}", "]"} and last not in {"{", "["}:
                word = "," + token
        parts.append(word)
        if comments and token in {"{", "[", ",", ":"} and rng.random() < 0.3:
            parts.append(rng.choice(COMMENTS if not single else [c for c in COMMENTS if "'" not in c]))
    return "".join(parts)


@given(
    document=DOCUMENTS,
    indent=st.sampled_from([None, 2, 4, "\t"]),
    codec=st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-32-be", "utf-8-sig"]),
    seed=st.integers(),
    ascii_only=st.booleans(),
    single=st.booleans(),
    comments=st.booleans(),
)
@settings(deadline=None, max_examples=400)
def test_a_file_damaged_in_any_of_these_ways_says_again_what_it_said(
    document: dict[str, JsonValue],
    indent: int | str | None,
    codec: str,
    seed: int,
    *,
    ascii_only: bool,
    single: bool,
    comments: bool,
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    broken = damaged(text, random.Random(seed), single=single, comments=comments)
    result = mended(broken.encode(codec))
    if result is None:
        assert read_json_object(broken.encode(codec)) == document  # nothing had been done to it
    else:
        assert json.dumps(read_json_object(result.content)) == json.dumps(document)
        assert mended(result.content) is None
        for slip in result.mistakes:
            assert 1 <= slip.line <= broken.count("\n") + 1
            assert 1 <= slip.column <= max(map(len, broken.split("\n"))) + 1


@given(DOCUMENTS)
@settings(deadline=None)
def test_what_python_prints_is_read_as_python_reads_it(document: dict[str, JsonValue]) -> None:
    printed = repr(document)
    result = mended(printed.encode())
    if result is not None:
        assert json.loads(result.content) == ast.literal_eval(printed) == document
    elif "\\x" not in printed:  # in double quotes, where it could also be half a Windows path
        assert read_json_object(printed.encode()) == document


def test_lines_that_lost_their_comma_get_it_back() -> None:
    document = {"a": {"b": "x", "c": [1, 2]}, "d": None, "e": "f", "g": {}}
    text = json.dumps(document, indent=2)
    places = [match.start() for match in re.finditer(r',(?=\n *")', text)]
    assert len(places) == 4
    for place in places:
        assert done(text[:place] + text[place + 1 :]).content.decode() == text


PIECES = st.sampled_from(
    [*"{}[]:,\"'\\ \n\t\r0-.eE#/*", '"a"', "'b'", '"a":', "b:", "None", "true", "1", ".5", "//", "/*", "*/",
     "\\u0041", "é", "\ufeff", "NaN", "\u2028", "\0"]
)  # fmt: skip


@given(
    st.lists(PIECES, max_size=25).map(lambda parts: ("{" + "".join(parts) + "}").encode())
    | st.binary(max_size=60)
    | st.text(max_size=30).map(lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le", "replace"))
)
@settings(deadline=None, max_examples=600)
def test_any_bytes_are_mended_to_strict_json_or_not_at_all(data: bytes) -> None:
    result = mended(data)
    if result is not None:
        read_json_object(result.content)
        assert result.mistakes
        assert mended(result.content) is None


@given(DOCUMENTS.filter(bool), st.data())
@settings(deadline=None, max_examples=300)
def test_a_file_that_was_cut_or_lost_a_quote_never_becomes_another(
    document: dict[str, JsonValue], data: st.DataObject
) -> None:
    text = json.dumps(document, indent=data.draw(st.sampled_from([None, 2])))
    end = data.draw(st.integers(0, len(text) - 1))
    assert mended(text[:end].encode()) is None
    quotes = [index for index, character in enumerate(text) if character == '"']
    lost = data.draw(st.sampled_from(quotes))
    result = mended((text[:lost] + text[lost + 1 :]).encode())
    assert result is None or json.loads(result.content) == document
