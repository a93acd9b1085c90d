"""Every fault at every request: one sentence and nothing changed, or all is well after another try."""

import pytest

from tests.support.hub_sweeps import errors_of, swept


@pytest.mark.parametrize(("what", "code", "requests"), [("folder", 0, 5), ("repo", 1, 14)])
def test_every_fault_at_every_request(what: str, code: int, requests: int) -> None:
    healthy, *faulty = swept("tests.support.hub_scene", what)
    assert healthy["code"] == code, healthy
    assert "GF102" in healthy["out"]
    assert len({case["request"] for case in faulty}) >= requests
    for case in faulty:
        name = (case["fault"], case["request"], case["times"])
        assert case["again"], name  # nothing wrong stayed in a cache
        if case["code"] == 2:
            assert case["unchanged"], name
            assert errors_of(case) == ["error:", "hint:"], (name, case["err"])
            assert case["out"] == "", name
        elif case["out"] != healthy["out"]:
            # A server that has no parts of files: its base is judged without its weights.
            assert (case["fault"], case["code"], case["unchanged"]) == ("whole", 0, True), (name, case)
    failed = {(case["fault"], case["times"]) for case in faulty if case["code"] == 2}
    assert {("404", None), ("drop", None), ("wrong", None), ("html", None)} <= failed
