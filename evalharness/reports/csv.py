"""A row a case and aspect, for a spreadsheet. No cell is a formula, whatever a model wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from evalharness.escape import csv_cell
from evalharness.findings import Comparison, Flip, Pair, Panel
from evalharness.records import Trial
from evalharness.reports.base import case_score, report, shown, telling

COLUMNS = (
    "suite", "base_arm", "tuned_arm", "case", "aspect", "tags", "group", "must_pass", "base", "tuned", "change", "flip",
    "question", "base_reply", "tuned_reply", "base_why", "tuned_why", "base_ending", "tuned_ending",
    "base_failure", "tuned_failure",
)  # fmt: skip
LONGEST_CELL = 32_000
"""Spreadsheets cut a cell after 32,767 characters; what is left out here is counted."""


@report("csv")
def render(panel: Panel) -> Iterator[str]:
    """A table for a spreadsheet, a row a case and aspect: scores, change, flip, both replies, why, and what failed.

    RFC 4180: commas, quotes where needed, CRLF; scores and changes in [0, 1] and [-1, 1], empty where missing.
    """
    yield _line(COLUMNS)
    for comparison in panel.comparisons:
        flips = {(flip.case, flip.aspect): flip for flip in comparison.flips}
        for pair in comparison.pairs:
            for aspect in pair.asked.aspects:
                yield _line(_row(comparison, pair, aspect, flips.get((pair.asked.case, aspect))))


def _row(comparison: Comparison, pair: Pair, aspect: str, flip: Flip | None) -> tuple[str, ...]:
    asked = pair.asked
    base, tuned = case_score(pair.base, aspect), case_score(pair.tuned, aspect)
    change = None if base is None or tuned is None else tuned - base
    if flip is None:
        said = asked.question, telling(pair.base, aspect, passed=True), telling(pair.tuned, aspect, passed=True)
    else:
        said = shown(pair, flip)
    texts = (comparison.suite.name, comparison.base.model.name, comparison.tuned.model.name, asked.case, aspect)
    return (
        *(csv_cell(text) for text in texts),
        csv_cell(" ".join(asked.tags)),
        csv_cell(asked.group or ""),
        "yes" if asked.must_pass else "",
        *("" if value is None else f"{value:.6g}" for value in (base, tuned, change)),
        flip.side if flip else "",
        *map(_reply, said),
        _reply(_why(pair.base, aspect)),
        _reply(_why(pair.tuned, aspect)),
        csv_cell(_endings(pair.base)),
        csv_cell(_endings(pair.tuned)),
        _reply(_failures(pair.base)),
        _reply(_failures(pair.tuned)),
    )


def _reply(text: str) -> str:
    left = len(text) - LONGEST_CELL
    return csv_cell(text if left <= 0 else f"{text[:LONGEST_CELL]} … {left:,} more characters")


def _why(trials: Sequence[Trial], aspect: str) -> str:
    """Each distinct reason of the checks of an aspect, in the order met."""
    reasons = [s.grade.why for trial in trials for s in trial.scores if s.aspect == aspect and s.grade.why]
    return "; ".join(dict.fromkeys(reasons))


def _endings(trials: Sequence[Trial]) -> str:
    """How each sample ended: its last outcome, or its failure."""
    return " ".join(f"failed:{t.failure.kind}" if t.failure else t.conversation.outcome for t in trials)


def _failures(trials: Sequence[Trial]) -> str:
    """Each distinct failure of the samples, in the order met."""
    failures = [trial.failure for trial in trials if trial.failure]
    return "; ".join(dict.fromkeys(f"{failure.kind}: {failure.message}" for failure in failures))


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
