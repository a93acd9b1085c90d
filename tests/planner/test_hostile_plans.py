"""Plan files made to harm: refused with one sentence and exit 2 or 3, and nothing is written anywhere."""

import base64
import copy
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.planner.saving import canonical_id
from tests.support.folders import dump
from tests.support.plan_world import GENERATION, World
from tests.support.running import Run
from tests.support.trees import picture, tree

Document = dict[str, Any]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def added(document: Document, name: str, content: bytes = b"x", source: str | None = None) -> Document:
    """The plan with one more new file."""
    change = {
        "file": name, "action": "create", "codes": ["GF502"], "source": source, "before_sha256": None,
        "after_sha256": digest(content), "size": len(content), "edits": None,
        "content": {"encoding": "utf-8", "text": content.decode()},
    }  # fmt: skip
    return document | {
        "changes": [*document["changes"], change],
        "absent": sorted({*document["absent"], name}),
    }


def edited(document: Document, **values: object) -> Document:
    """The plan with other values in its change of generation_config.json."""
    changes = [change | values if change["file"] == GENERATION else change for change in document["changes"]]
    return document | {"changes": changes}


def refused(run: Run, world: World, *codes: int) -> str:
    before = tree(world.merged.parent)
    result = run("apply", world.plan)
    assert result.code in (codes or (2,)), result
    lines = result.err.splitlines()
    assert lines[0].startswith("error: ")
    assert [line for line in lines[1:] if not line.startswith("hint: ")] == []
    assert "bug in genfix" not in result.err
    assert all(char.isprintable() or char == "\n" for char in result.err)
    assert len(result.err) < 1000
    assert tree(world.merged.parent) == before
    return result.err


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json", "/etc/evil.json", "a/../../evil.json", "C:evil.json", "a\\..\\evil.json",
        "evil\x00.json", "evil\n.json", "-rf.json", "NUL", "a" * 2000, "", ".", "..", ".git/config",
        ".cache/huggingface/genfix/x.json", ".cache/huggingface/genfix/journal.json", "sub/.hidden/x.json",
        "model.safetensors", "pytorch_model.bin", "sub/model.gguf", "Generation_config.json",
        "GENERATION_CONFIG.JSON", "generation_config.json/x.json", "evil.py", "\u202egnp.json",
    ],
)  # fmt: skip
def test_names_that_no_plan_may_write(run: Run, world: World, name: str) -> None:
    world.rewrite(added(world.document, name))
    refused(run, world)


def test_code_must_come_from_the_base_and_be_the_bases(run: Run, world: World) -> None:
    world.rewrite(added(world.document, "modeling_chatglm2.py", source="adapter"))
    assert "the plan has not" in refused(run, world)
    document = world.document
    for change in document["changes"]:
        if change["file"] == "tokenization_chatglm.py":
            change["content"]["text"] = "raise SystemExit\n"
            change |= {"after_sha256": digest(b"raise SystemExit\n"), "size": 17, "source": "base"}
    world.rewrite(document)
    refused(run, world)


BAD: Mapping[str, Callable[[Document], Document]] = {
    "an unknown key": lambda d: d | {"run": "rm -rf /"},
    "an unknown key inside": lambda d: edited(d, mode=0o777),
    "a missing key": lambda d: {key: value for key, value in d.items() if key != "engines"},
    "another version": lambda d: d | {"genfix_plan": 2},
    "a version that is true": lambda d: d | {"genfix_plan": True},
    "text for a number": lambda d: edited(d, size="199"),
    "a number for text": lambda d: d | {"genfix": 1},
    "a digest in capitals": lambda d: edited(d, after_sha256="A" * 64),
    "another digest": lambda d: edited(d, after_sha256="0" * 64),
    "another size": lambda d: edited(d, size=1),
    "a negative size": lambda d: edited(d, size=-1),
    "other bytes": lambda d: edited(d, content={"encoding": "utf-8", "text": "{}"}),
    "no base64": lambda d: edited(d, content={"encoding": "base64", "data": "*"}),
    "no content": lambda d: edited(d, content=None),
    "an unknown encoding": lambda d: edited(d, content={"encoding": "url", "text": "file:///etc/passwd"}),
    "from a source that edits have not": lambda d: edited(d, content={"encoding": "source"}),
    "a splice beyond the end": lambda d: edited(
        d, content={"encoding": "splice", "start": 5, "end": 10**9, "data": ""}
    ),
    "a splice backwards": lambda d: edited(
        d, content={"encoding": "splice", "start": 9, "end": 2, "data": ""}
    ),
    "a splice of other bytes": lambda d: edited(
        d, content={"encoding": "splice", "start": 0, "end": 0, "data": base64.b64encode(b"{}").decode()}
    ),
    "edits that are not made": lambda d: edited(d, edits=[]),
    "an edit that says another value": lambda d: edited(d, edits=[{"pointer": "/eos_token_id", "after": 1}]),
    "the wrong action": lambda d: edited(d, action="create"),
    "a file twice": lambda d: d | {"changes": [*d["changes"], d["changes"][0]]},
    "too many files": lambda d: d | {"changes": d["changes"] * 2000},
    "a file that is there and is not": lambda d: d | {"absent": [*d["absent"], "config.json"]},
    "a change of what it does not rest on": lambda d: (
        d | {"inputs": {name: sha for name, sha in d["inputs"].items() if name != GENERATION}}
    ),
    "an engine twice": lambda d: d | {"engines": d["engines"] * 2},
    "a code that is none": lambda d: edited(d, codes=["\x1b[31m"]),
    "an absolute place": lambda d: d | {"places": d["places"] | {"target": "/etc"}},
    "a place on a drive": lambda d: d | {"places": d["places"] | {"target": "C:\\x"}},
    "a place that hides": lambda d: d | {"places": d["places"] | {"target": "\u202emerged"}},
    "a list": lambda d: d | {"inputs": []},
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_as_genfix_writes_it(run: Run, world: World, case: str) -> None:
    world.rewrite(BAD[case](copy.deepcopy(world.document)))
    refused(run, world)


def test_a_plan_that_was_edited_by_hand(run: Run, world: World) -> None:
    text = world.plan.read_text()
    world.plan.write_text(text.replace("151338", "151339"))
    assert "its id is not that of its content" in refused(run, world)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 100, b"[]", b"{}", b"null", b"{", b'{"genfix_plan": 1}',
        b'{"genfix_plan": 1, "genfix_plan": 1}', b'{"genfix_plan": NaN}', b'{"genfix_plan": 1e999}',
        b'{"genfix_plan": ' + b"9" * 5000 + b"}", b"[" * 100_000,
        b'{"genfix_plan": ' + b'{"a":' * 500 + b"1" + b"}" * 501, b"\xff\xfe{\0", b"\xef\xbb\xbf{}",
        b'{"a": "\\ud800"}', b"PK\x03\x04", b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.",
    ],
    ids=range(18),
)  # fmt: skip
def test_what_is_no_plan_at_all(run: Run, world: World, content: bytes) -> None:
    world.plan.write_bytes(content)
    refused(run, world)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-1e999"])
def test_numbers_that_json_has_not(run: Run, world: World, number: bytes) -> None:
    content = world.plan.read_bytes().replace(b'"before": 151329', b'"before": ' + number, 1)
    assert number in content
    world.plan.write_bytes(content)
    assert "a number that JSON has not" in refused(run, world)


def test_a_key_that_stands_twice(run: Run, world: World) -> None:
    text = world.plan.read_text()
    world.plan.write_text(text.replace('"places": {', '"places": {"target": "../other",', 1))
    assert "a second time" in refused(run, world)


def test_a_huge_one_is_not_read(run: Run, world: World) -> None:
    os.truncate(world.plan, 64 * 1024 * 1024 + 1)
    assert "more than the 64 MiB" in refused(run, world)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_what_is_no_file(run: Run, world: World) -> None:
    world.plan.unlink()
    refused(run, world)
    os.mkfifo(world.plan)
    refused(run, world)
    world.plan.unlink()
    world.plan.mkdir()
    refused(run, world)


def test_links_in_the_target_are_refused(run: Run, world: World) -> None:
    secret = world.merged.parent / "secret.json"
    (world.merged / GENERATION).rename(secret)
    (world.merged / GENERATION).symlink_to(secret)
    refused(run, world, 3)


def test_a_large_file_is_not_taken_from_any_repo_the_plan_names(run: Run, world: World) -> None:
    """Where the folder of a base is gone, its name is not asked of the Hub."""
    document = added(world.document, "merges.txt", b"x", "base")
    document["changes"][-1] |= {"content": {"encoding": "source"}}
    document["base"]["inputs"]["merges.txt"] = digest(b"x")
    for place in ("evil/repo", "../evil", None):
        document["places"]["base"] = place
        world.rewrite(document)
        refused(run, world)
    document["base"] |= {"kind": "hub", "name": "../merged", "revision": None}
    world.rewrite(document)
    assert "no id of a repo" in refused(run, world)


def test_what_a_plan_says_cannot_act_on_the_terminal(run: Run, world: World) -> None:
    document, evil = world.document, "\x1b[2J\u202e\x9b"
    finding = document["findings"][0]
    finding |= {"file": evil, "pointer": evil, "message": {"id": finding["message"]["id"], "args": {}}}
    finding["evidence"] = [{"id": "no-such-sentence", "args": {evil: evil}}]
    document["base"]["name"] = evil
    document["places"]["base"] = None
    for item in document["engines"]:
        item["before"] |= {"stop_strings": [evil], "sampling": {evil: evil}}
    world.rewrite(document)
    result = run("apply", world.plan, "--dry-run", "-v")
    assert result.code == 1, result.err
    assert "\\x1b[2J" in result.out
    assert all(char.isprintable() or char == "\n" for char in result.out + result.err)


# Any file ---------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    ["id", "file", "changes", "inputs", "places", "content", "text", "encoding", "source", "x", "target"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from(
        ["../x", "/etc/passwd", "config.json", "model.safetensors", "0" * 64, "\x1b", "GF101", "base"]
    )
    | st.text(max_size=20)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def paths_in(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += paths_in(child, (*at, key))
    return found


class Watch:
    """What is opened for writing, created, renamed or removed while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.seen.append(f"open {args[0]!r}")
        elif event in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"}:
            self.seen.append(f"{event} {args!r}")
        elif event in {"socket.connect", "subprocess.Popen"}:
            self.seen.append(event)


WATCH = Watch()


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_change_of_a_plan_is_refused_or_harmless(run: Run, world: World, data: st.DataObject) -> None:
    """One value anywhere replaced, removed or doubled, with a right id or a wrong one."""
    original = world.plan.read_bytes()
    document = world.document
    *way, last = data.draw(st.sampled_from(paths_in(document)))
    place: Any = document
    for key in way:
        place = place[key]
    if data.draw(st.booleans(), label="remove"):
        del place[last]
    else:
        place[last] = data.draw(VALUES)
    if data.draw(st.booleans(), label="sign"):
        with suppress(ValueError):
            document["id"] = canonical_id(document)
    world.plan.write_text(json.dumps(document), "utf-8", "surrogatepass")
    before = picture(world.merged, world.base)
    WATCH.seen.clear()
    WATCH.on = True
    try:
        result = run("apply", world.plan, "--dry-run")
    finally:
        WATCH.on = False
        world.plan.write_bytes(original)
    assert result.code in {0, 1, 2, 3}
    assert "bug in genfix" not in result.err
    assert "Traceback" not in result.err
    assert WATCH.seen == []
    assert picture(world.merged, world.base) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode("utf-8", "replace"))
)
def test_any_bytes_are_refused(run: Run, world: World, content: bytes) -> None:
    original = world.plan.read_bytes()
    world.plan.write_bytes(content)
    try:
        result = run("apply", world.plan)
    finally:
        world.plan.write_bytes(original)
    assert result.code == 2
    assert "bug in genfix" not in result.err


def test_the_watch_sees_a_write(run: Run, world: World) -> None:
    WATCH.seen.clear()
    WATCH.on = True
    try:
        (world.merged / "x.json").write_bytes(dump({}))
    finally:
        WATCH.on = False
    assert WATCH.seen
