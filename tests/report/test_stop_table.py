"""Where engines stop, as a person reads it: one row for all that do the same."""

from genfix.engines import EngineView
from genfix.report.changes import stop_table
from genfix.report.style import Style

PLAIN = Style(color=False, width=100)


def views(**stops: tuple[int, ...]) -> dict[str, EngineView]:
    return {
        name: EngineView(
            name,
            "1",
            stop_token_ids=ids,
            sampling={},
            chat_template=None,
            context_length=None,
            problems=(),
            trace=(),
        )
        for name, ids in stops.items()
    }


def test_engines_that_change_alike_share_a_row() -> None:
    before, after = views(vllm=(7,), sglang=(9, 7), mlx=(7,)), views(vllm=(9, 7), sglang=(7, 9), mlx=(7, 9))
    assert stop_table(before, after, {}, PLAIN) == [
        "engine      stops at, now   stops at, afterwards",
        "vllm, mlx   7               7, 9",
        "sglang      7, 9            the same",
    ]


def test_an_engine_that_stops_elsewhere_with_the_base_says_so() -> None:
    same = views(vllm=(7,), sglang=())
    assert stop_table(same, same, views(vllm=(7, 9), sglang=()), PLAIN) == [
        "engine   stops at, now   stops at, afterwards",
        "vllm     7               7 (the base: 7, 9)",
        "sglang   nothing         the same",
    ]
