"""How many cases it takes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.paired import Change, Design, paired_change, tango, verdict_word
from evalharness.stats.planning import (
    Variances,
    cases_for_margin,
    cases_needed,
    cases_needed_binary,
    cheapest_samples,
    floor_cases,
    floor_cases_gain,
    floor_cases_guarded,
    floor_cases_threshold,
    from_pilot,
    remedy,
    samples_to_clear,
    smallest_effect,
    smallest_effect_binary,
)
from evalharness.stats.rates import threshold

PILOT = Variances(1 / 9, 1 / 6, 1 / 6)


def counted(both: int, ups: int, downs: int, neither: int) -> Change:
    base = [[1.0]] * both + [[0.0]] * ups + [[1.0]] * downs + [[0.0]] * neither
    tuned = [[1.0]] * (both + ups) + [[0.0]] * (downs + neither)
    return paired_change(base, tuned)


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 73), (0.10, 35), (0.15, 22), (0.20, 16), (0.25, 12)])
def test_the_floor_is_where_no_difference_first_shows_held(margin: float, cases: int) -> None:
    assert floor_cases(margin) == cases
    assert tango(0, 0, cases).low > -margin >= tango(0, 0, cases - 1).low


@given(st.floats(0.01, 2), st.sampled_from([0.01, 0.05, 0.1]), st.sampled_from([1.0, 4.0]))
def test_the_floor_is_exact(margin: float, alpha: float, span: float) -> None:
    cases = floor_cases(margin, span, alpha)

    assert tango(0, 0, cases, span=span, alpha=alpha).low > -margin
    assert cases == 5 or tango(0, 0, cases - 1, span=span, alpha=alpha).low <= -margin + 1e-12


@given(st.floats(0, 0.97))
def test_the_floor_of_a_gain_is_exact(at_least: float) -> None:
    cases = floor_cases_gain(at_least)

    assert tango(cases, 0, cases).low >= at_least - 1e-9
    assert cases == 5 or tango(cases - 1, 0, cases - 1).low < at_least


def test_the_floor_of_a_threshold_is_where_all_passing_first_meets_it() -> None:
    assert floor_cases_threshold(0.99) == 381
    assert floor_cases_threshold(0.99, interval="exact") == 368
    for at_least in (0.5, 0.8, 0.9, 0.95):
        for interval in ("score", "exact"):
            cases = floor_cases_threshold(at_least, interval=interval)
            assert threshold([[1.0]] * cases, at_least, interval=interval).outcome == "met"
            assert cases == 5 or threshold([[1.0]] * (cases - 1), at_least, interval=interval).outcome == "open"


def test_n1_graded() -> None:
    assert smallest_effect(198, PILOT.per_case()) == pytest.approx(0.132733, abs=1e-6)
    assert smallest_effect(198, PILOT.per_case(10, 10)) == pytest.approx(0.075670, abs=1e-6)
    assert cases_needed(0.03, PILOT.per_case(math.inf, math.inf)) == 969


@pytest.mark.parametrize(("discordance", "cases"), [(0.06, 186), (0.10, 312), (0.20, 626), (0.30, 940)])
def test_n1_binary(discordance: float, cases: int) -> None:
    assert cases_needed_binary(0.05, discordance) == cases
    assert smallest_effect_binary(cases, discordance) == pytest.approx(0.05, abs=2e-4)


@given(st.integers(1, 5000), st.floats(0.001, 1), st.sampled_from([0.3, 0.5, 0.8, 0.95]))
def test_the_smallest_effect_needs_just_these_cases(cases: int, variance: float, power: float) -> None:
    effect = smallest_effect(cases, variance, power=power)
    if effect > 1e-6:
        assert cases_needed(effect, variance, power=power) == cases

    binary = smallest_effect_binary(cases, variance, power=power)
    assert binary is None or cases_needed_binary(binary, variance, power=power) <= cases + 1


def test_too_few_cases_see_no_effect_at_all() -> None:
    assert smallest_effect_binary(20, 0.1) is None


def test_a_margin_is_never_planned_below_its_floor() -> None:
    assert cases_for_margin(0.05, 0.10) == 312
    assert cases_for_margin(0.05, 0.01) == 73
    assert cases_for_margin(0.05, 0.0) == 73
    assert cases_for_margin(0.20, 0.01, span=4) == 73


def test_a_pilot_tells_noise_from_spread() -> None:
    """By hand: noise 1/3 and 0 a sample; differences -1/3, 1/3, 0 have variance 1/9."""
    base = [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]
    tuned = [[1 / 3] * 3, [2 / 3] * 3, [1.0, 1.0, 1.0]]

    pilot = from_pilot(base, tuned)

    assert (pilot.base, pilot.tuned) == pytest.approx((2 / 9, 0))
    assert pilot.between == pytest.approx(1 / 9 - 2 / 27)


def test_a_pilot_of_single_samples_puts_all_spread_between_cases() -> None:
    assert from_pilot([[1], [0], [1]], [[1], [1], [0]]) == Variances(1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("variances", "case_cost", "sample_cost", "samples"),
    [
        (Variances(0.1, 0.2, 0.2), 1, 1, 2),  # sqrt(0.4 / 0.1 * 1) = 2
        (Variances(0.1, 0.45, 0.45), 1, 1, 3),  # sqrt(9) = 3
        (Variances(0.1, 0.2, 0.2), 4, 1, 4),  # sqrt(16) = 4
        (Variances(0.1, 0.0, 0.0), 5, 1, 1),
        (Variances(0.0, 0.2, 0.2), 1, 1, 10),
        (Variances(0.1, 0.2, 0.2), 0, 1, 1),
    ],
)
def test_the_cheapest_number_of_samples_is_a_square_root(
    variances: Variances, case_cost: float, sample_cost: float, samples: int
) -> None:
    assert cheapest_samples(variances, case_cost=case_cost, sample_cost=sample_cost) == samples


def test_b1_is_told_to_come_back_with_626_cases() -> None:
    result = remedy(counted(30, 2, 6, 2), 0.05)

    assert (result.cases, result.if_unchanged) == (626, 626)
    assert result.provable_margin == pytest.approx(0.253475, abs=1e-6)


def test_without_differences_the_remedy_is_the_floor() -> None:
    assert remedy(counted(60, 0, 0, 0), 0.05)[:3] == (73, 73, 73)


def test_cases_as_seen_decide_if_the_pattern_repeats() -> None:
    """A little more than told: the count is a normal approximation, the test that decides is exact."""
    change = counted(160, 10, 16, 14)
    times = math.ceil(1.1 * remedy(change, 0.05).if_as_seen / change.cases)
    repeated = counted(160 * times, 10 * times, 16 * times, 14 * times)

    assert verdict_word(change, margin=0.05, p_adjusted=change.p)[0] == "INCONCLUSIVE"
    assert verdict_word(repeated, margin=0.05, p_adjusted=repeated.p)[0] == "REGRESSED"


def test_many_cases_with_a_loss_near_the_margin_need_still_more() -> None:
    change = counted(580, 22, 36, 100)
    result = remedy(change, 0.03)

    assert result.cases > change.cases
    assert result.cases == max(result.if_unchanged, result.if_as_seen)


@given(
    st.lists(
        st.tuples(*[st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=2)] * 2),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(["population", "suite", "groups"]),
    st.floats(0.01, 0.5),
)
def test_a_remedy_always_asks_for_more(pairs: list[tuple[list[float], list[float]]], kind: str, margin: float) -> None:
    change = paired_change(
        [a for a, _ in pairs],
        [b for _, b in pairs],
        groups=[index // 2 for index in range(len(pairs))] if kind == "groups" else None,
        design=Design(scope="suite" if kind == "suite" else "population"),
    )

    result = remedy(change, margin)

    assert result.cases > change.cases
    assert result.provable_margin == change.provable_margin


def test_groups_need_a_floor_of_groups() -> None:
    arm = [[1.0]] * 30
    change = paired_change(arm, arm, groups=[index // 3 for index in range(30)])

    assert remedy(change, 0.05).cases == 3 * 73


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="margin and span must be above zero"):
        floor_cases(0)
    with pytest.raises(ValueError, match="a gain of 1 cannot be shown"):
        floor_cases_gain(1)
    with pytest.raises(ValueError, match="no number of cases shows a rate of at least 1"):
        floor_cases_threshold(1)
    with pytest.raises(ValueError, match="no case count for an effect of 0"):
        cases_needed(0, 0.1)
    with pytest.raises(ValueError, match=r"no change of 0\.2 is possible"):
        cases_needed_binary(0.2, 0.1)
    with pytest.raises(ValueError, match="no smallest effect for 0 cases"):
        smallest_effect(0, 0.1)
    with pytest.raises(ValueError, match="no smallest effect for 10 cases"):
        smallest_effect_binary(10, math.nan)
    with pytest.raises(ValueError, match="a share of cases lies in"):
        cases_for_margin(0.05, 1.2)
    with pytest.raises(ValueError, match="two at least, each with a sample"):
        from_pilot([[1]], [[1]])
    with pytest.raises(ValueError, match="no best number of samples"):
        cheapest_samples(PILOT, case_cost=1, sample_cost=0)
    with pytest.raises(ValueError, match="at least once"):
        PILOT.per_case(0, 1)
    with pytest.raises(ValueError, match="power must lie between 0 and 1"):
        cases_needed(0.1, 0.1, power=1)


@pytest.mark.parametrize(("at_least", "floor"), [(0.5, 9), (0.8, 20), (0.9, 39)])
def test_the_guarded_floor_is_where_the_guarded_interval_first_reaches_the_level(at_least: float, floor: int) -> None:
    outcomes = [threshold([[1.0, 1.0]] * cases, at_least).outcome for cases in (floor - 1, floor)]

    assert floor_cases_guarded(at_least) == floor
    assert outcomes == ["open", "met"]


def test_samples_to_clear_is_where_the_suite_interval_first_clears() -> None:
    noisy = [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]] * 5

    samples = samples_to_clear(noisy, noisy, 0.05)

    # noise 0.125 a case and arm stays: var = 2 * (0.125 * df + 1.920729) / (df + 3.841459) / (20 k)
    df = 20 * (samples - 1) if samples else 0
    reach = [
        1.959964 * (2 * (0.125 * f + 1.920729) / (f + 3.841459) / (20 * k)) ** 0.5
        for f, k in ((df - 20, (samples or 0) - 1), (df, samples or 1))
    ]
    assert reach[1] < 0.05 <= reach[0]
    assert samples_to_clear([[1.0]], [[1.0]], 0.0001) is None
