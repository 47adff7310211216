"""Drift over turns, and how far questions and personas move a model."""

import math
import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from evalharness.stats.persona import (
    Runs,
    Wander,
    drift,
    reach,
    slope,
    steepest,
    thirds,
    wander,
    wander_bounds,
)

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def test_r1() -> None:
    # Method, section 14: three personas, two items, three runs.
    found = wander(_r1())

    assert found == pytest.approx((3.803848, 0.831938), abs=1e-6)


def _r1() -> Runs:
    """[[445,222],[444,312],[555,444]]: a list a persona, a number an item, a digit a run."""
    rows = [["445", "222"], ["444", "312"], ["555", "444"]]
    return {str(p): {str(q): [float(run) for run in item] for q, item in enumerate(row)} for p, row in enumerate(rows)}


def test_scores_that_never_vary_are_infinitely_robust() -> None:
    runs = {"a": {"x": [1.0, 1.0]}, "b": {"x": [1.0, 1.0]}}

    assert wander(runs) == Wander(math.inf, 0.0)


@given(SHARES)
def test_a_slope_is_that_of_least_squares(values: list[float]) -> None:
    assert slope(values) == pytest.approx(linregress(range(1, len(values) + 1), values).slope, abs=1e-9)


def test_a_slope_minds_which_turns_were_graded() -> None:
    # By hand: turns 1, 2, 6, mean 3; (-2 * 1 - 1 * 1 + 3 * 0) / 14.
    assert slope([1, 1, 0], [1, 2, 6]) == pytest.approx(-3 / 14)
    assert drift([1, 1, 0], [1, 2, 6]) == pytest.approx(-15 / 14)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8])
def test_the_bound_is_the_largest_slope_there_is(count: int) -> None:
    # A linear function on a cube is largest at a corner, so all corners are tried.
    turns = range(1, count + 1)

    found = max(slope(corner) for corner in product((0.0, 1.0), repeat=count))

    assert steepest(turns) == pytest.approx(found)
    closed = 3 / (2 * count) if count % 2 else 3 * count / (2 * (count**2 - 1))
    assert steepest(turns) == pytest.approx(closed)


@given(st.sets(st.integers(1, 40), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_no_drift_leaves_its_bounds(places: set[int], rng: random.Random) -> None:
    turns = sorted(places)
    values = [rng.random() for _ in turns]

    assert abs(drift(values, turns)) <= reach(turns) + 1e-12 <= 1.5 + 1e-9


def test_thirds_take_whole_turns() -> None:
    assert thirds([1, 1, 0.5, 0.5, 0.25, 0.75]) == pytest.approx(-0.5)
    assert thirds([1, 0, 0, 0, 0]) == -1  # a third of five turns is one
    assert thirds([1, 0.5]) == -0.5


def test_a_bootstrap_draws_whole_personas() -> None:
    runs = _personas(24, spread=0.2, noise=0.05, seed=1)
    wilder = _personas(24, spread=0.2, noise=0.15, seed=1)

    bounds = wander_bounds(runs, wilder, seed=3)

    assert bounds == wander_bounds(runs, wilder, seed=3)
    assert bounds.base_robustness.low < wander(runs).robustness < bounds.base_robustness.high
    # Three times the noise: a third of the robustness, so the change is far below zero.
    assert bounds.robustness.high < 0
    back = wander_bounds(wilder, runs, seed=3)
    assert (back.robustness.low, back.robustness.high) == (-bounds.robustness.high, -bounds.robustness.low)


def test_the_bootstrap_agrees_with_one_by_hand() -> None:
    runs = _personas(20, spread=0.2, noise=0.1, seed=5)
    names = list(runs)
    picks = np.random.default_rng(0).integers(0, 20, (9_999, 20))[:400]
    drawn = [wander({str(place): runs[names[at]] for place, at in enumerate(row)}) for row in picks]

    bounds = wander_bounds(runs, runs, seed=0)

    # 400 of its own resamples, computed one by one: quantiles of so few agree to a twentieth.
    assert bounds.base_robustness == pytest.approx(np.quantile([d.robustness for d in drawn], [0.025, 0.975]), rel=0.05)
    assert bounds.base_susceptibility == pytest.approx(
        np.quantile([d.susceptibility for d in drawn], [0.025, 0.975]), rel=0.05
    )
    assert bounds.robustness == bounds.susceptibility == (0, 0)


def _personas(count: int, *, spread: float, noise: float, seed: int) -> Runs:
    rng = random.Random(seed)
    found: dict[str, dict[str, list[float]]] = {}
    for persona in range(count):
        centre = rng.gauss(0.5, spread)
        found[f"p{persona}"] = {f"q{item}": [rng.gauss(centre, noise) for _ in range(4)] for item in range(3)}
    return found


def test_below_twenty_personas_there_is_no_interval() -> None:
    with pytest.raises(ValueError, match="19 personas: a bootstrap over personas needs 20"):
        wander_bounds(*[_personas(19, spread=0.1, noise=0.1, seed=0)] * 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: slope([1.0]), "a slope needs two turns or more"),
        (lambda: slope([1.0, 0.0], [2, 2]), "in rising order"),
        (lambda: slope([1.0, 0.0], [1]), "2 values at 1 turns"),
        (lambda: thirds([1.0]), "two turns or more"),
        (lambda: wander({"a": {"x": [1, 1]}}), "from two on"),
        (lambda: wander({"a": {"x": [1, 1]}, "b": {"y": [1, 1]}}), "persona 'b' has other items"),
        (lambda: wander({"a": {"x": [1, 1]}, "b": {"x": [1]}}), "fewer than two runs"),
        (lambda: wander_bounds({}, {"a": {}}), "the same personas"),
    ],
)
def test_bad_input_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
