"""From numbers to words: IMPROVED, HELD, REGRESSED or INCONCLUSIVE.

A p-value above alpha is never evidence that nothing changed; only an interval that excludes the
margin is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from evalharness.stats.change import Change
from evalharness.stats.intervals import two_sided_z

Outcome = Literal["IMPROVED", "HELD", "REGRESSED", "INCONCLUSIVE"]
Note = Literal["", "lower, within margin", "beyond margin"]
Equivalence = Literal["HELD", "CHANGED", "INCONCLUSIVE"]

FEWEST_CASES = 5
"""Below so many independent cases nothing is said about the prompts they stand for."""


class Gap(NamedTuple):
    """How much more a tune gained on cases near its training data than on the others."""

    change: float
    error: float
    low: float
    high: float


def verdict_word(change: Change, *, margin: float, p_adjusted: float, alpha: float = 0.05) -> tuple[Outcome, Note]:
    """The verdict on one comparison, and what to add to it.

    margin: the largest loss still called held, in score units, above 0.
    p_adjusted: `change.p` after Holm over all gating tests; under suite scope unused, there a
    difference is one whose interval excludes 0.

    Never more than INCONCLUSIVE below five cases (groups, where there are any), but for suite scope.
    Raises ValueError for a margin that is not positive, or a p outside [0, 1].
    """
    if not margin > 0:
        raise ValueError(f"a margin is a loss above zero, not {margin}")
    if not 0 <= p_adjusted <= 1:
        raise ValueError(f"a p-value lies in [0, 1], not {p_adjusted}")
    suite = change.interval == "S"
    if change.groups < FEWEST_CASES and not suite:
        return "INCONCLUSIVE", ""
    differs = change.low > 0 or change.high < 0 if suite else p_adjusted <= alpha
    if differs and change.change > 0:
        return "IMPROVED", ""
    lower = differs and change.change < 0
    if change.low > -margin:
        return "HELD", "lower, within margin" if lower else ""
    if lower:
        return "REGRESSED", "beyond margin" if change.high < -margin else ""
    return "INCONCLUSIVE", ""


def equivalence(low: float, high: float, margin: float, *, significant: bool) -> Equivalence:
    """Whether a quantity that should move neither way did not, by two one-sided tests.

    HELD if the whole interval lies within the margin, CHANGED if all of it lies beyond, or if a
    difference is shown but not that it is small. (Schuirmann 1987, in interval form.)
    """
    if not (low <= high and margin > 0):
        raise ValueError(f"no interval from {low} to {high} with a margin of {margin}")
    if -margin < low and high < margin:
        return "HELD"
    if low > margin or high < -margin or significant:
        return "CHANGED"
    return "INCONCLUSIVE"


def overall_outcome(outcomes: Iterable[Outcome]) -> Outcome:
    """The verdict on a tune from those of its gates: the worst, and IMPROVED only without a worse.

    No adjustment for their number: that everything held is claimed only if each gate shows it at
    its own level (intersection-union, Berger 1982). Raises ValueError without a gate.
    """
    seen = set(outcomes)
    ranked: tuple[Outcome, ...] = ("REGRESSED", "INCONCLUSIVE", "IMPROVED", "HELD")
    for outcome in ranked:
        if outcome in seen:
            return outcome
    raise ValueError("no gate, no verdict")


def missing_decides(cases: int, *, dropped: int, base: int, tuned: int) -> bool:
    """Whether so much is missing that HELD and IMPROVED must become INCONCLUSIVE.

    cases: all that were asked; dropped: those one side or both could not score; base, tuned: those
    this side could not score. True above 5% dropped, or from 3 dropped on if the sides differ by
    more than 2 points: answers that fail more often on one side are not missing by chance.
    """
    if not (0 <= max(base, tuned) <= dropped <= cases and base + tuned >= dropped and min(base, tuned) >= 0):
        raise ValueError(f"{dropped} of {cases} dropped, {base} by base and {tuned} by tuned: no such counts")
    return 20 * dropped > cases or (dropped >= 3 and 50 * abs(base - tuned) > cases)


def held_out_gap(seen: Change, unseen: Change, *, alpha: float = 0.05) -> Gap:
    """The change on cases like the training data minus that on the others, to be read, not to decide.

    A clear gap above zero says the tune learned these questions more than the skill. The error
    joins both guarded ones, as the two sets share no case.
    """
    gap = seen.change - unseen.change
    error = math.hypot(seen.guarded_error, unseen.guarded_error)
    reach = two_sided_z(alpha) * error
    return Gap(gap, error, gap - reach, gap + reach)
