"""Every fault at every request of a commit on the Hub: it is there whole, or one sentence says that not."""

import pytest

from tests.support.hub_publish_scene import TOKENIZER, merged
from tests.support.hub_scene import pretrained
from tests.support.hub_sweeps import errors_of, swept

GENERATION = "generation_config.json"


@pytest.mark.parametrize(("how", "requests"), [("--create-pr", 11), ("--push", 9)])
def test_every_fault_at_every_request(how: str, requests: int) -> None:
    healthy, *faulty = swept("tests.support.hub_publish_scene", how)
    assert (healthy["code"], healthy["names"]) == (0, [GENERATION, TOKENIZER]), healthy
    there = dict(healthy["files"][0])
    assert there.keys() == {*merged(), TOKENIZER}
    assert there[TOKENIZER].encode("latin-1") == pretrained()[TOKENIZER]
    assert all(
        there[name].encode("latin-1") == content for name, content in merged().items() if name != GENERATION
    )
    assert len({case["request"] for case in faulty}) >= requests
    ends: dict[str, set[tuple[str, int, int]]] = {}
    for case in faulty:
        name = (case["fault"], case["request"])
        asked = case["request"].partition("?")[0].split("/")
        ends.setdefault("commit" if "commit" in asked else "other", set()).add(
            (case["fault"], case["code"], case["commits"])
        )
        assert not case["secret"], name
        assert case["main"], name
        for files in (*case["files"], *case["again"]["files"]):
            assert files == healthy["files"][0], name  # what is there is whole
        if case["code"] == 0:
            assert case["commits"] == 1, name
        else:
            assert case["code"] in {2, 3}, name
            assert errors_of(case, "      ") == ["error:", "hint:"], (name, case["err"])
            assert case["out"] == "", name
        # The next run, on a good line, finds what is there and adds what is not: never twice.
        assert (case["again"]["code"], case["again"]["commits"]) == (0, 1), name
    # An answer that was lost, or came spoiled, after the commit was made.
    landed = {(fault, 0, 1) for fault in ("lost", "truncate", "types", "endless")}
    assert landed <= ends["commit"]
    refused = {("409", 3, 0), ("412", 3, 0), ("401", 2, 0), ("403", 2, 0), ("gated", 2, 0), ("429", 2, 0)}
    assert refused | {("drop", 2, 0), ("503", 2, 0), ("redirect", 2, 0), ("slow", 2, 0)} <= ends["commit"]
    # Nothing but the commit itself is to be seen by others.
    assert all(commits == 0 for _, code, commits in ends["other"] if code)
