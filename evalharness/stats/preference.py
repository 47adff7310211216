"""Pairwise preference: which of two replies is better, and how much of it is length or position."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple

from evalharness.stats.change import Change, Design, Test
from evalharness.stats.intervals import mean
from evalharness.stats.paired import paired_change
from evalharness.stats.signs import mcnemar

LEAST_OVERLAP = 0.15
"""The share of cases in which the tuned reply must be longer, and in which it must be shorter."""


class WinRate(NamedTuple):
    """How often the tuned reply is preferred, a tie counting half.

    rate, low, high in [0, 1], 0.5 is even; wins, ties, losses are cases. `change` is the same in
    terms of won minus lost, for a verdict: a margin on it is twice a margin on the rate.
    """

    wins: int
    ties: int
    losses: int
    rate: float
    low: float
    high: float
    p: float
    change: Change


class PositionBias(NamedTuple):
    """How often the reply shown first won, of all that did not tie, and p of its being 0.5."""

    share: float
    p: float


class LengthFit(NamedTuple):
    """A logistic curve of preference over length: intercept, slope, and the rate at equal length."""

    intercept: float
    slope: float
    rate: float


class LengthControlError(ValueError):
    """The win rate at equal length cannot be told from these cases."""


def win_rate(
    samples: Sequence[Sequence[float]],
    *,
    groups: Sequence[Hashable] | None = None,
    test: Test = "exact",
    alpha: float = 0.05,
    seed: int = 0,
) -> WinRate:
    """The share of cases the tuned model wins, with interval and test against 0.5.

    samples: for each case its scores, each the mean over both orders of 1 for tuned, 0.5 for a tie
    and 0 for base; orders that disagree thus make a tie. Single scores of 0, 0.5 and 1 get the
    score interval, graded or repeated ones the guarded one.

    Raises ValueError as `paired_change` does.
    """
    # Won minus lost is 2s - 1, which is s against 1 - s.
    base = [[1 - score for score in scores] for scores in samples]
    change = paired_change(base, samples, groups=groups, design=Design(alpha=alpha, test=test, seed=seed))
    # The two made-up arms mirror each other: their noise is one noise, which S would halve.
    change = replace(change, suite_low=None, suite_high=None)
    low, high = (1 + change.low) / 2, (1 + change.high) / 2
    return WinRate(change.ups, change.unchanged, change.downs, (1 + change.change) / 2, low, high, change.p, change)


def position_bias(first: int, second: int) -> PositionBias:
    """Whether the judge favours a place: verdicts for the reply shown first and for the second.

    Exact binomial test. Raises ValueError for negative counts, or no verdict at all.
    """
    if first + second < 1:
        raise ValueError("no verdict for either place")
    return PositionBias(first / (first + second), mcnemar(first, second))


def similar_lengths(base: Sequence[float], tuned: Sequence[float], *, within: float = 0.1) -> tuple[int, ...]:
    """The indices of the cases whose two lengths differ by less than this share of the longer one."""
    pairs = enumerate(zip(base, tuned, strict=True))
    return tuple(index for index, (a, b) in pairs if abs(a - b) < within * max(a, b) or a == b)


def length_controlled(scores: Sequence[float], length_differences: Sequence[float]) -> float:
    """The win rate in [0, 1] that the tuned model would have at equal length.

    scores: of each case in [0, 1], as in `win_rate`; length_differences: tuned minus base, in
    characters. (After Dubois et al. 2024; see `length_fit`.)

    Raises LengthControlError where fewer than 15% of the cases have a longer, or a shorter, tuned
    reply: the rate at equal length would be pure extrapolation.
    """
    _check_scores(scores, length_differences)
    longer = sum(d > 0 for d in length_differences) / len(scores)
    shorter = sum(d < 0 for d in length_differences) / len(scores)
    if min(longer, shorter) < LEAST_OVERLAP:
        raise LengthControlError(
            f"lengths do not overlap: tuned is longer in {100 * longer:.0f} % and shorter in {100 * shorter:.0f} % of "
            "the cases"
        )
    return length_fit(scores, length_differences).rate


def length_fit(scores: Sequence[float], length_differences: Sequence[float]) -> LengthFit:
    """The fit behind `length_controlled`, without its rule on overlap.

    A fractional logit (Papke and Wooldridge 1996) of the score on tanh of the length difference in
    standard deviations (n); `rate` is its value where the lengths are equal. Newton's method.

    Raises LengthControlError where no finite curve fits best, as when length decides every case.
    """
    _check_scores(scores, length_differences)
    centre = mean(length_differences)
    deviation = math.sqrt(mean([(d - centre) ** 2 for d in length_differences]))
    lengths = [math.tanh(d / deviation) if deviation else 0.0 for d in length_differences]
    intercept, slope = 0.0, 0.0
    for _ in range(50):
        step, tilt = _newton_step(scores, lengths, intercept, slope)
        intercept, slope = intercept + step, slope + tilt
        if abs(step) + abs(tilt) < 1e-10:
            return LengthFit(intercept, slope, _logistic(intercept))
        if abs(intercept) + abs(slope) > 40:
            break
    raise LengthControlError("no finite fit: length, or nothing at all, decides every case")


def _newton_step(
    scores: Sequence[float], lengths: Sequence[float], intercept: float, slope: float
) -> tuple[float, float]:
    """Towards the largest likelihood: the inverse of the 2 x 2 information times the gradient."""
    rates = [_logistic(intercept + slope * x) for x in lengths]
    weights = [rate * (1 - rate) for rate in rates]
    g0 = math.fsum(s - rate for s, rate in zip(scores, rates, strict=True))
    g1 = math.fsum((s - rate) * x for s, rate, x in zip(scores, rates, lengths, strict=True))
    h00 = math.fsum(weights)
    h01 = math.fsum(w * x for w, x in zip(weights, lengths, strict=True))
    h11 = math.fsum(w * x * x for w, x in zip(weights, lengths, strict=True))
    determinant = h00 * h11 - h01 * h01
    if determinant <= 1e-12 * h00 * h00:  # all lengths alike: only the intercept can be told
        return (g0 / h00, 0.0) if h00 else (math.inf, 0.0)
    return (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, value))))


def _check_scores(scores: Sequence[float], length_differences: Sequence[float]) -> None:
    if len(scores) != len(length_differences) or not scores:
        raise ValueError(f"{len(scores)} scores and {len(length_differences)} lengths: one of each a case")
    if not all(0 <= score <= 1 for score in scores):
        raise ValueError("a preference lies in [0, 1]")
    if not all(map(math.isfinite, length_differences)):
        raise ValueError("a length difference is not a finite number")
