"""Every fault at every request: one sentence and nothing changed, or all is well after another try."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.places import ROOT


def swept(what: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.hub_scene", what],
        env={name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(("what", "code", "requests"), [("folder", 0, 5), ("repo", 1, 14)])
def test_every_fault_at_every_request(what: str, code: int, requests: int) -> None:
    healthy, *faulty = swept(what)
    assert healthy["code"] == code, healthy
    assert "GF102" in healthy["out"]
    assert len({case["request"] for case in faulty}) >= requests
    for case in faulty:
        name = (case["fault"], case["request"], case["times"])
        assert case["again"], name  # nothing wrong stayed in a cache
        if case["code"] == 2:
            assert case["unchanged"], name
            said = [line for line in case["err"].splitlines() if not line.startswith("note: ")]
            assert [line.partition(" ")[0] for line in said] == ["error:", "hint:"], (name, case["err"])
            assert case["out"] == "", name
        elif case["out"] != healthy["out"]:
            # A server that has no parts of files: its base is judged without its weights.
            assert (case["fault"], case["code"], case["unchanged"]) == ("whole", 0, True), (name, case)
    failed = {(case["fault"], case["times"]) for case in faulty if case["code"] == 2}
    assert {("404", None), ("drop", None), ("wrong", None), ("html", None)} <= failed
