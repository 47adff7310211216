"""One model against a threshold, looked at on the way: see `sequential`."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from evalharness.stats.intervals import Interval, mean
from evalharness.stats.mixture import log_beta
from evalharness.stats.rates import Threshold
from evalharness.stats.sequential import sequence


def rate_sequence(passes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """The confidence sequence for a pass rate: exact at any number of cases, valid at any look (Robbins 1970).

    All rates against which a coin of unknown bias, Beta(1/2, 1/2), has less evidence than 1 / alpha.
    """
    if not 0 <= passes <= cases or cases < 1:
        raise ValueError(f"{passes} of {cases}: these counts do not fit together")
    # The lower bound is the mirrored upper one, so that passes and fails can change places.
    return Interval(1 - _rate_upper(cases - passes, cases, alpha), _rate_upper(passes, cases, alpha))


def threshold_sequence(
    samples: Sequence[Sequence[float]],
    at_least: float,
    *,
    planned: int,
    groups: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Threshold:
    """Whether the mean score is shown to reach `at_least`, valid at any look.

    samples: the scores of each case in [0, 1]; a case counts once. Where every case has one sample that passed or
    failed, and no groups, by `rate_sequence`; otherwise by `sequence` of the distances to `at_least`.
    """
    means = [mean(scores) for scores in samples]
    rate = mean(means)
    if groups is not None and len(set(groups)) == len(groups):
        groups = None
    if groups is None and all(len(scores) == 1 and scores[0] in (0, 1) for scores in samples):
        bounds = rate_sequence(round(sum(means)), len(means), alpha=alpha)
    else:
        found = sequence([value - at_least for value in means], groups, planned=planned, alpha=alpha).interval
        bounds = Interval(max(0.0, at_least + found.low), min(1.0, at_least + found.high))
    if bounds.low >= at_least:
        return Threshold(rate, *bounds, "met")
    return Threshold(rate, *bounds, "failed" if bounds.high < at_least else "open")


def _rate_upper(passes: int, cases: int, alpha: float) -> float:
    """The largest rate that is not left out, by bisection; above the seen rate the evidence only grows."""
    if passes == cases:
        return 1.0
    most = math.log(1 / alpha)
    inside, outside = passes / cases, 1.0
    for _ in range(52):
        middle = (inside + outside) / 2
        if _log_rate_evidence(passes, cases, middle) < most:
            inside = middle
        else:
            outside = middle
    return inside


def _log_rate_evidence(passes: int, cases: int, rate: float) -> float:
    """Against a rate above 0: a value of 1 is never asked for."""
    fails = cases - passes
    supposed = (passes * math.log(rate) if passes else 0.0) + fails * math.log1p(-rate)
    return log_beta(passes + 0.5, fails + 0.5) - math.log(math.pi) - supposed
