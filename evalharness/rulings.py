"""What the gate asks, and what the scores answer: one ruling a criterion, each in one plain sentence.

Rates and changes are printed in points: hundredths of the score's range.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalharness.records import Criterion, Ruling, Word
from evalharness.stats.paired import FEWEST_CASES, Change, equivalence, missing_decides, verdict_word
from evalharness.stats.planning import floor_cases, floor_cases_gain, floor_cases_threshold, remedy
from evalharness.stats.rates import threshold

DEFAULT_MARGIN = 0.05


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
        causes = ", ".join(f"{count} x {cause}" for cause, count in self.causes[:3])
        return f"{self.dropped} of {self.asked} cases could not be compared" + (f" ({causes})" if causes else "")


@dataclass(frozen=True, slots=True)
class Measure:
    """One aspect, measured. change is None where no case could be compared; tuned, groups: the compared cases."""

    aspect: str
    change: Change | None
    missing: Missing
    tuned: Sequence[Sequence[float]] = ()
    groups: Sequence[str] | None = None


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
    )
    return tuple((name, limit) for name, limit in pairs if limit is not None)


def _guarded(name: str, limit: float, measure: Measure, terms: Terms) -> Ruling:
    """The ruling, unless something stands before it: nothing to compare, a block, too few cases, too much missing."""
    aspect, change = measure.aspect, measure.change
    asked = f"{name}: {limit:g}"

    def undecided(why: str, remedy: str) -> Ruling:
        return Ruling(aspect, asked, "INCONCLUSIVE", f"{aspect} undecided: {why}", remedy)

    if name == "win_at_least":
        return undecided("no duel was judged, so there is no win rate", "take win_at_least out of the gate")
    if change is None:
        return undecided(str(measure.missing), "run again: answers that came are kept, only missing ones are asked")
    if terms.blocked:
        return undecided(f"{terms.blocked}; seen: {moved(change)}", terms.unblock)
    if change.groups < FEWEST_CASES and change.interval != "S":
        return undecided(*_too_few(name, limit, change, terms))
    ruling = Ruling(aspect, asked, *_ruled(name, limit, measure, change, terms))
    if ruling.outcome in ("HELD", "IMPROVED") and measure.missing.decides:
        return undecided(f"{measure.missing}; else: {ruling.sentence}", "run again: only the missing answers are asked")
    return ruling


def _ruled(name: str, limit: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    match name:
        case "drop_at_most":
            return _margin(limit, measure.aspect, change, terms)
        case "gain_at_least":
            return _gain(limit, measure.aspect, change, terms)
        case "at_least":
            return _rate(limit, measure, change, terms)
        case _:
            return _within(limit, measure.aspect, change, terms)


def _margin(margin: float, aspect: str, change: Change, terms: Terms) -> tuple[Word, str, str]:
    word, note = verdict_word(change, margin=margin, p_adjusted=terms.p_adjusted, alpha=terms.alpha)
    tail = f", margin {points(margin)}"
    match word:
        case "IMPROVED":
            return word, f"{aspect} improved: {moved(change)}{_least(change)}", ""
        case "REGRESSED":
            beyond = ", all of it beyond the margin" if note == "beyond margin" else ""
            return word, f"{aspect} regressed: {moved(change)}{_range(change)}{tail}{beyond}", ""
        case "HELD":
            return word, f"{aspect} held: {moved(change)}{_most(change)}{tail}", ""
    return word, f"{aspect} undecided: {moved(change)}{_range(change)}{tail}", _how(change, margin, terms)


def _gain(gain: float, aspect: str, change: Change, terms: Terms) -> tuple[Word, str, str]:
    tail = f"{_range(change)}, {points(gain)} asked for"
    if change.low >= gain:
        return "IMPROVED", f"{aspect} gained enough: {moved(change)}{tail}", ""
    if change.high < gain:
        return "REGRESSED", f"{aspect} gained too little: {moved(change)}{tail}", ""
    floor = floor_cases_gain(gain, alpha=terms.alpha)
    proven = max(0.0, change.low)
    how = f"more cases narrow the range ({floor} at the very least); these {change.cases} show {points(proven)} points"
    return "INCONCLUSIVE", f"{aspect} undecided: {moved(change)}{tail}", how


def _rate(at_least: float, measure: Measure, change: Change, terms: Terms) -> tuple[Word, str, str]:
    aspect = measure.aspect
    found = threshold(measure.tuned, at_least, groups=measure.groups, interval=terms.interval, alpha=terms.alpha)
    seen = f"{100 * found.rate:.1f} %, between {100 * found.low:.1f} and {100 * found.high:.1f}"
    asked = f"{100 * at_least:g} % asked for"
    if found.outcome == "met":
        return "HELD", f"{aspect} reached the level: {seen}, {asked}", ""
    if found.outcome == "failed":
        return "REGRESSED", f"{aspect} below the level: {seen}, {asked}", ""
    floor = floor_cases_threshold(at_least, interval=terms.interval, alpha=terms.alpha) if at_least < 1 else None
    need = f"it takes {floor} cases if all of them pass" if floor else "no number of cases can show that none fails"
    shown = 100 * found.low
    return "INCONCLUSIVE", f"{aspect} undecided: {seen}, {asked}", f"{need}; these {change.cases} show {shown:.1f} %"


def _within(margin: float, aspect: str, change: Change, terms: Terms) -> tuple[Word, str, str]:
    word = equivalence(change.low, change.high, margin, significant=terms.p_adjusted <= terms.alpha)
    seen = f"{moved(change)}{_range(change)}, {points(margin)} allowed either way"
    if word == "HELD":
        return "HELD", f"{aspect} held: {seen}", ""
    if word == "CHANGED":
        return "REGRESSED", f"{aspect} moved: {seen}", ""
    return "INCONCLUSIVE", f"{aspect} undecided: {seen}", _how(change, margin, terms)


def _too_few(name: str, limit: float, change: Change, terms: Terms) -> tuple[str, str]:
    noun = "cases" if change.groups == change.cases else "groups of cases"
    counts = f"base {100 * change.base:.1f} %, tuned {100 * change.tuned:.1f} %"
    why = f"{change.groups} {noun} say nothing about prompts to come ({counts})"
    match name:
        case "at_least":
            floor = floor_cases_threshold(min(limit, 0.999), interval=terms.interval, alpha=terms.alpha)
        case "gain_at_least":
            floor = floor_cases_gain(min(limit, 0.999), alpha=terms.alpha)
        case _:
            floor = floor_cases(limit, alpha=terms.alpha)
    return why, f"{floor} cases can decide at the least; {_scope_hint(change)}"


def _how(change: Change, margin: float, terms: Terms) -> str:
    """What would decide a comparison: how many cases, which margin, which scope."""
    cure = remedy(change, margin, alpha=terms.alpha)
    what = "cases" if change.interval != "S" else "cases, or as many times more samples of these,"
    need = f"about {cure.cases:,} {what} would decide (there are {change.cases:,})"
    shown = f"these already show a margin of {points(cure.provable_margin, up=True)}"
    hint = "" if change.interval == "S" else f"; {_scope_hint(change)}"
    return f"{need}; {shown}{hint}"


def _scope_hint(change: Change) -> str:
    more = "" if change.suite_low is not None else " with `samples: 2` or more"
    return f"`scope: suite`{more} asks about these very cases only"


def moved(change: Change) -> str:
    """The change in words: `1.2 points lower`."""
    size = points(change.change)
    if size == "0":
        return "no change seen" if change.ups == change.downs == 0 else "no change on average"
    return f"{size} points {'lower' if change.change < 0 else 'higher'}"


def points(value: float, *, up: bool = False) -> str:
    """Hundredths of the range, without sign, to one decimal; whole numbers without one. `up` never rounds down."""
    size = 100 * abs(value)
    tenths = math.ceil(size * 10 - 1e-9) if up else round(size * 10)
    return f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"


def _most(change: Change) -> str:
    """The far end of a change that held."""
    if change.low > 0:
        return f", at least {points(change.low)}, though the test does not call it shown"
    return f", at most {points(change.low)}" + ("" if change.change < 0 else " lower")


def _least(change: Change) -> str:
    return f", at least {points(change.low)}" if change.low > 0 else f", though {_side(change.low)} is not excluded"


def _range(change: Change) -> str:
    """Both ends, in the direction of the change."""
    if change.high <= 0:
        return f", at least {points(change.high)} and at most {points(change.low)}"
    if change.low >= 0:
        return f", at least {points(change.low)} and at most {points(change.high)}"
    return f", anywhere from {_side(change.low)} to {_side(change.high)}"


def _side(bound: float) -> str:
    return f"{points(bound)} {'lower' if bound < 0 else 'higher'}"


def causes(found: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Causes by how often they were met, the most frequent first."""
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
