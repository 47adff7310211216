"""Quantities without a range, such as lengths: the t interval and test, approximate, never a gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalharness.stats.intervals import Interval, mean, standard_error
from evalharness.stats.student import t_quantile, t_tail


class TwoTests(NamedTuple):
    """Two one-sided tests: against a loss of the margin (above), against a gain of it (below)."""

    t_above: float
    t_below: float
    p_above: float
    p_below: float

    @property
    def p(self) -> float:
        """Of equivalence: the larger of the two, as both must hold."""
        return max(self.p_above, self.p_below)


def t_interval(differences: Sequence[float], *, alpha: float = 0.05) -> Interval:
    """Student's interval for a mean difference, in the units of the differences.

    To be marked approximate: a few large differences not met yet would move it by any amount.
    Raises ValueError below two differences, or for one that is not finite.
    """
    error = standard_error(differences)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    reach = t_quantile(alpha / 2, len(differences) - 1) * error
    centre = mean(differences)
    return Interval(centre - reach, centre + reach)


def tost(centre: float, deviation: float, cases: int, margin: float) -> TwoTests:
    """Whether a mean difference lies within ±margin, by two one-sided t tests.

    centre, deviation: mean and standard deviation (n - 1) of the differences, both in the units of
    the margin. (Schuirmann 1987.) Raises ValueError below two cases, or without any spread.
    """
    if cases < 2 or not (deviation > 0 and margin > 0):
        raise ValueError("equivalence by t needs two cases, a spread and a margin above zero")
    error = deviation / math.sqrt(cases)
    t_above, t_below = (centre + margin) / error, (centre - margin) / error
    freedom = cases - 1
    return TwoTests(t_above, t_below, t_tail(t_above, freedom), t_tail(-t_below, freedom))


def t_test(differences: Sequence[float]) -> float:
    """The p value of no mean difference, two-sided, by Student's paired test; 0 or 1 where the differences never vary.

    Raises ValueError below two differences, or for one that is not finite.
    """
    error, centre = standard_error(differences), mean(differences)
    if error <= 1e-12 * abs(centre):
        return 0.0 if centre else 1.0
    return 2 * t_tail(abs(centre) / error, len(differences) - 1)
