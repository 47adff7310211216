"""One run by itself: how often each aspect passed, how sure that is, and how steady the samples were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalharness.measure import Arm
from evalharness.sheet import Slice
from evalharness.stats.intervals import guarded_estimate
from evalharness.stats.rates import flakiness, mean_pass_at_k, mean_pass_hat_k, wilson
from evalharness.stats.sequential_rates import threshold_sequence


@dataclass(frozen=True, slots=True)
class Level:
    """Where one model stands in one aspect.

    rate: mean score in [0, 1] over the cases scored, with its interval; passed: cases that pass. pass_hat, pass_at: for
    1..k samples, the share of cases where all of so many samples pass, and where at least one does (empty for one
    sample, or where cases differ in how many were scored). flaky: share of cases whose samples disagree.
    """

    aspect: str
    cases: int
    missing: int
    passed: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    pass_hat: tuple[float, ...] = ()
    pass_at: tuple[float, ...] = ()
    flaky: float | None = None


def levels(arm: Arm) -> Iterator[Level]:
    """A level for each aspect of the run, in the order met."""
    alpha = arm.run.suite.alpha
    for cut in [cut for cut in arm.sheet.scores if cut.part == "aspect"]:
        yield _level(arm, cut, alpha)


def _level(arm: Arm, cut: Slice, alpha: float) -> Level:
    sheet, aspect = arm.sheet, cut.aspect
    due = [asked for asked in arm.run.cases if aspect in asked.aspects]
    kept = [asked for asked in due if sheet.valid(cut, asked.case)]
    passed = sum(sheet.passes(aspect, asked.case) for asked in kept)
    if not kept:
        return Level(aspect, 0, len(due), 0)
    samples = [sheet.valid(cut, asked.case) for asked in kept]
    means = [sum(scores) / len(scores) for scores in samples]
    groups = [asked.group or f"\0{asked.case}" for asked in kept]
    rate = sum(means) / len(means)
    early = arm.run.suite.early
    if early is not None:
        _, low, high, _ = threshold_sequence(samples, rate, planned=early.units, groups=groups, alpha=alpha)
    elif len(set(groups)) == len(groups) and all(len(scores) == 1 and scores[0] in (0, 1) for scores in samples):
        bounds = wilson(round(sum(means)), len(means), alpha=alpha)
        low, high = bounds.low, bounds.high
    else:
        estimate = guarded_estimate([mean - rate for mean in means], groups, alpha=alpha).interval(alpha=alpha)
        low, high = max(0.0, rate + estimate.low), min(1.0, rate + estimate.high)
    marks = [sheet.passed[aspect][asked.case] for asked in kept]
    level = Level(aspect, len(kept), len(due) - len(kept), passed, rate, low, high)
    return _repeated(level, marks) if max(map(len, marks)) > 1 else level


def _repeated(level: Level, marks: list[list[bool]]) -> Level:
    counts = [len(row) for row in marks]
    passes = [sum(row) for row in marks]
    draws = range(1, min(counts) + 1) if min(counts) == max(counts) else ()
    return Level(
        level.aspect,
        level.cases,
        level.missing,
        level.passed,
        level.rate,
        level.low,
        level.high,
        tuple(mean_pass_hat_k(counts, passes, k) for k in draws),
        tuple(mean_pass_at_k(counts, passes, k) for k in draws),
        flakiness(marks),
    )
