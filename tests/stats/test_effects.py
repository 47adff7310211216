"""Effect sizes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stats.effects import cliffs_delta, deviation, standardised

VALUES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=12)


@settings(max_examples=40)
@given(VALUES, VALUES)
def test_cliffs_delta_is_that_of_counting_every_pair(base: list[float], tuned: list[float]) -> None:
    counted = sum((after > before) - (after < before) for after in tuned for before in base)

    assert cliffs_delta(base, tuned) == pytest.approx(counted / (len(base) * len(tuned)))
    assert cliffs_delta(tuned, base) == -cliffs_delta(base, tuned)


def test_cliffs_delta_by_hand() -> None:
    # Of 12 pairs 8 are higher, 3 lower, 1 equal.
    assert cliffs_delta([1, 2, 5], [2, 3, 4, 6]) == pytest.approx(5 / 12)
    assert cliffs_delta([1, 2], [3, 4]) == 1


def test_a_mean_difference_in_deviations_of_the_differences() -> None:
    # Mean 2; squares 4 + 0 + 4 over 2 make a deviation of 2.
    assert deviation([0, 2, 4]) == 2
    assert standardised([0, 2, 4]) == 1


def test_differences_that_never_vary_have_no_size_in_deviations() -> None:
    assert standardised([0.1 + 0.2, 0.3]) is None
    assert standardised([0, 0]) is None


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="two values"):
        standardised([1])
    with pytest.raises(ValueError, match="each side needs a value"):
        cliffs_delta([], [1])
