"""Looking on the way: statistics that stay valid however often one looks, and whenever one stops.

A fixed-n interval promises its level for one look at a number of cases that was chosen before. Looked at after every
batch, until it says what one hoped for, it is wrong far more often. Here an e-process tells a difference between two
pass rates, and a confidence sequence bounds a mean: both hold over all looks together. The price is width: half as much
again, where fixed-n would have looked once.

t counts units that do not depend on one another: cases, or groups of them. planned is the number of units of the whole
plan; it tunes where a sequence is narrowest and changes nothing about its level.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from evalharness.stats.intervals import Estimate, Interval, group_totals, guarded_estimate, mean, two_sided_z
from evalharness.stats.mixture import anytime_p, half_width, log_mixture, tuned_rho

FEWEST_UNITS = 30
"""Below so many units an asymptotic sequence bounds nothing: until then it is the whole range."""


class Look(NamedTuple):
    """A confidence sequence as it stands at one look.

    interval: cut at the ends of the range. estimate: the mean, and its standard error as the sequence sees it, guarded.
    reach: half the width before it was cut. p: of no difference at all, valid at any look.
    """

    interval: Interval
    estimate: Estimate
    reach: float
    p: float


def sequence(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    planned: int,
    span: float = 1.0,
    alpha: float = 0.05,
) -> Look:
    """The confidence sequence for the mean difference after the units asked so far.

    Its spread is the guarded one, made-up cases included, so that a start without any difference has a width; its
    centre is the plain mean. The whole range, and p = 1, below `FEWEST_UNITS`.
    """
    guard = guarded_estimate(differences, groups, span=span, alpha=alpha)
    units = len(group_totals(differences, groups)[0])
    made_up = two_sided_z(alpha) ** 2
    centre, error = mean(differences), guard.error * math.sqrt((units + made_up) / units)
    estimate = Estimate(centre, error)
    if units < FEWEST_UNITS:
        return Look(Interval(-span, span), estimate, span, 1.0)
    rho = tuned_rho(planned, alpha)
    reach = half_width(error * math.sqrt(units), units, rho, alpha)
    interval = Interval(max(-span, centre - reach), min(span, centre + reach))
    return Look(interval, estimate, reach, anytime_p(log_mixture(centre, error, units, rho)))


def units_to_clear(distance: float, deviation: float, *, alpha: float = 0.05) -> float:
    """How many units bring half the width of a sequence, tuned for so many, down to `distance`; infinite at 0.

    deviation: the standard deviation of one unit, in the same units as distance.
    """
    if distance <= 0:
        return math.inf
    # At t = planned, t rho^2 is a number that alpha alone decides, so that the width goes with 1 / sqrt(t) only.
    once = half_width(deviation, 1, tuned_rho(1, alpha), alpha)
    return math.ceil((once / distance) ** 2)
