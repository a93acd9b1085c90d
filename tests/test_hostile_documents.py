"""Plans, receipts, snapshots, journals, baselines, capsules and settings with any value of any type anywhere:
one sentence and a documented exit code, or all is well; where it is refused nothing has changed.
"""

import contextlib
import copy
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.planner.saving import canonical_id
from tests.support.disks import STATE
from tests.support.folders import dump, glm_files, write_folder
from tests.support.running import Result, run_command, runner
from tests.support.trees import tree

Way = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 10**400, 1.5, float("inf"), float("nan")),
    *("", "x", "../x", "\ud800", "\x1b[2J\n", "a" * 300),
    *([], [[]], ["x"], {}, {"a": 1}),
)
SHAPES = (
    *(b"", b"\xff\xfe{", b"[" * 100_000, b'{"a":' * 100_000, b"null", b"1" + b"0" * 5000),
    *(b'{"x": 1, "x": 2}', b"\x00", b"{} {}"),
)
TOML = (
    *("true", "0", "-1", "1" + "0" * 400, "1" + "0" * 5000, "1.5", "inf", "nan", "1979-05-27", "07:32:00"),
    *('""', '"x"', '"../x"', r'"\u001b[2J"', r'"\u0000"', "[]", "[[]]", "[1]", '["x"]', "{}", "{a = 1}"),
)
KEYS = (
    "select",
    "ignore",
    "engines",
    "base",
    "fail-on",
    "unsafe-fixes",
    "offline",
    "baseline",
    "per-path",
    "x",
)
TOML_SHAPES = (
    *(b"\xff\xfe", b"a", b"a = " + b"[" * 100_000, b"a = " + b"{a=" * 50_000, b"a = 1\na = 1", b"\x00"),
    *(b"[" + b"a." * 20_000 + b"a]", b"'\x1b' = 1", b'[per-path.""]\nignore = ["GF1"]'),
)
SOME = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Document(NamedTuple):
    """A file that genfix wrote, and what reads it."""

    name: str
    commands: tuple[tuple[str, ...], ...]


class World(NamedTuple):
    """A place with one of each, in which the commands are run."""

    place: Path
    documents: dict[str, Document]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("documents")
    files = glm_files()
    write_folder(place / "base", files)
    narrowed = files | {"generation_config.json": dump({"eos_token_id": 151329})}
    for name in ("merged", "repaired", "half"):
        write_folder(place / name, narrowed)
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(place):
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        for command in (
            ("plan", "merged", "--base", "base", "-o", "plan.json"),
            ("check", "merged", "--base", "base", "--write-baseline", "known.json"),
            ("capsule", "base", "capsule"),
            ("snapshot", "repaired"),
            ("repair", "repaired", "--base", "base"),
        ):
            run_command(command)
        taken, fixed = sorted((place / "repaired" / STATE / "log").glob("*.json"))
        journal = place / "half" / STATE / "journal.json"
        shutil.copytree(place / "repaired" / STATE, place / "half" / STATE)
        shutil.copy(fixed, journal)
        (manifest,) = (
            path for path in (place / "capsule").rglob("*.json") if b'"origin"' in path.read_bytes()
        )
        check = ("check", "merged", "--base")
        found = {
            "plan": (place / "plan.json", (("apply", "plan.json"),)),
            "baseline": (place / "known.json", ((*check, "base", "--baseline", "known.json"),)),
            "capsule": (manifest, ((*check, "capsule"),)),
            "receipt": (fixed, (("log", "repaired"), ("undo", "repaired", fixed.stem))),
            "snapshot": (
                taken,
                (("restore", "repaired", taken.stem), ("diff", "repaired", "--at", taken.stem)),
            ),
            "journal": (journal, (("check", "half"), ("repair", "half", "--base", "base"))),
        }
        yield World(
            place,
            {kind: Document(str(file.relative_to(place)), words) for kind, (file, words) in found.items()},
        )


def ways(value: Any, way: Way = ()) -> Iterator[Way]:
    """The places of all values in a document."""
    yield way
    for key, child in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    ):
        yield from ways(child, (*way, key))


def changed(document: Any, way: Way, value: Any) -> Any:
    if not way:
        return value
    document = copy.deepcopy(document)
    parent = document
    for key in way[:-1]:
        parent = parent[key]
    parent[way[-1]] = value
    return document


def signed(document: Any) -> Any:
    """With the checksum that it should have, so that more than the checksum is asked."""
    with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError):
        if "genfix_journal" in document:
            body = json.dumps(document["body"], sort_keys=True, separators=(",", ":"))
            return document | {"sha256": hashlib.sha256(body.encode()).hexdigest()}
        if "genfix_plan" in document:
            return document | {"id": canonical_id(document)}
    return document


def judge(result: Result) -> None:
    assert result.code in {0, 1, 2, 3}, result
    assert "bug in genfix" not in result.err, result
    assert all(char.isprintable() or char == "\n" for char in result.out + result.err), result
    if result.code > 1:
        assert [line.partition(":")[0] for line in result.err.splitlines()[:2]] == ["error", "hint"], result


@pytest.mark.parametrize("kind", ["plan", "baseline", "capsule", "receipt", "snapshot", "journal"])
@SOME
@given(data=st.data())
def test_any_value_anywhere(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    tmp_path: Path,
    kind: str,
    data: st.DataObject,
) -> None:
    run, document = runner(capsys), world.documents[kind]
    place = tmp_path / "place"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(world.place, place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    file = place / document.name
    if data.draw(st.integers(0, 9)):
        value = json.loads(file.read_bytes())
        way = data.draw(st.sampled_from([*ways(value)]))
        file.write_text(json.dumps(signed(changed(value, way, data.draw(st.sampled_from(VALUES))))))
    else:
        file.write_bytes(data.draw(st.sampled_from(SHAPES)))
    for command in document.commands:
        before = tree(place)
        result = run(*command)
        judge(result)
        assert result.code < 2 or tree(place) == before, result


@SOME
@given(data=st.data())
def test_any_value_in_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, world: World, data: st.DataObject
) -> None:
    monkeypatch.chdir(world.place)
    file = world.place / "some.toml"
    head = data.draw(st.sampled_from(["", "[per-path.merged]\n"]))
    key, value = data.draw(st.sampled_from(KEYS)), data.draw(st.sampled_from(TOML))
    file.write_bytes(
        data.draw(st.one_of(st.just(f"{head}{key} = {value}\n".encode()), st.sampled_from(TOML_SHAPES)))
    )
    before = tree(world.place)
    judge(runner(capsys)("check", "merged", "--offline", "--config", "some.toml"))
    assert tree(world.place) == before
