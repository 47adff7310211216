"""Which interval and test a comparison gets, and what a change holds."""

import math
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from evalharness.stats.paired import (
    Change,
    Design,
    SuiteScopeError,
    guarded,
    guarded_grouped,
    mcnemar,
    mcnemar_midp,
    paired_change,
    sign_flip,
    suite_scope,
    tango,
)

Arm = list[list[float]]

DEFAULT = Design()


def bits(words: str) -> Arm:
    return [[float(letter) for letter in word] for word in words.split()]


THRICE_BASE = bits("111 110 111 001 111 101 111 000 111 111")
THRICE_TUNED = bits("111 100 111 000 111 111 011 000 111 110")


def table(both: int, ups: int, downs: int, neither: int) -> tuple[Arm, Arm]:
    """Base and tuned, one pass or fail a case."""
    base = [[1.0]] * both + [[0.0]] * ups + [[1.0]] * downs + [[0.0]] * neither
    tuned = [[1.0]] * (both + ups) + [[0.0]] * (downs + neither)
    return base, tuned


@pytest.mark.parametrize(
    ("counts", "change", "low", "high", "p"),
    [
        pytest.param((30, 2, 6, 2), -0.1, -0.253475, 0.045793, 0.289063, id="B1"),
        pytest.param((14, 0, 6, 0), -0.3, -0.518973, -0.090537, 0.03125, id="B2"),
        pytest.param((60, 0, 0, 0), 0, -0.060172, 0.060172, 1, id="B3"),
        pytest.param((73, 0, 0, 0), 0, -0.049992, 0.049992, 1, id="B4"),
        pytest.param((452, 31, 17, 100), 0.023333, 0.000729, 0.047239, 0.059463, id="B5"),
        pytest.param((9, 1, 0, 0), 0.1, -0.205286, 0.404150, 1, id="B6"),
        pytest.param((1, 1, 7, 12), -0.285714, -0.517232, -0.026003, 0.070313, id="B7"),
    ],
)
def test_pass_or_fail_gets_the_score_interval(
    counts: tuple[int, int, int, int], change: float, low: float, high: float, p: float
) -> None:
    both, ups, downs, neither = counts
    result = paired_change(*table(*counts))

    assert result.interval == "T"
    assert (result.ups, result.downs, result.unchanged) == (ups, downs, both + neither)
    assert (result.change, result.low, result.high, result.p) == pytest.approx((change, low, high, p), abs=1e-6)
    assert result.p_midp == mcnemar_midp(ups, downs)
    assert result.guarded_error == pytest.approx(guarded_half(both + neither, ups, downs))
    assert (result.suite_low, result.suite_high) == (None, None)


def guarded_half(same: int, ups: int, downs: int) -> float:
    low, high = guarded([1.0] * ups + [-1.0] * downs + [0.0] * same)
    return (high - low) / 2 / 1.959963984540054


def test_several_samples_get_the_guarded_interval_and_the_suite_one_beside_it_k1() -> None:
    result = paired_change(THRICE_BASE, THRICE_TUNED)

    assert result.interval == "G"
    assert (result.low, result.high) == pytest.approx((-0.366721, 0.222228), abs=1e-6)
    assert (result.suite_low, result.suite_high) == pytest.approx((-0.305220, 0.105220), abs=1e-6)
    assert (result.change, result.error) == pytest.approx((-0.1, 0.071146), abs=1e-6)
    assert (result.ups, result.downs, result.unchanged) == (1, 4, 5)
    assert (result.p, result.p_midp) == (0.375, None)


def test_suite_scope_decides_where_it_was_declared() -> None:
    result = paired_change(THRICE_BASE, THRICE_TUNED, design=Design(scope="suite"))

    assert result.interval == "S"
    assert (result.low, result.high) == suite_scope(THRICE_BASE, THRICE_TUNED)
    assert (result.population_low, result.population_high) == pytest.approx((-0.366721, 0.222228), abs=1e-6)
    assert result.p == pytest.approx(2 * norm.sf(0.1 / (0.205220 / norm.isf(0.025))), abs=1e-5)


def test_graded_scores_get_the_guarded_interval_d1() -> None:
    moves = [0, 0, -1, 0, 1, 0, 0, -2, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, -1]
    result = paired_change([[2.0]] * 24, [[2.0 + move] for move in moves], design=Design(span=4))

    assert result.interval == "G"
    assert (result.low, result.high) == pytest.approx((-0.736384, 0.449042), abs=1e-6)
    assert result.p == 0.359375


def test_groups_get_the_grouped_interval_c1() -> None:
    moves = [-1, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 1]
    base = [[1.0 if move < 0 else 0.0] for move in moves]
    tuned = [[score[0] + move] for score, move in zip(base, moves, strict=True)]
    keys = list("aabbcccddeff")

    result = paired_change(base, tuned, groups=keys)

    assert (result.interval, result.cases, result.groups) == ("GG", 12, 6)
    assert (result.low, result.high) == pytest.approx((-0.553273, 0.350051), abs=1e-6)
    assert (result.error, result.p) == pytest.approx((0.198373, 0.75), abs=1e-6)
    assert result.p_midp is None


def test_groups_of_one_case_are_no_groups() -> None:
    base, tuned = table(5, 2, 1, 2)

    assert paired_change(base, tuned, groups=list("abcdefghij")) == paired_change(base, tuned)


def test_equal_texts_count_as_one_sample() -> None:
    base, tuned = table(5, 2, 1, 2)
    thrice = [[score * 3 for score in arm] for arm in (base, tuned)]

    assert paired_change(*thrice, design=Design(k1=True)) == paired_change(base, tuned)
    assert paired_change(*thrice).interval == "G"


def test_a_case_counts_once_however_often_it_was_asked() -> None:
    result = paired_change([[1, 1, 1, 1], [0]], [[1], [1, 1]])

    assert (result.base, result.tuned, result.change) == (0.5, 1.0, 0.5)


def test_a_lost_sample_here_and_there_leaves_the_suite_scope() -> None:
    base, tuned = [[1.0, 0.0]] * 3 + [[1.0]], [[1.0, 1.0]] * 2 + [[0.0]] * 2

    assert paired_change(base, tuned).suite_low is not None
    assert paired_change(base[2:], tuned[2:]).suite_low is None


def test_rounding_makes_no_difference_of_its_own() -> None:
    """The means of 0.1, 0.2, 0.3 and of 0.2, 0.2, 0.2 differ in the last bit."""
    result = paired_change([[0.1, 0.2, 0.3]] * 6, [[0.2, 0.2, 0.2]] * 6)

    assert (result.ups, result.downs, result.unchanged, result.change, result.p) == (0, 0, 6, 0, 1)


def test_one_case_has_no_standard_error() -> None:
    assert paired_change([[1]], [[0]]).error is None
    assert paired_change([[1], [0]], [[0], [0]], groups=["a", "a"]).error is None


def test_the_mid_p_decides_where_it_was_declared_b7() -> None:
    result = paired_change(*table(1, 1, 7, 12), design=Design(test="midp"))

    assert result.p == result.p_midp == pytest.approx(0.039063, abs=1e-6)


@pytest.mark.parametrize(
    ("cases", "margin", "p"), [pytest.param(60, 0.05, 0.03778, id="B3"), pytest.param(73, 0.05, 0.02499, id="B4")]
)
def test_p_noninferior_gives_the_worked_examples(cases: int, margin: float, p: float) -> None:
    assert paired_change(*table(cases, 0, 0, 0)).p_noninferior(margin) == pytest.approx(p, abs=1e-5)


def changes(design: Design = DEFAULT, *, groups: int | None = None) -> st.SearchStrategy[Change]:
    scores = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=2, max_size=2)
    pairs = st.lists(st.tuples(scores, scores), min_size=1, max_size=12)
    return pairs.map(
        lambda cases: paired_change(
            [a for a, _ in cases],
            [b for _, b in cases],
            groups=None if groups is None else [str(i % groups) for i in range(len(cases))],
            design=design,
        )
    )


binary = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40)
single = binary.map(lambda cases: paired_change([[a] for a, _ in cases], [[b] for _, b in cases]))


@given(
    st.one_of(single, changes(), changes(Design(scope="suite")), changes(groups=3)),
    st.floats(0.01, 1.2),
)
def test_p_noninferior_and_the_lower_bound_tell_the_same(change: Change, margin: float) -> None:
    if abs(change.low + margin) > 1e-9 and change.low > -1:
        assert (change.p_noninferior(margin) <= 0.025) == (change.low > -margin)


@given(changes())
def test_the_provable_margin_is_the_smallest_that_fails(change: Change) -> None:
    assert change.provable_margin == max(0, -change.low)
    assert change.low > -(change.provable_margin + 1e-9)


def test_a_clear_gain_has_a_provable_margin_of_zero() -> None:
    assert paired_change(*table(0, 30, 0, 0)).provable_margin == 0


def test_a_margin_beyond_the_range_is_never_lost() -> None:
    assert paired_change(*table(5, 1, 2, 0)).p_noninferior(3) == 0


@given(binary, st.randoms())
def test_shuffling_the_cases_changes_nothing(cases: list[tuple[float, float]], chance: random.Random) -> None:
    keyed = [([a, a, 1 - a], [b, 0.3, 0.7], index % 4) for index, (a, b) in enumerate(cases)]
    shuffled = chance.sample(keyed, len(keyed))

    def compared(rows: list[tuple[list[float], list[float], int]]) -> list[Change]:
        base, tuned, keys = [list(column) for column in zip(*rows, strict=True)]
        return [paired_change(base, tuned), paired_change(base, tuned, groups=keys)]

    assert compared(shuffled) == compared(keyed)


@given(binary)
def test_swapping_the_arms_flips_every_sign(cases: list[tuple[float, float]]) -> None:
    base, tuned = [[a] for a, _ in cases], [[b] for _, b in cases]

    there, back = paired_change(base, tuned), paired_change(tuned, base)

    assert (back.change, back.low, back.high) == (-there.change, -there.high, -there.low)
    assert (back.ups, back.downs, back.p, back.p_midp) == (there.downs, there.ups, there.p, there.p_midp)


@given(binary)
def test_a_model_against_itself_has_no_change(cases: list[tuple[float, float]]) -> None:
    arm = [list(case) for case in cases]
    result = paired_change(arm, arm)

    assert (result.change, result.ups, result.downs, result.p) == (0, 0, 0, 1)
    assert result.low == -result.high < 0


def test_the_parts_are_the_functions_of_their_names() -> None:
    base, tuned = table(5, 3, 1, 2)
    result = paired_change(base, tuned)
    graded = paired_change([[0.2]] * 20, [[0.1 + index / 40] for index in range(20)], design=Design(seed=4))

    assert (result.low, result.high) == tango(3, 1, 11)
    assert result.p == mcnemar(3, 1)
    assert graded.p == pytest.approx(sign_flip([index / 40 - 0.1 for index in range(20)], seed=4))
    assert guarded_grouped([1, 0], ["a", "b"]) == guarded([1, 0])


def test_suite_scope_without_repeated_samples_is_refused() -> None:
    base, tuned = table(3, 1, 1, 1)
    message = "suite scope needs two samples or more of most cases in both arms"

    with pytest.raises(SuiteScopeError, match=message):
        paired_change(base, tuned, design=Design(scope="suite"))
    with pytest.raises(SuiteScopeError, match=message):
        paired_change(THRICE_BASE, tuned=THRICE_TUNED, design=Design(scope="suite", k1=True))


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [
        ([], [], "0 and 0 cases: both arms need the same, at least one"),
        ([[1]], [[1], [1]], "1 and 2 cases: both arms need the same, at least one"),
        ([[1], []], [[1], [1]], "base, case 1: no samples; leave the case out on both sides"),
        ([[1]], [[math.nan]], "tuned, case 0: the score nan is not within 0 and 1.0"),
        ([[1.5]], [[1]], "base, case 0: the score 1.5 is not within 0 and 1.0"),
        ([[1]], [[-0.1]], "tuned, case 0: the score -0.1 is not within 0 and 1.0"),
    ],
)
def test_scores_that_are_none_are_refused(base: Arm, tuned: Arm, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_change(base, tuned)


def test_designs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1, not 1"):
        Design(alpha=1)
    with pytest.raises(ValueError, match="span must be a positive number, not 0"):
        Design(span=0)
    with pytest.raises(ValueError, match="2 cases but 1 group keys"):
        paired_change([[1], [1]], [[1], [1]], groups=["a"])
    with pytest.raises(ValueError, match="a margin is a loss of zero or more"):
        paired_change([[1]], [[1]]).p_noninferior(math.nan)


def test_importing_loads_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys, evalharness.stats.paired, evalharness.stats.rates, evalharness.stats.many, "
        "evalharness.stats.planning, evalharness.stats.unbounded; "
        "sys.exit(sorted({'numpy', 'scipy'} & set(sys.modules)) or 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
