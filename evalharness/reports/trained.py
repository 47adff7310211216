"""The training file beside a comparison, in words: how near the cases are, the gaps, what replies took from it."""

from __future__ import annotations

from collections.abc import Iterator

from evalharness.escape import one_line
from evalharness.files import shown_path
from evalharness.findings import Comparison, HeldOut, Phrase, Trained
from evalharness.reports.base import LONGEST_NAME, LONGEST_TEXT, count, points, span

GAPS = ("aspect", "seen + near", "unseen", "held-out gap in points")
PHRASES = ("phrase", "training", "base", "tuned")


def lines(comparison: Comparison) -> Iterator[str]:
    """What is to be said, a sentence each; names and texts in it are foreign."""
    found = comparison.trained
    if found is None:
        return
    total = found.seen + found.near + found.unseen
    yield (
        f"of {count(total, 'case')} compared, {shown_path(found.file)} has {found.seen:,}, nearly has {found.near:,}, "
        f"and has not {found.unseen:,}"
    )
    if found.unseen_outcome is not None:
        yield f"on the unseen cases alone the gate says {found.unseen_outcome}"
    echoes = found.echoes
    if echoes is None:
        return
    (all_base, base), (all_tuned, tuned) = echoes.base, echoes.tuned
    recite = f"tuned {tuned:,} of {all_tuned:,}, base {base:,} of {all_base:,}"
    yield f"replies that recite a training reply under another question: {recite}"
    cases: dict[tuple[int, str], dict[str, None]] = {}
    for one in echoes.recitals:
        cases.setdefault((one.line, one.text), {})[one.case] = None
    for (line, text), names in cases.items():
        where = ", ".join(name[:LONGEST_NAME] for name in names)
        yield f"line {line:,} of it, in {where}: {one_line(text, LONGEST_TEXT // 2)}"


def gap(row: HeldOut) -> tuple[str, str, str, str]:
    """A row below `GAPS`; only the first, the aspect, is foreign text."""
    return (
        row.aspect,
        f"{points(row.seen)} ({row.seen_cases:,})",
        f"{points(row.unseen)} ({row.unseen_cases:,})",
        f"{points(row.gap)} {span(row.low, row.high)}",
    )


def phrase(row: Phrase) -> tuple[str, str, str, str]:
    """A row below `PHRASES`; only the first, the words, is foreign text."""
    trained, base, tuned = (f"{100 * share:.0f} %" for share in (row.trained, row.base, row.tuned))
    return row.words, trained, base, tuned


def tables(found: Trained) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Each table that has rows, with its head."""
    if found.gaps:
        yield GAPS, [gap(row) for row in found.gaps]
    if found.echoes is not None and found.echoes.phrases:
        yield PHRASES, [phrase(row) for row in found.echoes.phrases]
