"""What is known of a judge: the labels people gave, how far its grades agree with them, and whether it may gate.

A calibration belongs to one instrument: judges, rubric and scale together. Change one of them, and it is another
instrument that nobody has looked at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

from evalharness.records import CUT_OFF, Conversation, Grade, Message, Score, Trial
from evalharness.standings import Estimated, State
from evalharness.stats.agreement import (
    Change,
    Confusion,
    Rate,
    difference,
    kappa,
    kappa_interval,
    kappa_spread,
    rate,
    sensitivity,
    specificity,
    weighted_kappa,
    youden,
)
from evalharness.stats.intervals import Interval
from evalharness.stats.preference import win_rate
from evalharness.stats.signs import sign_flip

ENOUGH = 50
"""Labels that a calibration takes."""
FEW = 5
"""Labels of one kind below which what they show is called thin."""
LEAST_KAPPA = 0.4
SCHEMA = 1

PAIR = "pair"
"""The scale of verdicts on which of two replies is better: 0 base's, 0.5 a tie, 1 tuned's."""
EVEN = 0.5

MOST_ANCHORS = 12
LEAST_ANCHORS = 6
"""Anchors that must have been judged again for anything to follow."""
NOISE = 0.10
"""The share of anchors on which a judge may change its mind without having moved."""


Side: TypeAlias = Literal["base", "tie", "tuned"]
SIDES: tuple[Side, ...] = ("base", "tie", "tuned")


@dataclass(frozen=True, slots=True)
class Beside:
    """What tuned said where replies are judged in pairs, and of each judge what tuned scored with base shown first, and
    with tuned first."""

    messages: tuple[Message, ...]
    replies: tuple[int, ...]
    orders: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of a label file: what somebody said of one reply, and all that was known of it then.

    label: in [0, 1]; None takes back what was said of this reply before. instrument: its digest. grade, why: what the
    judge said. scale, rubric: what was asked of this reply. messages: the conversation as it was graded; replies:
    places in it of what the model said. beside: of a pair, the other reply; the label, the grade, messages and replies
    are then those of `PAIR` and of base.
    """

    suite: str
    check: str
    aspect: str
    instrument: str
    judges: tuple[str, ...]
    scale: str
    rubric: str
    arm: str
    case: str
    sample: int
    turn: int | None
    label: float | None
    grade: float
    pass_at: float
    why: str
    messages: tuple[Message, ...]
    replies: tuple[int, ...]
    beside: Beside | None = None

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """Which reply this is about, graded by which instrument."""
        return (self.instrument, self.arm, self.case, self.sample, self.turn or 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One reply that somebody labelled: label and the judge's grade, both in [0, 1]. orders: as in `Beside`."""

    arm: str
    case: str
    sample: int
    turn: int | None
    label: float
    grade: float
    orders: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """A conversation whose grade is remembered, so that a judge that changes behind its name is seen.

    turn: the asked turn from 1 whose reply is graded, None for the whole conversation.
    """

    case: str
    turn: int | None
    messages: tuple[Message, ...]
    replies: tuple[int, ...]
    label: float
    grade: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The labels of one instrument beside its grades. pass_at: from where a label or grade counts as passed. scale:
    `PAIR` where it judges pairs of replies, else empty."""

    evalharness: int
    suite: str
    check: str
    aspect: str
    digest: str
    judges: tuple[str, ...]
    pass_at: float
    rows: tuple[Row, ...]
    anchors: tuple[Anchor, ...] = ()
    scale: str = ""

    @property
    def enough(self) -> bool:
        """Whether there are as many labels as a calibration takes."""
        return len(self.rows) >= ENOUGH


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a judge agrees with the labels. Rates are shares in [0, 1] with intervals at 95 %.

    kappa: Cohen's, on passed or failed. weighted: kappa with squared weights, where grades or labels are more than
    passed or failed, else None. better: sensitivity + specificity - 1, 0 for a judge that guesses. None stands where
    the labels are all of one kind.
    """

    counts: Confusion
    agreement: Rate | None
    kappa: float | None
    kappa_range: Interval | None
    weighted: float | None
    sensitivity: Rate | None
    specificity: Rate | None
    better: Change | None


@dataclass(frozen=True, slots=True)
class PairFigures:
    """How far a judge of pairs agrees with the labels, by the side that has more than half. Intervals at 95 %.

    counts: pairs by label, then by verdict, each in the order of `SIDES`. kappa: Cohen's, over the three. accuracy: of
    the pairs whose label is no tie, the share judged right, a tie half; as LLMBar (Zeng et al. 2024). decided: where
    neither label nor verdict is a tie, with tuned's winning as passed. consistent: of every judge's verdicts, those in
    which no order named another winner than the other.
    """

    counts: tuple[tuple[int, ...], ...]
    agreement: Rate | None
    kappa: float | None
    kappa_range: Interval | None
    accuracy: Estimated | None
    decided: Figures
    consistent: Rate | None


@dataclass(frozen=True, slots=True)
class Uneven:
    """Two arms whose replies a judge mistakes unequally, so that a change between them is partly the judge's.

    rate: `sensitivity` or `specificity`; change: that of the second arm minus that of the first.
    """

    first: str
    second: str
    rate: str
    change: Change

    def __str__(self) -> str:
        size = f"{100 * abs(self.change.change):.0f} points {'lower' if self.change.change < 0 else 'higher'}"
        return f"{self.rate} is {size} on replies of '{self.second}' than on those of '{self.first}'"


@dataclass(frozen=True, slots=True)
class Known:
    """What a comparison is told of an instrument. moved: why the judge is not the one it was, empty where it is."""

    calibration: Calibration
    moved: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an instrument may gate: its state, why in a few words, and what to do."""

    state: State
    why: str = ""
    remedy: str = ""


def graded(trial: Trial, score: Score) -> Conversation | None:
    """The conversation that models were asked about for this score; None where none was asked.

    None was for a reply that never came, was filtered by the server, or was cut off and so counts as 0 by rule.
    """
    talk = trial.conversation
    if not score.judges or (score.turn or 1) > len(talk.replies) or (score.turn is None and trial.failure is not None):
        return None
    read = talk if score.turn is None else talk.until(score.turn)
    by_rule = read.outcome == "truncated" and score.grade == Grade(0.0, CUT_OFF)
    return None if read.outcome == "filtered" or by_rule else read


def figures(rows: Sequence[Row], pass_at: float) -> Figures:
    """How far grades agree with labels over these rows."""
    labels, grades = [row.label for row in rows], [row.grade for row in rows]
    counts = Confusion.of([label >= pass_at for label in labels], [grade >= pass_at for grade in grades])
    graded = any(value not in (0, 1) for value in (*labels, *grades))
    return Figures(
        counts=counts,
        agreement=rate(counts.agree, counts.cases),
        kappa=counts.kappa,
        kappa_range=kappa_interval(counts),
        weighted=weighted_kappa(labels, grades) if graded else None,
        sensitivity=sensitivity(counts),
        specificity=specificity(counts),
        better=youden(counts),
    )


def side(value: float) -> Side:
    """Whose reply is better by a label or a grade of a pair; the mean of several judges may lie anywhere."""
    return "tie" if math.isclose(value, EVEN, abs_tol=1e-9) else "tuned" if value > EVEN else "base"


def pair_figures(rows: Sequence[Row]) -> PairFigures:
    """How far verdicts on pairs agree with labels over these rows."""
    labels, verdicts = [side(row.label) for row in rows], [side(row.grade) for row in rows]
    said = list(zip(labels, verdicts, strict=True))
    right = [[1.0 if verdict == label else 0.5 * (verdict == "tie")] for label, verdict in said if label != "tie"]
    found = win_rate(right) if right else None
    orders = [one for row in rows for one in row.orders]
    return PairFigures(
        counts=tuple(tuple(said.count((label, verdict)) for verdict in SIDES) for label in SIDES),
        agreement=rate(sum(label == verdict for label, verdict in said), len(said)),
        kappa=kappa(labels, verdicts) if said else None,
        kappa_range=kappa_spread(Counter(said)),
        accuracy=found and Estimated(found.rate, found.low, found.high),
        decided=figures(decided(rows), EVEN),
        consistent=rate(sum({0.0, 1.0} != set(one) for one in orders), len(orders)),
    )


def decided(rows: Sequence[Row]) -> list[Row]:
    """The pairs on which neither label nor verdict is a tie."""
    return [row for row in rows if "tie" not in (side(row.label), side(row.grade))]


def by_arm(calibration: Calibration) -> dict[str, Figures]:
    """The same for the replies of each arm, by its name; of pairs, for each two arms, where nothing is a tie."""
    arms = sorted({row.arm for row in calibration.rows})
    rows = decided(calibration.rows) if calibration.scale == PAIR else calibration.rows
    return {arm: figures([row for row in rows if row.arm == arm], calibration.pass_at) for arm in arms}


def uneven(arms: dict[str, Figures]) -> Iterator[Uneven]:
    """Every two arms whose sensitivity or specificity differ: Newcombe's interval of the difference excludes 0.

    The level is shared by all that are looked at (Bonferroni), so that of twenty judges that treat all arms alike about
    one is called uneven.
    """
    alpha = 0.05 / max(1, len(arms) * (len(arms) - 1))
    for first, second in combinations(arms, 2):
        one, other = arms[first].counts, arms[second].counts
        for name, of in (("sensitivity", sensitivity), ("specificity", specificity)):
            before, after = of(one, alpha=alpha), of(other, alpha=alpha)
            if before is None or after is None:
                continue
            change = difference(after, before)
            if change.low > 0 or change.high < 0:
                yield Uneven(first, second, name, change)


def standing(known: Known | None, source: str = "") -> Standing:
    """Whether an instrument may gate, by what is known of it; None: nothing is. source: the file to label, if known."""
    if known is None:
        how = f"{ENOUGH} labels take ten minutes: evalharness label {source or 'RUN'}"
        return Standing("uncalibrated", "not calibrated", how)
    calibration = known.calibration
    pairs = calibration.scale == PAIR
    if known.moved:
        fix = "it is another judge: name a dated model or another `server` for it in the config, run and label again"
        return Standing("moved", f"has moved since it was calibrated ({known.moved})", fix)
    if not calibration.enough:
        there = len(calibration.rows)
        what = source or ("DUELS" if pairs else "RUN")
        fix = f"{ENOUGH - there} more labels: evalharness label {what}, then evalharness judge calibrate"
        return Standing("uncalibrated", f"not calibrated: {there} labels of {ENOUGH}", fix)
    rows = calibration.rows
    why = pair_shortcoming(pair_figures(rows)) if pairs else shortcoming(figures(rows, calibration.pass_at))
    if why:
        what = "criterion by the pairs" if pairs else "rubric by the replies"
        fix = f"mend the {what} that `evalharness judge calibrate` lists, or take another judge"
        return Standing("failed", f"failed calibration ({why})", fix)
    return Standing("calibrated")


def shortcoming(found: Figures) -> str:
    """Why a judge with these figures may not gate; empty where it may.

    Sensitivity + specificity - 1 whose interval reaches 0, which is that of a guess, or kappa below 0.4.
    """
    if found.better is None or found.kappa is None:
        only = "fails" if found.counts.fails == 0 else "passes"
        return f"no label {only}, so half of its mistakes cannot be seen"
    if found.better.low <= 0:
        spread = f"between {found.better.low:.2f} and {found.better.high:.2f}"
        return f"sensitivity + specificity - 1 lies {spread}, and a guess has 0"
    if found.kappa < LEAST_KAPPA:
        return f"kappa {found.kappa:.2f}, at least {LEAST_KAPPA:g} asked for"
    return ""


def pair_shortcoming(found: PairFigures) -> str:
    """Why a judge of pairs with these figures may not gate; empty where it may.

    Sensitivity + specificity - 1 where nothing is a tie, whose interval reaches 0, which is that of a guess; or kappa
    over base, tie and tuned below 0.4, which is also that of a judge that mostly says tie, or contradicts itself.
    """
    better = found.decided.better
    if better is None:
        only = "base" if found.decided.counts.passes else "tuned"
        return f"no pair decided by both people and judge has {only} as the better one"
    if better.low <= 0:
        spread = f"between {better.low:.2f} and {better.high:.2f}"
        return f"sensitivity + specificity - 1 where both decide lies {spread}, and a guess has 0"
    if found.kappa is None or found.kappa < LEAST_KAPPA:
        return f"kappa {found.kappa or 0:.2f}, at least {LEAST_KAPPA:g} asked for"
    return ""


def moved(then: Sequence[float], now: Sequence[float | None], pass_at: float) -> str | None:
    """Why a judge is not the one it was, by its grades of the same conversations; empty where nothing shows that.

    None where fewer than six have a grade now, which says nothing.

    then, now: grades of each anchor; None where there is none now. It moved where more anchors changed sides than a
    judge does that changes its mind on one in ten, or where its grades as a whole went up or down (two-sided sign flips
    at 0.01). With twelve anchors four must change: a false alarm in 2.6 % of the looks at such a judge, and one that
    changes sides on half of them is seen in 92.7 %. A judge that always answers alike gives no false alarm.
    """
    pairs = [(before, after) for before, after in zip(then, now, strict=True) if after is not None]
    if len(pairs) < LEAST_ANCHORS:
        return None
    flips = sum((before >= pass_at) != (after >= pass_at) for before, after in pairs)
    if flips >= _too_many(len(pairs)):
        return f"{flips} of {len(pairs)} anchors judged otherwise"
    shifts = [after - before for before, after in pairs]
    if any(shifts) and sign_flip(shifts) <= 0.01:
        shift = 100 * sum(shifts) / len(shifts)
        return f"its grades of {len(pairs)} anchors lie {abs(shift):.0f} points {'lower' if shift < 0 else 'higher'}"
    return ""


def _too_many(anchors: int) -> int:
    """The fewest changes of side that a judge of ordinary noise shows in one look of twenty at most."""
    from math import comb

    chances = [comb(anchors, k) * NOISE**k * (1 - NOISE) ** (anchors - k) for k in range(anchors + 1)]
    return next(k for k in range(anchors + 2) if sum(chances[k:]) <= 0.05)
