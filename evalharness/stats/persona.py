"""How a persona lasts: drift over the turns of a conversation, and how far questions and personas move a model.

Adherence is a score in [0, 1]. Everything is a plain mean of conversations or of personas, so that the intervals of
`paired` and a bootstrap over whole personas apply.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from evalharness.stats.intervals import Interval, mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST_TURNS = 3
"""Two turns always lie on a line, so a drift needs three."""

FEWEST_PERSONAS = 20
"""Below so many groups a bootstrap does not cover what it says."""

RESAMPLES = 9_999

Runs = Mapping[str, Mapping[str, Sequence[float]]]
"""Persona -> item -> the score of each run."""


def slope(values: Sequence[float], turns: Sequence[int] | None = None) -> float:
    """How much a score changes a turn: the slope of the least-squares line over the turns.

    turns: at which turn each value stands, rising; 1, 2, 3, ... if left out. Raises ValueError below two turns, or
    where values and turns do not fit together.
    """
    places = _places(len(values), turns)
    centre = mean(places)
    spread = math.fsum((place - centre) ** 2 for place in places)
    return math.fsum((place - centre) * value for place, value in zip(places, values, strict=True)) / spread


def steepest(turns: Sequence[int]) -> float:
    """The largest slope that scores in [0, 1] at these turns can have; the smallest is the same with a minus.

    A slope is a weighted sum of the scores, with weight (t - mean t) / sum (t - mean t)², so it is largest where every
    score above the middle turn is 1 and every other 0: the sum of the positive weights. Of turns 1 to T that is
    3 / 2T for an odd T, and 3T / 2(T² - 1) for an even one.
    """
    places = _places(len(turns), turns)
    centre = mean(places)
    spread = math.fsum((place - centre) ** 2 for place in places)
    return math.fsum(place - centre for place in places if place > centre) / spread


def drift(values: Sequence[float], turns: Sequence[int] | None = None) -> float:
    """The change of the least-squares line from the first turn to the last; below 0 where the score falls.

    It lies within ±`reach`. See `slope` for the arguments.
    """
    places = _places(len(values), turns)
    return slope(values, places) * (places[-1] - places[0])


def reach(turns: Sequence[int]) -> float:
    """The largest `drift` that scores in [0, 1] at these turns can have: 1 over three turns, never above 1.5."""
    return steepest(turns) * (turns[-1] - turns[0])


def thirds(values: Sequence[float]) -> float:
    """The mean of the last third of the turns minus that of the first; a third is rounded down, and one turn at least.

    In [-1, 1], below 0 where the score falls; unlike the slope it takes no line for granted. Raises ValueError below
    two values.
    """
    if len(values) < 2:
        raise ValueError("a first and a last third need two turns or more")
    size = max(1, len(values) // 3)
    return mean(values[-size:]) - mean(values[:size])


class Wander(NamedTuple):
    """How far replies wander, over personas p, items q and runs r.

    robustness: 1 / mean over p, q of the standard deviation over runs; infinite where no run differs from another.
    susceptibility: the mean over q of the standard deviation over personas of the mean over runs. Both with n - 1.
    """

    robustness: float
    susceptibility: float


def wander(runs: Runs) -> Wander:
    """Robustness and susceptibility of scores by persona and item (Abdulhai et al. 2025, Samuel et al. 2024).

    Raises ValueError unless there are two personas or more, each with the same items, and two runs or more of each.
    """
    noise, centres = _tables(runs)
    inner = mean([value for row in noise for value in row])
    across = mean([_deviation(column) for column in zip(*centres, strict=True)])
    return Wander(1 / inner if inner > 0 else math.inf, across)


class WanderBounds(NamedTuple):
    """Intervals from one bootstrap over personas: of each arm, and of the change from base to tuned.

    A robustness that is infinite in both arms has a change of 0.
    """

    base_robustness: Interval
    tuned_robustness: Interval
    robustness: Interval
    base_susceptibility: Interval
    tuned_susceptibility: Interval
    susceptibility: Interval


def wander_bounds(base: Runs, tuned: Runs, *, alpha: float = 0.05, seed: int = 0) -> WanderBounds:
    """Percentile intervals by drawing whole personas with replacement, 9,999 times, the same ones for both arms.

    Raises ValueError below 20 personas, where such intervals are known to be too narrow, and where the arms differ in
    their personas or items.
    """
    import numpy as np

    if base.keys() != tuned.keys():
        raise ValueError("both arms need the same personas")
    if len(base) < FEWEST_PERSONAS:
        raise ValueError(f"{len(base)} personas: a bootstrap over personas needs {FEWEST_PERSONAS}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    order = list(base)
    tables = [_tables({persona: arm[persona] for persona in order}) for arm in (base, tuned)]
    picks = np.random.default_rng(seed).integers(0, len(order), (RESAMPLES, len(order)))
    counts = np.zeros((RESAMPLES, len(order)))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], picks), 1.0)
    found = [_resampled(np.array(noise), np.array(centres), counts) for noise, centres in tables]
    (r_base, s_base), (r_tuned, s_tuned) = found
    with np.errstate(invalid="ignore"):
        moved = np.where(np.isinf(r_base) & np.isinf(r_tuned), 0.0, r_tuned - r_base)
    series = (r_base, r_tuned, moved, s_base, s_tuned, s_tuned - s_base)
    return WanderBounds(*(_percentiles(values, alpha) for values in series))


def _places(count: int, turns: Sequence[int] | None) -> Sequence[int]:
    places = range(1, count + 1) if turns is None else turns
    if count != len(places):
        raise ValueError(f"{count} values at {len(places)} turns")
    if count < 2 or any(later <= earlier for earlier, later in pairwise(places)):
        raise ValueError("a slope needs two turns or more, in rising order")
    return places


def _tables(runs: Runs) -> tuple[list[list[float]], list[list[float]]]:
    """For each persona and item the standard deviation over runs, and the mean."""
    items = list(next(iter(runs.values()), ()))
    if len(runs) < 2 or not items:
        raise ValueError("personas are told apart from two on, over one item at least")
    noise, centres = [], []
    for persona, by_item in runs.items():
        if by_item.keys() != set(items):
            raise ValueError(f"persona {persona!r} has other items than the first")
        if any(len(by_item[item]) < 2 for item in items):
            raise ValueError(f"persona {persona!r}: an item with fewer than two runs shows no spread")
        noise.append([_deviation(by_item[item]) for item in items])
        centres.append([mean(by_item[item]) for item in items])
    return noise, centres


def _deviation(values: Sequence[float]) -> float:
    """The sample standard deviation, n - 1 in the divisor."""
    centre = mean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def _resampled(
    noise: NDArray[np.float64], centres: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Robustness and susceptibility of each resample; counts: how often each persona is in it."""
    import numpy as np

    size = counts.shape[1]
    inner = counts @ noise.mean(axis=1) / size
    with np.errstate(divide="ignore"):
        robustness = 1 / inner
    shifted = centres - centres.mean(axis=0)  # so that squares of near-equal means cancel nothing
    first, second = counts @ shifted, counts @ shifted**2
    variance = np.maximum(0.0, second - first**2 / size) / (size - 1)
    return robustness, np.sqrt(variance).mean(axis=1)


def _percentiles(values: NDArray[np.float64], alpha: float) -> Interval:
    """The values that alpha / 2 of the resamples lie beyond, on each side; counted, so that infinity is no trouble."""
    import numpy as np

    ordered = np.sort(values)
    cut = round(alpha / 2 * (len(ordered) + 1))
    return Interval(float(ordered[max(cut, 1) - 1]), float(ordered[len(ordered) - max(cut, 1)]))
