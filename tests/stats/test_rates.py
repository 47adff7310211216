"""Rates of one model, thresholds, repeated samples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evalharness.stats.intervals import guarded, guarded_grouped
from evalharness.stats.rates import (
    below_three_over_n,
    clopper_pearson,
    flakiness,
    gini,
    mean_pass_at_k,
    mean_pass_hat_k,
    pass_at_k,
    pass_hat_k,
    threshold,
    wilson,
)

K1_BASE = ["111", "110", "111", "001", "111", "101", "111", "000", "111", "111"]
K1_TUNED = ["111", "100", "111", "000", "111", "111", "011", "000", "111", "110"]


def passed(passes: int, cases: int) -> list[list[float]]:
    return [[1.0]] * passes + [[0.0]] * (cases - passes)


# W1; made with statsmodels.
@pytest.mark.parametrize(
    ("passes", "cases", "score", "exact"),
    [
        pytest.param(47, 50, (0.837829, 0.979385), (0.834518, 0.987451), id="W1-47-of-50"),
        pytest.param(50, 50, (0.928652, 1), (0.928878, 1), id="W1-50-of-50"),
        pytest.param(9, 10, (0.595850, 0.982124), (0.554984, 0.997471), id="W1-9-of-10"),
        pytest.param(0, 30, (0, 0.113513), (0, 0.115703), id="W1-0-of-30"),
    ],
)
def test_w1(passes: int, cases: int, score: tuple[float, float], exact: tuple[float, float]) -> None:
    assert wilson(passes, cases) == pytest.approx(score, abs=1e-6)
    assert clopper_pearson(passes, cases) == pytest.approx(exact, abs=1e-6)


@given(st.integers(1, 400), st.data(), st.sampled_from([0.01, 0.05, 0.3]))
def test_both_intervals_agree_with_scipy(cases: int, data: st.DataObject, alpha: float) -> None:
    passes = data.draw(st.integers(0, cases))
    test = binomtest(passes, cases)

    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        oracle = test.proportion_ci(1 - alpha, method=method)
        assert ours(passes, cases, alpha=alpha) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


@given(st.integers(1, 400), st.data())
def test_counting_failures_mirrors_the_interval(cases: int, data: st.DataObject) -> None:
    passes = data.draw(st.integers(0, cases))
    low, high = wilson(cases - passes, cases)

    assert wilson(passes, cases) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(
    ("passes", "cases", "at_least", "outcome"),
    [
        (381, 381, 0.99, "met"),
        (380, 380, 0.99, "open"),
        (47, 50, 0.80, "met"),
        (47, 50, 0.90, "open"),
        (47, 50, 0.98, "failed"),
        (0, 30, 0.0, "met"),
    ],
)
def test_a_threshold_is_met_failed_or_open(passes: int, cases: int, at_least: float, outcome: str) -> None:
    result = threshold(passed(passes, cases), at_least)

    assert result.outcome == outcome
    assert result[:3] == (passes / cases, *wilson(passes, cases))


def test_the_exact_interval_is_used_where_declared() -> None:
    assert threshold(passed(9, 10), 0.5, interval="exact")[1:3] == clopper_pearson(9, 10)


def test_graded_scores_are_held_against_the_threshold_by_the_guarded_interval() -> None:
    scores = [0.9, 0.8, 1.0, 0.7, 0.95, 0.85]
    low, high = guarded([score - 0.6 for score in scores])

    result = threshold([[score] for score in scores], 0.6)

    assert result[:3] == pytest.approx((sum(scores) / 6, 0.6 + low, min(1, 0.6 + high)))


def test_repeated_samples_and_groups_get_the_guarded_interval_too() -> None:
    samples = [[1.0, 0.0], [1.0, 1.0], [1.0], [0.0]]
    low, high = guarded([0.0, 0.5, 0.5, -0.5])
    assert threshold(samples, 0.5)[1:3] == pytest.approx((max(0, 0.5 + low), min(1, 0.5 + high)))

    keys = [index // 4 for index in range(40)]
    low, high = guarded_grouped([0.5, -0.5, 0.5, 0.5] * 10, keys)
    grouped = threshold([[1.0], [0.0], [1.0], [1.0]] * 10, 0.5, groups=keys)
    assert grouped[1:3] == pytest.approx((0.5 + low, 0.5 + high))


def test_groups_of_one_case_are_no_groups() -> None:
    assert threshold(passed(9, 10), 0.5, groups=range(10)) == threshold(passed(9, 10), 0.5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_a_threshold_interval_stays_within_0_and_1(scores: list[float], at_least: float) -> None:
    result = threshold([[score] for score in scores], at_least)

    assert 0 <= result.low <= result.high <= 1
    assert (result.outcome == "met") == (result.low >= at_least)
    assert (result.outcome == "failed") == (result.high < at_least)


def test_k2() -> None:
    passes = [word.count("1") for word in K1_TUNED]

    hat = [mean_pass_hat_k([3] * 10, passes, k) for k in (1, 2, 3)]
    at = [mean_pass_at_k([3] * 10, passes, k) for k in (1, 2, 3)]

    assert hat == pytest.approx([0.666667, 0.566667, 0.5], abs=1e-6)
    assert at == pytest.approx([0.666667, 0.766667, 0.8], abs=1e-6)
    assert pass_at_k(8, 3, 5) == pytest.approx(0.982143, abs=1e-6)


def test_k1_flakiness_and_gini() -> None:
    for arm in (K1_BASE, K1_TUNED):
        assert flakiness(arm) == 0.3
        assert gini(arm) == pytest.approx(0.133333, abs=1e-6)


# Passes of four trials on each of 25 tasks by gpt-4o: tau-bench, airline, even task ids (MIT, Sierra 2024).
TAU = [0, 1, 0, 1, 0, 0, 4, 0, 1, 4, 4, 0, 4, 2, 0, 2, 0, 3, 4, 4, 3, 4, 2, 2, 4]


def test_real_trials_of_an_agent() -> None:
    trials = [[1.0] * passes + [0.0] * (4 - passes) for passes in TAU]

    hat = [mean_pass_hat_k([4] * 25, TAU, k) for k in (1, 2, 3, 4)]
    at = [mean_pass_at_k([4] * 25, TAU, k) for k in (1, 2, 3, 4)]

    assert hat == pytest.approx([0.49, 0.386667, 0.34, 0.32], abs=1e-6)
    assert at == pytest.approx([0.49, 0.593333, 0.65, 0.68], abs=1e-6)
    assert flakiness(trials) == 9 / 25
    assert gini(trials) == pytest.approx(0.155)


@given(st.integers(1, 20), st.data())
def test_pass_at_k_and_pass_hat_k_mirror_each_other(samples: int, data: st.DataObject) -> None:
    passes, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))

    assert pass_at_k(samples, passes, k) == pytest.approx(1 - pass_hat_k(samples, samples - passes, k))
    assert pass_hat_k(samples, passes, k) <= passes / samples + 1e-12 <= pass_at_k(samples, passes, k) + 2e-12


def test_the_rule_of_three() -> None:
    assert below_three_over_n(60) == 0.05
    assert below_three_over_n(2) == 1


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="11 of 10: these counts do not fit together"):
        wilson(11, 10)
    with pytest.raises(ValueError, match="0 of 0"):
        clopper_pearson(0, 0)
    with pytest.raises(ValueError, match=r"at least 1\.2 cannot be asked"):
        threshold([[1]], 1.2)
    with pytest.raises(ValueError, match="the score nan is not within 0 and 1"):
        threshold([[math.nan]], 0.5)
    with pytest.raises(ValueError, match="every case needs a sample"):
        threshold([[]], 0.5)
    with pytest.raises(ValueError, match="every case needs a sample"):
        flakiness([])
    with pytest.raises(ValueError, match="4 of 3 samples cannot be drawn"):
        pass_at_k(3, 1, 4)
    with pytest.raises(ValueError, match="one of each a case"):
        mean_pass_at_k([3], [1, 2], 1)
