"""What a report format is, and what all formats share: numbers in words, the pick of the replies, their difference.

A format prints what a comparison holds and decides nothing. Rates are printed in percent, changes in points: hundredths
of the score's range, never percent changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from evalharness.escape import one_line
from evalharness.findings import Comparison, Delta, Flip, LeftOut, Pair, Panel, Ruling, RunRef
from evalharness.records import Trial, Word
from evalharness.registry import Registry
from evalharness.sheet import LASTING, weighted
from evalharness.text import listed


class Report(Protocol):
    """Renders a panel; text comes in pieces, so that ten thousand cases need not be in memory at once.

    A comparison alone is a panel of one. Every text in it that a model or a suite wrote is hostile until escaped.
    """

    def __call__(self, panel: Panel) -> Iterator[str]:
        """The report, piece by piece."""


R = TypeVar("R", bound=Report)
REPORTS: Registry[Report] = Registry("evalharness.reports", "report format")


def report(name: str) -> Callable[[R], R]:
    """A decorator that makes a function a format, and keeps the options it takes beside the panel."""

    def add(render: R) -> R:
        REPORTS.register(name)(render)
        return render

    return add


MARKS: dict[Word, str] = {"HELD": "=", "IMPROVED": "▲", "REGRESSED": "▼", "INCONCLUSIVE": "?"}
"""A sign beside each word, so that colour is never the only carrier."""

DASH = "–"
LONGEST_NAME = 60
LONGEST_TEXT = 240

# --- numbers in words -------------------------------------------------------------------------------------------------


def points(value: float | None, beside: float | None = None) -> str:
    """A change in [-1, 1] as points with its sign, `+1.2`; a dash where there is none.

    beside: a margin that the number is read against. Where both would print alike and are not, more digits are given,
    or a bound of -4.999 would stand beside a margin of 5 as its equal.
    """
    if value is None:
        return DASH
    for digits in (1, 2, 3, 4):
        text = f"{100 * value:+.{digits}f}"
        alike = beside is not None and text[1:] == f"{100 * beside:.{digits}f}" and abs(value) != beside
        if not alike:
            break
    return text if float(text) else "0.0"


def rate(value: float | None) -> str:
    """A score in [0, 1] in percent, `38.9 %`."""
    return DASH if value is None else f"{100 * value:.1f} %"


def span(low: float | None, high: float | None, margin: float | None = None) -> str:
    """An interval in points, `[-3.9, +0.8]`; empty text where there is none."""
    return "" if low is None or high is None else f"[{points(low, margin)}, {points(high, margin)}]"


def limit(value: float) -> str:
    """A margin in points, without needless digits: `5`, `2.5`."""
    return f"{100 * value:.4g}"


def p_value(value: float | None) -> str:
    """A p or q value: four decimals, `<0.0001` below them."""
    if value is None:
        return DASH
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def count(number: int, noun: str) -> str:
    """`1 case`, `1,234 cases`, `2 replies`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("ly") else f"{number:,} {noun}s"


# --- what a comparison holds, sorted for reading ----------------------------------------------------------------------


def title(comparison: Comparison) -> str:
    """Which suite, and which arm against which."""
    return f"{comparison.suite.name}: {comparison.base.model.name} → {comparison.tuned.model.name}"


ORDER = ("facts", "style", "format", "safety", "no_leak")
"""Aspects that every suite may bear, in the order of every table; those of a suite's own follow as they were met."""


def changes(comparison: Comparison) -> tuple[Delta, ...]:
    """The rows of the diff table: each aspect with its seen and unseen part below it, then `overall`; gates first."""
    order = {name: place for place, name in enumerate(ORDER)}
    found = (d for d in comparison.deltas if d.part == "aspect")
    rows = sorted(found, key=lambda delta: (not delta.gates, order.get(delta.aspect, len(order))))
    parts = [d for d in comparison.deltas if d.part == "near"]
    below = [row for top in rows for row in (top, *(d for d in parts if d.aspect == top.aspect))]
    return (*below, *(d for d in comparison.deltas if d.part == "overall"))


def by_name(comparison: Comparison) -> dict[str, Delta]:
    """The row of each aspect, and of `overall`."""
    return {delta.aspect: delta for delta in changes(comparison) if delta.part in ("aspect", "overall")}


def gated(panel: Panel) -> tuple[str, ...]:
    """Every aspect that gates in any of the comparisons, in the order met."""
    rows = [delta for comparison in panel.comparisons for delta in by_name(comparison).values()]
    return tuple(dict.fromkeys(delta.aspect for delta in rows if delta.gates))


NOTABLE = 0.10
"""A diagnostic with a q-value up to this is worth a look."""


def slices(comparison: Comparison) -> tuple[Delta, ...]:
    """Tags, checks and turns, the most notable first."""
    found = [d for d in comparison.deltas if d.part in ("tag", "check", "turn", "drift") and d.change is not None]
    return tuple(sorted(found, key=lambda d: (d.p_adjusted is None, d.p_adjusted, -abs(d.change or 0.0))))


def diagnostics(comparison: Comparison) -> tuple[Delta, ...]:
    """The slices that point where to look and decide nothing; not the turns that the table of the persona draws."""
    drawn = {drift.aspect for drift in comparison.persona.drifts} if comparison.persona else set()
    return tuple(delta for delta in slices(comparison) if delta.part != "turn" or delta.aspect not in drawn)


def notable(found: Sequence[Delta]) -> tuple[Delta, ...]:
    """Those of the diagnostics that stand out."""
    return tuple(d for d in found if d.p_adjusted is not None and d.p_adjusted <= NOTABLE)


def ruled(comparison: Comparison, delta: Delta) -> Word:
    """The word of an aspect: the worst of its criteria where it gates, its own where none rules on it."""
    if delta.part in ("aspect", "overall") and delta.gates:
        words = {ruling.outcome for ruling in comparison.rulings if ruling.aspect == delta.aspect}
        for word in ("REGRESSED", "INCONCLUSIVE", "IMPROVED", "HELD"):
            if word in words:
                return word
    return delta.outcome


def stands_out(found: Sequence[Delta]) -> str:
    """How many of the diagnostics stand out: `2 of 13 tags, checks and turns stand out`."""
    number, total = len(notable(found)), len(found)
    if total == 1:
        return f"the only slice (tag, check or turn) {'stands' if number else 'does not stand'} out"
    return f"{number or 'none'} of {total:,} tags, checks and turns {'stand' if number > 1 else 'stands'} out"


# --- what the gate asked ----------------------------------------------------------------------------------------------


def asked(ruling: Ruling) -> tuple[str, float] | None:
    """What a ruling is about, `("drop_at_most", 0.05)`; None where its words are not of this form."""
    name, _, value = ruling.asked.partition(": ")
    try:
        return (name, float(value)) if name in _LIMITS else None
    except ValueError:
        return None


_LIMITS: dict[str, tuple[int, ...]] = {
    "drop_at_most": (-1,),
    "gain_at_least": (1,),
    "both_within": (-1, 1),
    "at_least": (),
    "win_at_least": (),
    "drift_at_most": (),
}
"""On which sides of zero a change is held against each thing a gate can ask; none: it is not about a change."""


def limits(ruling: Ruling) -> tuple[float, ...]:
    """The changes that decide a ruling, the lower first; none where it is not about a change."""
    found = asked(ruling)
    return tuple(side * found[1] for side in _LIMITS[found[0]]) if found else ()


def row_limits(comparison: Comparison, delta: Delta) -> tuple[float, ...]:
    """The changes a row of the table is held against: what its gate asks, or the margin it is read with."""
    if not delta.gates:
        return (-delta.margin,)
    found = {limit for ruling in comparison.rulings if ruling.aspect == delta.aspect for limit in limits(ruling)}
    return tuple(sorted(found))


def margin(comparison: Comparison, delta: Delta) -> str:
    """The margin column: a dash where the gate asks for no margin, in brackets where nothing gates."""
    if not delta.gates:
        return f"({limit(delta.margin)})"
    found = [asked(ruling) for ruling in comparison.rulings if ruling.aspect == delta.aspect]
    return limit(delta.margin) if any(one and one[0] in ("drop_at_most", "both_within") for one in found) else DASH


def part_name(delta: Delta) -> str:
    """The slice as it stands below its aspect: without the aspect's name."""
    return delta.slice.removeprefix(delta.aspect).lstrip(" ·:/") or delta.slice


def sides(comparison: Comparison) -> tuple[tuple[Flip, ...], tuple[Flip, ...]]:
    """The cases that broke, and those that were fixed."""
    broke = tuple(flip for flip in comparison.flips if flip.side == "broke")
    return broke, tuple(flip for flip in comparison.flips if flip.side == "fixed")


def some(flips: Sequence[Flip], most: int | None) -> tuple[Flip, ...]:
    """At most so many flips, in their order; aspects take turns, so that many of one do not hide the few of another."""
    if most is None or len(flips) <= most:
        return tuple(flips)
    turns: Counter[str] = Counter()
    ranked = []
    for place, flip in enumerate(flips):
        ranked.append((turns[flip.aspect], place))
        turns[flip.aspect] += 1
    return tuple(flips[place] for place in sorted(place for _, place in sorted(ranked)[:most]))


def by_aspect(flips: Iterable[Flip]) -> str:
    """How many flips each aspect has: `facts 9, style 3`."""
    return ", ".join(f"{aspect} {number}" for aspect, number in Counter(flip.aspect for flip in flips).items())


def losses(left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    """The cases that could not be compared, counted by side and cause, the most frequent first."""
    cases: dict[tuple[str, str], set[str]] = {}
    for lost in left_out:
        side = lost.side if lost.aspect else ""  # a whole case is no loss of one side: the cause says whose it is
        cases.setdefault((side, lost.cause), set()).add(lost.case)
    ranked = sorted(cases.items(), key=lambda item: (-len(item[1]), item[0]))
    where = {"base": ", base only", "tuned": ", tuned only", "both": ", both arms", "": ""}
    return tuple(f"{count(len(names), 'case')}{where[side]}: {cause}" for (side, cause), names in ranked)


def arms(comparison: Comparison) -> tuple[tuple[str, RunRef], ...]:
    """The arms by the part they play: base, tuned, and, where the way led over a third, via."""
    third = () if comparison.rebased is None else (("via", comparison.rebased.via),)
    return (("base", comparison.base), ("tuned", comparison.tuned), *third)


# --- answers that are missing -----------------------------------------------------------------------------------------

AGAIN = "run again: only the missing answers are asked"
MEND = "mend this first: asking again gives the same"
INCOMPLETE = "answers are missing: left out of the numbers and counted, never taken as wrong"


def gaps(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Why answers are missing, `tuned: 3 invalid: not JSON`, and the remedy: for each arm and kind of failure."""
    sides = arms(comparison)
    alike = len({side.model.name for _, side in sides}) < len(sides)
    found: list[tuple[str, str]] = []
    for role, side in sides:
        arm = role if alike else side.model.name
        for kind, number in side.failures.items():
            said = one_line(side.said.get(kind, ""), LONGEST_TEXT)
            told = f"{arm}: {number:,} {kind}" + (f": {said}" if said else "")
            found.append((told, MEND if kind in LASTING else AGAIN))
        if side.tally is None:
            found.append((f"{arm}: this run was cut short", AGAIN))
    if comparison.verdict.incomplete and not found:
        found.append(("a run holds fewer samples than its suite asks for", AGAIN))
    return tuple(found)


def misses(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """The cases that had to pass and did not, and why: `with tuned: facts: number: the last number is 3, not 4`."""
    pairs = pick(comparison.pairs, comparison.verdict.must_pass)
    arm = comparison.tuned.model.name
    told = [(case, _missed(pairs[case].tuned) if case in pairs else "") for case in comparison.verdict.must_pass]
    return tuple((case, f"with {arm}" + (f": {why}" if why else "")) for case, why in told)


def _missed(trials: Sequence[Trial]) -> str:
    """The aspect, the check and the reason of the first check that failed, and how many more did."""
    failed = [[s for s in trial.scores if s.grade.value is not None and not s.passed] for trial in trials]
    first = next((scores[0] for scores in failed if scores), None)
    if first is None:
        return ""
    parts = dict.fromkeys(part for part in (first.aspect, first.check, first.grade.why) if part)
    checks = {(score.check, score.turn) for scores in failed for score in scores}
    more = [count(len(checks) - 1, "more check")] if len(checks) > 1 else []
    if len(trials) > 1:
        more.append(f"in {sum(map(bool, failed))} of {count(len(trials), 'sample')}")
    return one_line(": ".join(parts), LONGEST_TEXT) + (f" ({'; '.join(more)})" if more else "")


# --- the verdict ------------------------------------------------------------------------------------------------------


def further_reasons(comparison: Comparison) -> tuple[str, ...]:
    """Reasons of the verdict that no ruling tells, but for what `rests` says."""
    told = {rests(comparison), *(ruling.sentence for ruling in comparison.rulings)}
    return tuple(reason for reason in comparison.verdict.reasons if reason not in told)


def own_reasons(panel: Panel) -> tuple[str, ...]:
    """Reasons of the overall verdict that none of the comparisons tells."""
    told = {reason for comparison in panel.comparisons for reason in comparison.verdict.reasons}
    return tuple(reason for reason in panel.verdict.reasons if reason not in told)


def lead(comparison: Comparison) -> str:
    """The verdict in one sentence: that all held, or the first criterion that decided it and the names of others.

    Where it rests on prompts that the training file had, that comes first.
    """
    opening = rests(comparison)
    return f"{opening}; {_lead(comparison)}" if opening else _lead(comparison)


def rests(comparison: Comparison) -> str:
    """That the verdict rests on prompts the training file had; empty where it does not."""
    return comparison.trained.rests if comparison.trained is not None else ""


def _lead(comparison: Comparison) -> str:
    word = comparison.verdict.outcome
    deciding = [ruling for ruling in comparison.rulings if ruling.outcome == word]
    if not deciding:
        return next(iter(comparison.verdict.reasons), "")
    aspects = list(dict.fromkeys(ruling.aspect for ruling in deciding))
    if len(aspects) > 1 and word == "HELD":
        return f"{listed(aspects)} held: all that the gate asks is met"
    others = aspects[1:]
    also = {"INCONCLUSIVE": "undecided"}.get(word, word.lower())
    return deciding[0].sentence + (f"; also {also}: {listed(others)}" if others else "")


# --- cases and their replies ------------------------------------------------------------------------------------------


def case_score(trials: Iterable[Trial], aspect: str) -> float | None:
    """A case's score in an aspect: the mean of its samples, those that lack a grade left out; None without any."""
    values = []
    for trial in trials:
        scores = [score for score in trial.scores if score.aspect == aspect]
        value = weighted(scores) if scores else None
        if value is not None:
            values.append(value)
    return sum(values) / len(values) if values else None


def moved(flip: Flip, pair: Pair | None) -> str:
    """How a case changed sides: `100 % → 0 %`, or where it was asked more than once, how many samples passed."""
    if pair is None or max(len(pair.base), len(pair.tuned)) < 2:
        return f"{100 * flip.base:.0f} % → {100 * flip.tuned:.0f} %"
    (base, of_base), (tuned, of_tuned) = (passes(trials, flip.aspect) for trials in (pair.base, pair.tuned))
    return f"passed {base} of {of_base} → {tuned} of {count(of_tuned, 'sample')}"


def passes(trials: Iterable[Trial], aspect: str) -> tuple[int, int]:
    """How many samples of a case pass every check of an aspect, and how many were scored."""
    graded = [[score for score in trial.scores if score.aspect == aspect] for trial in trials]
    known = [scores for scores in graded if scores and weighted(scores) is not None]
    return sum(all(score.passed for score in scores) for scores in known), len(known)


def pick(pairs: Iterable[Pair], cases: Iterable[str]) -> dict[str, Pair]:
    """The pairs of these cases; reading stops when all are found."""
    wanted = set(cases)
    found: dict[str, Pair] = {}
    if wanted:
        for pair in pairs:
            if pair.asked.case in wanted:
                found[pair.asked.case] = pair
                if len(found) == len(wanted):
                    break
    return found


def telling(trials: Sequence[Trial], aspect: str, *, passed: bool) -> str:
    """The reply that shows how a case stands in an aspect: of the first sample that did pass, or that did not.

    It is the last reply, or, where a check of one turn failed, the reply of that turn.
    """
    found = _telling(trials, aspect, passed=passed)
    return "" if found is None else _reply(found, None if passed else _failed_turn(found, aspect))


def _telling(trials: Sequence[Trial], aspect: str, *, passed: bool) -> Trial | None:
    """The first sample that did pass, or that did not; else the first that was answered."""
    answered = [trial for trial in trials if trial.failure is None]
    for trial in answered:
        scores = [score for score in trial.scores if score.aspect == aspect]
        if scores and passed == all(score.passed for score in scores):
            return trial
    return answered[0] if answered else None


def _failed_turn(trial: Trial, aspect: str) -> int | None:
    """The turn of the first check that failed; None for the whole conversation."""
    return next((score.turn for score in trial.scores if score.aspect == aspect and not score.passed), None)


def _reply(trial: Trial, turn: int | None) -> str:
    talk = trial.conversation
    return talk.reply if turn is None or turn > len(talk.replies) else talk.until(turn).reply


def shown(pair: Pair | None, flip: Flip) -> tuple[str, str, str]:
    """Where a case changed sides: the question, and what base and tuned replied to it.

    Of a talk of several turns it is the turn at which the first check failed, the same of both arms, and the question
    names it; for a check of the whole talk it is the last turn.
    """
    if pair is None:
        return flip.question, "", ""
    broke = flip.side == "broke"
    base = _telling(pair.base, flip.aspect, passed=broke)
    tuned = _telling(pair.tuned, flip.aspect, passed=not broke)
    failed = tuned if broke else base
    turn = None if failed is None else _failed_turn(failed, flip.aspect)
    before, after = ("" if side is None else _reply(side, turn) for side in (base, tuned))
    return _question(failed, turn) or flip.question, before, after


def _question(trial: Trial | None, turn: int | None) -> str:
    """What a turn of a talk was asked, with its number: `turn 3 of 7: And why?`. Empty where there is one turn."""
    if trial is None or len(trial.conversation.replies) < 2:
        return ""
    talk = trial.conversation
    number = len(talk.replies) if turn is None or turn > len(talk.replies) else turn
    before = talk.messages[: talk.replies[number - 1]]
    said = next((message.content for message in reversed(before) if message.role == "user"), "")
    return f"turn {number} of {len(talk.replies)}: {said}"
