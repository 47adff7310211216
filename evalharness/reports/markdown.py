"""The report to paste into a pull request or a wiki: the verdict first, then the table, the flips, the small print.

Whatever a model wrote stays text: nothing of it becomes a link, an image, a mention, a reference, HTML or a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.escape import collapsed, markdown, markdown_block, markdown_code, one_line
from evalharness.findings import Comparison, Delta, Flip, Pair, Panel
from evalharness.reports import base as words
from evalharness.reports.base import MARKS, report
from evalharness.worddiff import Piece, word_diff

FEW = 10
"""Flips shown of each side; a forge refuses comments past 65,536 characters."""

ROOM = 500
"""Characters of a reply around what changed."""


@report("markdown")
def render(panel: Panel) -> Iterator[str]:
    """A page for a pull request, a wiki or a release note: verdict first, then a table and at most ten flips a side.

    GitHub's Markdown, a section a piece.
    """
    if len(panel.comparisons) == 1:
        yield from _comparison(panel.comparisons[0], "#")
        return
    word = panel.verdict.outcome
    yield f"# {MARKS[word]} {word}: {len(panel.comparisons)} comparisons\n\n"
    yield "".join(f"- {_text(reason)}\n" for reason in words.own_reasons(panel)) + "\n"
    yield _overview(panel)
    for comparison in panel.comparisons:
        yield from _comparison(comparison, "##")


def _comparison(comparison: Comparison, level: str) -> Iterator[str]:
    word = comparison.verdict.outcome
    yield f"{level} {MARKS[word]} {word}: {_text(words.title(comparison))}\n\n"
    yield from _verdict(comparison)
    yield from _changes(comparison)
    yield from _flips(comparison, level + "#")
    yield from _look_here(comparison, level + "#")
    yield from _statistics(comparison, level + "#")
    yield from _provenance(comparison, level + "#")


def _verdict(comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    lines = []
    for ruling in comparison.rulings:
        remedy = f" → {_text(ruling.remedy)}" if ruling.remedy else ""
        lines.append(f"**{MARKS[ruling.outcome]} {ruling.outcome}** {_text(ruling.sentence)}{remedy}")
    lines += [_text(reason) for reason in words.further_reasons(comparison)]
    if verdict.remedy and not any(verdict.remedy in ruling.remedy for ruling in comparison.rulings):
        lines.append(f"→ {_text(verdict.remedy)}")
    lines += [
        f"**✗ FAIL** {_code(case)}: had to pass and did not {_text(why)}" for case, why in words.misses(comparison)
    ]
    if verdict.incomplete:
        lines.append(f"**INCOMPLETE** {words.INCOMPLETE}")
    lines += [
        f"**missing** {_text(told, 2 * words.LONGEST_TEXT)} → {remedy}" for told, remedy in words.gaps(comparison)
    ]
    if comparison.suite.selected:
        lines.append(f"**A SELECTION** of the cases: {_code(', '.join(comparison.suite.selected))}")
    lines += [f"left out: {_text(line)}" for line in words.losses(comparison.left_out)]
    lines += [f"warning: {_text(line)}" for line in comparison.warnings]
    yield "".join(f"- {line}\n" for line in lines) + "\n"


def _changes(comparison: Comparison) -> Iterator[str]:
    rows = words.changes(comparison)
    if not rows:
        return
    head = ("aspect", "cases", "base", "tuned", "change in points", "margin", "verdict")
    yield _table(head, "lrrrlrl", [_row(comparison, delta) for delta in rows])


def _row(comparison: Comparison, delta: Delta) -> tuple[str, ...]:
    name = delta.aspect if delta.part == "aspect" else delta.slice
    word = words.ruled(comparison, delta)
    return (
        _text(name, words.LONGEST_NAME),
        f"{delta.cases:,}" + (f" of {delta.cases + delta.left_out:,}" if delta.left_out else ""),
        words.rate(delta.base),
        words.rate(delta.tuned),
        _moved(delta),
        words.margin(comparison, delta),
        f"{MARKS[word]} {word}" + ("" if delta.gates else " (no gate)"),
    )


def _moved(delta: Delta) -> str:
    """A change with its interval; brackets stay text."""
    span = words.span(delta.low, delta.high, delta.margin).replace("[", "\\[").replace("]", "\\]")
    return f"{words.points(delta.change)} {span}".strip()


def _overview(panel: Panel) -> str:
    aspects = words.gated(panel)
    rows = []
    for comparison in panel.comparisons:
        found = words.by_name(comparison)
        moves = [
            f"{MARKS[words.ruled(comparison, found[a])]} {_moved(found[a])}" if a in found else "–" for a in aspects
        ]
        word = comparison.verdict.outcome
        rows.append((_text(words.title(comparison), words.LONGEST_NAME), *moves, f"{MARKS[word]} {word}"))
    head = ("comparison", *(_text(aspect, words.LONGEST_NAME) for aspect in aspects), "verdict")
    return _table(head, "l" * len(head), rows)


def _flips(comparison: Comparison, level: str) -> Iterator[str]:
    chosen = [(flips, words.some(flips, FEW)) for flips in words.sides(comparison)]
    pairs = words.pick(comparison.pairs, [flip.case for _, few in chosen for flip in few])
    for (name, what), (flips, few) in zip(
        (("Broke", "passed with base, not with tuned"), ("Fixed", "failed with base, not with tuned")),
        chosen,
        strict=True,
    ):
        if flips:
            yield f"{level} {name}: {len(flips)}\n\nThese {what}: {_text(words.by_aspect(flips))}.\n\n"
        for flip in few:
            yield _flip(flip, pairs.get(flip.case))
        if len(few) < len(flips):
            yield f"… and {len(flips) - len(few):,} more.\n\n"
    if not comparison.flips:
        yield "No case changed sides.\n\n"


def _flip(flip: Flip, pair: Pair | None) -> str:
    mark = "✗" if flip.side == "broke" else "✓"
    moved = words.moved(flip, pair)
    tags = "".join(f" · {_text(tag, 30)}" for tag in flip.tags[:6])
    lines = [
        f"**{mark} {_text(flip.case, words.LONGEST_NAME)}** {_text(flip.aspect, words.LONGEST_NAME)} {moved}{tags}"
    ]
    if flip.question != flip.case:
        lines.append(_code(flip.question))
    if flip.why:
        lines.append(f"why: {_code(flip.why)}")
    text = "  \n".join(lines) + "\n\n"
    if pair is None:
        return text
    both = word_diff(*words.shown_replies(pair, flip), room=ROOM)
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


def _look_here(comparison: Comparison, level: str) -> Iterator[str]:
    found = words.diagnostics(comparison)
    notable = words.notable(found)
    shown = notable[:FEW]
    if shown:
        told = words.stands_out(found)
        told = f"{told[:1].upper()}{told[1:]}; what does shows where to read on and decides nothing."
        yield f"{level} Look here\n\n{told}\n\n"
        rows = [
            (_text(d.slice, words.LONGEST_NAME), f"{d.cases:,}", _moved(d), _text(words.p_value(d.p_adjusted)))
            for d in shown
        ]
        yield _table(("slice", "cases", "change in points", "q"), "lrlr", rows)
        if len(shown) < len(notable):
            yield f"… and {len(notable) - len(shown):,} more.\n\n"


def _statistics(comparison: Comparison, level: str) -> Iterator[str]:
    yield f"{level} Statistics\n\n"
    for delta in words.changes(comparison):
        facts = "; ".join(f"{label} {_text(text)}" for label, text in words.statistics(delta))
        yield f"- **{_text(delta.slice, words.LONGEST_NAME)}** {facts}\n"
    for ruling in comparison.rulings:
        yield f"- gate: {_text(ruling.aspect, words.LONGEST_NAME)}, {_text(ruling.asked)}\n"
    yield "\n"


def _provenance(comparison: Comparison, level: str) -> Iterator[str]:
    yield f"{level} How this was made\n\n"
    told = [("", words.suite_facts(comparison))]
    told += [("base ", words.arm_facts(comparison.base)), ("tuned ", words.arm_facts(comparison.tuned))]
    for side, facts in told:
        for label, text in facts:
            yield f"- {side}{label}: {_code(text)}\n"
    yield "\n"


def _table(head: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are escaped."""
    rule = ["--:" if side == "r" else ":--" for side in align]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows)) + "\n"


def _text(text: str, most: int = words.LONGEST_TEXT) -> str:
    return markdown(one_line(text, most))


def _code(text: str) -> str:
    return markdown_code(one_line(text, words.LONGEST_TEXT))
