"""Sign-flip and McNemar tests: worked examples, oracles, laws."""

import itertools
import math
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

from evalharness.stats.signs import mcnemar, mcnemar_midp, sign_flip

LIKERT = [0, 0, -1, 0, 1, 0, 0, -2, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("ups", "downs", "p"),
    [
        pytest.param(2, 6, 0.289063, id="B1"),
        pytest.param(0, 6, 0.03125, id="B2"),
        pytest.param(0, 0, 1, id="B3"),
        pytest.param(31, 17, 0.059463, id="B5"),
        pytest.param(1, 0, 1, id="B6"),
        pytest.param(1, 7, 0.070313, id="B7"),
        pytest.param(26, 14, 0.080690, id="P1"),
    ],
)
def test_mcnemar_gives_the_worked_examples(ups: int, downs: int, p: float) -> None:
    assert mcnemar(ups, downs) == pytest.approx(p, abs=1e-6)


def test_midp_gives_the_published_example_b7() -> None:
    assert mcnemar_midp(1, 7) == pytest.approx(0.039063, abs=1e-6)


def test_midp_of_equal_counts_takes_off_half_of_their_probability() -> None:
    """Fagerland 2013, supplement: 1 - 0.5 * binompdf(n12, n, 0.5)."""
    assert mcnemar_midp(1, 1) == 0.75
    assert mcnemar_midp(0, 0) == 1


def test_sign_flip_gives_the_worked_examples_d1_k1_c1() -> None:
    thrice = [value / 3 for value in (0, -1, 0, -1, 0, 1, -1, 0, 0, -1)]

    assert sign_flip(LIKERT) == 0.359375
    assert sign_flip(thrice) == 0.375
    assert sign_flip([-1, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 1], [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5]) == pytest.approx(
        0.75
    )


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(ups: int, downs: int) -> None:
    expected = binomtest(ups, ups + downs, 0.5).pvalue if ups + downs else 1.0

    assert mcnemar(ups, downs) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_mcnemar_keeps_its_digits_far_out_and_for_large_counts() -> None:
    assert mcnemar(244, 16) == pytest.approx(1.50254e-53, rel=1e-5)
    assert mcnemar(50_500, 49_500) == pytest.approx(binomtest(50_500, 100_000).pvalue, rel=1e-8)


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 5))
def test_sign_flip_of_plus_and_minus_one_is_mcnemar(ups: int, downs: int, same: int) -> None:
    assert sign_flip([1.0] * ups + [-1.0] * downs + [0.0] * same) == pytest.approx(mcnemar(ups, downs))


@given(st.lists(st.sampled_from([-1.0, -2 / 3, -0.1, 0.0, 0.3, 1 / 3, 0.7]), min_size=1, max_size=9))
def test_sign_flip_counts_every_pattern(values: list[float]) -> None:
    exact = [round(30 * value) for value in values]  # whole numbers: ties need no tolerance
    patterns = list(itertools.product([-1, 1], repeat=len(values)))
    hits = sum(abs(sum(s * v for s, v in zip(signs, exact, strict=True))) >= abs(sum(exact)) for signs in patterns)

    assert sign_flip(values) == hits / len(patterns)


def test_sign_flip_agrees_with_scipy() -> None:
    chance = random.Random(7)
    values = [chance.gauss(0.4, 1) for _ in range(12)]
    oracle = permutation_test((values,), sum, permutation_type="samples", alternative="two-sided", n_resamples=math.inf)

    assert sign_flip(values) == pytest.approx(oracle.pvalue)


def test_many_sums_are_drawn_and_come_near_the_exact_p() -> None:
    values = [1.0] * 31 + [-1.0] * 17
    p = sign_flip(values)

    assert p != sign_flip(values, seed=1)
    assert p == pytest.approx(mcnemar(31, 17), abs=0.006)
    assert sign_flip([1.0] * 60) == 1 / 20_001


def test_sums_that_differ_only_by_rounding_are_ties() -> None:
    """0.1 + 0.2 is not 0.3 in floats: a strict comparison would count half of these patterns."""
    values = [0.1, 0.2, -0.3, 0.1, 0.2, -0.3, 0.6]

    assert sign_flip(values) == sign_flip([10 * value for value in values])
    assert sign_flip([0.1, 0.2, -0.3]) == 1


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.randoms())
def test_neither_order_nor_direction_changes_p(values: list[float], chance: random.Random) -> None:
    p = sign_flip(values)

    assert sign_flip(chance.sample(values, len(values))) == p
    assert sign_flip([-value for value in values]) == p
    assert 0 < p <= 1


def test_a_seed_gives_the_same_p_again() -> None:
    values = [math.sin(index) + 0.05 for index in range(500)]

    assert sign_flip(values, seed=3) == sign_flip(values, seed=3)


def test_ten_thousand_cases_need_little_memory() -> None:
    values = [math.sin(index) for index in range(10_000)]
    sign_flip(values[:20])
    tracemalloc.start()

    sign_flip(values)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_groups_flip_together() -> None:
    assert sign_flip([1, 1, 1, -1], ["a", "a", "a", "a"]) == 1
    assert sign_flip([1, -1, 1, -1], ["a", "a", "b", "b"]) == 1


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        sign_flip([math.inf, 0])
    with pytest.raises(ValueError, match="never negative"):
        mcnemar(-1, 3)
    assert sign_flip([]) == 1


def test_what_is_too_small_to_count_does_not_make_the_seen_sum_unreachable() -> None:
    # One difference that counts: of two patterns both lie as far from zero, so p is 1.
    assert sign_flip([0.25, 1.38e-10, 1.38e-10]) == 1.0
