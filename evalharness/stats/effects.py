"""How large a difference is, whatever its unit: in standard deviations, and by how often one value beats another."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from evalharness.stats.intervals import mean


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample (divisor n - 1); ValueError below two values."""
    if len(values) < 2:
        raise ValueError("a standard deviation needs two values")
    centre = mean(values)
    return math.sqrt(math.fsum([(value - centre) ** 2 for value in values]) / (len(values) - 1))


def standardised(differences: Sequence[float]) -> float | None:
    """The mean difference in standard deviations of the differences, for paired values; None where these never vary.

    (Cohen's d_z: Cohen 1988.) ValueError below two differences.
    """
    spread = deviation(differences)
    # Differences that are equal but for their last bit do not vary.
    return mean(differences) / spread if spread > 1e-12 * max(map(abs, differences)) else None


def cliffs_delta(base: Sequence[float], tuned: Sequence[float]) -> float:
    """How much more often a tuned value is above a base value than below it, over all pairs of the two: in [-1, 1].

    0 where neither tends to be larger, 1 where every tuned value is above every base value. (Cliff 1993.) ValueError
    where either is empty.
    """
    if not base or not tuned:
        raise ValueError("each side needs a value")
    ordered = sorted(base)
    count = len(ordered)
    above_less_below = sum([bisect_left(ordered, value) + bisect_right(ordered, value) - count for value in tuned])
    return above_less_below / (count * len(tuned))
