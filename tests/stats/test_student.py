"""Student's distribution against scipy's, and against what is known in closed form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.student import incomplete_beta, t_quantile, t_tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 59, 400, 9_999, 1_000_000])
@pytest.mark.parametrize("t", [-40.0, -2.5, -1e-6, 0.0, 0.3, 1.0, 1.96, 4.0, 12.0, 60.0])
def test_the_tail_is_scipys(t: float, freedom: int) -> None:
    from scipy.special import stdtr

    assert t_tail(t, freedom) == pytest.approx(float(stdtr(freedom, -t)), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 399, 10_000])
@pytest.mark.parametrize("tail", [0.025, 0.005, 0.1, 0.499, 1e-6])
def test_the_quantile_is_scipys(tail: float, freedom: int) -> None:
    from scipy.special import stdtrit

    assert t_quantile(tail, freedom) == pytest.approx(-float(stdtrit(freedom, tail)), rel=1e-8)


def test_with_one_degree_of_freedom_it_is_cauchys() -> None:
    assert t_tail(1.0, 1) == pytest.approx(0.25)
    assert t_tail(math.inf, 3) == 0.0
    assert t_tail(-math.inf, 3) == 1.0


@given(st.floats(0.1, 500), st.floats(0.1, 500), st.integers(0, 1024))
def test_law_the_incomplete_beta_function_is_its_own_mirror(a: float, b: float, part: int) -> None:
    x = part / 1024  # whose mirror is exact too

    assert incomplete_beta(a, b, x) + incomplete_beta(b, a, 1 - x) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: t_tail(1.0, 0), "0 degrees of freedom are none"),
        (lambda: t_quantile(0.5, 9), "a tail lies between 0 and 1/2, not 0.5"),
    ],
)
def test_what_is_no_distribution_is_refused(call: object, told: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=told):
        call()
