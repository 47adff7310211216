"""Looking at runs while they are asked: what the gate would say by now, and whether asking on can still change it.

Every look costs certainty, and there are two ways to pay. Cases in a drawn order get statistics that hold at every
look. More samples of the same cases get a share of alpha for each look that there may be, so that all looks together
are wrong no more often than one would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from evalharness.findings import Ruling
from evalharness.measure import Arm, design_of, measured, scope_block, texts_repeat
from evalharness.records import Criterion
from evalharness.rulings import Measure, Terms, asked_for, asks, counted, rule
from evalharness.sheet import OVERALL, Slice
from evalharness.stats.intervals import mean, two_sided_z
from evalharness.stats.planning import clearance, from_pilot

DUELLED = "preference"
"""The aspect that no look has: duels are judged when all replies are there."""

Blocked: TypeAlias = Callable[[Arm, Arm, str], tuple[str, str]]
"""Why nothing can be said of an aspect, and what to do; two empty texts where it can."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the gate of one pair would say if asking ended here. measures: one for each of `criteria`, those of the gate
    that can be ruled on."""

    base: Arm
    tuned: Arm
    criteria: tuple[Criterion, ...]
    measures: tuple[Measure, ...]
    rulings: tuple[Ruling, ...]

    @classmethod
    def at(cls, base: Arm, tuned: Arm, blocked: Blocked, *, tests: int, seed: int) -> Look:
        """Looks at what both have answered by now.

        blocked: why an aspect cannot be ruled on, whatever is asked; it is not waited for. tests: how many gating tests
        the whole command makes. Each is adjusted for all of them (Bonferroni), so what is decided here stays so
        whatever the others turn out to be.
        """
        base, tuned = aligned(base, tuned)
        suite = tuned.run.suite
        cases = tuple(asked for case, asked in tuned.sheet.cases.items() if case in base.sheet.cases)
        design = design_of(base, tuned, seed)
        waits = scope_block(base, tuned)  # for a second sample, which may come
        graded = (each for each in tuned.run.gate if each.aspect != DUELLED)
        open_still = tuple(each for each in graded if waits[0] or not blocked(base, tuned, each.aspect)[0])
        measures: list[Measure] = []
        rulings: list[Ruling] = []
        for criterion in open_still:
            part: Literal["overall", "aspect"] = "overall" if criterion.aspect == OVERALL else "aspect"
            found, _ = measured(base.sheet, tuned.sheet, design, Slice(part, criterion.aspect), cases)
            p = min(1.0, tests * found.change.p) if found.change is not None else 1.0
            measures.append(found)
            rulings += rule(criterion, found, Terms(suite.alpha, suite.interval, p, *waits))
        return cls(base, tuned, open_still, tuple(measures), tuple(rulings))

    @property
    def decided(self) -> bool:
        """Whether every criterion has its word."""
        return all(ruling.outcome != "INCONCLUSIVE" for ruling in self.rulings)

    @property
    def repeats(self) -> bool:
        """Whether the samples of every case are the same text, so that more of them say nothing."""
        return min(self.base.sheet.samples(), self.tuned.sheet.samples()) > 1 and texts_repeat(self.base, self.tuned)

    @property
    def hopeless(self) -> bool:
        """Whether even infinitely many samples of these cases would leave open all that is open."""
        suite = self.tuned.run.suite
        words = {(ruling.aspect, ruling.asked): ruling.outcome for ruling in self.rulings}
        still = [
            (measure, asked)
            for criterion, measure in zip(self.criteria, self.measures, strict=True)
            for asked in asks(criterion)
            if words[measure.aspect, asked_for(*asked)] == "INCONCLUSIVE"
        ]
        return suite.scope != "suite" and all(self._out_of_reach(measure, *asked) for measure, asked in still)

    def _out_of_reach(self, measure: Measure, name: str, limit: float) -> bool:
        """Whether the spread from case to case alone is wider than what has to be told apart.

        The noise between samples is taken off the width, and the change may lie anywhere within two of its standard
        errors. False where there is no second sample that shows the noise.
        """
        change = measure.change
        if name == "drift_at_most":
            return False
        arms = (measure.tuned, measure.tuned) if name == "at_least" else (measure.base, measure.tuned)
        if change is None or len(measure.base) < 2 or min(max(map(len, arm)) for arm in arms) < 2:
            return False
        level = name == "at_least"
        pilot = from_pilot(*arms)
        noise = (0.0 if level else pilot.base / _size(measure.base)) + pilot.tuned / _size(measure.tuned)
        wander = 2 * math.sqrt(noise / change.cases)
        alpha = self.tuned.run.suite.alpha
        if level:
            means = [mean(scores) for scores in measure.tuned]
            spread = max(0.0, math.fsum((value - mean(means)) ** 2 for value in means) / len(means) - noise)
            reach = two_sided_z(alpha) * math.sqrt(spread / len(means))
            return abs(change.tuned - limit) + wander < reach
        error = math.sqrt(max(0.0, change.guarded_error**2 - noise / change.cases))
        if name == "gain_at_least":
            return abs(change.change - limit) + wander < two_sided_z(alpha) * error
        held = clearance(change.change, limit, both=name == "both_within") + wander
        return held < two_sided_z(alpha) * error


def aligned(base: Arm, tuned: Arm) -> tuple[Arm, Arm]:
    """Both arms as a comparison has to read them: as looked at on the way where either of them was."""
    one, other = base.run.suite, tuned.run.suite
    if one.early is None and one.looks == 1:
        return base, tuned
    spent = max((other, one), key=lambda suite: suite.looks)
    suite = replace(other, early=other.early or one.early)
    if spent.looks > 1:
        suite = replace(suite, looks=spent.looks, alpha=spent.alpha, samples=spent.samples)
    return base, replace(tuned, run=replace(tuned.run, suite=suite))


def told(base: Arm, tuned: Arm, blocked: Blocked, *, decided: bool, seed: int) -> Iterator[str]:
    """How runs were looked at on the way, for the reader of their comparison.

    base, tuned: `aligned`. decided: whether every criterion of the gate has its word.
    """
    suite = tuned.run.suite
    if suite.early is not None:
        yield from _told_early(base, tuned)
    if suite.looks > 1:
        look = Look.at(base, tuned, blocked, tests=1, seed=seed)
        yield from _told_samples(look, decided=decided)


def _told_early(base: Arm, tuned: Arm) -> Iterator[str]:
    suite, early = tuned.run.suite, tuned.run.suite.early
    assert early is not None
    both = sum(case in base.sheet.cases for case in tuned.sheet.cases)
    grouped = any(asked.group for asked in tuned.sheet.cases.values())
    unit = counted(early.batch, "group of cases" if grouped else "case", "groups of cases" if grouped else "")
    ended = f"asking ended after {both:,} of {counted(suite.cases, 'case')}"
    if both >= suite.cases:
        ended = f"no look ended it: all {counted(suite.cases, 'case')} were asked"
    yield f"{ended}; they were asked in an order drawn beforehand (seed {early.seed}), with a look after every {unit}"
    level = f"{100 * (1 - suite.alpha):g} %"
    yield f"intervals are anytime-valid: {level} over all looks together, and wider than those of a plan of fixed size"
    yield "flips and misses are those of the cases asked"


def _told_samples(look: Look, *, decided: bool) -> Iterator[str]:
    base, tuned = look.base, look.tuned
    suite = tuned.run.suite
    most = suite.samples + suite.looks - 1
    asked = max(base.sheet.samples(), tuned.sheet.samples())
    yield (
        f"each case was asked {counted(asked, 'time')}, of {suite.samples} to {most} that the suite allows: one more "
        "sample of all cases is added while a gate is open"
    )
    yield (
        f"there may be {suite.looks} looks, so each is taken at an alpha of {suite.alpha:.4g}, its share of "
        f"{suite.alpha * suite.looks:.4g}: intervals hold {100 * (1 - suite.alpha):.4g} % each"
    )
    if look.repeats:
        yield "samples of a case are the same text every time, so more of them say nothing, and none was added"
    elif not decided and asked < most and look.hopeless:
        yield "more samples of these cases would not decide it, however many: the cases differ too much from each other"


def _size(samples: Sequence[Sequence[float]]) -> float:
    """Samples of a case, as a harmonic mean: what a mean of variances is divided by."""
    return len(samples) / math.fsum(1 / len(scores) for scores in samples)
