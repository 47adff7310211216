"""What the gate asks, and what the scores answer: one ruling a criterion, each in one plain sentence.

Rates and changes are printed in points: hundredths of the score's range.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalharness import phrases
from evalharness.findings import Ruling
from evalharness.phrases import are, between, counted, least, moved, points, these
from evalharness.records import Criterion, Word
from evalharness.stats.intervals import guarded_estimate, two_sided_z
from evalharness.stats.paired import FEWEST_CASES, Change, equivalence, missing_decides, verdict_word
from evalharness.stats.planning import (
    cases_as_seen,
    cases_to_clear,
    clearance,
    floor_cases,
    floor_cases_gain,
    floor_cases_guarded,
    floor_cases_threshold,
    remedy,
    samples_to_clear,
)
from evalharness.stats.rates import Threshold, threshold
from evalharness.stats.sequential import FEWEST_UNITS, units_to_clear
from evalharness.stats.sequential_rates import threshold_sequence

__all__ = [
    "DEFAULT_MARGIN",
    "MOST_CASES",
    "Falls",
    "Measure",
    "Missing",
    "Terms",
    "asked_for",
    "asks",
    "causes",
    "counted",
    "points",
    "rule",
]

DEFAULT_MARGIN = 0.05

MOST_CASES = 100_000
"""A remedy that asks for more cases than this is none."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Cases that could not be compared: of `asked`, those without a score on either side, on base's, on tuned's."""

    asked: int
    dropped: int
    base: int
    tuned: int
    causes: tuple[tuple[str, int], ...] = ()

    @property
    def decides(self) -> bool:
        """Whether so much is missing that nothing may be called held."""
        return missing_decides(self.asked, dropped=self.dropped, base=self.base, tuned=self.tuned)

    def __str__(self) -> str:
        causes = ", ".join(f"{count:,} x {cause}" for cause, count in self.causes[:3])
        lost = f"{self.dropped:,} of {counted(self.asked, 'case')} could not be compared"
        return lost + (f" ({causes})" if causes else "")


@dataclass(frozen=True, slots=True)
class Falls:
    """What one arm loses in an aspect from the first turn to the last, a value a conversation in [-reach, reach].

    groups: a key a conversation; equal ones depend on each other.
    """

    values: Sequence[float]
    groups: Sequence[str]
    reach: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One aspect, measured. change is None where no case could be compared.

    base, tuned, groups: sample scores and groups of the compared cases; one score a case where the samples are `same`,
    asked more than once but the same text every time in both arms. falls: of tuned, None where no conversation is
    graded at three turns.
    """

    aspect: str
    change: Change | None
    missing: Missing
    base: Sequence[Sequence[float]] = ()
    tuned: Sequence[Sequence[float]] = ()
    groups: Sequence[str] | None = None
    same: bool = False
    falls: Falls | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a suite's numbers are to be read. blocked: why nothing can be concluded whatever the numbers say."""

    alpha: float = 0.05
    interval: Literal["score", "exact"] = "score"
    p_adjusted: float = 1.0
    blocked: str = ""
    unblock: str = ""


def rule(criterion: Criterion, measure: Measure, terms: Terms) -> tuple[Ruling, ...]:
    """One ruling for each thing the criterion asks, in the order of its fields."""
    return tuple(_guarded(name, limit, measure, terms) for name, limit in asks(criterion))


def asks(criterion: Criterion) -> tuple[tuple[str, float], ...]:
    """What the criterion asks, by the names the suite uses."""
    pairs = (
        ("drop_at_most", criterion.drop_at_most),
        ("gain_at_least", criterion.gain_at_least),
        ("at_least", criterion.at_least),
        ("both_within", criterion.both_within),
        ("win_at_least", criterion.win_at_least),
        ("drift_at_most", criterion.drift_at_most),
    )
    return tuple((name, limit) for name, limit in pairs if limit is not None)


def _guarded(name: str, limit: float, measure: Measure, terms: Terms) -> Ruling:
    """The ruling, unless something stands before it: nothing to compare, a block, too few cases, too much missing."""
    aspect, change = measure.aspect, measure.change
    asked = asked_for(name, limit)

    def undecided(why: str, remedy: str) -> Ruling:
        return Ruling(aspect, asked, "INCONCLUSIVE", f"{aspect} undecided: {why}", remedy)

    if name == "win_at_least" and (aspect != "preference" or not measure.missing.asked):
        return undecided("no duel was judged", "`evalharness compare SUITE --base NAME --tuned NAME` has them judged")
    if change is None:
        return undecided(str(measure.missing), "run again: answers that came are kept, only missing ones are asked")
    if terms.blocked:
        seen = f"tuned wins {100 * change.tuned:.1f} %" if name == "win_at_least" else moved(change)
        return undecided(f"{terms.blocked}; seen: {seen}", terms.unblock)
    if name == "drift_at_most":
        ruling = Ruling(aspect, asked, *_drift(limit, measure, terms))
        return undecided(*_unsure(measure, ruling)) if _lacking(measure, ruling) else ruling
    if change.groups < FEWEST_CASES and change.interval != "S":
        return undecided(*_too_few(name, limit, measure, change, terms))
    ruling = Ruling(aspect, asked, *_ruled(name, limit, measure, change, terms))
    if change.planned:
        ruling = _looked(ruling, _how_looked(name, limit, change, terms), change)
    return undecided(*_unsure(measure, ruling)) if _lacking(measure, ruling) else ruling


def _lacking(measure: Measure, ruling: Ruling) -> bool:
    """Whether so much is missing that a good word may not stand."""
    return ruling.outcome in ("HELD", "IMPROVED") and measure.missing.decides


def _unsure(measure: Measure, ruling: Ruling) -> tuple[str, str]:
    return f"{measure.missing}; else: {ruling.sentence}", "run again: only the missing answers are asked"


def _looked(ruling: Ruling, how: str, change: Change) -> Ruling:
    """The ruling, which says that its interval holds at every look; how: what would decide it."""
    after = f"after {change.groups:,} of {counted(change.planned, *phrases.unit(change))}"
    remedy = how if ruling.outcome == "INCONCLUSIVE" else ""
    return replace(ruling, sentence=f"{ruling.sentence} (anytime-valid interval {after})", remedy=remedy)


def asked_for(name: str, limit: float) -> str:
    """One thing that a criterion asks, in the suite's words."""
    return f"{name}: {limit:g}"


def _ruled(name: str, limit: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    match name:
        case "drop_at_most":
            return _margin(limit, measure, change, terms)
        case "gain_at_least":
            return _gain(limit, measure, change, terms)
        case "at_least":
            return _rate(limit, measure, change, terms)
        case "win_at_least":
            return _wins(limit, measure, change, terms)
        case _:
            return _within(limit, measure, change, terms)


def _margin(margin: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    aspect = measure.aspect
    word, note = verdict_word(change, margin=margin, p_adjusted=terms.p_adjusted, alpha=terms.alpha)
    tail = f", margin {points(margin)}"
    match word:
        case "IMPROVED":
            return word, f"{aspect} improved: {moved(change)}{least(change)}", ""
        case "REGRESSED":
            beyond = ", all of it beyond the margin" if note == "beyond margin" else ""
            return word, f"{aspect} regressed: {moved(change)}{between(change)}{tail}{beyond}", ""
        case "HELD":
            return word, f"{aspect} held: {moved(change)}{phrases.most(change)}{tail}", ""
    return (
        word,
        f"{aspect} undecided: {moved(change)}{between(change)}{tail}",
        _how(change, margin, measure, terms),
    )


def _gain(gain: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    aspect = measure.aspect
    tail = f"{between(change)}, {points(gain)} asked for"
    if change.low >= gain:
        return "IMPROVED", f"{aspect} gained enough: {moved(change)}{tail}", ""
    if change.high < gain:
        return "REGRESSED", f"{aspect} gained too little: {moved(change)}{tail}", ""
    return "INCONCLUSIVE", f"{aspect} undecided: {moved(change)}{tail}", _how_gain(change, gain, measure, terms)


def _rate(at_least: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    aspect = measure.aspect
    found = _level(measure, at_least, change, terms)
    seen = f"{100 * found.rate:.1f} %, between {100 * found.low:.1f} and {100 * found.high:.1f}"
    asked = f"{100 * at_least:g} % asked for"
    if found.outcome == "met":
        return "HELD", f"{aspect} reached the level: {seen}, {asked}", ""
    if found.outcome == "failed":
        return "REGRESSED", f"{aspect} below the level: {seen}, {asked}", ""
    return "INCONCLUSIVE", f"{aspect} undecided: {seen}, {asked}", _how_rate(found, at_least, measure, change, terms)


def _level(measure: Measure, at_least: float, change: Change, terms: Terms) -> Threshold:
    """The level with the interval that it gets: another one where it was looked at on the way."""
    if change.planned:
        return threshold_sequence(
            measure.tuned, at_least, planned=change.planned, groups=measure.groups, alpha=terms.alpha
        )
    return threshold(measure.tuned, at_least, groups=measure.groups, interval=terms.interval, alpha=terms.alpha)


def _wins(at_least: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    """A win rate is half of won minus lost above even: the change is of that, see `stats.preference.win_rate`."""
    aspect, target = measure.aspect, 2 * at_least - 1
    seen = f"tuned wins {100 * change.tuned:.1f} %, between {50 + 50 * change.low:.1f} and {50 + 50 * change.high:.1f}"
    tail = f"{seen}, {100 * at_least:g} % asked for"
    if change.low >= target:
        shown = change.change > 0 and terms.p_adjusted <= terms.alpha
        return "IMPROVED" if shown else "HELD", f"{aspect} reached: {tail}", ""
    if change.high < target:
        return "REGRESSED", f"{aspect} missed: {tail}", ""
    cases = cases_as_seen(change, target, alpha=terms.alpha) if at_least < 1 else None
    if cases is None or cases > MOST_CASES:
        near = f"the win rate seen is too near the {100 * at_least:g} % asked for to be told apart by more cases"
        return "INCONCLUSIVE", f"{aspect} undecided: {tail}", near
    shows = "show it" if change.change > target else "show that it is not reached"
    need = f"about {counted(cases, 'case')} would {shows} if the win rate stays as seen (there {are(change.cases)})"
    return "INCONCLUSIVE", f"{aspect} undecided: {tail}", need


def _within(margin: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    aspect = measure.aspect
    word = equivalence(change.low, change.high, margin, significant=terms.p_adjusted <= terms.alpha)
    seen = f"{moved(change)}{between(change)}, {points(margin)} allowed either way"
    if word == "HELD":
        return "HELD", f"{aspect} held: {seen}", ""
    if word == "CHANGED":
        return "REGRESSED", f"{aspect} moved: {seen}", ""
    return "INCONCLUSIVE", f"{aspect} undecided: {seen}", _how(change, margin, measure, terms, both=True)


def _drift(at_most: float, measure: Measure, terms: Terms) -> tuple[Word, str, str]:
    """The mean loss over the turns, by the guarded interval with the largest loss there can be as its range."""
    aspect, falls = measure.aspect, measure.falls
    if falls is None:
        why = f"{aspect} undecided: no conversation has grades of it at three turns or more"
        return "INCONCLUSIVE", why, "ask conversations of three turns or more, with a check of it under `every`"
    count = len(set(falls.groups))
    floor = floor_cases(at_most, falls.reach, terms.alpha)
    if count < FEWEST_CASES:
        why = f"{aspect} undecided: {counted(count, 'conversation')} say nothing about those to come"
        return "INCONCLUSIVE", why, f"{counted(floor, 'conversation')} can decide at the least"
    groups = falls.groups if count < len(falls.values) else None
    low, high = guarded_estimate(falls.values, groups, span=falls.reach, alpha=terms.alpha).interval(
        span=falls.reach, alpha=terms.alpha
    )
    lost = math.fsum(falls.values) / len(falls.values)
    seen = f"{points(lost)} points {'lost' if lost >= 0 else 'gained'} from first to last turn"
    tail = f", {points(at_most)} allowed"
    if high < at_most:
        return "HELD", f"{aspect} lasts: {seen}, {_fall(high)} at most{tail}", ""
    if low > at_most:
        return "REGRESSED", f"{aspect} drifts: {seen}, {_fall(low)} at least{tail}", ""
    why = f"{aspect} undecided: {seen}, anywhere from {_fall(low)} to {_fall(high)}{tail}"
    if count < floor:
        return "INCONCLUSIVE", why, f"it takes {counted(floor, 'conversation')} if none of them drifts"
    return "INCONCLUSIVE", why, f"add conversations (there {are(len(falls.values))}), or allow more"


def _fall(bound: float) -> str:
    return f"{points(bound)} {'gained' if bound < 0 else 'lost'}"


def _too_few(name: str, limit: float, measure: Measure, change: Change, terms: Terms) -> tuple[str, str]:
    unit = phrases.unit(change)
    tuned = f"{100 * change.tuned:.1f} %"
    one = name in ("at_least", "win_at_least")  # a level is of one arm, and so is a win rate
    counts = tuned if one else f"base {100 * change.base:.1f} %, tuned {tuned}"
    says = "says" if change.groups == 1 else "say"
    why = f"{counted(change.groups, *unit)} {says} nothing about prompts to come ({counts})"
    floor: int | None
    match name:
        case "at_least":
            floor = _floor_rate(limit, measure, terms) if limit < 1 else None
            scope = ""
        case "win_at_least":
            floor = floor_cases_gain(max(0.0, 2 * limit - 1), alpha=terms.alpha) if limit < 1 else None
            scope = ""
        case "gain_at_least":
            floor = floor_cases_gain(limit, alpha=terms.alpha) if limit < 1 else None
            scope = _scope_hint(change, abs(change.change - limit), measure, terms)
        case _:
            floor = floor_cases(limit, alpha=terms.alpha)
            near = clearance(change.change, limit, both=name == "both_within")
            scope = _scope_hint(change, near, measure, terms)
    if floor is None:
        return why, f"no number of cases can show {100 * limit:g} %: ask for less{scope}"
    return why, f"{counted(floor, *unit)} can decide at the least{scope}"


def _how(change: Change, margin: float, measure: Measure, terms: Terms, *, both: bool = False) -> str:
    """What would decide a comparison: how many cases, which margin, which scope."""
    cure = remedy(change, margin, both=both, alpha=terms.alpha)
    near = clearance(change.change, margin, both=both)
    shown = f"; these already show a margin of {points(cure.provable_margin, up=True)}"
    if change.interval == "S":
        return f"{_how_samples(change, cure.cases, near, measure, terms)}{shown}"
    need = f"about {counted(cure.cases, 'case')} would decide (there {are(change.cases)})"
    return f"{need}{shown}{_scope_hint(change, near, measure, terms)}"


def _how_gain(change: Change, gain: float, measure: Measure, terms: Terms) -> str:
    """How many cases would show the gain, or that it is less, if it stays as seen."""
    cases = cases_as_seen(change, gain, alpha=terms.alpha)
    near = abs(change.change - gain)
    if cases is None or cases > MOST_CASES:
        return f"the change seen is too near the {points(gain)} asked for to be told apart by more cases"
    if change.interval == "S":
        return _how_samples(change, cases, near, measure, terms)
    shows = "show the gain" if change.change > gain else "show that it is less"
    need = f"about {counted(cases, 'case')} would {shows} if the change stays as seen (there {are(change.cases)})"
    return f"{need}{_scope_hint(change, near, measure, terms)}"


def _how_rate(found: Threshold, at_least: float, measure: Measure, change: Change, terms: Terms) -> str:
    """How many cases would show the level, or that it is missed, if the rate stays as seen."""
    if at_least >= 1:
        return "no number of cases can show that none fails: ask for less, or name cases that `must_pass`"
    floor, unit = _floor_rate(at_least, measure, terms), phrases.unit(change)
    if change.groups < floor:
        takes = f"it takes {counted(floor, *unit)} if all of them pass"
        return f"{takes}; {these(change.groups)} at least {100 * found.low:.1f} %"
    distance = found.rate - at_least
    if abs(distance) > 1e-9:
        means = [math.fsum(scores) / len(scores) for scores in measure.tuned]
        if _one_mark(measure):
            cases = math.ceil(two_sided_z(terms.alpha) ** 2 * at_least * (1 - at_least) / distance**2)
        else:
            square = math.fsum((value - at_least) ** 2 for value in means) / len(means)
            each = cases_to_clear(distance, square, alpha=terms.alpha)
            cases = math.ceil(each * change.cases / change.groups)
        cases = max(cases, change.cases + 1)
        if cases <= MOST_CASES:
            shows = "show it" if distance > 0 else "show that it is not reached"
            return f"about {counted(cases, 'case')} would {shows} if the rate stays as seen (there {are(change.cases)})"
    return f"the rate seen is too near the {100 * at_least:g} % asked for to be told apart by more cases"


def _floor_rate(at_least: float, measure: Measure, terms: Terms) -> int:
    """The fewest cases, or groups, that can show a level below 1, by the interval that these scores get."""
    if _one_mark(measure):
        return floor_cases_threshold(at_least, interval=terms.interval, alpha=terms.alpha)
    return floor_cases_guarded(at_least, alpha=terms.alpha)


def _one_mark(measure: Measure) -> bool:
    """Whether each case passed or failed once, and depends on no other."""
    alone = measure.groups is None or len(set(measure.groups)) == len(measure.groups)
    return alone and all(len(scores) == 1 and scores[0] in (0, 1) for scores in measure.tuned)


def _how_samples(change: Change, cases: int, near: float, measure: Measure, terms: Terms) -> str:
    """What would decide under suite scope."""
    most = max(map(len, measure.tuned))
    there = f"there {are(change.cases, 'case')} with {counted(most, 'sample')}"
    samples = samples_to_clear(measure.base, measure.tuned, near, alpha=terms.alpha)
    if samples is None:
        return f"about {counted(cases, 'case')} with as many samples would decide ({there})"
    return f"`samples: {samples}` would decide if the scores stay as seen ({there})"


def _scope_hint(change: Change, near: float, measure: Measure, terms: Terms) -> str:
    """How many samples would decide for these very cases, by scores as seen; empty where suite scope would not."""
    if measure.same:
        return "; more samples say nothing here: they are the same text every time"
    samples = samples_to_clear(measure.base, measure.tuned, near, alpha=terms.alpha)
    if samples is None:
        return ""
    would = "would" if change.suite_low is not None else "could"
    return f"; with `scope: suite`, `samples: {samples}` {would} decide for these very cases"


def _how_looked(name: str, limit: float, change: Change, terms: Terms) -> str:
    """How many cases would decide where they are looked at on the way, if the scores stay as seen."""
    match name:
        case "at_least":
            near = abs(change.tuned - limit)
        case "gain_at_least":
            near = abs(change.change - limit)
        case _:
            near = clearance(change.change, limit, both=name == "both_within")
    units = units_to_clear(near, change.estimate.error * math.sqrt(change.groups), alpha=terms.alpha)
    cases = math.ceil(max(units, FEWEST_UNITS) * change.cases / change.groups)
    if cases > MOST_CASES:
        return "what was seen is too near what is asked for to be told apart by more cases"
    need = counted(max(cases, change.cases + 1), "case")
    return f"about {need}, looked at on the way, would decide if the scores stay as seen (there {are(change.cases)})"


def causes(found: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Causes by how often they were met, the most frequent first."""
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
