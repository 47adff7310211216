"""Duels: win rates, position, length."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import binomtest

from evalharness.stats.paired import tango, verdict_word
from evalharness.stats.rates import (
    LengthControlError,
    length_controlled,
    length_fit,
    position_bias,
    similar_lengths,
    win_rate,
)


def duels(wins: int, ties: int, losses: int) -> list[list[float]]:
    return [[1.0]] * wins + [[0.5]] * ties + [[0.0]] * losses


def test_p1() -> None:
    result = win_rate(duels(26, 20, 14))

    assert (result.wins, result.ties, result.losses) == (26, 20, 14)
    assert (result.rate, result.low, result.high) == pytest.approx((0.60, 0.496651, 0.694221), abs=1e-6)
    assert result.p == pytest.approx(0.080690, abs=1e-6)
    low, high = tango(26, 14, 60)
    assert (result.change.low, result.change.high) == (low, high)


def test_a_verdict_on_a_duel_takes_twice_the_margin_of_the_rate() -> None:
    change = win_rate(duels(26, 20, 14)).change

    assert verdict_word(change, margin=0.02, p_adjusted=change.p) == ("HELD", "")


def test_graded_or_repeated_preferences_get_the_guarded_interval_without_a_suite_one() -> None:
    graded = win_rate([[0.7], [0.4], [0.9]])
    repeated = win_rate([[1, 0], [1, 1], [0, 0.5]])

    assert (graded.change.interval, repeated.change.interval) == ("G", "G")
    assert repeated.change.suite_low is None
    assert graded.rate == pytest.approx(2 / 3)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_swapping_the_arms_mirrors_the_win_rate(scores: list[float]) -> None:
    there, back = win_rate([[s] for s in scores]), win_rate([[1 - s] for s in scores])

    assert (back.rate, back.low, back.high) == pytest.approx((1 - there.rate, 1 - there.high, 1 - there.low))
    assert (back.wins, back.losses, back.p) == (there.losses, there.wins, there.p)


def test_position_bias_is_a_binomial_test() -> None:
    share, p = position_bias(70, 50)

    assert share == 70 / 120
    assert p == pytest.approx(binomtest(70, 120).pvalue)


def test_similar_lengths_are_within_a_tenth_of_the_longer() -> None:
    assert similar_lengths([100, 100, 100, 0], [109, 112, 90, 0]) == (0, 3)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(-900, 900)), min_size=8, max_size=60))
def test_the_length_fit_is_the_best_one(cases: list[tuple[float, int]]) -> None:
    """Against a general optimizer; with a tie at each length and at its opposite, a best fit exists and is no giant."""
    scores = [s for s, _ in cases] + [0.5 for _ in cases] * 2
    lengths = [d for _, d in cases] * 2 + [-d for _, d in cases]
    deviation = math.sqrt(sum((d - sum(lengths) / len(lengths)) ** 2 for d in lengths) / len(lengths))
    xs = [math.tanh(d / deviation) if deviation else 0.0 for d in lengths]

    def loss(point: tuple[float, float]) -> float:
        values = [point[0] + point[1] * x for x in xs]
        return sum(math.log1p(math.exp(-abs(v))) + max(v, 0) - s * v for v, s in zip(values, scores, strict=True))

    fit = length_fit(scores, lengths)

    assert loss((fit.intercept, fit.slope)) <= minimize(loss, (0, 0)).fun + 1e-9


def test_at_equal_lengths_the_rate_is_the_plain_one() -> None:
    assert length_fit([1, 0, 1, 1], [50, 50, 50, 50]).rate == pytest.approx(0.75)


def test_a_win_rate_that_length_explains_is_even() -> None:
    lengths = [-300, -200, -100, 100, 200, 300] * 10
    scores = [0.1, 0.2, 0.35, 0.65, 0.8, 0.9] * 10

    assert length_controlled(scores, lengths) == pytest.approx(0.5)


def test_more_longer_replies_than_shorter_ones_are_corrected_for() -> None:
    lengths = [300] * 30 + [-300] * 10
    scores = [1.0] * 24 + [0.0] * 6 + [1.0] * 2 + [0.0] * 8

    assert sum(scores) / 40 == 0.65
    assert length_controlled(scores, lengths) < 0.55


def test_lengths_that_hardly_overlap_are_refused() -> None:
    message = "lengths do not overlap: tuned is longer in 90 % and shorter in 10 % of the cases"

    with pytest.raises(LengthControlError, match=message):
        length_controlled([1.0, 0.0] * 5, [200] * 9 + [-100])


@pytest.mark.parametrize("scores", [[1.0] * 6, [0.0] * 6, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
def test_a_preference_that_one_thing_decides_has_no_fit(scores: list[float]) -> None:
    with pytest.raises(LengthControlError, match="no finite fit"):
        length_controlled(scores, [-300, -200, -100, 100, 200, 300])


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="no verdict for either place"):
        position_bias(0, 0)
    with pytest.raises(ValueError, match="1 scores and 2 lengths"):
        length_fit([1], [1, 2])
    with pytest.raises(ValueError, match=r"a preference lies in \[0, 1\]"):
        length_fit([math.nan, 1], [1, 2])
    with pytest.raises(ValueError, match="a length difference is not a finite number"):
        length_fit([0, 1], [1, math.inf])
    with pytest.raises(ValueError, match="is not within 0 and 1"):
        win_rate([[1.5]])
