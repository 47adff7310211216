"""What one paired comparison came to, and by which design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalharness.stats.intervals import Estimate, tango_z, two_sided_z, upper_tail
from evalharness.stats.mixture import anytime_p, log_mixture

Scope = Literal["population", "suite"]
Test = Literal["exact", "midp"]
Kind = Literal["T", "G", "GG", "S", "AV"]


class SuiteScopeError(ValueError):
    """Suite scope was asked of cases that have only one sample each, or the same text every time."""


@dataclass(frozen=True, slots=True)
class Design:
    """What was decided before anyone saw a score.

    span: width of the score's range; scores lie in [0, span].
    alpha: intervals are 1 - alpha two-sided, so a margin is tested one-sided at alpha / 2.
    scope: `population` if the cases stand for prompts to come, `suite` if only they matter.
    test: which McNemar p decides where every case passed or failed once.
    seed: of the random sign patterns.
    k1: the samples of each case are the same text, so the further ones carry no information.
    planned: how many cases, or groups of them, the whole plan has, where it is looked at on the way; 0 without looks.

    Raises ValueError for a span that is not positive, or an alpha outside (0, 1).
    """

    span: float = 1.0
    alpha: float = 0.05
    scope: Scope = "population"
    test: Test = "exact"
    seed: int = 0
    k1: bool = False
    planned: int = 0

    def __post_init__(self) -> None:
        two_sided_z(self.alpha)
        if not 0 < self.span < float("inf"):
            raise ValueError(f"span must be a positive number, not {self.span}")


@dataclass(frozen=True, slots=True)
class Change:
    """How far the mean score moved from base to tuned, and what that is worth.

    cases, groups: how many; equal where cases do not depend on one another.
    base, tuned, change: means over cases, a case counting once however many samples it has.
    low, high: the interval that decides, of the kind named by `interval`; all in score units.
    error: plain standard error, with groups the cluster-robust one; None for one case or group.
    ups, downs, unchanged: cases whose mean score rose, fell, stayed.
    p: of no difference at all, by the test of the design; under suite scope from the S interval.
    p_midp: the mid-p, where every case passed or failed once and there are no groups.
    population_low, population_high: T, G or GG, whatever the scope.
    suite_low, suite_high: S, where most cases of both arms have two samples or more.
    guarded_error: of G or GG, whichever interval decides; of AV what z has to be times to give its width.
    planned, rho: of the confidence sequence AV; 0 where nobody looked on the way.
    """

    cases: int
    groups: int
    base: float
    tuned: float
    change: float
    low: float
    high: float
    interval: Kind
    error: float | None
    ups: int
    downs: int
    unchanged: int
    p: float
    p_midp: float | None
    population_low: float
    population_high: float
    suite_low: float | None
    suite_high: float | None
    guarded_error: float
    estimate: Estimate
    span: float
    planned: int = 0
    rho: float = 0.0

    @property
    def provable_margin(self) -> float:
        """The smallest margin at which these scores would just miss HELD; 0 if they show no loss at all.

        Any larger margin holds by the interval.
        """
        return max(0.0, -self.low)

    def p_noninferior(self, margin: float) -> float:
        """How surprising these scores were if the true loss equalled the margin, one-sided.

        At most alpha / 2 exactly where the lower bound lies above -margin.
        Raises ValueError for a negative margin.
        """
        if not margin >= 0:
            raise ValueError(f"a margin is a loss of zero or more, not {margin}")
        if self.interval == "T":
            return upper_tail(tango_z(self.ups, self.downs, self.cases, -min(1.0, margin / self.span)))
        if self.interval == "AV":
            return self._anytime(self.estimate.centre + margin)
        return upper_tail((self.estimate.centre + margin) / self.estimate.error)

    def _anytime(self, distance: float) -> float:
        if distance <= 0 or not self.rho:
            return 1.0
        return anytime_p(log_mixture(distance, self.estimate.error, self.groups, self.rho)) / 2
