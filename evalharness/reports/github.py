"""What GitHub Actions shows of a comparison: the summary of a job, and annotations.

Rendering is all that happens here. Which file the summary is added to, and that annotations are printed, is the
command line's business.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from evalharness.escape import one_line, terminal
from evalharness.files import shown_path
from evalharness.findings import Comparison, Panel
from evalharness.records import Word
from evalharness.reports import base as words
from evalharness.reports import sections
from evalharness.reports.asides import asides
from evalharness.reports.base import MARKS, report
from evalharness.reports.sections import safe

LIMIT = 1024 * 1024
"""Bytes that a step's summary may have; GitHub refuses a longer one whole."""

SPARE = 4000
"""Bytes kept for the sentence that says what was cut."""

WORST_FIRST: tuple[Word, ...] = ("REGRESSED", "INCONCLUSIVE", "IMPROVED", "HELD")


@report("github")
def render(panel: Panel, *, room: int = LIMIT) -> Iterator[str]:
    """The summary of a job on GitHub Actions: verdict and table, the flips folded away, the worst comparison first.

    Markdown, a section a piece. room: bytes it may take. Where all does not fit, the flips of the better ones go first;
    how many comparisons are not even named with their verdict stands at the end.
    """
    several = len(panel.comparisons) > 1
    level = "###" if several else "##"
    ranked = sorted(panel.comparisons, key=_rank)
    head = list(_head(panel)) if several else []
    briefs = [list(_brief(comparison, level)) for comparison in ranked]
    left = room - SPARE - _size(head)
    if left >= 0:
        yield from head
    fitting = sum(total <= left for total in accumulate(map(_size, briefs)))
    left -= sum(map(_size, briefs[:fitting]))
    for comparison, brief in zip(ranked, briefs[:fitting], strict=False):
        yield from brief
        rest = list(_rest(comparison, level))
        if _size(rest) <= left:
            left -= _size(rest)
            yield from rest
    if fitting < len(ranked):
        yield _cut(ranked[fitting:])


def _size(pieces: Iterable[str]) -> int:
    """Bytes that pieces take in the file."""
    return sum(len(piece.encode("utf-8", "backslashreplace")) for piece in pieces)


def _head(panel: Panel) -> Iterator[str]:
    word = panel.verdict.outcome
    yield f"## {MARKS[word]} {word}: {len(panel.comparisons)} comparisons\n\n"
    reasons = words.own_reasons(panel)
    yield "".join(f"- {safe(reason)}\n" for reason in reasons) + ("\n" if reasons else "")
    yield sections.overview(panel)


def _rank(comparison: Comparison) -> tuple[bool, int]:
    """What fails comes first, then by the verdict's word."""
    verdict = comparison.verdict
    failed = verdict.outcome == "REGRESSED" or bool(verdict.must_pass)
    return not failed, WORST_FIRST.index(verdict.outcome)


def _cut(left_out: Sequence[Comparison]) -> str:
    """What there was no room for: an honest end."""
    named = "".join(f"- {safe(words.title(one), words.LONGEST_NAME)}\n" for one in left_out[:5])
    more = f"- … and {len(left_out) - 5:,} more\n" if len(left_out) > 5 else ""
    what = words.count(len(left_out), "comparison")
    told = f"**Cut here: {what} more**, since a step's summary holds 1 MiB. The other reports have all."
    return f"{told}\n\n{named}{more}\n"


def _brief(comparison: Comparison, level: str) -> Iterator[str]:
    """The verdict and the tables: every comparison has them before any has the rest."""
    word = comparison.verdict.outcome
    yield f"{level} {MARKS[word]} {word}: {safe(words.title(comparison))}\n\n"
    yield from sections.verdict(comparison)
    yield from sections.changes(comparison)
    yield from sections.kept(comparison, level + "#")


def _rest(comparison: Comparison, level: str) -> Iterator[str]:
    """What changed sides, and the small print, folded."""
    broke, fixed = words.sides(comparison)
    yield from _folded(f"{len(broke):,} broke", sections.flipped(comparison, level + "#", "broke"), unfolded=True)
    yield from _folded(f"{len(fixed):,} fixed", sections.flipped(comparison, level + "#", "fixed"))
    if not comparison.flips:
        yield "No case changed sides.\n\n"
    for each in asides(comparison):
        yield from _folded(each.title[:1].lower() + each.title[1:], sections.aside(each, level + "#"))
    yield from _folded("where to read on", sections.look_here(comparison, level + "#"))
    n = max((delta.cases for delta in comparison.deltas), default=0)
    about = f"how this was made: {words.count(n, 'case')}, {words.count(comparison.suite.samples, 'sample')} a case"
    facts = (sections.statistics(comparison, level + "#"), sections.provenance(comparison, level + "#"))
    yield from _folded(about, (piece for each in facts for piece in each))


def _folded(summary: str, pieces: Iterable[str], *, unfolded: bool = False) -> Iterator[str]:
    """Pieces that a click unfolds, or folds; nothing where there are none. summary: words of ours."""
    body = "".join(pieces)
    if body:
        yield f"<details{' open' if unfolded else ''}><summary>{summary}</summary>\n\n{body}</details>\n\n"


# --- annotations ------------------------------------------------------------------------------------------------------

MOST = 10
"""Errors, and warnings, that GitHub shows of one step; what comes later is not seen."""

WEIGHTS = ("FAIL", "REGRESSED", "INCOMPLETE", "INCONCLUSIVE", "broke", "warning")
"""What there is to say, the weightiest first. The first three are errors: the command does not end with 0."""


@dataclass(frozen=True, slots=True)
class Note:
    """One annotation, before it is a line. case: whose place in the suite's file it belongs to; empty for none."""

    what: str
    about: str
    message: str
    path: str
    case: str = ""

    @property
    def level(self) -> Literal["error", "warning"]:
        """How GitHub marks it."""
        return "error" if self.what in WEIGHTS[:3] else "warning"


def annotate(panel: Panel, *, root: str = "", lines: Mapping[tuple[str, str], int] | None = None) -> tuple[str, ...]:
    """Workflow commands, a line each, the weightiest first; at most ten errors and ten warnings, the last one a count.

    root: the current folder as the repository has it, which paths of suites begin with. lines: the line of each case in
    its suite's file, by the suite's path and the case, where it is known.
    """
    found = [note for comparison in panel.comparisons for note in _notes(comparison)]
    ranked = sorted(found, key=lambda note: WEIGHTS.index(note.what))
    told: list[str] = []
    for level in ("error", "warning"):
        notes = [note for note in ranked if note.level == level]
        shown = notes if len(notes) <= MOST else notes[: MOST - 1]
        told += [_command(note, root, (lines or {}).get((note.path, note.case))) for note in shown]
        if len(shown) < len(notes):
            told.append(
                f"::{level} title=evalharness::{len(notes) - len(shown):,} more: the html and json reports have all"
            )
    return tuple(told)


def _notes(comparison: Comparison) -> Iterator[Note]:
    """All there is to say of one comparison. A case that broke is told where its aspect regressed, or no gate rules."""
    about, path, verdict = words.title(comparison), comparison.suite.path, comparison.verdict
    for case, why in words.misses(comparison):
        yield Note("FAIL", about, f"{case}: had to pass and did not {why}", path, case)
    failed = {"REGRESSED", "INCONCLUSIVE"}
    for ruling in comparison.rulings:
        if ruling.outcome in failed:
            remedy = f"\n→ {ruling.remedy}" if ruling.remedy else ""
            yield Note(ruling.outcome, about, f"{ruling.sentence}{remedy}", path)
    if not comparison.rulings and verdict.outcome in failed:
        yield Note(verdict.outcome, about, "; ".join(verdict.reasons), path)
    if verdict.incomplete:
        gaps = [f"{told}\n→ {remedy}" for told, remedy in words.gaps(comparison)]
        yield Note("INCOMPLETE", about, "\n".join([words.INCOMPLETE, *gaps]), path)
    worse = {ruling.aspect for ruling in comparison.rulings if ruling.outcome == "REGRESSED"}
    for flip in words.sides(comparison)[0]:
        if flip.aspect in worse or not comparison.rulings:
            yield Note("broke", about, f"{flip.case}: {flip.aspect}: {flip.why}", path, flip.case)
    for warning in filter(None, (words.rests(comparison), *comparison.warnings)):
        yield Note("warning", about, warning, path)


def _command(note: Note, root: str, line: int | None) -> str:
    """One line for the runner: nothing in it can end the line, or a property of it."""
    title = _property(one_line(f"{note.what}: {note.about}", 120))
    file = _property(posixpath.join(root, shown_path(note.path).replace(os.sep, "/")))
    at = "" if line is None else f",line={line}"
    return f"::{note.level} file={file}{at},title={title}::{_message(note.message)}"


def _message(text: str) -> str:
    """A message as a command carries it: its line feeds stay, as an escape."""
    lines = [one_line(line, 2 * words.LONGEST_TEXT) for line in text.split("\n")]
    return terminal("\n".join(lines), lines=True).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A value before the message, where commas and colons separate."""
    return _message(one_line(text)).replace(":", "%3A").replace(",", "%2C")
