"""One model on its own: rates with intervals, a threshold, and repeated samples."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from evalharness.stats.intervals import Interval, guarded_estimate, mean, two_sided_z
from evalharness.stats.preference import (
    LengthControlError,
    LengthFit,
    PositionBias,
    WinRate,
    length_controlled,
    length_fit,
    position_bias,
    similar_lengths,
    win_rate,
)

__all__ = [
    "LengthControlError",
    "LengthFit",
    "PositionBias",
    "Threshold",
    "WinRate",
    "below_three_over_n",
    "clopper_pearson",
    "flakiness",
    "gini",
    "length_controlled",
    "length_fit",
    "mean_pass_at_k",
    "mean_pass_hat_k",
    "pass_at_k",
    "pass_hat_k",
    "position_bias",
    "similar_lengths",
    "threshold",
    "wilson",
    "win_rate",
]


class Threshold(NamedTuple):
    """A mean score in [0, 1] with its interval, and what it says about the least that was asked.

    `met` if the whole interval reaches it, `failed` if none of it does, else `open`.
    """

    rate: float
    low: float
    high: float
    outcome: Literal["met", "failed", "open"]


def wilson(passes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """The score interval for a pass rate (Wilson 1927): never empty, never outside [0, 1].

    Raises ValueError for counts that do not fit together.
    """
    _check_counts(passes, cases)
    squared = two_sided_z(alpha) ** 2
    centre = (passes + squared / 2) / (cases + squared)
    reach = math.sqrt(squared * (passes * (cases - passes) / cases + squared / 4)) / (cases + squared)
    # At the ends the formula gives 0 and 1, rounding a little less.
    low = 0.0 if passes == 0 else centre - reach
    return Interval(low, 1.0 if passes == cases else centre + reach)


def clopper_pearson(passes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """The exact interval for a pass rate (Clopper and Pearson 1934): its level is guaranteed, it is wide.

    Raises ValueError for counts that do not fit together.
    """
    _check_counts(passes, cases)
    two_sided_z(alpha)
    from scipy.special import betaincinv

    fails = cases - passes
    low = 0.0 if passes == 0 else float(betaincinv(passes, fails + 1, alpha / 2))
    high = 1.0 if fails == 0 else float(betaincinv(passes + 1, fails, 1 - alpha / 2))
    return Interval(low, high)


def threshold(
    samples: Sequence[Sequence[float]],
    at_least: float,
    *,
    groups: Sequence[Hashable] | None = None,
    interval: Literal["score", "exact"] = "score",
    alpha: float = 0.05,
) -> Threshold:
    """Whether the mean score over the cases is shown to reach `at_least`.

    samples: the scores of each case in [0, 1]; a case counts once. Where every case has one sample
    that passed (1) or failed (0), and no groups, the interval is Wilson's, or with `exact` Clopper
    and Pearson's. Otherwise it is the guarded one, of the distances to `at_least`.

    Raises ValueError for no cases, a case without samples, or a number outside [0, 1].
    """
    if not 0 <= at_least <= 1:
        raise ValueError(f"a mean score lies in [0, 1], at least {at_least} cannot be asked")
    means = _case_means(samples)
    rate = mean(means)
    if groups is not None and len(set(groups)) == len(groups) == len(samples):
        groups = None
    binary = all(len(scores) == 1 and scores[0] in (0, 1) for scores in samples)
    if groups is None and binary:
        bounds = (clopper_pearson if interval == "exact" else wilson)(round(sum(means)), len(means), alpha=alpha)
    else:
        distances = [value - at_least for value in means]
        distance = guarded_estimate(distances, groups, alpha=alpha).interval(alpha=alpha)
        bounds = Interval(max(0.0, at_least + distance.low), min(1.0, at_least + distance.high))
    if bounds.low >= at_least:
        return Threshold(rate, *bounds, "met")
    return Threshold(rate, *bounds, "failed" if bounds.high < at_least else "open")


def below_three_over_n(cases: int) -> float:
    """After no failure in so many cases: the failure rate that is excluded at 95%, 3 / n, at most 1.

    (The rule of three, Hanley and Lippman-Hand 1983.)
    """
    _check_counts(0, cases)
    return min(1.0, 3 / cases)


def pass_at_k(samples: int, passes: int, k: int) -> float:
    """The chance that at least one of k samples passes, from `passes` of `samples` (Chen et al. 2021).

    Raises ValueError for more samples drawn than there are.
    """
    _check_draw(samples, passes, k)
    return 1 - math.comb(samples - passes, k) / math.comb(samples, k)


def pass_hat_k(samples: int, passes: int, k: int) -> float:
    """The chance that all of k samples pass, from `passes` of `samples` (pass^k, Yao et al. 2024).

    Raises ValueError for more samples drawn than there are.
    """
    _check_draw(samples, passes, k)
    return math.comb(passes, k) / math.comb(samples, k)


def mean_pass_at_k(samples: Sequence[int], passes: Sequence[int], k: int) -> float:
    """`pass_at_k` averaged over cases, each with its own number of samples and passes."""
    return mean([pass_at_k(n, c, k) for n, c in _paired_counts(samples, passes)])


def mean_pass_hat_k(samples: Sequence[int], passes: Sequence[int], k: int) -> float:
    """`pass_hat_k` averaged over cases, each with its own number of samples and passes."""
    return mean([pass_hat_k(n, c, k) for n, c in _paired_counts(samples, passes)])


def flakiness(samples: Sequence[Sequence[Hashable]]) -> float:
    """The share of cases whose samples do not all agree: scores, or answers as text."""
    _check_cases(samples)
    return sum(len(set(values)) > 1 for values in samples) / len(samples)


def gini(samples: Sequence[Sequence[Hashable]]) -> float:
    """How likely two samples of a case differ, drawn with replacement: 1 - Σp², averaged over cases.

    In [0, 1); 0 where every case always answers the same. Unlike `flakiness` it weighs how evenly
    the answers split.
    """
    _check_cases(samples)
    return mean([_impurity(values) for values in samples])


def _impurity(values: Sequence[Hashable]) -> float:
    return 1 - sum((values.count(value) / len(values)) ** 2 for value in set(values))


def _case_means(samples: Sequence[Sequence[float]]) -> list[float]:
    _check_cases(samples)
    for index, scores in enumerate(samples):
        for score in scores:
            if not -1e-9 <= score <= 1 + 1e-9:
                raise ValueError(f"case {index}: the score {score} is not within 0 and 1")
    return [mean(scores) for scores in samples]


def _check_cases(samples: Sequence[Sequence[Hashable]]) -> None:
    if not samples or not all(samples):
        raise ValueError("every case needs a sample, and there must be a case; leave out what has none")


def _check_counts(passes: int, cases: int) -> None:
    if not 0 <= passes <= cases or cases < 1:
        raise ValueError(f"{passes} of {cases}: these counts do not fit together")


def _check_draw(samples: int, passes: int, k: int) -> None:
    _check_counts(passes, samples)
    if not 1 <= k <= samples:
        raise ValueError(f"{k} of {samples} samples cannot be drawn")


def _paired_counts(samples: Sequence[int], passes: Sequence[int]) -> list[tuple[int, int]]:
    if len(samples) != len(passes) or not samples:
        raise ValueError(f"{len(samples)} and {len(passes)} counts: one of each a case, at least one case")
    return list(zip(samples, passes, strict=True))
