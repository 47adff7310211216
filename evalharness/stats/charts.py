"""Control charts: whether scores taken one after another still scatter around where they began.

A chart sees a slow slide that no single step shows. It rings for somebody to read; it decides nothing. Throughout,
`centre` is the mean of the reference and `sigma` the standard deviation of one later mean while nothing changes.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from evalharness.stats.intervals import Interval, mean

SMOOTHING = 0.2
"""The weight of the newest value in the EWMA."""
REACH = 2.7
"""How many standard deviations of the EWMA its limits lie from the centre."""
SHEWHART_REACH = 3.0
"""How many standard deviations of a single value its limits lie from the centre."""
SLACK = 0.5
"""The part of a loss, in sigma, that the CUSUM lets pass each time."""
CUSUM_LIMIT = 4.0
"""The CUSUM rings above it."""


class Smoothed(NamedTuple):
    """An EWMA and its limits at one time."""

    value: float
    low: float
    high: float

    @property
    def rings(self) -> bool:
        """Whether the value lies beyond a limit."""
        return not self.low <= self.value <= self.high


def shewhart(centre: float, sigma: float) -> Interval:
    """The limits of a single value, three sigma either side (Shewhart 1931): they see one large jump at once."""
    _check(sigma)
    return Interval(centre - SHEWHART_REACH * sigma, centre + SHEWHART_REACH * sigma)


def ewma(
    values: Sequence[float], centre: float, sigma: float, *, smoothing: float = SMOOTHING, reach: float = REACH
) -> list[Smoothed]:
    """The exponentially weighted moving average from the centre on, with its exact limits at each time.

    y(t) = l x(t) + (1 - l) y(t - 1), y(0) = centre; limits centre ± L sigma sqrt(l / (2 - l) (1 - (1 - l)^2t)). It
    remembers, so it sees a small lasting change that no single value shows. (Roberts 1959; with exact limits and the
    choice of l and L, Lucas and Saccucci 1990.)

    Raises ValueError unless 0 < smoothing <= 1 and sigma > 0.
    """
    _check(sigma, smoothing)
    found: list[Smoothed] = []
    level = centre
    for time, value in enumerate(values, 1):
        level = smoothing * value + (1 - smoothing) * level
        width = reach * sigma * math.sqrt(smoothing / (2 - smoothing) * (1 - (1 - smoothing) ** (2 * time)))
        found.append(Smoothed(level, centre - width, centre + width))
    return found


def steady_limits(centre: float, sigma: float, *, smoothing: float = SMOOTHING, reach: float = REACH) -> Interval:
    """The limits that those of an EWMA grow towards, `ewma` having narrower ones at the start."""
    _check(sigma, smoothing)
    width = reach * sigma * math.sqrt(smoothing / (2 - smoothing))
    return Interval(centre - width, centre + width)


def cusum_down(values: Sequence[float], centre: float, sigma: float, *, slack: float = SLACK) -> list[float]:
    """The cumulative sum of losses in sigma, less a slack each time, never below 0 (Page 1954).

    C(t) = max(0, C(t - 1) + (centre - x(t)) / sigma - slack). A loss counts, a rise only pays one back.

    Raises ValueError unless sigma > 0.
    """
    _check(sigma)
    found: list[float] = []
    total = 0.0
    for value in values:
        total = max(0.0, total + (centre - value) / sigma - slack)
        found.append(total)
    return found


def generation_sigma(cases: Sequence[Sequence[float]], samples: int) -> float:
    """The standard deviation that the model's own randomness gives a mean over these very cases.

    sqrt(Σ s²/k) / n with s² the variance within a case (by its samples - 1) and k the samples a case has in the means
    that are charted, which need not be as many as here. A case with one sample counts as the mean of the others.
    0.0 where no case has two samples, or where all of them scored alike.

    Raises ValueError for no cases, a case without samples, or fewer than one sample to chart.
    """
    if not cases or not all(cases) or samples < 1:
        raise ValueError("every case needs a sample, and there must be a case")
    variances = [_variance(scores) for scores in cases if len(scores) > 1]
    return math.sqrt(mean(variances) / (samples * len(cases))) if variances else 0.0


def binomial_sigma(centre: float, cases: int) -> float:
    """The standard deviation of a rate over so many cases, sqrt(p (1 - p) / n): the p-chart's.

    For scores between 0 and 1 it is the largest that their mean can have. 0.0 at a rate of 0 or 1.

    Raises ValueError for a rate outside [0, 1] or no cases.
    """
    if not -1e-9 <= centre <= 1 + 1e-9 or cases < 1:
        raise ValueError(f"a rate of {centre} over {cases} cases")
    return math.sqrt(max(0.0, centre * (1 - centre)) / cases)


HISTORIES = 4000
"""How many made-up histories `false_alarms` counts."""


@functools.cache
def false_alarms(snapshots: int, times: float = math.inf) -> float:
    """How likely any rule rings below within so many values, though nothing changes and sigma is right.

    times: how many values' worth of samples the centre rests on. The limits take it as exact, and its own error,
    sigma / sqrt(times), stays in every later distance from it. Counted over 4,000 seeded histories of normal noise,
    so sure to 0.015 or so.
    """
    noise = random.Random(0)  # noqa: S311 - a simulation, not a secret
    error = 0.0 if math.isinf(times) else 1 / math.sqrt(times)
    limits = [point.low for point in ewma([0.0] * snapshots, 0.0, 1.0)]
    rang = 0
    for _ in range(HISTORIES):
        shift = error * noise.gauss()
        level = total = 0.0
        for low in limits:
            value = noise.gauss() - shift
            level += SMOOTHING * (value - level)
            total = max(0.0, total - value - SLACK)
            if level < low or total > CUSUM_LIMIT or value < -SHEWHART_REACH:
                rang += 1
                break
    return rang / HISTORIES


def _variance(scores: Sequence[float]) -> float:
    if min(scores) == max(scores):
        return 0.0
    centre = mean(scores)
    return math.fsum((score - centre) ** 2 for score in scores) / (len(scores) - 1)


def _check(sigma: float, smoothing: float = 1.0) -> None:
    if not sigma > 0 or not math.isfinite(sigma):
        raise ValueError(f"a chart needs a noise above 0, not {sigma}")
    if not 0 < smoothing <= 1:
        raise ValueError(f"a weight lies above 0 and up to 1, not {smoothing}")
