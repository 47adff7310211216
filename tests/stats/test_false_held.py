"""How often a tune that really lost the margin would be called HELD: at most 2.5% is the aim.

For one pass or fail a case every outcome is enumerated; noisy samples are simulated. The bounds
asserted here are what was measured, rounded up; the t interval stands beside them as the reason
for not using it.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multinomial, t

from evalharness.stats.intervals import guarded, suite_scope, tango_z, two_sided_z

Z = two_sided_z(0.05)
Rule = Callable[[int, int, int, float], bool]


def by_tango(ups: int, downs: int, cases: int, margin: float) -> bool:
    return tango_z(ups, downs, cases, -margin) > Z


def by_guarded(ups: int, downs: int, cases: int, margin: float) -> bool:
    weight = cases + Z**2
    centre = (ups - downs) / weight
    return centre - Z * math.sqrt(((ups + downs + Z**2) / weight - centre**2) / weight) > -margin


def by_t(ups: int, downs: int, cases: int, margin: float) -> bool:
    centre = (ups - downs) / cases
    variance = max(0.0, ups + downs - cases * centre**2) / (cases - 1)
    return bool(centre - t.isf(0.025, cases - 1) * math.sqrt(variance / cases) > -margin)


def worst(rule: Rule, cases: int, margin: float, disagreements: NDArray[np.float64]) -> float:
    """The largest chance of HELD at a true change of -margin, over these shares of disagreement."""
    splits = [(b, c) for b in range(cases + 1) for c in range(cases + 1 - b)]
    held = np.array([(b, c, cases - b - c) for b, c in splits if rule(b, c, cases, margin)])
    if not len(held):
        return 0.0
    rates = [[max(0.0, (d - margin) / 2), (d + margin) / 2, 1 - d] for d in disagreements]
    return max(float(multinomial.pmf(held, cases, rate).sum()) for rate in rates)


def shares(margin: float, most: float) -> NDArray[np.float64]:
    return np.linspace(margin, most, 12)


def test_the_guarded_rule_here_is_the_guarded_interval() -> None:
    for ups, downs in ((0, 0), (2, 6), (5, 1)):
        low = guarded([1.0] * ups + [-1.0] * downs + [0.0] * (40 - ups - downs)).low
        assert by_guarded(ups, downs, 40, -low + 1e-9)
        assert not by_guarded(ups, downs, 40, -low - 1e-9)


@pytest.mark.parametrize(("cases", "margin"), [(20, 0.2), (40, 0.1)])
def test_a_loss_of_the_margin_is_seldom_held(cases: int, margin: float) -> None:
    assert worst(by_tango, cases, margin, shares(margin, 0.5)) <= 0.029


def test_the_t_interval_would_hold_it_far_more_often() -> None:
    assert worst(by_t, 20, 0.05, shares(0.05, 0.5)) == pytest.approx(0.3585, abs=1e-4)
    assert worst(by_t, 40, 0.05, shares(0.05, 0.5)) == pytest.approx(0.1285, abs=1e-4)


@pytest.mark.nightly
@pytest.mark.parametrize("cases", [20, 30, 40, 73, 100, 200])
@pytest.mark.parametrize("margin", [0.05, 0.10, 0.15, 0.20, 0.25])
def test_false_held_on_a_grid(cases: int, margin: float) -> None:
    ordinary = np.linspace(margin, 0.5, 40)
    extreme = np.linspace(0.5, 1, 40)

    assert worst(by_tango, cases, margin, ordinary) <= 0.031
    assert worst(by_tango, cases, margin, extreme) <= 0.037
    assert worst(by_guarded, cases, margin, ordinary) <= 0.048
    assert worst(by_guarded, cases, margin, extreme) <= 0.037


@pytest.mark.nightly
@pytest.mark.parametrize("cases", [20, 40, 100])
@pytest.mark.parametrize("rate", [0.6, 0.9, 0.97])
@pytest.mark.parametrize("samples", [3, 8])
def test_false_held_with_noisy_samples(cases: int, rate: float, samples: int) -> None:
    """Each case has its own pass rate; the tuned one is lower by the margin on average.

    Population: cases drawn anew each time. Suite: the same cases each time.
    """
    margin, repetitions = 0.1, 4000
    generator = np.random.default_rng(cases * 1000 + samples)
    spread = generator.beta(8 * rate, 8 * (1 - rate), cases)
    fixed_base = np.maximum(spread, margin)
    held = {"G": 0, "S": 0}
    for _ in range(repetitions):
        fresh = np.maximum(generator.beta(8 * rate, 8 * (1 - rate), cases), margin)
        for kind, truth in (("G", fresh), ("S", fixed_base)):
            base = generator.binomial(samples, truth)
            tuned = generator.binomial(samples, truth - margin)
            if kind == "G":
                held[kind] += guarded(((tuned - base) / samples).tolist()).low > -margin
            else:
                arms = [[[1.0] * c + [0.0] * (samples - c) for c in arm] for arm in (base, tuned)]
                held[kind] += suite_scope(arms[0], arms[1]).low > -margin

    assert held["G"] / repetitions <= 0.025
    assert held["S"] / repetitions <= 0.035


@pytest.mark.nightly
@pytest.mark.parametrize("cases", [20, 40, 100, 200])
@pytest.mark.parametrize("margin", [0.05, 0.10, 0.20])
def test_false_held_where_a_few_cases_lose_everything(cases: int, margin: float) -> None:
    """The hard case for the guarded interval: rare whole losses among noise of nearly perfect samples."""
    repetitions, samples = 4000, 3
    generator = np.random.default_rng(cases)
    held = 0
    for _ in range(repetitions):
        lost = generator.random(cases) < margin
        noise = (generator.binomial(samples, 0.97, cases) - generator.binomial(samples, 0.97, cases)) / samples
        held += guarded(np.where(lost, -1.0, noise).tolist()).low > -margin

    assert held / repetitions <= 0.042
