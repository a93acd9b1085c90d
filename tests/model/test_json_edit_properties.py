"""What holds for every edit of every file."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import child_pointer
from genfix.jsontext.json_edit import JsonEditor, raw_value
from tests.support.json_edits import remove_value, set_value
from tests.support.places import SHARED
from tests.support.work import steps

REAL = SHARED / "real_configs"

many = settings(deadline=None, max_examples=100)

KEYS = st.text(st.sampled_from('ab/~"\\é😀 \n:,{['), max_size=3) | st.sampled_from(["7", "12", "100"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**29, 10**31)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('x"\\/é😀\u2028 :,{}[]\n'), max_size=5)
)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5)
SPACES = st.sampled_from(["", "", "", " ", "\n", "\n  ", "\r\n\t", " \n\n "])


@st.composite
def styles(draw: st.DrawFn) -> tuple[int | str | None, tuple[str, str], bool, str, str]:
    """Draw what json.dumps and a text editor leave: indent, separators, escaping, line end, end of file."""
    indent = draw(st.sampled_from([None, 0, 1, 2, 4, "\t"]))
    wide = (", ", ": ") if indent is None else (",", ": ")
    separators = draw(st.sampled_from([wide, (",", ":"), (wide[0], " : ")]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return indent, separators, draw(st.booleans()), newline, draw(st.sampled_from(["", newline]))


def dump(value: JsonValue, style: tuple[int | str | None, tuple[str, str], bool, str, str]) -> bytes:
    indent, separators, ascii_only, newline, end = style
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only)
    return (text.replace("\n", newline) + end).encode()


@st.composite
def messy(draw: st.DrawFn, value: JsonValue) -> str:
    """Draw a spelling of a value with white space anywhere."""
    if isinstance(value, dict):
        members = [
            f"{draw(SPACES)}{json.dumps(key)}{draw(SPACES)}:{draw(SPACES)}{draw(messy(item))}{draw(SPACES)}"
            for key, item in value.items()
        ]
        return "{" + (",".join(members) or draw(SPACES)) + "}"
    if isinstance(value, list):
        items = [f"{draw(SPACES)}{draw(messy(item))}{draw(SPACES)}" for item in value]
        return "[" + (",".join(items) or draw(SPACES)) + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a file with an object in it, tidy or messy."""
    value = draw(OBJECTS)
    if draw(st.booleans()):
        return dump(value, draw(styles()))
    return f"{draw(SPACES)}{draw(messy(value))}{draw(SPACES)}".encode()


def pointers(value: JsonValue, pointer: str = "") -> list[str]:
    """List the pointers to every key."""
    found: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            child = child_pointer(pointer, key)
            found += [child, *pointers(item, child)]
    return found


def holder(value: JsonValue, pointer: str) -> tuple[dict[str, JsonValue], str]:
    """Return the object that holds a key, and the key."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for key in parents:
        assert isinstance(value, dict)
        value = value[key]
    assert isinstance(value, dict)
    return value, last


def assert_value(data: bytes, value: JsonValue, *, same_order: bool = False) -> None:
    found: JsonValue = json.loads(data)
    assert json.dumps(found, sort_keys=not same_order) == json.dumps(value, sort_keys=not same_order)


def is_one_splice(before: bytes, after: bytes, removed: int) -> bool:
    """Whether ``after`` is ``before`` with at most ``removed`` neighbouring bytes taken out and others put
    there.
    """
    start = next(
        (i for i, (x, y) in enumerate(zip(before, after, strict=False)) if x != y),
        min(len(before), len(after)),
    )
    tail = min(len(before), len(after)) - start
    end = next((i for i in range(tail) if before[-1 - i] != after[-1 - i]), tail)
    return len(before) - start - end <= removed


@many
@given(files(), st.data())
def test_replace_changes_the_value_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    pointer = draw.draw(st.sampled_from(pointers(json.loads(data))))
    new = draw.draw(VALUES)
    after = set_value(data, pointer, new)
    expected = json.loads(data)
    node, key = holder(expected, pointer)
    node[key] = new
    assert_value(after, expected)
    raw = raw_value(data, pointer).text
    # A raw value's lines were made relative and lost their carriage return.
    widest = max(len(line) - len(line.lstrip()) + 1 for line in data.split(b"\n"))
    assert is_one_splice(data, after, len(raw.encode()) + widest * raw.count("\n"))
    assert set_value(after, pointer, new) == after


@many
@given(files(), st.data())
def test_insert_only_adds_and_remove_takes_it_back(data: bytes, draw: st.DataObject) -> None:
    value = json.loads(data)
    parents = [""] + [p for p in pointers(value) if raw_value(data, p).text.startswith("{")]
    parent = draw.draw(st.sampled_from(parents))
    pointer = child_pointer(parent, draw.draw(KEYS))
    if pointer in pointers(value):
        return
    order = draw.draw(st.permutations([p.rsplit("/", 1)[1] for p in [*pointers(value), pointer]]))
    new = draw.draw(VALUES)
    after = set_value(data, pointer, new, key_order=order)
    node, key = holder(value, pointer)
    was_empty = not node
    node[key] = new
    assert_value(after, value)
    if not was_empty:
        assert is_one_splice(data, after, 0)
        assert remove_value(after, pointer) == data
    assert set_value(after, pointer, new) == after


@many
@given(files(), st.data())
def test_remove_only_takes_out(data: bytes, draw: st.DataObject) -> None:
    pointer = draw.draw(st.sampled_from(pointers(json.loads(data))))
    after = remove_value(data, pointer)
    expected = json.loads(data)
    node, key = holder(expected, pointer)
    del node[key]
    assert_value(after, expected, same_order=True)
    assert is_one_splice(after, data, 0)


@many
@given(OBJECTS, styles(), st.data())
def test_restoring_the_raw_value_gives_back_the_bytes(
    value: dict[str, JsonValue],
    style: tuple[int | str | None, tuple[str, str], bool, str, str],
    draw: st.DataObject,
) -> None:
    data = dump(value, style)
    pointer = draw.draw(st.sampled_from(pointers(value)))
    raw = raw_value(data, pointer)
    assert set_value(data, pointer, raw) == data
    assert set_value(set_value(data, pointer, draw.draw(VALUES)), pointer, raw) == data


@many
@given(OBJECTS, st.sampled_from([1, 2, 4, "\t"]), st.data())
def test_what_json_dumps_wrote_stays_as_json_dumps_writes_it(
    value: dict[str, JsonValue], indent: int | str, draw: st.DataObject
) -> None:
    data = json.dumps(value, indent=indent).encode()
    pointer = draw.draw(st.sampled_from(pointers(value)))
    if draw.draw(st.booleans()):
        pointer += "x"
    after = set_value(data, pointer, draw.draw(VALUES))
    assert after == json.dumps(json.loads(after), indent=indent).encode()
    after = remove_value(after, pointer)
    assert after == json.dumps(json.loads(after), indent=indent).encode()


@many
@given(files(), st.data())
def test_edits_in_a_row_are_the_edits_one_by_one(data: bytes, draw: st.DataObject) -> None:
    editor, one_by_one = JsonEditor(data), data
    for _ in range(draw.draw(st.integers(1, 5))):
        there = pointers(json.loads(one_by_one))
        if not there:
            break
        pointer = draw.draw(st.sampled_from(there))
        kind = draw.draw(st.sampled_from(["set", "set", "set", "insert", "remove"]))
        if kind == "remove":
            editor.remove(pointer)
            one_by_one = remove_value(one_by_one, pointer)
        else:
            pointer += "x" * (kind == "insert")
            new = draw.draw(VALUES)
            editor.set(pointer, new)
            one_by_one = set_value(one_by_one, pointer, new)
    assert editor.content() == one_by_one


@many
@given(files(), st.data())
def test_an_edit_that_fails_leaves_the_file_as_it_was(data: bytes, draw: st.DataObject) -> None:
    editor = JsonEditor(data)
    pointer = draw.draw(st.sampled_from(pointers(json.loads(data))))
    unwritable: list[JsonValue] = [float("nan"), ["\ud800"]]
    for bad in unwritable:
        with pytest.raises(ValueError, match=r"JSON compliant|surrogates not allowed"):
            editor.set(pointer, bad)
    for missing in (pointer + "/nowhere/x", pointer + "\ufffe"):
        with pytest.raises(KeyError):
            editor.remove(missing)
    assert editor.content() == data


@pytest.mark.skipif(not REAL.is_dir(), reason="the collected configs are not on this machine")
def test_real_configs_come_back_byte_for_byte() -> None:
    paths = [path for path in REAL.rglob("*.json") if path.name not in {"tokenizer.json", "vocab.json"}]
    assert paths
    for path in paths:
        data = path.read_bytes()
        for key in list(json.loads(data))[: 1000 if len(data) < 60_000 else 3]:
            pointer = child_pointer("", key)
            raw = raw_value(data, pointer)
            assert set_value(set_value(data, pointer, 0), pointer, raw) == data, (path, key)
        after = set_value(data, "/genfix_test", [1, {"a": "x"}])
        assert remove_value(after, "/genfix_test") == data, path


def test_an_edit_of_a_megabyte_takes_no_more_work_than_its_length() -> None:
    tokens = {str(i): {"content": f"<unused{i}>", "lstrip": False, "special": True} for i in range(12_000)}
    data = json.dumps({"added_tokens_decoder": tokens, "eos_token": "x", "pad_token": "y"}, indent=2).encode()
    assert len(data) > 1_000_000
    assert steps(lambda: set_value(data, "/added_tokens_decoder/5000/content", ["a"])) < 100 * len(data)
