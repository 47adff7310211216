"""The cases a training file had beside those it had not: each gate on both, the gap between, the verdict without them.

All of it is to be read and decides nothing; what the gate says of all cases stays the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from evalharness.findings import HeldOut, Ruling, Trained
from evalharness.records import Asked, Criterion, SuiteRef, Word
from evalharness.rulings import Measure, Terms, counted, rule
from evalharness.sheet import OVERALL, Slice
from evalharness.stats.paired import held_out_gap, overall_outcome

SEEN, UNSEEN = "seen + near", "unseen"
RANK: tuple[Word, ...] = ("REGRESSED", "INCONCLUSIVE", "HELD", "IMPROVED")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One gating aspect over a part of the cases, and what its criterion says of them alone."""

    criterion: Criterion
    name: str
    measure: Measure
    rulings: tuple[Ruling, ...]


def parts(
    criteria: Sequence[Criterion],
    cases: Sequence[Asked],
    measure: Callable[[Slice, Sequence[Asked]], Measure],
    terms: Callable[[str, float], Terms],
) -> tuple[Part, ...]:
    """Each criterion over the seen and near cases, then over the unseen ones.

    None where the cases are all of one kind, or were not looked up. terms: of an aspect, for a p-value that is adjusted
    for nothing.
    """
    seen = [asked for asked in cases if asked.near in ("seen", "near")]
    unseen = [asked for asked in cases if asked.near == "unseen"]
    found: list[Part] = []
    for criterion in criteria:
        part: Literal["overall", "aspect"] = "overall" if criterion.aspect == OVERALL else "aspect"
        cut = Slice(part, criterion.aspect)
        for name, some in ((SEEN, seen), (UNSEEN, unseen)):
            if seen and unseen:
                measured = measure(cut, some)
                p = measured.change.p if measured.change is not None else 1.0
                found.append(Part(criterion, name, measured, rule(criterion, measured, terms(criterion.aspect, p))))
    return tuple(found)


def trained(suite: SuiteRef, cases: Sequence[Asked], found: Sequence[Part], outcome: Word) -> Trained | None:
    """What the training file says of a comparison; None where its cases were not looked up. outcome: the verdict's."""
    counts = Counter(asked.near for asked in cases if asked.near is not None)
    if not counts:
        return None
    alone = [ruling for part in found if part.name == UNSEEN for ruling in part.rulings]
    word = overall_outcome([ruling.outcome for ruling in alone]) if alone else None
    return Trained(
        file=suite.train or "the training file",
        digest=suite.train_digest,
        seen=counts["seen"],
        near=counts["near"],
        unseen=counts["unseen"],
        gaps=tuple(_gaps(found, suite.alpha)),
        unseen_outcome=word,
        rests=_rests(counts["unseen"], word, outcome),
    )


def _rests(unseen: int, alone: Word | None, outcome: Word) -> str:
    """The sentence that opens the summary; empty where the unseen cases alone say no worse than all."""
    if not unseen:
        return f"{outcome} rests on prompts the training file had: no case is unseen"
    if alone is None or RANK.index(alone) >= RANK.index(outcome):
        return ""
    unlike = f"on the {counted(unseen, 'unseen case')} alone it is {alone}"
    return f"{outcome} rests on prompts the training file had: {unlike}"


def _gaps(found: Sequence[Part], alpha: float) -> list[HeldOut]:
    """The held-out gap of each criterion whose both parts could be compared."""
    gaps: list[HeldOut] = []
    for seen, unseen in zip(found[::2], found[1::2], strict=True):
        one, other = seen.measure.change, unseen.measure.change
        if one is None or other is None:
            continue
        gap = held_out_gap(one, other, alpha=alpha)
        # A preference is shown as a win rate, whose points are half those of won minus lost.
        scale = 0.5 if seen.measure.aspect == "preference" else 1.0
        moved = [scale * value for value in (one.change, other.change, gap.change, gap.low, gap.high)]
        gaps.append(HeldOut(seen.measure.aspect, one.cases, other.cases, *moved))
    return gaps
