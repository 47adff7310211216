"""The four words, and what leads to each."""

import math
from typing import Literal

import pytest

from evalharness.stats.paired import (
    Change,
    Design,
    Note,
    Outcome,
    equivalence,
    held_out_gap,
    missing_decides,
    overall_outcome,
    paired_change,
    verdict_word,
)


def counted(both: int, ups: int, downs: int, neither: int, test: Literal["exact", "midp"] = "exact") -> Change:
    base = [[1.0]] * both + [[0.0]] * ups + [[1.0]] * downs + [[0.0]] * neither
    tuned = [[1.0]] * (both + ups) + [[0.0]] * (downs + neither)
    return paired_change(base, tuned, design=Design(test=test))


def word(change: Change, margin: float = 0.05) -> tuple[Outcome, Note]:
    return verdict_word(change, margin=margin, p_adjusted=change.p, alpha=0.05)


@pytest.mark.parametrize(
    ("change", "margin", "verdict"),
    [
        pytest.param(counted(30, 2, 6, 2), 0.05, ("INCONCLUSIVE", ""), id="B1"),
        pytest.param(counted(14, 0, 6, 0), 0.05, ("REGRESSED", "beyond margin"), id="B2"),
        pytest.param(counted(60, 0, 0, 0), 0.10, ("HELD", ""), id="B3-at-0.10"),
        pytest.param(counted(60, 0, 0, 0), 0.05, ("INCONCLUSIVE", ""), id="B3-at-0.05"),
        pytest.param(counted(73, 0, 0, 0), 0.05, ("HELD", ""), id="B4"),
        pytest.param(counted(452, 31, 17, 100), 0.05, ("HELD", ""), id="B5"),
        pytest.param(counted(9, 1, 0, 0), 0.05, ("INCONCLUSIVE", ""), id="B6"),
        pytest.param(counted(1, 1, 7, 12), 0.05, ("INCONCLUSIVE", ""), id="B7"),
        pytest.param(counted(1, 1, 7, 12, "midp"), 0.05, ("REGRESSED", ""), id="B7-midp"),
    ],
)
def test_the_worked_examples(change: Change, margin: float, verdict: tuple[Outcome, Note]) -> None:
    assert word(change, margin) == verdict


def test_b1_proves_a_margin_of_its_lower_bound() -> None:
    assert counted(30, 2, 6, 2).provable_margin == pytest.approx(0.253475, abs=1e-6)


def test_a_shown_gain_is_improved() -> None:
    assert word(counted(20, 30, 5, 5)) == ("IMPROVED", "")


def test_a_shown_but_small_loss_is_held_and_says_so() -> None:
    change = counted(940, 0, 12, 48)

    assert change.p < 0.05
    assert word(change) == ("HELD", "lower, within margin")


def test_a_loss_around_the_margin_is_regressed_without_a_note() -> None:
    assert word(counted(100, 2, 12, 36)) == ("REGRESSED", "")


def test_holm_may_take_the_difference_away() -> None:
    change = counted(14, 0, 6, 0)

    assert verdict_word(change, margin=0.05, p_adjusted=0.06, alpha=0.05) == ("INCONCLUSIVE", "")


def test_fewer_than_five_cases_decide_nothing() -> None:
    assert word(counted(4, 0, 0, 0), margin=0.9) == ("INCONCLUSIVE", "")
    assert word(counted(5, 0, 0, 0), margin=0.9) == ("HELD", "")


def test_with_groups_it_is_groups_that_are_counted() -> None:
    arm = [[1.0]] * 40
    four = paired_change(arm, arm, groups=[index % 4 for index in range(40)])
    five = paired_change(arm, arm, groups=[index % 5 for index in range(40)])

    assert word(four, margin=0.9) == ("INCONCLUSIVE", "")
    assert word(five, margin=0.9) == ("HELD", "")


def test_suite_scope_asks_its_own_interval_for_the_difference() -> None:
    design = Design(scope="suite")
    better = paired_change([[0.0] * 9] * 4, [[1.0] * 9] * 4, design=design)
    worse = paired_change([[1.0] * 9] * 4, [[0.0] * 9] * 4, design=design)

    assert verdict_word(better, margin=0.05, p_adjusted=1, alpha=0.05) == ("IMPROVED", "")
    assert verdict_word(worse, margin=0.05, p_adjusted=1, alpha=0.05) == ("REGRESSED", "beyond margin")


def test_a_bound_on_the_margin_is_not_held() -> None:
    change = counted(60, 0, 0, 0)

    assert word(change, -change.low) == ("INCONCLUSIVE", "")
    assert word(change, -change.low + 1e-9) == ("HELD", "")


@pytest.mark.parametrize(
    ("low", "high", "significant", "expected"),
    [
        (-0.04, 0.04, False, "HELD"),
        (0.01, 0.04, True, "HELD"),
        (0.06, 0.2, False, "CHANGED"),
        (-0.2, -0.06, False, "CHANGED"),
        (0.01, 0.2, True, "CHANGED"),
        (-0.05, 0.04, False, "INCONCLUSIVE"),
        (-0.2, 0.2, False, "INCONCLUSIVE"),
    ],
)
def test_equivalence_wants_the_whole_interval_inside(low: float, high: float, significant: bool, expected: str) -> None:
    assert equivalence(low, high, 0.05, significant=significant) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["HELD", "IMPROVED", "INCONCLUSIVE", "REGRESSED"], "REGRESSED"),
        (["HELD", "IMPROVED", "INCONCLUSIVE"], "INCONCLUSIVE"),
        (["HELD", "IMPROVED"], "IMPROVED"),
        (["HELD", "HELD"], "HELD"),
    ],
)
def test_the_worst_gate_is_the_verdict(outcomes: list[Outcome], expected: Outcome) -> None:
    assert overall_outcome(outcomes) == expected


@pytest.mark.parametrize(
    ("cases", "dropped", "base", "tuned", "expected"),
    [
        (100, 5, 3, 3, False),
        (100, 6, 6, 6, True),
        (100, 3, 0, 3, True),
        (100, 3, 1, 3, False),
        (100, 2, 0, 2, False),
        (20, 1, 0, 1, False),
        (19, 1, 0, 1, True),
    ],
)
def test_missing_answers_decide_when_many_or_lopsided(
    cases: int, dropped: int, base: int, tuned: int, expected: bool
) -> None:
    assert missing_decides(cases, dropped=dropped, base=base, tuned=tuned) is expected


def test_the_held_out_gap_joins_two_guarded_errors() -> None:
    seen, unseen = counted(10, 8, 2, 0), counted(15, 3, 3, 9)
    gap = held_out_gap(seen, unseen)
    error = math.sqrt(seen.guarded_error**2 + unseen.guarded_error**2)

    assert gap == pytest.approx((0.3, error, 0.3 - 1.959964 * error, 0.3 + 1.959964 * error), abs=1e-6)


def test_bad_input_is_refused() -> None:
    change = counted(10, 0, 0, 0)
    with pytest.raises(ValueError, match="a margin is a loss above zero, not 0"):
        verdict_word(change, margin=0, p_adjusted=1, alpha=0.05)
    with pytest.raises(ValueError, match="a p-value lies in"):
        verdict_word(change, margin=0.1, p_adjusted=math.nan, alpha=0.05)
    with pytest.raises(ValueError, match=r"no interval from 0\.1 to 0"):
        equivalence(0.1, 0, 0.05, significant=False)
    with pytest.raises(ValueError, match="no gate, no verdict"):
        overall_outcome([])
    with pytest.raises(ValueError, match="no such counts"):
        missing_decides(10, dropped=1, base=3, tuned=0)
