"""The judges of a comparison, in words: who graded by what, how far they agree with people, what mistakes hide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.duel import PREFERENCE
from evalharness.escape import one_line
from evalharness.findings import Comparison
from evalharness.merging import sum_tallies
from evalharness.records import Tally
from evalharness.reports.base import DASH, LONGEST_NAME, LONGEST_TEXT, count, points, rate
from evalharness.standings import Corrected, Estimated, Judged

CORRECTED = ("put right", "judge alone", "with labels", "by its mistakes", "labels")
ARMS = ("base", "tuned", "change")


def lines(comparison: Comparison) -> Iterator[str]:
    """What is to be said of each, a sentence a line; names and rubrics in it are foreign."""
    for row in graders(comparison):
        name, judges = one_line(row.check, LONGEST_NAME), one_line(", ".join(row.judges), LONGEST_TEXT)
        yield f"{name} ({row.aspect}): {row.scale} by {judges}: {one_line(row.rubric, LONGEST_TEXT)}"
        yield f"{name}: {standing(row)}"
        if row.errors:
            yield f"{name}: no grade for {row.errors:,} of {count(row.asked, 'reply')}"
        if row.uneven:
            uneven = one_line("; ".join(row.uneven), LONGEST_TEXT)
            yield f"{name}: mistakes differ between the arms, so part of a change is the judge's: {uneven}"
        if row.panel:
            pairs = (f"{one} and {two} {_number(value)}" for one, two, value in row.panel)
            yield f"{name}: kappa of the judges with each other: {one_line(', '.join(pairs), LONGEST_TEXT)}"
    for name, tally in _took(comparison):
        price = f", {tally.usd:.4f} USD" if tally.usd else ""
        sent = f"{count(tally.sent, 'request')}, {tally.cached:,} answers known before{price}"
        yield f"{one_line(name, LONGEST_NAME)} took {sent}"


def graders(comparison: Comparison) -> tuple[Judged, ...]:
    """Those that grade replies one by one; judges of pairs stand with the win rate."""
    return tuple(row for row in comparison.judged if row.aspect != PREFERENCE)


def of_pairs(comparison: Comparison) -> tuple[Judged, ...]:
    """Those that say which of two replies is better."""
    return tuple(row for row in comparison.judged if row.aspect == PREFERENCE)


def pair_lines(comparison: Comparison) -> Iterator[str]:
    """Whether each judge of pairs may gate, with its figures."""
    rows = of_pairs(comparison)
    for row in rows:
        by = f" by '{one_line(row.rubric, LONGEST_NAME)}'" if len(rows) > 1 else ""
        yield f"judged{by} by {one_line(', '.join(row.judges), LONGEST_TEXT)}: {standing(row)}"
        if row.uneven:
            yield f"mistakes differ between the pairs of arms: {one_line('; '.join(row.uneven), LONGEST_TEXT)}"


def _took(comparison: Comparison) -> Iterator[tuple[str, Tally]]:
    """What each judge took for both arms; an accepted run's was taken when it was made."""
    sides = [side for side in (comparison.base, comparison.tuned) if side.snapshot is None]
    for name in dict.fromkeys(name for side in sides for name, _ in side.judging):
        yield name, sum_tallies([tally for side in sides for own, tally in side.judging if own == name])


def standing(row: Judged) -> str:
    """Whether it may gate and, where there are labels, the figures."""
    told = row.state if row.state == "calibrated" else f"{row.why} → {row.remedy}"
    return f"{told}{f'; {measures(row)}' if row.labels else ''}"


def measures(row: Judged) -> str:
    """How far a judge agrees with the labels: `60 labels: agreement 91.7 % (81.9 to 96.4), kappa 0.83 ...`."""
    kappa = f"kappa {_number(row.kappa)}"
    if row.kappa_range is not None:
        kappa += f" ({row.kappa_range.low:.2f} to {row.kappa_range.high:.2f})"
    if row.weighted is not None:
        kappa += f", weighted {row.weighted:.2f}"
    if row.aspect == PREFERENCE:
        right = f"accuracy {_share(row.accuracy)}, consistent {_share(row.consistent)}"
        where = f"where neither says tie kappa {_number(row.kappa_decided)}"
        return f"{count(row.labels, 'label')}: agreement {_share(row.agreement)}, {kappa}, {right}, {where}"
    rates = (("sensitivity", row.sensitivity), ("specificity", row.specificity))
    shares = [f"{name} {_share(value)}" for name, value in rates]
    return f"{count(row.labels, 'label')}: agreement {_share(row.agreement)}, {kappa}, {', '.join(shares)}"


def tables(found: Sequence[Judged]) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Corrected rates, where labels allow any: an arm a row, then the change."""
    rows = [
        _corrected(row, arm, one)
        for row in found
        for arm, one in zip(ARMS, (*row.corrected, row.change), strict=False)
        if one is not None and one.powered is not None
    ]
    if rows:
        yield CORRECTED, rows


def _corrected(row: Judged, arm: str, found: Corrected) -> tuple[str, ...]:
    """A row below `CORRECTED`."""
    change = found is row.change
    shown = _moved if change else _share
    alone = DASH if found.seen is None else (points(found.seen) if change else rate(found.seen))
    about = one_line(f"{row.check}: {arm}", LONGEST_NAME)
    labels = f"{found.labels:,} of {found.labels + found.unlabelled:,}"
    return about, alone, shown(found.powered), shown(found.rogan_gladen), labels


def _share(found: Estimated | None) -> str:
    return DASH if found is None else f"{rate(found.value)} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _moved(found: Estimated | None) -> str:
    return DASH if found is None else f"{points(found.value)} ({points(found.low)} to {points(found.high)})"


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"
