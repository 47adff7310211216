"""The sections of a page of Markdown that is pasted where others write too: what every such page is made of.

Whatever a model wrote stays text: nothing of it becomes a link, an image, a mention, a reference, HTML or a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from evalharness.escape import collapsed, markdown, markdown_block, markdown_code, one_line
from evalharness.findings import Comparison, Delta, Flip, Pair, Panel
from evalharness.reports import base as words
from evalharness.reports import made, survived
from evalharness.reports.asides import Aside, Table
from evalharness.reports.base import MARKS
from evalharness.worddiff import Piece, word_diff

NUMBERS = re.compile(r"[-+\d.,%()\[\] –]*")

FEW = 10
"""Flips shown of each side; a forge refuses comments past 65,536 characters."""

ROOM = 500
"""Characters of a reply around what changed."""


def verdict(comparison: Comparison) -> Iterator[str]:
    """A line a criterion, then what must not be missed: failures, gaps, selections, warnings."""
    found = comparison.verdict
    opening = words.rests(comparison)
    lines = [f"**{safe(opening)}**"] if opening else []
    for ruling in comparison.rulings:
        remedy = f" → {safe(ruling.remedy)}" if ruling.remedy else ""
        lines.append(f"**{MARKS[ruling.outcome]} {ruling.outcome}** {safe(ruling.sentence)}{remedy}")
    lines += [safe(reason) for reason in words.further_reasons(comparison)]
    if found.remedy and not any(found.remedy in ruling.remedy for ruling in comparison.rulings):
        lines.append(f"→ {safe(found.remedy)}")
    lines += [f"**✗ FAIL** {code(case)}: had to pass and did not {safe(why)}" for case, why in words.misses(comparison)]
    if found.incomplete:
        lines.append(f"**INCOMPLETE** {words.INCOMPLETE}")
    lines += [f"**missing** {safe(told, 2 * words.LONGEST_TEXT)} → {remedy}" for told, remedy in words.gaps(comparison)]
    if comparison.suite.selected:
        lines.append(f"**A SELECTION** of the cases: {code(', '.join(comparison.suite.selected))}")
    lines += [f"left out: {safe(line)}" for line in words.losses(comparison.left_out)]
    lines += [f"warning: {safe(line)}" for line in comparison.warnings]
    yield "".join(f"- {line}\n" for line in lines) + "\n"


def changes(comparison: Comparison) -> Iterator[str]:
    """The diff table."""
    rows = words.changes(comparison)
    if not rows:
        return
    head = ("aspect", "cases", "base", "tuned", "change in points", "margin", "verdict")
    yield table(head, "lrrrlrl", [_row(comparison, delta) for delta in rows])


def _row(comparison: Comparison, delta: Delta) -> tuple[str, ...]:
    name = delta.aspect if delta.part == "aspect" else delta.slice
    word = words.ruled(comparison, delta)
    return (
        safe(name, words.LONGEST_NAME),
        f"{delta.cases:,}" + (f" of {delta.cases + delta.left_out:,}" if delta.left_out else ""),
        words.rate(delta.base),
        words.rate(delta.tuned),
        moved(delta),
        words.margin(comparison, delta),
        f"{MARKS[word]} {word}" + ("" if delta.gates else " (no gate)"),
    )


def moved(delta: Delta) -> str:
    """A change with its interval; brackets stay text."""
    span = _brackets(words.span(delta.low, delta.high, delta.margin))
    return f"{words.points(delta.change)} {span}".strip()


def overview(panel: Panel) -> str:
    """The table of verdicts: a comparison a row, an aspect a column."""
    aspects = words.gated(panel)
    rows = []
    for comparison in panel.comparisons:
        found = words.by_name(comparison)
        moves = [
            f"{MARKS[words.ruled(comparison, found[a])]} {moved(found[a])}" if a in found else "–" for a in aspects
        ]
        word = comparison.verdict.outcome
        rows.append((safe(words.title(comparison), words.LONGEST_NAME), *moves, f"{MARKS[word]} {word}"))
    head = ("comparison", *(safe(aspect, words.LONGEST_NAME) for aspect in aspects), "verdict")
    return table(head, "l" * len(head), rows)


def kept(comparison: Comparison, level: str) -> Iterator[str]:
    """The three-way table, below the sentence on what survived; nothing where there are only two arms."""
    rebased = comparison.rebased
    if rebased is None:
        return
    yield f"{level} What survived the new base\n\n{safe(rebased.sentence, 2 * words.LONGEST_TEXT)}\n\n"
    yield "".join(f"- {role}: {code(name)}\n" for role, name in survived.arms(comparison)) + "\n"
    rows = [(safe(row[0], words.LONGEST_NAME), *row[1:]) for row in map(survived.cells, rebased.rows)]
    yield table(survived.HEAD, "lrrrrrr", rows)


def aside(found: Aside, level: str) -> Iterator[str]:
    """One of the sections that decide nothing."""
    yield f"{level} {found.title}\n\n"
    if found.lines:
        yield "".join(f"- {safe(line, 2 * words.LONGEST_TEXT)}\n" for line in found.lines) + "\n"
    for each in found.tables:
        yield columns(each)


def columns(found: Table) -> str:
    """A table of an aside."""
    rows = [(safe(row[0], words.LONGEST_NAME), *map(_cell, row[1:])) for row in found.rows]
    return table(found.head, "l" + "r" * (len(found.head) - 1), rows)


def _cell(text: str) -> str:
    """A cell that is mostly numbers, which cannot be markup but for their brackets; else as foreign text."""
    return _brackets(text) if NUMBERS.fullmatch(text) else safe(text, words.LONGEST_NAME)


def _brackets(text: str) -> str:
    """Numbers of ours, whose brackets stay text."""
    return text.replace("[", "\\[").replace("]", "\\]")


def flips(comparison: Comparison, level: str) -> Iterator[str]:
    """Both sides, one after the other; a line where nothing changed sides."""
    yield from flipped(comparison, level, "broke")
    yield from flipped(comparison, level, "fixed")
    if not comparison.flips:
        yield "No case changed sides.\n\n"


SIDES = {
    "broke": ("Broke", "passed with base, not with tuned"),
    "fixed": ("Fixed", "failed with base, not with tuned"),
}


def flipped(comparison: Comparison, level: str, side: Literal["broke", "fixed"]) -> Iterator[str]:
    """At most so many cases of one side, with both replies around what differs; nothing where there are none."""
    found = words.sides(comparison)[0 if side == "broke" else 1]
    few = words.some(found, FEW)
    pairs = words.pick(comparison.pairs, [flip.case for flip in few])
    name, what = SIDES[side]
    if found:
        yield f"{level} {name}: {len(found)}\n\nThese {what}: {safe(words.by_aspect(found))}.\n\n"
    for flip in few:
        yield _flip(flip, pairs.get(flip.case))
    if len(few) < len(found):
        yield f"… and {len(found) - len(few):,} more.\n\n"


def _flip(flip: Flip, pair: Pair | None) -> str:
    mark = "✗" if flip.side == "broke" else "✓"
    moved = words.moved(flip, pair)
    tags = "".join(f" · {safe(tag, 30)}" for tag in flip.tags[:6])
    lines = [f"**{mark} {safe(flip.case, words.LONGEST_NAME)}** {safe(flip.aspect, words.LONGEST_NAME)} {moved}{tags}"]
    question, base, tuned = words.shown(pair, flip)
    if question != flip.case:
        lines.append(code(question))
    if flip.why:
        lines.append(f"why: {code(flip.why)}")
    text = "  \n".join(lines) + "\n\n"
    if pair is None:
        return text
    both = word_diff(base, tuned, room=ROOM)
    body = "\n".join(
        f"{sign} {_marked(pieces, *marks)}" for sign, pieces, marks in zip("-+", both, MARKERS, strict=True)
    )
    return f"{text}{markdown_block(body, 'diff')}\n"


MARKERS = (("[-", "-]"), ("{+", "+}"))
"""Around what only base said, and around what only tuned said, as in `git diff --word-diff`."""


def _marked(pieces: Sequence[Piece], opening: str, closing: str) -> str:
    """A reply as one line of a diff."""
    texts = []
    for piece in pieces:
        text = collapsed(piece.text)
        bare = text.rstrip()
        texts.append(f"{opening}{bare}{closing}{text[len(bare) :]}" if piece.kind == "changed" else text)
    return "".join(texts) or "(no text)"


def look_here(comparison: Comparison, level: str) -> Iterator[str]:
    """The tags, checks and turns that stand out."""
    found = words.diagnostics(comparison)
    notable = words.notable(found)
    shown = notable[:FEW]
    if shown:
        told = words.stands_out(found)
        told = f"{told[:1].upper()}{told[1:]}; what does shows where to read on and decides nothing."
        yield f"{level} Look here\n\n{told}\n\n"
        rows = [
            (safe(d.slice, words.LONGEST_NAME), f"{d.cases:,}", moved(d), safe(words.p_value(d.p_adjusted)))
            for d in shown
        ]
        yield table(("slice", "cases", "change in points", "q"), "lrlr", rows)
        if len(shown) < len(notable):
            yield f"… and {len(notable) - len(shown):,} more.\n\n"


def statistics(comparison: Comparison, level: str) -> Iterator[str]:
    """Every number behind the table, and what the gate asked."""
    yield f"{level} Statistics\n\n"
    for delta in words.changes(comparison):
        facts = "; ".join(f"{label} {safe(text)}" for label, text in made.statistics(delta))
        yield f"- **{safe(delta.slice, words.LONGEST_NAME)}** {facts}\n"
    for ruling in comparison.rulings:
        yield f"- gate: {safe(ruling.aspect, words.LONGEST_NAME)}, {safe(ruling.asked)}\n"
    yield "\n"


def provenance(comparison: Comparison, level: str) -> Iterator[str]:
    """The suite, the arms, and what they took."""
    yield f"{level} How this was made\n\n"
    told = [("", made.suite_facts(comparison))]
    told += [(f"{role} ", made.arm_facts(side)) for role, side in words.arms(comparison)]
    for role, facts in told:
        for label, text in facts:
            yield f"- {role}{label}: {code(text)}\n"
    yield "\n"


def table(head: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are escaped."""
    rule = ["--:" if side == "r" else ":--" for side in align]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows)) + "\n"


def safe(text: str, most: int = words.LONGEST_TEXT) -> str:
    """Foreign text on one line of running text or in a cell."""
    return markdown(one_line(text, most))


def code(text: str, most: int = words.LONGEST_TEXT) -> str:
    """Foreign text on one line, as it is."""
    return markdown_code(one_line(text, most))
