"""Intervals for a paired change, chosen because they seldom call a real loss held.

Throughout, a difference is tuned minus base of one case, so it lies in [-span, span] where `span`
is the width of the score's range; every bound is in the same units and is cut at the ends of that
range. The textbook t interval is not here: with few cases and high pass rates its bounds are too
narrow, and with no differences at all it has no width.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    """Two bounds in score units, meant to hold the true value in 1 - alpha of all repetitions."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A normal approximation: where an interval is centred, and one standard error around it."""

    centre: float
    error: float

    def interval(self, *, span: float = 1.0, alpha: float = 0.05) -> Interval:
        """The bounds z standard errors either side of the centre, cut at -span and span."""
        reach = two_sided_z(alpha) * self.error
        return Interval(max(-span, self.centre - reach), min(span, self.centre + reach))


def two_sided_z(alpha: float) -> float:
    """The standard normal value that alpha / 2 of the mass lies beyond: 1.959964 at 0.05.

    Raises ValueError unless 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    return -normal_quantile(alpha / 2)


def normal_quantile(share: float) -> float:
    """The standard normal value that this share of the mass lies below, the share within (0, 1)."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def upper_tail(z: float) -> float:
    """The share of a standard normal that lies above z."""
    return math.erfc(z / math.sqrt(2)) / 2


def mean(values: Sequence[float]) -> float:
    """The mean, with the same last bit whatever the order of the values."""
    return math.fsum(values) / len(values)


def tango(ups: int, downs: int, cases: int, *, span: float = 1.0, alpha: float = 0.05) -> Interval:
    """The score interval for a change in a pass rate, both models asked the same cases.

    ups, downs: cases that only the tuned, or only the base model passed; the other cases agree.
    Every change in the interval is one that `tango_z` puts within z standard errors of what was
    seen. Without any disagreement it is ±span * z² / (cases + z²). (Tango 1998.)

    Raises ValueError for negative counts, and for more disagreements than cases.
    """
    _check_counts(ups, downs, cases)
    z = two_sided_z(alpha)
    # The lower bound is the mirrored upper one, so swapping the arms mirrors the interval exactly.
    return Interval(-span * _tango_upper(downs, ups, cases, z), span * _tango_upper(ups, downs, cases, z))


def tango_z(ups: int, downs: int, cases: int, change: float) -> float:
    """How many standard errors the seen change lies above a supposed true one.

    change: the supposed change of the pass rate, in [-1, 1]. The standard error is the one that
    holds if it is true, which is why a sample without differences still has a width. Infinite
    where the supposed change allows no other outcome than itself. (Tango 1998.)
    """
    _check_counts(ups, downs, cases)
    if not -1 <= change <= 1:
        raise ValueError(f"a change of a pass rate lies in [-1, 1], not {change}")
    return _tango_z(ups, downs, cases, change)


def guarded_estimate(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    span: float = 1.0,
    alpha: float = 0.05,
) -> Estimate:
    """The mean difference after adding z² made-up cases, half at +span and half at -span.

    They stand for the rare large differences that a small sample has not met yet; their pull
    fades as cases come in. With groups the made-up ones are z² groups of average size, and the
    error is that of group totals. (After Agresti and Coull 1998, Bonett and Price 2012; for the
    groups Miller 2024.)

    groups: a key for each difference; equal keys mark cases that depend on one another.
    """
    if not differences:
        raise ValueError("no differences: an interval needs at least one case")
    made_up = two_sided_z(alpha) ** 2
    totals, sizes = group_totals(differences, groups)
    size = len(differences) / len(totals)
    weight = len(differences) + made_up * size
    centre = math.fsum(differences) / weight
    # With groups of one this is N times the variance of the cases and the made-up cases together.
    squares = math.fsum((total - centre * count) ** 2 for total, count in zip(totals, sizes, strict=True))
    squares += made_up / 2 * size**2 * ((span - centre) ** 2 + (span + centre) ** 2)
    return Estimate(centre, math.sqrt(squares) / weight)


def guarded(differences: Sequence[float], *, span: float = 1.0, alpha: float = 0.05) -> Interval:
    """The guarded interval for graded scores or several samples a case: see `guarded_estimate`."""
    return guarded_estimate(differences, span=span, alpha=alpha).interval(span=span, alpha=alpha)


def guarded_grouped(
    differences: Sequence[float], groups: Sequence[Hashable], *, span: float = 1.0, alpha: float = 0.05
) -> Interval:
    """The guarded interval where cases come in groups; with groups of one it equals `guarded`."""
    return guarded_estimate(differences, groups, span=span, alpha=alpha).interval(span=span, alpha=alpha)


def suite_estimate(
    base: Sequence[Sequence[float]],
    tuned: Sequence[Sequence[float]],
    *,
    span: float = 1.0,
    alpha: float = 0.05,
) -> Estimate:
    """The mean change over exactly these cases, with the error that generation noise alone makes.

    base, tuned: the sample scores of each case. An arm's noise is pooled over its cases, and
    guarded by z² made-up degrees of freedom at half the largest variance there can be.

    Raises ValueError where an arm has no case with two samples: one sample shows no noise.
    """
    if len(base) != len(tuned) or not base:
        raise ValueError(f"{len(base)} and {len(tuned)} cases: both arms need the same, at least one")
    noise = _noise(base, span, alpha) + _noise(tuned, span, alpha)
    differences = [mean(b) - mean(a) for a, b in zip(base, tuned, strict=True)]
    return Estimate(mean(differences), math.sqrt(noise))


def suite_scope(
    base: Sequence[Sequence[float]],
    tuned: Sequence[Sequence[float]],
    *,
    span: float = 1.0,
    alpha: float = 0.05,
) -> Interval:
    """The interval where only these cases matter, not the prompts they stand for: `suite_estimate`."""
    return suite_estimate(base, tuned, span=span, alpha=alpha).interval(span=span, alpha=alpha)


def standard_error(
    differences: Sequence[float], groups: Sequence[Hashable] | None = None, *, corrected: bool = False
) -> float:
    """The plain standard error of the mean difference, to print beside an interval.

    Without groups sd / sqrt(n), sd with n - 1. With groups the cluster-robust one, which with
    `corrected` is multiplied by sqrt(G / (G - 1)) for G groups (Miller 2024).

    Raises ValueError below two cases, or two groups: one alone shows no spread.
    """
    totals, sizes = group_totals(differences, groups)
    if len(totals) < 2:
        raise ValueError("a standard error needs at least two cases, or two groups")
    centre = mean(differences)
    squares = math.fsum((total - centre * size) ** 2 for total, size in zip(totals, sizes, strict=True))
    if groups is None or corrected:
        squares *= len(totals) / (len(totals) - 1)
    return math.sqrt(squares) / len(differences)


def group_totals(differences: Sequence[float], groups: Sequence[Hashable] | None) -> tuple[list[float], list[int]]:
    """The sum and the size of each group; without groups each case is one.

    Raises ValueError where a key is missing for a case, or a difference is not finite.
    """
    if not all(map(math.isfinite, differences)):
        raise ValueError("a difference is not a finite number: leave unscored cases out")
    if groups is None:
        return list(differences), [1] * len(differences)
    if len(groups) != len(differences):
        raise ValueError(f"{len(differences)} cases but {len(groups)} group keys")
    members: dict[Hashable, list[float]] = {}
    for key, difference in zip(groups, differences, strict=True):
        members.setdefault(key, []).append(difference)
    return [math.fsum(group) for group in members.values()], [len(group) for group in members.values()]


def _check_counts(ups: int, downs: int, cases: int) -> None:
    if ups < 0 or downs < 0 or ups + downs > cases or cases < 1:
        raise ValueError(f"{ups} up and {downs} down of {cases} cases: these counts do not fit together")


def _tango_upper(ups: int, downs: int, cases: int, z: float) -> float:
    """The largest change that lies at most z standard errors above the seen one, by bisection."""
    inside, outside = (ups - downs) / cases, 1.0
    for _ in range(52):
        middle = (inside + outside) / 2
        if -_tango_z(ups, downs, cases, middle) <= z:
            inside = middle
        else:
            outside = middle
    return inside


def _tango_z(ups: int, downs: int, cases: int, change: float) -> float:
    distance = ups - downs - cases * change
    linear = (2 * cases - ups + downs) * change - ups - downs
    constant = -downs * change * (1 - change)
    root = math.sqrt(max(0.0, linear * linear - 8 * cases * constant))
    # The likeliest share of downs if `change` is true: of two equal forms the one that cancels nothing.
    share = (root - linear) / (4 * cases) if linear <= 0 else -2 * constant / (root + linear)
    variance = cases * (2 * share + change * (1 - change))
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _noise(arm: Sequence[Sequence[float]], span: float, alpha: float) -> float:
    """The variance that generation noise gives the mean of one arm."""
    freedom = sum(len(samples) - 1 for samples in arm)
    if freedom < 1:
        raise ValueError("suite scope needs two samples or more of a case in both arms")
    squares = math.fsum(_squares(samples) for samples in arm)
    made_up = two_sided_z(alpha) ** 2
    variance = (squares + made_up * span**2 / 2) / (freedom + made_up)
    return variance * math.fsum(1 / len(samples) for samples in arm) / len(arm) ** 2


def _squares(samples: Sequence[float]) -> float:
    """The sum of squared distances from the mean: within one case, generation noise."""
    centre = mean(samples)
    return math.fsum((score - centre) ** 2 for score in samples)
