"""What a report format is, and what all formats share: numbers in words, the pick of the replies, their difference.

A format prints what a comparison holds and decides nothing. Rates are printed in percent, changes in points: hundredths
of the score's range, never percent changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from evalharness.records import Comparison, Delta, Flip, LeftOut, Pair, Panel, RunRef, Tally, Trial, Word
from evalharness.registry import Registry
from evalharness.sheet import weighted


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
    """`1 case`, `1,234 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# --- what a comparison holds, sorted for reading ----------------------------------------------------------------------


def title(comparison: Comparison) -> str:
    """Which suite, and which arm against which."""
    return f"{comparison.suite.name}: {comparison.base.model.name} → {comparison.tuned.model.name}"


def changes(comparison: Comparison) -> tuple[Delta, ...]:
    """The rows of the diff table: each aspect with its seen and unseen part below it, then `overall`; gates first."""
    rows = sorted((d for d in comparison.deltas if d.part == "aspect"), key=lambda delta: not delta.gates)
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


def diagnostics(comparison: Comparison) -> tuple[Delta, ...]:
    """Tags, checks and turns, the most notable first. They point where to look and decide nothing."""
    found = [d for d in comparison.deltas if d.part in ("tag", "check", "turn") and d.change is not None]
    return tuple(sorted(found, key=lambda d: (d.p_adjusted is None, d.p_adjusted, -abs(d.change or 0.0))))


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
        cases.setdefault((lost.side, lost.cause), set()).add(lost.case)
    ranked = sorted(cases.items(), key=lambda item: (-len(item[1]), item[0]))
    where = {"base": "base only", "tuned": "tuned only", "both": "both arms"}
    return tuple(f"{count(len(names), 'case')}, {where[side]}: {cause}" for (side, cause), names in ranked)


def further_reasons(comparison: Comparison) -> tuple[str, ...]:
    """Reasons of the verdict that no ruling tells."""
    told = {ruling.sentence for ruling in comparison.rulings}
    return tuple(reason for reason in comparison.verdict.reasons if reason not in told)


def own_reasons(panel: Panel) -> tuple[str, ...]:
    """Reasons of the overall verdict that none of the comparisons tells."""
    told = {reason for comparison in panel.comparisons for reason in comparison.verdict.reasons}
    return tuple(reason for reason in panel.verdict.reasons if reason not in told)


def lead(comparison: Comparison) -> str:
    """The verdict in one sentence: that of the first criterion that decided it."""
    deciding = [r.sentence for r in comparison.rulings if r.outcome == comparison.verdict.outcome]
    return next(iter((*deciding, *comparison.verdict.reasons)), "")


def statistics(delta: Delta) -> tuple[tuple[str, str], ...]:
    """Every number behind one row, as label and text."""
    k_base, k_tuned = delta.samples
    rows = [
        ("cases", f"{delta.cases:,} of {delta.cases + delta.left_out:,}"),
        ("groups", f"{delta.groups:,}" if delta.groups not in (0, delta.cases) else ""),
        ("samples", f"{k_base}" if k_base == k_tuned else f"{k_base} and {k_tuned}"),
        ("up, down, unchanged", f"{delta.ups:,}, {delta.downs:,}, {delta.unchanged:,}"),
        (f"interval {delta.interval}".strip(), span(delta.low, delta.high, delta.margin)),
        ("suite scope", span(delta.suite_low, delta.suite_high, delta.margin)),
        ("standard error", "" if delta.error is None else f"{100 * delta.error:.2f}"),
        ("p", "" if delta.p is None else p_value(delta.p)),
        ("mid-p", "" if delta.p_midp is None else p_value(delta.p_midp)),
        ("p (Holm)" if delta.gates else "q", "" if delta.p_adjusted is None else p_value(delta.p_adjusted)),
        ("p non-inferior", "" if delta.p_noninferior is None else p_value(delta.p_noninferior)),
        ("margin", limit(delta.margin)),
        ("provable margin", "" if delta.provable_margin is None else f"{100 * delta.provable_margin:.2f}"),
    ]
    return tuple((label, text) for label, text in rows if text)


def arm_facts(side: RunRef) -> tuple[tuple[str, str], ...]:
    """What one arm was, how its replies ended and what it took, as label and text."""
    endings = {**side.outcomes, **{f"failed ({kind})": number for kind, number in side.failures.items()}}
    tally, model = side.tally, side.model
    asked = count(side.asked, "reply").replace("replys", "replies")
    rows = [
        ("model", model.use),
        ("served as", ", ".join(side.served)),
        ("server", model.server or model.base_url),
        ("parameters", ", ".join(f"{name}={value}" for name, value in {**model.params, **model.extra_body}.items())),
        ("left out of the request", ", ".join(model.drop)),
        ("began", side.began),
        ("replies", ", ".join(f"{number:,} {name}" for name, number in endings.items() if number)),
        ("scored", f"{side.scored:,} of {asked}"),
        ("run file", side.path),
    ]
    rows.append(("requests", _took(tally) if tally is not None else "this run is not whole"))
    return tuple((label, text) for label, text in rows if text)


def _took(tally: Tally) -> str:
    """How many answers were bought, and for how much."""
    told = [f"{tally.sent:,} sent, {tally.cached:,} known before"]
    if tally.sent or tally.usd:
        told.append("cost unknown" if tally.usd is None else f"{tally.usd:.4f} USD")
    if tally.usage.tokens_in or tally.usage.tokens_out:
        told.append(f"{tally.usage.tokens_in:,} tokens in, {tally.usage.tokens_out:,} out")
    return "; ".join(told)


def suite_facts(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """How the numbers came to be, as label and text: enough to make them again."""
    suite = comparison.suite
    n = max((delta.cases for delta in comparison.deltas), default=0)
    rows = [
        ("suite", f"{suite.name} {suite.hash[:12]} ({suite.path})"),
        ("compared", f"{count(n, 'case')}, {count(suite.samples, 'sample')} a case"),
        ("selection", ", ".join(suite.selected)),
        ("judges", ", ".join(suite.judges)),
        ("reading", f"scope {suite.scope}, alpha {suite.alpha:g}, test {suite.test}, seed {comparison.seed}"),
        ("evalharness", comparison.version),
    ]
    return tuple((label, text) for label, text in rows if text)


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


def pick(pairs: Iterable[Pair], flips: Iterable[Flip]) -> dict[str, Pair]:
    """The pairs of these flips by case; reading stops when all are found."""
    wanted = {flip.case for flip in flips}
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
    for trial in trials:
        scores = [score for score in trial.scores if score.aspect == aspect]
        failed = [score for score in scores if not score.passed]
        if scores and passed != bool(failed) and trial.failure is None:
            turn = failed[0].turn if failed else None
            talk = trial.conversation
            return talk.reply if turn is None or turn > len(talk.replies) else talk.until(turn).reply
    return next((trial.conversation.reply for trial in trials if trial.failure is None), "")


def shown_replies(pair: Pair, flip: Flip) -> tuple[str, str]:
    """What base and tuned said where a case changed sides."""
    broke = flip.side == "broke"
    return telling(pair.base, flip.aspect, passed=broke), telling(pair.tuned, flip.aspect, passed=not broke)
