"""Holm and Benjamini-Hochberg: the worked example, an oracle, laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from evalharness.stats.many import benjamini_hochberg, holm

# The p-values of M1; adjusted by statsmodels.
RAW = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
HOLM = [0.01, 0.072, 0.312, 0.312, 0.312, 0.312, 0.312, 0.615, 0.615, 0.615]
BH = [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.105714, 0.216, 0.216, 0.216]

families = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_the_worked_example_m1() -> None:
    assert holm(RAW) == pytest.approx(HOLM, abs=1e-6)
    assert benjamini_hochberg(RAW) == pytest.approx(BH, abs=1e-6)


def test_the_order_given_is_kept() -> None:
    assert holm(RAW[::-1]) == holm(RAW)[::-1]
    assert benjamini_hochberg(RAW[::-1]) == benjamini_hochberg(RAW)[::-1]


@given(families)
def test_benjamini_hochberg_agrees_with_scipy(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@given(families)
def test_adjusting_raises_keeps_the_ranking_and_stays_a_probability(p: list[float]) -> None:
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert all(raw <= value * (1 + 1e-12) <= 1 + 1e-9 for raw, value in zip(p, adjusted, strict=True))
        ranked = [adjusted[index] for index in sorted(range(len(p)), key=p.__getitem__)]
        assert ranked == sorted(ranked)


@given(families)
def test_holm_is_never_below_benjamini_hochberg(p: list[float]) -> None:
    assert all(h >= b * (1 - 1e-12) for h, b in zip(holm(p), benjamini_hochberg(p), strict=True))


def test_one_test_or_none_needs_no_adjustment() -> None:
    assert holm([0.03]) == benjamini_hochberg([0.03]) == (0.03,)
    assert holm([]) == benjamini_hochberg([]) == ()


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="a p-value lies in"):
        holm([0.5, bad])
    with pytest.raises(ValueError, match="a p-value lies in"):
        benjamini_hochberg([bad, 0.5])
