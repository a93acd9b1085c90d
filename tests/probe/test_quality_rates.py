"""Pass rates and their comparison: against exact values, and against what they claim over many samples."""

import random

import pytest

from genfix.message import text
from genfix.probe.probe_values import Prompt
from genfix.probe.quality.answer_verdict import Verdict
from genfix.probe.quality.given import Fault
from genfix.probe.quality.pass_rates import compare_passes, holm, judge_passes, mcnemar, pass_rates
from genfix.probe.statistics import Paired

WRONG = Fault(text("wrong"))


def verdicts(passed: list[bool], kinds: int = 1) -> list[Verdict]:
    return [
        Verdict(Prompt(f"p{place}", f"kind{place % kinds}", "en", ()), None if one else WRONG)
        for place, one in enumerate(passed)
    ]


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [(0, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (0, 6, 0.03125), (10, 1, 24 / 2048), (59, 121, 4.434e-6)],
)
def test_mcnemar_is_the_exact_sign_test(lost: int, gained: int, p: float) -> None:
    # the last: the table of A. Agresti's approval ratings turned round has 86 and 150; this one is by hand
    assert mcnemar(Paired(30, lost, gained, 7)) == pytest.approx(p, rel=1e-3)


def test_many_changes_do_not_underflow() -> None:
    assert 0 <= mcnemar(Paired(0, 2000, 0, 0)) < 1e-300
    assert mcnemar(Paired(0, 1000, 1000, 0)) == 1


def test_holm_stops_at_the_first_that_is_chance() -> None:
    assert holm({"a": 0.04, "b": 0.001, "c": 0.02}) == ("b", "c", "a")
    assert holm({"a": 0.04, "b": 0.03, "c": 0.02}) == ()
    assert holm({}) == ()


def test_rates_by_kind() -> None:
    rates = pass_rates([*verdicts([True, False, True, True], 2), None], 5)
    assert (rates.passed, rates.not_judged) == (3, 1)
    assert {kind: rate.value for kind, rate in rates.kinds.items()} == {"kind0": 1, "kind1": 0.5}
    assert pass_rates([None], 1).total is None


@pytest.mark.parametrize(("truth", "size"), [(0.5, 12), (0.85, 12), (0.9, 138), (0.98, 138)])
def test_intervals_cover_the_truth_as_often_as_they_claim(truth: float, size: int) -> None:
    chance = random.Random(8)
    covered = 0
    for _ in range(600):
        total = pass_rates(verdicts([chance.random() < truth for _ in range(size)]), size).total
        assert total is not None
        covered += total.low <= truth <= total.high
    assert covered / 600 >= 0.93  # Wilson's covers 95 % on the average of truths, and about so at each


def test_two_equal_models_differ_in_one_of_twenty_samples_at_most() -> None:
    chance = random.Random(9)
    alarms = kinds = 0
    for _ in range(300):
        first, second = (
            pass_rates(verdicts([chance.random() < 0.8 for _ in range(138)], 12), 138) for _ in range(2)
        )
        found = compare_passes(first, second)
        assert found is not None
        alarms += found.total.p <= 0.05
        kinds += bool(found.told)
    assert alarms <= 300 * 0.07
    assert kinds <= 300 * 0.07


def test_a_real_loss_is_found_and_named() -> None:
    before = verdicts([True] * 60, 3)
    after = verdicts([place % 3 != 0 or place < 6 for place in range(60)], 3)
    found = compare_passes(pass_rates(before, 60), pass_rates(after, 60))
    assert found is not None
    assert found.told == ("kind0",)
    said = [one.id for one in judge_passes(found)]
    assert said == ["probe-passes-fell", "probe-passes-kind", "probe-passes-sample"]
    back = compare_passes(pass_rates(after, 60), pass_rates(before, 60))
    assert back is not None
    assert judge_passes(back)[0].id == "probe-passes-rose"
    same = compare_passes(pass_rates(before, 60), pass_rates(before, 60))
    assert same is not None
    assert [one.id for one in judge_passes(same)] == ["probe-passes-cannot-tell", "probe-passes-sample"]


def test_models_without_a_prompt_in_common_are_not_compared() -> None:
    assert compare_passes(pass_rates([], 0), pass_rates(verdicts([True]), 1)) is None
    assert compare_passes(None, pass_rates(verdicts([True]), 1)) is None
