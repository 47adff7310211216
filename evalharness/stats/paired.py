"""Base against tuned over the same cases: one change, its interval, its test.

Which interval is used follows from the shape of the scores, never from what it says:

- `T`: every case moved by nothing or by the whole range, one sample a case, no groups (`tango`);
- `G`: graded scores, or several samples a case (`guarded`);
- `GG`: cases that depend on one another, in groups (`guarded_grouped`);
- `S`: only these very cases matter, so only generation noise counts (`suite_scope`);
- `AV`: the plan is looked at on the way, so the interval has to hold at every look (`sequence`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from evalharness.stats.change import Change, Design, Kind, Scope, SuiteScopeError, Test
from evalharness.stats.intervals import (
    Estimate,
    Interval,
    guarded,
    guarded_estimate,
    guarded_grouped,
    mean,
    standard_error,
    suite_estimate,
    suite_scope,
    tango,
    tango_z,
    two_sided_z,
    upper_tail,
)
from evalharness.stats.mixture import anytime_p, log_evidence, tuned_rho
from evalharness.stats.sequential import FEWEST_UNITS, sequence
from evalharness.stats.signs import mcnemar, mcnemar_midp, sign_flip
from evalharness.stats.verdict import (
    FEWEST_CASES,
    Equivalence,
    Gap,
    Note,
    Outcome,
    equivalence,
    held_out_gap,
    missing_decides,
    overall_outcome,
    verdict_word,
)

__all__ = [
    "FEWEST_CASES",
    "Change",
    "Design",
    "Equivalence",
    "Gap",
    "Interval",
    "Kind",
    "Note",
    "Outcome",
    "Scope",
    "SuiteScopeError",
    "Test",
    "equivalence",
    "guarded",
    "guarded_grouped",
    "held_out_gap",
    "mcnemar",
    "mcnemar_midp",
    "missing_decides",
    "overall_outcome",
    "paired_change",
    "sign_flip",
    "standard_error",
    "suite_scope",
    "tango",
    "tango_z",
    "verdict_word",
]

Samples = Sequence[Sequence[float]]
"""The sample scores of each case."""

DEFAULT = Design()


def paired_change(
    base: Samples, tuned: Samples, *, groups: Sequence[Hashable] | None = None, design: Design = DEFAULT
) -> Change:
    """How far the scores moved from base to tuned, with interval and test.

    base, tuned: the scores of the same cases in the same order, each in [0, design.span]; arms and
    cases may differ in their number of samples, a case counts once all the same. Cases that
    either side could not score are to be left out before.
    groups: a key for each case; equal keys mark cases that depend on one another.

    Raises ValueError for no cases, arms of different length, a case without samples and a score
    that is no number or out of range; its kind SuiteScopeError for suite scope without two samples
    in most cases of each arm.
    """
    _check_scores(base, tuned, design.span)
    keys = _real_groups(groups, len(base))
    base_means, tuned_means = [mean(scores) for scores in base], [mean(scores) for scores in tuned]
    differences = _differences(base_means, tuned_means, design.span)
    ups, downs = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    single = design.k1 or max(map(len, (*base, *tuned))) == 1
    ternary = single and keys is None and all(abs(d) in (0.0, design.span) for d in differences)
    population = (_looked if design.planned else _population)(differences, keys, design, ternary=ternary)
    suite = None if single or design.planned or not _repeated(base, tuned) else _suite(base, tuned, design)
    if design.scope == "suite" and suite is None:
        raise SuiteScopeError("suite scope needs two samples or more of most cases in both arms, not all the same text")
    deciding = suite if suite is not None and design.scope == "suite" else population
    groups_met = len(base) if keys is None else len(set(keys))
    return Change(
        cases=len(base),
        groups=groups_met,
        base=mean(base_means),
        tuned=mean(tuned_means),
        change=mean(differences),
        low=deciding.interval.low,
        high=deciding.interval.high,
        interval=deciding.kind,
        error=_plain_error(differences, keys),
        ups=ups,
        downs=downs,
        unchanged=len(base) - ups - downs,
        p=deciding.p,
        p_midp=mcnemar_midp(ups, downs) if ternary and not design.planned else None,
        population_low=population.interval.low,
        population_high=population.interval.high,
        suite_low=None if suite is None else suite.interval.low,
        suite_high=None if suite is None else suite.interval.high,
        guarded_error=population.error,
        estimate=deciding.estimate,
        span=design.span,
        planned=design.planned,
        rho=tuned_rho(design.planned, design.alpha) if design.planned and groups_met >= FEWEST_UNITS else 0.0,
    )


class _Reading(NamedTuple):
    """One way to look at the differences."""

    kind: Kind
    interval: Interval
    estimate: Estimate
    p: float
    error: float


def _population(
    differences: Sequence[float], keys: Sequence[Hashable] | None, design: Design, *, ternary: bool
) -> _Reading:
    span, alpha = design.span, design.alpha
    guard = guarded_estimate(differences, keys, span=span, alpha=alpha)
    if not ternary:
        p = sign_flip(differences, keys, seed=design.seed)
        return _Reading("G" if keys is None else "GG", guard.interval(span=span, alpha=alpha), guard, p, guard.error)
    ups, downs = differences.count(span), differences.count(-span)
    p = mcnemar_midp(ups, downs) if design.test == "midp" else mcnemar(ups, downs)
    return _Reading("T", tango(ups, downs, len(differences), span=span, alpha=alpha), guard, p, guard.error)


def _looked(
    differences: Sequence[float], keys: Sequence[Hashable] | None, design: Design, *, ternary: bool
) -> _Reading:
    look = sequence(differences, keys, planned=design.planned, span=design.span, alpha=design.alpha)
    p = look.p
    if ternary:  # which is exact from the first case on, where the mixture needs many
        p = anytime_p(log_evidence(differences.count(design.span), differences.count(-design.span)))
    return _Reading("AV", look.interval, look.estimate, p, look.reach / two_sided_z(design.alpha))


def _suite(base: Samples, tuned: Samples, design: Design) -> _Reading:
    estimate = suite_estimate(base, tuned, span=design.span, alpha=design.alpha)
    p = 2 * upper_tail(abs(estimate.centre) / estimate.error)
    return _Reading("S", estimate.interval(span=design.span, alpha=design.alpha), estimate, p, estimate.error)


def _check_scores(base: Samples, tuned: Samples, span: float) -> None:
    if len(base) != len(tuned) or not base:
        raise ValueError(f"{len(base)} and {len(tuned)} cases: both arms need the same, at least one")
    # A weighted mean of grades may leave the range by a last bit.
    slack = 1e-9 * span
    for arm, cases in (("base", base), ("tuned", tuned)):
        for index, scores in enumerate(cases):
            if not scores:
                raise ValueError(f"{arm}, case {index}: no samples; leave the case out on both sides")
            for score in scores:
                if not -slack <= score <= span + slack:
                    raise ValueError(f"{arm}, case {index}: the score {score} is not within 0 and {span}")


def _real_groups(groups: Sequence[Hashable] | None, cases: int) -> Sequence[Hashable] | None:
    """The keys, or None where each case is a group of its own."""
    if groups is None:
        return None
    if len(groups) != cases:
        raise ValueError(f"{cases} cases but {len(groups)} group keys")
    return None if len(set(groups)) == cases else groups


def _differences(base: Sequence[float], tuned: Sequence[float], span: float) -> list[float]:
    """Tuned minus base of each case; what only rounding keeps from 0 or the whole span is put there."""
    return [_snapped(b - a, span) for a, b in zip(base, tuned, strict=True)]


def _snapped(difference: float, span: float) -> float:
    for exact in (0.0, span, -span):
        if abs(difference - exact) <= 1e-9 * span:
            return exact
    return difference


def _repeated(base: Samples, tuned: Samples) -> bool:
    """Whether at least half of the cases of each arm have two samples or more.

    Not all of them: a lost answer here and there must not take the suite scope away.
    """
    return all(2 * sum(len(scores) > 1 for scores in arm) >= len(arm) for arm in (base, tuned))


def _plain_error(differences: Sequence[float], keys: Sequence[Hashable] | None) -> float | None:
    fewest = len(differences) if keys is None else len(set(keys))
    return standard_error(differences, keys, corrected=True) if fewest > 1 else None
