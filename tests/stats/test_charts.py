"""Control charts, against worked examples of the method and by hand."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.charts import (
    CUSUM_LIMIT,
    binomial_sigma,
    cusum_down,
    ewma,
    false_alarms,
    generation_sigma,
    shewhart,
    steady_limits,
)

# T1: a rate of .916 over 200 cases that slides from the sixth value on.
CENTRE = 0.916
SIGMA = binomial_sigma(CENTRE, 200)
SLIDE = [0.92, 0.90, 0.93, 0.91, 0.92, 0.88, 0.86, 0.85, 0.84]
# T2: a handbook's EWMA, l = .3, L = 3.
HANDBOOK = [52, 47, 53, 49.3, 50.1, 47, 51, 50.1, 51.2, 50.5]


def first(rings: list[bool]) -> int:
    """When it first rang, counted from 1."""
    return rings.index(True) + 1


def test_t1_the_average_and_its_limits() -> None:
    found = ewma(SLIDE, CENTRE, SIGMA)

    assert [point.value for point in found] == pytest.approx(
        [0.916800, 0.913440, 0.916752, 0.915402, 0.916321, 0.909057, 0.899246, 0.889396, 0.879517], abs=1e-5
    )
    assert [point.low for point in found] == pytest.approx(
        [0.905408, 0.902436, 0.900836, 0.899896, 0.899322, 0.898964, 0.898740, 0.898597, 0.898507], abs=1e-5
    )
    assert [point.high - CENTRE for point in found] == pytest.approx([CENTRE - point.low for point in found])


def test_t1_the_sum_of_losses() -> None:
    found = cusum_down(SLIDE, CENTRE, SIGMA)

    assert found == pytest.approx([0, 0.3157, 0, 0, 0, 1.3354, 3.6905, 6.5554, 9.9301], abs=1e-4)


def test_t1_the_limit_of_a_single_value() -> None:
    assert shewhart(CENTRE, SIGMA).low == pytest.approx(0.857157, abs=1e-5)


def test_t1_all_three_rules_ring_first_at_the_eighth() -> None:
    limits = shewhart(CENTRE, SIGMA)

    assert first([not limits.low <= value <= limits.high for value in SLIDE]) == 8
    assert first([point.rings for point in ewma(SLIDE, CENTRE, SIGMA)]) == 8
    assert first([total > CUSUM_LIMIT for total in cusum_down(SLIDE, CENTRE, SIGMA)]) == 8


def test_t2_the_average_with_another_weight() -> None:
    found = ewma(HANDBOOK, 50, 2.0539, smoothing=0.3, reach=3)

    assert [point.value for point in found] == pytest.approx(
        [50.6, 49.52, 50.564, 50.1848, 50.15936, 49.211552, 49.748086, 49.85366, 50.257562, 50.330294], abs=1e-5
    )


def test_t2_the_limits_it_grows_towards() -> None:
    limits = steady_limits(50, 2.0539, smoothing=0.3, reach=3)

    assert limits == pytest.approx((47.411568, 52.588432), abs=1e-5)
    late = ewma([50.0] * 40, 50, 2.0539, smoothing=0.3, reach=3)[-1]
    assert (late.low, late.high) == pytest.approx(limits, abs=1e-5)


def test_the_noise_of_samples_by_hand() -> None:
    # variances 1/3, 0 and 1/2 of samples 1 1 0, 1 1 1 and 1 0; their mean 5/18, over 4 samples of 3 cases
    cases = [(1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0)]

    assert generation_sigma(cases, 4) == pytest.approx(math.sqrt(5 / 18 / 12))


def test_a_case_with_one_sample_counts_as_the_mean_of_the_others() -> None:
    assert generation_sigma([(1.0, 0.0), (1.0, 0.0), (1.0,)], 2) == pytest.approx(math.sqrt(0.5 / 6))


def test_samples_that_score_alike_have_no_noise() -> None:
    assert generation_sigma([(0.1, 0.1, 0.1)] * 5, 3) == 0
    assert generation_sigma([(0.1,)] * 5, 1) == 0


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_no_chart_without_noise(sigma: float) -> None:
    with pytest.raises(ValueError, match="a chart needs a noise above 0"):
        ewma([0.5], 0.5, sigma)
    with pytest.raises(ValueError, match="a chart needs a noise above 0"):
        cusum_down([0.5], 0.5, sigma)
    with pytest.raises(ValueError, match="a chart needs a noise above 0"):
        shewhart(0.5, sigma)


@given(st.floats(0, 1), st.floats(0.001, 1), st.integers(1, 60), st.floats(0.01, 1))
def test_a_score_that_stays_rings_nothing(centre: float, sigma: float, length: int, smoothing: float) -> None:
    values = [centre] * length

    assert not any(point.rings for point in ewma(values, centre, sigma, smoothing=smoothing))
    assert cusum_down(values, centre, sigma) == [0.0] * length


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_average_mirrors_where_the_values_are_mirrored(values: list[float], sigma: float) -> None:
    up = ewma(values, 0.5, sigma)
    down = ewma([1 - value for value in values], 0.5, sigma)

    assert [1 - point.value for point in up] == pytest.approx([point.value for point in down])
    assert [point.low for point in up] == [point.low for point in down]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1), st.floats(0, 0.2))
def test_lower_scores_never_have_a_smaller_sum_of_losses(values: list[float], sigma: float, loss: float) -> None:
    before = cusum_down(values, 0.5, sigma)
    after = cusum_down([value - loss for value in values], 0.5, sigma)

    assert all(lower >= upper for lower, upper in zip(after, before, strict=True))


# --- how often they ring for nothing ----------------------------------------------------------------------------------

PAGE = Path(__file__).resolve().parents[2] / "docs" / "history.md"


def rings_below(times: float, snapshots: int, *, histories: int = 3000) -> float:
    """The share of histories in which a rule rings below though nothing changes, counted with the charts themselves."""
    noise = iter(NormalDist().samples(histories * (snapshots + 1), seed=7))
    rang = 0
    for _ in range(histories):
        centre = next(noise) / math.sqrt(times)
        values = [next(noise) for _ in range(snapshots)]
        smoothed = any(point.value < point.low for point in ewma(values, centre, 1))
        rang += smoothed or min(values) < centre - 3 or max(cusum_down(values, centre, 1)) > CUSUM_LIMIT
    return rang / histories


@pytest.mark.parametrize(("times", "snapshots"), [(1, 8), (4, 8), (16, 24), (math.inf, 8)])
def test_false_alarms_are_as_many_as_the_charts_themselves_give(times: float, snapshots: int) -> None:
    # two counts of 3,000 and 4,000: four standard errors of their difference are below 0.05
    assert false_alarms(snapshots, times) == pytest.approx(rings_below(times, snapshots), abs=0.04)


def test_one_value_rings_as_often_as_its_closest_limit_is_passed() -> None:
    # t = 1: the EWMA's limit is 2.7 sigma, closest of the three; P(Z < -2.7) = 0.003467
    assert false_alarms(1) == pytest.approx(0.003467, abs=0.003)


def test_the_page_has_the_shares() -> None:
    page = PAGE.read_text("utf-8")
    for name, times in (("as many", 1), ("4 times", 4), ("16 times", 16), ("exact", math.inf)):
        row = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        told = [float(cell.strip(" %")) for cell in row.split("|")[2:4]]
        assert told == [pytest.approx(100 * false_alarms(number, times), abs=1) for number in (8, 24)]
