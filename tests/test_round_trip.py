"""Whatever happened to a folder: a repair writes what its plan says and nothing else, and undo gives all of
it back.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import genfix
from tests.support.folders import FAMILIES, Files, dump, write_folder
from tests.support.trees import Picture, user_files

KEYS = (
    "eos_token_id",
    "eos_token",
    "chat_template",
    "vocab_size",
    "model_type",
    "max_new_tokens",
    "temperature",
    "new",
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 200_000)
    | st.text(max_size=6)
    | st.lists(st.integers(0, 9), max_size=3)
)


@st.composite
def damages(draw: st.DrawFn, files: Files) -> Mapping[str, bytes | None]:
    """New bytes of some files; `None`: gone."""
    done: dict[str, bytes | None] = {}
    for name in draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(["gone", "garbage", "bom", "edited"]))
        if kind == "gone":
            done[name] = None
        elif kind == "garbage":
            done[name] = draw(st.binary(max_size=20))
        elif kind == "bom":
            done[name] = b"\xef\xbb\xbf" + files[name]
        elif name.endswith(".json"):
            document = json.loads(files[name])
            done[name] = dump(document | draw(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)))
    return done


def damaged(place: Path, files: Files, damage: Mapping[str, bytes | None], modes: list[int]) -> Path:
    folder = write_folder(
        place, {name: content for name, content in {**files, **damage}.items() if content is not None}
    )
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        path.chmod(modes[number % len(modes)])
        os.utime(path, ns=(1, 1_600_000_000_000_000_001 + number))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_a_repair_is_its_plan_and_undo_takes_it_back(data: st.DataObject) -> None:
    files = FAMILIES[data.draw(st.sampled_from(sorted(FAMILIES)))]()
    damage = data.draw(damages(files))
    modes = data.draw(st.lists(st.sampled_from([0o644, 0o600, 0o664, 0o640]), min_size=1, max_size=3))
    unsafe = data.draw(st.booleans())
    with TemporaryDirectory() as temporary:
        merged = damaged(Path(temporary) / "merged", files, damage, modes)
        twin = damaged(Path(temporary) / "twin", files, damage, modes)
        base = write_folder(Path(temporary) / "base", files)
        before: Picture = user_files(merged)
        was = contents(merged)
        try:
            plan = genfix.plan(merged, base, unsafe_fixes=unsafe)
        except genfix.GenfixError:
            assert user_files(merged) == before
            return
        assert user_files(merged) == before
        receipt = genfix.apply(plan)
        assert (receipt is None) == (plan.changes == ())
        expected = was | {change.name: change.after for change in plan.changes if change.after is not None}
        for change in plan.changes:
            assert was.get(change.name) == change.before
            if change.after is None:
                del expected[change.name]
        now = {name: content for name, content in contents(merged).items() if not name.startswith(".cache")}
        assert now == expected
        if receipt is not None:
            assert {change.name: change.after for change in receipt.changes}.keys() == {
                c.name for c in plan.changes
            }
            genfix.undo(merged)
        assert user_files(merged) == before
        # The plan is pure: a twin of the folder gets the same bytes.
        again = genfix.plan(twin, base, unsafe_fixes=unsafe)
        assert [(c.name, c.after) for c in again.changes] == [(c.name, c.after) for c in plan.changes]
