"""Intervals for a paired change: worked examples, oracles, laws."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from evalharness.stats.intervals import (
    Estimate,
    group_totals,
    guarded,
    guarded_estimate,
    guarded_grouped,
    standard_error,
    suite_estimate,
    suite_scope,
    tango,
    tango_z,
    two_sided_z,
)

LIKERT = [0, 0, -1, 0, 1, 0, 0, -2, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, -1]
CLUSTERED = [-1, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 1]
CLUSTERS = [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5]


def ternary(ups: int, downs: int, cases: int) -> list[float]:
    return [1.0] * ups + [-1.0] * downs + [0.0] * (cases - ups - downs)


def bits(words: str) -> list[list[float]]:
    return [[float(letter) for letter in word] for word in words.split()]


THRICE_BASE = bits("111 110 111 001 111 101 111 000 111 111")
THRICE_TUNED = bits("111 100 111 000 111 111 011 000 111 110")

counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60)).filter(lambda c: sum(c) > 0)


# Made with plain formulas in other code; B7 is a published table (Bentur et al. 2009, in Fagerland 2013).
@pytest.mark.parametrize(
    ("ups", "downs", "cases", "low", "high"),
    [
        pytest.param(2, 6, 40, -0.253475, 0.045793, id="B1"),
        pytest.param(0, 6, 20, -0.518973, -0.090537, id="B2"),
        pytest.param(0, 0, 60, -0.060172, 0.060172, id="B3"),
        pytest.param(0, 0, 73, -0.049992, 0.049992, id="B4"),
        pytest.param(31, 17, 600, 0.000729, 0.047239, id="B5"),
        pytest.param(1, 0, 10, -0.205286, 0.404150, id="B6"),
        pytest.param(1, 7, 21, -0.517232, -0.026003, id="B7"),
        pytest.param(1, 3, 12, -0.485035, 0.188739, id="C1-ungrouped"),
    ],
)
def test_tango_gives_the_worked_examples(ups: int, downs: int, cases: int, low: float, high: float) -> None:
    assert tango(ups, downs, cases) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("differences", "span", "low", "high"),
    [
        pytest.param(ternary(2, 6, 40), 1, -0.242687, 0.060212, id="B1"),
        pytest.param(ternary(0, 0, 60), 1, -0.060172, 0.060172, id="B3"),
        pytest.param(ternary(1, 7, 21), 1, -0.495878, 0.012815, id="B7"),
        pytest.param(LIKERT, 4, -0.736384, 0.449042, id="D1"),
        pytest.param(CLUSTERED, 1, -0.467086, 0.214584, id="C1-ungrouped"),
    ],
)
def test_guarded_gives_the_worked_examples(differences: list[float], span: float, low: float, high: float) -> None:
    assert guarded(differences, span=span) == pytest.approx((low, high), abs=1e-6)


def test_the_groups_of_c1_widen_interval_and_error() -> None:
    assert guarded_grouped(CLUSTERED, CLUSTERS) == pytest.approx((-0.553273, 0.350051), abs=1e-6)
    assert standard_error(CLUSTERED) == pytest.approx(0.166667, abs=1e-6)
    assert standard_error(CLUSTERED, CLUSTERS) == pytest.approx(0.181089, abs=1e-6)
    assert standard_error(CLUSTERED, CLUSTERS, corrected=True) == pytest.approx(0.198373, abs=1e-6)


def test_suite_scope_of_k1_counts_generation_noise_alone() -> None:
    assert suite_scope(THRICE_BASE, THRICE_TUNED) == pytest.approx((-0.305220, 0.105220), abs=1e-6)


def test_the_standard_error_of_d1_and_b5_is_the_plain_one() -> None:
    assert standard_error(LIKERT) == pytest.approx(0.637022 / math.sqrt(24), abs=1e-6)
    assert standard_error(ternary(31, 17, 600)) == pytest.approx(0.011517, abs=1e-6)


@given(counts, st.sampled_from([0.01, 0.05, 0.2]))
def test_tango_bounds_are_where_a_root_finder_puts_them(split: tuple[int, int, int], alpha: float) -> None:
    ups, downs, _ = split
    cases = sum(split)
    seen, z = (ups - downs) / cases, two_sided_z(alpha)

    low, high = tango(ups, downs, cases, alpha=alpha)

    def above(change: float) -> float:
        return min(tango_z(ups, downs, cases, change), 1e6) - z

    def below(change: float) -> float:
        return max(tango_z(ups, downs, cases, change), -1e6) + z

    assert low == pytest.approx(-1 if seen == -1 else brentq(above, -1, seen, xtol=1e-13), abs=1e-9)
    assert high == pytest.approx(1 if seen == 1 else brentq(below, seen, 1, xtol=1e-13), abs=1e-9)


@given(counts, st.floats(-0.99, 0.98))
def test_tango_z_falls_as_the_supposed_change_rises(split: tuple[int, int, int], change: float) -> None:
    cases = sum(split)

    assert tango_z(split[0], split[1], cases, change) >= tango_z(split[0], split[1], cases, change + 0.01)


@given(counts)
def test_tango_z_is_the_score_test_of_the_likelihood(split: tuple[int, int, int]) -> None:
    """The share of downs is found by a numeric search instead of the closed form."""
    ups, downs, same = split
    cases, change = sum(split), -0.1

    def slope(share: float) -> float:
        """Derivative of the log-likelihood in the share of downs, at a true change of -0.1."""
        return downs / share + ups / (share + change) - 2 * same / (1 - 2 * share - change)

    least, most = 0.1 + 1e-12, 0.55 - 1e-12
    if slope(least) <= 0:
        share = 0.1
    elif slope(most) >= 0:
        share = 0.55
    else:
        share = brentq(slope, least, most, xtol=1e-15)
    expected = (ups - downs - cases * change) / math.sqrt(cases * (2 * share + change - change**2))
    assert tango_z(ups, downs, cases, change) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("ups", "downs", "cases"), [(1, 0, 1), (5, 0, 5), (300, 0, 300)])
def test_tango_reaches_the_end_where_every_case_moved(ups: int, downs: int, cases: int) -> None:
    squared = two_sided_z(0.05) ** 2
    expected = ((cases - squared) / (cases + squared), 1)

    assert tango(ups, downs, cases) == pytest.approx(expected, abs=1e-9)
    assert tango(downs, ups, cases) == pytest.approx((-1, -expected[0]), abs=1e-9)


def test_tango_scales_with_the_range_of_the_score() -> None:
    low, high = tango(2, 6, 40)

    assert tango(2, 6, 40, span=4) == pytest.approx((4 * low, 4 * high))


@given(counts, st.sampled_from([0.01, 0.05, 0.1]))
def test_swapping_the_arms_mirrors_tango_exactly(split: tuple[int, int, int], alpha: float) -> None:
    low, high = tango(split[0], split[1], sum(split), alpha=alpha)

    assert tango(split[1], split[0], sum(split), alpha=alpha) == (-high, -low)


differences = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


@given(differences)
def test_swapping_the_arms_mirrors_the_guarded_interval_exactly(values: list[float]) -> None:
    low, high = guarded(values)

    assert guarded([-value for value in values]) == (-high, -low)


@given(differences, st.randoms())
def test_the_order_of_cases_changes_no_bit(values: list[float], chance: random.Random) -> None:
    keyed = [(value, index % 3) for index, value in enumerate(values)]
    shuffled = chance.sample(keyed, len(keyed))

    assert guarded([value for value, _ in shuffled]) == guarded(values)
    assert guarded_grouped(*zip(*shuffled, strict=True)) == guarded_grouped(*zip(*keyed, strict=True))


@given(differences)
def test_the_guarded_interval_holds_its_shrunk_centre_and_stays_in_range(values: list[float]) -> None:
    estimate = guarded_estimate(values)
    interval = guarded(values)
    seen = math.fsum(values) / len(values)

    assert -1 <= interval.low < estimate.centre < interval.high <= 1
    assert abs(estimate.centre) <= abs(seen)
    assert interval.low <= seen <= interval.high or abs(seen) > 0.5


@given(differences, st.floats(0.001, 0.4))
def test_intervals_widen_as_alpha_shrinks(values: list[float], alpha: float) -> None:
    narrow, wide = guarded(values, alpha=alpha), guarded(values, alpha=alpha / 2)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high

    ups, downs = sum(v > 0.5 for v in values), sum(v < -0.5 for v in values)
    narrow, wide = (tango(ups, downs, len(values), alpha=a) for a in (alpha, alpha / 2))
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@given(differences)
def test_groups_of_one_change_nothing(values: list[float]) -> None:
    assert guarded_grouped(values, range(len(values))) == guarded(values)


@given(st.integers(1, 200))
def test_without_differences_tango_and_guarded_agree(cases: int) -> None:
    squared = two_sided_z(0.05) ** 2
    expected = squared / (cases + squared)

    assert tango(0, 0, cases) == pytest.approx((-expected, expected), abs=1e-9)
    assert guarded([0.0] * cases) == pytest.approx((-expected, expected), abs=1e-9)


def test_the_quantile_is_that_of_scipy() -> None:
    for alpha in (1e-6, 0.01, 0.05, 0.5, 0.99):
        assert two_sided_z(alpha) == pytest.approx(norm.isf(alpha / 2), abs=1e-12)


def test_suite_scope_allows_different_numbers_of_samples() -> None:
    estimate = suite_estimate([[0, 1], [1]], [[1, 1, 1], [0, 1]])
    squared = two_sided_z(0.05) ** 2
    base = (0.5 + squared / 2) / (1 + squared) * (1 / 2 + 1)
    tuned = (0.5 + squared / 2) / (3 + squared) * (1 / 3 + 1 / 2)

    assert estimate == pytest.approx(Estimate((0.5 - 0.5) / 2, math.sqrt((base + tuned) / 4)))


@pytest.mark.parametrize(("ups", "downs", "cases"), [(-1, 0, 3), (0, -1, 3), (2, 2, 3), (0, 0, 0)])
def test_counts_that_do_not_fit_are_refused(ups: int, downs: int, cases: int) -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        tango(ups, downs, cases)
    with pytest.raises(ValueError, match="do not fit together"):
        tango_z(ups, downs, cases, 0)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, math.nan])
def test_an_alpha_outside_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        guarded([0.0], alpha=alpha)


def test_what_has_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        guarded([])
    with pytest.raises(ValueError, match="not a finite number"):
        guarded([math.nan])
    with pytest.raises(ValueError, match="2 cases but 1 group keys"):
        group_totals([0, 1], ["a"])
    with pytest.raises(ValueError, match="two cases, or two groups"):
        standard_error([1])
    with pytest.raises(ValueError, match="two cases, or two groups"):
        standard_error([1, 0], ["a", "a"])
    with pytest.raises(ValueError, match="two samples or more of a case"):
        suite_scope([[1], [0]], [[1, 1], [0, 0]])
    with pytest.raises(ValueError, match="both arms need the same"):
        suite_scope([[1, 0]], [[1, 1], [0, 0]])
    with pytest.raises(ValueError, match=r"lies in \[-1, 1\]"):
        tango_z(1, 1, 3, 1.5)
