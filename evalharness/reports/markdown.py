"""The report to paste into a pull request or a wiki: the verdict first, then the table, the flips, the small print."""

from __future__ import annotations

from collections.abc import Iterator

from evalharness.findings import Comparison, Panel
from evalharness.reports import base as words
from evalharness.reports import sections
from evalharness.reports.asides import asides
from evalharness.reports.base import MARKS, report


@report("markdown")
def render(panel: Panel) -> Iterator[str]:
    """A page for a pull request, a wiki or an issue: verdict first, then a table and at most ten flips a side.

    GitHub's Markdown, a section a piece.
    """
    if len(panel.comparisons) == 1:
        yield from _comparison(panel.comparisons[0], "#")
        return
    word = panel.verdict.outcome
    yield f"# {MARKS[word]} {word}: {len(panel.comparisons)} comparisons\n\n"
    yield "".join(f"- {sections.safe(reason)}\n" for reason in words.own_reasons(panel)) + "\n"
    yield sections.overview(panel)
    for comparison in panel.comparisons:
        yield from _comparison(comparison, "##")


def _comparison(comparison: Comparison, level: str) -> Iterator[str]:
    word = comparison.verdict.outcome
    yield f"{level} {MARKS[word]} {word}: {sections.safe(words.title(comparison))}\n\n"
    yield from sections.verdict(comparison)
    yield from sections.changes(comparison)
    for each in asides(comparison):
        yield from sections.aside(each, level + "#")
    yield from sections.kept(comparison, level + "#")
    yield from sections.flips(comparison, level + "#")
    yield from sections.look_here(comparison, level + "#")
    yield from sections.statistics(comparison, level + "#")
    yield from sections.provenance(comparison, level + "#")
