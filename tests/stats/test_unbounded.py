"""The t interval and the two one-sided t tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from evalharness.stats.unbounded import t_interval, t_test, tost

LIKERT = [0, 0, -1, 0, 1, 0, 0, -2, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, -1]


def test_e1() -> None:
    result = tost(0.01, 0.18, 60, 0.05)

    assert result == pytest.approx((2.581989, -1.721326, 0.006163, 0.045216), abs=1e-6)
    assert result.p == pytest.approx(0.045216, abs=1e-6)


def test_d1_has_the_textbook_interval() -> None:
    assert t_interval(LIKERT) == pytest.approx((-0.435657, 0.102324), abs=1e-6)


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=30).filter(lambda v: max(v) - min(v) > 1))
def test_both_agree_with_scipy(values: list[float]) -> None:
    above, below = (ttest_1samp(values, mean, alternative=a) for mean, a in ((-3, "greater"), (3, "less")))
    interval = ttest_1samp(values, 0).confidence_interval(0.9)
    centre = sum(values) / len(values)
    deviation = (sum((v - centre) ** 2 for v in values) / (len(values) - 1)) ** 0.5

    result = tost(centre, deviation, len(values), 3)

    assert (result.p_above, result.p_below) == pytest.approx((above.pvalue, below.pvalue), abs=1e-9)
    assert t_interval(values, alpha=0.1) == pytest.approx((interval.low, interval.high), abs=1e-6, rel=1e-9)


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=30).filter(lambda v: max(v) - min(v) > 1))
def test_the_paired_test_agrees_with_scipy(values: list[float]) -> None:
    assert t_test(values) == pytest.approx(ttest_1samp(values, 0).pvalue, abs=1e-9)


def test_differences_that_never_vary_are_certain() -> None:
    assert (t_test([0.0, 0.0]), t_test([0.5, 0.5, 0.5])) == (1.0, 0.0)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="two cases"):
        t_interval([1])
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        t_interval([1, 2], alpha=0)
    with pytest.raises(ValueError, match="two cases, a spread and a margin"):
        tost(0, 0, 60, 0.05)
