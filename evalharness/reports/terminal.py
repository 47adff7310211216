"""The report for a terminal: what flipped, how far each aspect moved, and last, where the eye rests, the verdict.

It is laid out by hand for any width: what does not fit side by side is stacked, nothing is cut off at the right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from evalharness.escape import collapsed
from evalharness.findings import Comparison, Delta, Flip, Pair, Panel, Ruling
from evalharness.layout import Span, aligned, cells_of
from evalharness.records import Word
from evalharness.reports import base as words
from evalharness.reports import made, survived
from evalharness.reports.asides import Table, asides
from evalharness.reports.base import MARKS, report
from evalharness.reports.screen import Screen
from evalharness.worddiff import Piece, word_diff

FEW = 5
"""Flips shown of each side unless all are asked for."""


@report("terminal")
def render(
    panel: Panel,
    *,
    width: int = 100,
    color: bool = False,
    verbose: bool = False,
    encoding: str = "utf-8",
    more: str = "",
) -> Iterator[str]:
    """What is printed at once: flips, the table of changes, and last the verdict; -v adds every flip and every number.

    It comes a line or a few a piece.
    width: columns. color: ANSI colours; without them what changed is marked by signs. verbose: every flip, and the
    statistics. encoding: of the stream it goes to; what that cannot carry is spelled out. more: where the whole list
    of flips stands, named where some are left out.
    """
    screen = Screen(max(40, width), color, verbose, encoding, more)
    many = len(panel.comparisons) > 1
    if many:
        yield from _overview(screen, panel)
    for comparison in panel.comparisons:
        if many:
            yield "\n" + screen.line([("─" * screen.width, "dim")])
        yield from _comparison(screen, comparison)
    if many:
        yield "\n" + screen.line([("─" * screen.width, "dim")])
        for reason in words.own_reasons(panel):
            yield from screen.lines([(screen.safe(reason), "")], 2)
        worst = f"the worst of {len(panel.comparisons)} comparisons"
        yield screen.line([_badge(panel.verdict.outcome), ("  ", ""), (worst, "bold")])


def _comparison(screen: Screen, comparison: Comparison) -> Iterator[str]:
    n = max((delta.cases for delta in comparison.deltas), default=0)
    about = f"  {words.count(n, 'case')} compared, {words.count(comparison.suite.samples, 'sample')} each"
    yield from screen.lines([(screen.safe(words.title(comparison)), "bold"), (about, "dim")])
    if comparison.suite.selected:
        chosen = ", ".join(comparison.suite.selected)
        yield from screen.lines([("A SELECTION  ", "INCONCLUSIVE"), (screen.safe(chosen), "")])
    yield from _flips(screen, comparison)
    yield from _changes(screen, comparison)
    yield from _look_here(screen, comparison)
    yield from _notes(screen, comparison)
    yield from _asides(screen, comparison)
    yield from _kept(screen, comparison)
    yield from _verdict(screen, comparison)
    if screen.verbose:
        yield from _statistics(screen, comparison)
    yield from _footer(screen, comparison)


# --- flips ------------------------------------------------------------------------------------------------------------


def _flips(screen: Screen, comparison: Comparison) -> Iterator[str]:
    broke, fixed = words.sides(comparison)
    if not comparison.flips:
        yield "\n" + screen.line([("no case changed sides", "dim")])
        return
    most = None if screen.verbose else FEW
    chosen = [(flips, words.some(flips, most)) for flips in (broke, fixed)]
    pairs = words.pick(comparison.pairs, [flip.case for _, few in chosen for flip in few])
    told = (
        ("BROKE", "passed with base, not with tuned", "alarm"),
        ("FIXED", "failed with base, not with tuned", "IMPROVED"),
    )
    for (word, what, style), (flips, few) in zip(told, chosen, strict=True):
        if not flips:
            continue
        counts = screen.safe(words.by_aspect(flips))
        yield "\n" + "".join(screen.lines([(f"{word} {len(flips)}", style), (f"  {what}: ", "dim"), (counts, "")]))
        for flip in few:
            yield "".join(_flip(screen, flip, pairs.get(flip.case)))
        if len(few) < len(flips):
            yield from screen.lines([_more(screen, len(flips) - len(few))], 2)


def _flip(screen: Screen, flip: Flip, pair: Pair | None) -> Iterator[str]:
    mark, style = ("✗", "alarm") if flip.side == "broke" else ("✓", "IMPROVED")
    name = screen.safe(flip.case, words.LONGEST_NAME)
    moved = f"  {screen.safe(flip.aspect, words.LONGEST_NAME)} {words.moved(flip, pair)}"
    tags = "".join(f"  {screen.safe(tag, 30)}" for tag in flip.tags[:6])
    yield from screen.lines([(f"{mark} ", style), (name, "bold"), (moved, ""), (tags, "dim")], 2, 4)
    question, base, tuned = words.shown(pair, flip)
    if question != flip.case:
        yield from screen.lines([(screen.safe(question, 2 * screen.width), "")], 4)
    if pair is not None:
        both = word_diff(base, tuned, room=max(120, 2 * (screen.width - 12)))
        for label, pieces, change in zip(("base   ", "tuned  "), both, ("removed", "added"), strict=True):
            spans = list(_pieces(screen, pieces, change)) or [("(no text)", "dim")]
            yield from screen.lines([(label, "dim"), *spans], 4, 11)
    if flip.why:
        yield from screen.lines([("why    ", "dim"), (screen.safe(flip.why), "")], 4, 11)


def _pieces(screen: Screen, pieces: Iterable[Piece], change: str) -> Iterator[Span]:
    opening, closing = ("[-", "-]") if change == "removed" else ("{+", "+}")
    for piece in pieces:
        text = collapsed(piece.text)
        if piece.kind == "gap":
            yield (text, "dim")
        elif piece.kind == "same":
            yield (screen.exact(text), "")
        else:
            bare = text.strip() or text
            text = screen.exact(bare)
            yield (text if screen.color else f"{opening}{text}{closing}", change)
            yield (" " if piece.text[-1:].isspace() and bare != " " else "", "")


# --- the diff table ---------------------------------------------------------------------------------------------------


def _changes(screen: Screen, comparison: Comparison) -> Iterator[str]:
    rows = words.changes(comparison)
    if not rows:
        return
    brackets = "" if all(delta.gates for delta in rows) else "; in brackets what does not gate"
    yield "\n" + "".join(screen.lines([("CHANGES", "bold"), (f"  in points, with intervals{brackets}", "dim")]))
    limits = [words.row_limits(comparison, delta) for delta in rows]
    scale = _scale(rows, limits)
    head: list[Span] = [(name, "dim") for name in ("aspect", "cases", "base", "tuned", "change", "margin", "verdict")]
    axis: Span = (f"{-100 * scale:<{HALF}.3g}0{100 * scale:>+{HALF}.3g}", "dim")
    cells = [_row(screen, comparison, delta) for delta in rows]
    wide = [(*head[:5], axis, *head[5:])]
    bars = [(_bar(delta, scale, at), "") for delta, at in zip(rows, limits, strict=True)]
    wide += [(*row[:5], bar, *row[5:]) for row, bar in zip(cells, bars, strict=True)]
    for table, right in ((wide, {1, 2, 3, 6}), ([tuple(head), *cells], {1, 2, 3, 5})):
        lines = aligned(table, right)
        if all(cells_of(spans) <= screen.width - 2 for spans in lines):
            yield from (screen.line(spans, 2) for spans in lines)
            return
    for name, cases, base, tuned, change, margin, verdict in cells:
        yield from screen.lines([name, ("  ", ""), verdict], 2, 4)
        yield from screen.lines([base, (" → ", "dim"), tuned, ("   ", ""), change], 4)
        noun = "case" if cases[0].endswith(" of 1") or cases[0] == "1" else "cases"
        bound = "no margin" if margin[0] == words.DASH else f"margin {margin[0]}"
        yield from screen.lines([(f"{bound}, {cases[0]} {noun}", "dim")], 4)


def _row(screen: Screen, comparison: Comparison, delta: Delta) -> tuple[Span, ...]:
    quiet = "" if delta.gates else "dim"
    name = delta.aspect if delta.part == "aspect" else delta.slice
    name = f"· {words.part_name(delta)}" if delta.part == "near" else name
    total = f" of {delta.cases + delta.left_out:,}" if delta.left_out else ""
    word = words.ruled(comparison, delta)
    verdict = f"{MARKS[word]} {word}" if delta.gates else f"({MARKS[word]} {word})"
    moved = f"{words.points(delta.change)} {words.span(delta.low, delta.high, delta.margin)}"
    return (
        (("  " if delta.part == "near" else "") + screen.safe(name, words.LONGEST_NAME), quiet or "bold"),
        (f"{delta.cases:,}{total}", quiet),
        (words.rate(delta.base), quiet),
        (words.rate(delta.tuned), quiet),
        (moved, quiet),
        (words.margin(comparison, delta), quiet),
        (verdict, quiet or word),
    )


HALF = 8
"""Character cells on each side of zero."""


def _scale(rows: Sequence[Delta], limits: Sequence[Sequence[float]]) -> float:
    """What the bars' ends stand for: some multiple of 5 points, enough for the margins however far one aspect went."""
    losses = [-limit for row in limits for limit in row if limit < 0]
    margin = max(losses or [limit for row in limits for limit in row], default=rows[0].margin)
    ends = [abs(bound) for delta in rows for bound in (delta.low, delta.high) if bound is not None]
    return math.ceil(20 * min(3 * margin, max([2 * margin, *ends])) - 1e-9) / 20


def _bar(delta: Delta, scale: float, limits: Sequence[float]) -> str:
    """The interval as a line, with zero and what it is held against; an arrow where it goes on beyond the end."""
    bar = [" "] * (2 * HALF + 1)
    last = 2 * HALF
    edges = [(limit, _edge(limit, scale)) for limit in limits if abs(limit) <= scale]
    if delta.low is not None and delta.high is not None and delta.change is not None:
        low, high, at = (round(HALF * bound / scale) + HALF for bound in (delta.low, delta.high, delta.change))
        # What stays clear of a limit must not seem to touch it for want of finer cells, nor the other way round.
        for limit, edge in edges:
            low = max(low, edge + 1) if delta.low > limit else min(low, edge - 1)
            high = max(high, edge + 1) if delta.high > limit else min(high, edge - 1)
        for cell in range(max(0, low), min(last, high) + 1):
            bar[cell] = "━"
        bar[HALF] = "┿" if bar[HALF] == "━" else "│"
        bar[max(0, min(last, at))] = "●"
        bar[0] = "◂" if low < 0 else bar[0]
        bar[last] = "▸" if high > last else bar[last]
    else:
        bar[HALF] = "│"
    for _, edge in edges:
        bar[edge] = {"●": "●", "━": "╋"}.get(bar[edge], "┊")
    return "".join(bar)


def _edge(limit: float, scale: float) -> int:
    """The cell of a limit, which is never that of zero."""
    away = max(1, round(HALF * abs(limit) / scale))
    return HALF + (away if limit > 0 else -away)


def _overview(screen: Screen, panel: Panel) -> Iterator[str]:
    """The table of verdicts: an arm a line, an aspect a column."""
    firsts = {comparison.base.model.name for comparison in panel.comparisons}
    against = f"  each arm against {screen.safe(', '.join(sorted(firsts)))}, in points"
    yield "".join(screen.lines([("VERDICTS", "bold"), (against, "dim")]))
    aspects = words.gated(panel)
    suites = len({comparison.suite.name for comparison in panel.comparisons}) > 1
    for spans in (True, False):
        rows = [_arm_row(screen, comparison, aspects, spans=spans, suites=suites) for comparison in panel.comparisons]
        head = tuple((screen.safe(name, 30), "dim") for name in ("arm", *aspects, "verdict"))
        lines = aligned([head, *rows], set())
        if all(cells_of(line) <= screen.width - 2 for line in lines):
            yield from (screen.line(line, 2) for line in lines)
            return
    for row in rows:
        yield from screen.lines([row[0], ("  ", ""), row[-1]], 2, 4)
        for aspect, move in zip(aspects, row[1:-1], strict=True):
            yield from screen.lines([(f"{screen.safe(aspect, 30)}  ", "dim"), move], 4, 6)


def _arm_row(
    screen: Screen, comparison: Comparison, aspects: Sequence[str], *, spans: bool, suites: bool
) -> tuple[Span, ...]:
    """One arm's line of the table of verdicts. spans: with intervals. suites: there are several, so name its suite."""
    arm = words.title(comparison) if suites else comparison.tuned.model.name
    found = words.by_name(comparison)
    word = comparison.verdict.outcome
    moves = [_move(comparison, found.get(aspect), spans=spans) for aspect in aspects]
    return ((screen.safe(arm, words.LONGEST_NAME), "bold"), *moves, (f"{MARKS[word]} {word}", word))


def _move(comparison: Comparison, delta: Delta | None, *, spans: bool) -> Span:
    if delta is None:
        return (words.DASH, "dim")
    word = words.ruled(comparison, delta)
    span = f" {words.span(delta.low, delta.high, delta.margin)}" if spans else ""
    return (f"{MARKS[word]} {words.points(delta.change)}{span}", word)


# --- what to look at, what to know, and the verdict -------------------------------------------------------------------


def _look_here(screen: Screen, comparison: Comparison) -> Iterator[str]:
    found = words.diagnostics(comparison)
    if not found:
        return
    notable = words.notable(found)
    shown = found if screen.verbose else notable[:8]
    if not shown:
        least = words.p_value(found[0].p_adjusted)
        what = f"{words.stands_out(found)} (smallest q {least})"
        yield "\n" + "".join(screen.lines([(what, "dim")]))
        return
    yield "\n" + "".join(
        screen.lines(
            [("LOOK HERE", "bold"), (f"  where to read on (decides nothing): {words.stands_out(found)}", "dim")], 0, 2
        )
    )
    rows: list[tuple[Span, ...]] = [tuple((name, "dim") for name in ("slice", "cases", "change", "q"))]
    for delta in shown:
        change = f"{words.points(delta.change)} {words.span(delta.low, delta.high)}"
        name = screen.safe(delta.slice, words.LONGEST_NAME)
        rows.append(((name, ""), (f"{delta.cases:,}", ""), (change, ""), (words.p_value(delta.p_adjusted), "")))
    lines = aligned(rows, {1})
    if all(cells_of(spans) <= screen.width - 2 for spans in lines):
        yield from (screen.line(spans, 2) for spans in lines)
    else:
        for delta, (label, _, moved, q) in zip(shown, rows[1:], strict=True):
            yield from screen.lines([label], 2, 4)
            yield from screen.lines([moved, (f"   {words.count(delta.cases, 'case')}   q {q[0]}", "dim")], 4)
    if len(shown) < len(notable):
        yield from screen.lines([_more(screen, len(notable) - len(shown))], 2)


def _more(screen: Screen, number: int) -> Span:
    where = f"open {screen.more}, or " if screen.more else ""
    return (f"… and {number:,} more: {where}--verbose shows all", "dim")


def _notes(screen: Screen, comparison: Comparison) -> Iterator[str]:
    notes: list[tuple[str, str]] = [("left out", line) for line in words.losses(comparison.left_out)]
    notes += [("warning", line) for line in comparison.warnings]
    if notes:
        yield "\n"
    for label, text in notes:
        yield from screen.lines([(f"{label:<10}", "INCONCLUSIVE"), (screen.safe(text), "")], 0, 10)


def _asides(screen: Screen, comparison: Comparison) -> Iterator[str]:
    """What stands beside the verdict: how near the training file is, and the like."""
    for aside in asides(comparison):
        bearing = f" ({aside.bearing})" if aside.bearing else ""
        about = f"  {aside.title[:1].lower()}{aside.title[1:]}{bearing}"
        yield "\n" + "".join(screen.lines([(aside.name.upper(), "bold"), (about, "dim")], 0, 2))
        for line in aside.lines:
            yield from screen.lines([(screen.safe(line), "")], 2, 4)
        for table in aside.tables:
            if screen.verbose or not table.detail:
                yield from _table(screen, table)


def _table(screen: Screen, table: Table) -> Iterator[str]:
    """A table in columns, or a row a paragraph where it is too wide."""
    cells: list[tuple[Span, ...]] = [tuple((name, "dim") for name in table.head)]
    cells += [tuple((screen.safe(cell, words.LONGEST_NAME), "") for cell in row) for row in table.rows]
    lines = aligned(cells, set())
    if all(cells_of(spans) <= screen.width - 2 for spans in lines):
        yield from (screen.line(spans, 2) for spans in lines)
        return
    for row in cells[1:]:
        yield from screen.lines([row[0]], 2, 4)
        told = [f"{name[0]} {cell[0]}" for name, cell in zip(cells[0][1:], row[1:], strict=True)]
        yield from screen.lines([("   ".join(told), "dim")], 4)


def _kept(screen: Screen, comparison: Comparison) -> Iterator[str]:
    """The three-way table, where there are three arms."""
    rebased = comparison.rebased
    if rebased is None:
        return
    head: list[Span] = [("WHAT SURVIVED  ", "bold"), (screen.safe(rebased.sentence, 2 * words.LONGEST_TEXT), "")]
    yield "\n" + "".join(screen.lines(head, 0, 2))
    parts = [f"{part} {screen.safe(name, words.LONGEST_NAME)}" for part, name in survived.arms(comparison)]
    yield from screen.lines([(" · ".join(parts), "dim")], 2)
    rows: list[tuple[Span, ...]] = []
    for name, *numbers in map(survived.cells, rebased.rows):
        rows.append(((screen.safe(name, words.LONGEST_NAME), "bold"), *((text, "") for text in numbers)))
    for names in (survived.HEAD, survived.BRIEF):
        lines = aligned([tuple((name, "dim") for name in names), *rows], {1, 2, 3, 4, 5, 6})
        if all(cells_of(spans) <= screen.width - 2 for spans in lines):
            yield from (screen.line(spans, 2) for spans in lines)
            return
    for row, kept in zip(rows, rebased.rows, strict=True):
        yield from screen.lines([row[0], (f"  {words.count(kept.cases, 'case')}", "dim")], 2, 4)
        yield from screen.lines([row[2], (" → ", "dim"), row[3], (" → ", "dim"), row[4]], 4)
        yield from screen.lines([(survived.told(kept), "")], 4)


def _verdict(screen: Screen, comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    yield "\n"
    if opening := words.rests(comparison):
        yield from screen.lines([(screen.safe(opening), "INCONCLUSIVE")], 2, 4)
    for ruling in comparison.rulings:
        yield from _sentence(screen, ruling)
        if ruling.remedy:
            yield from screen.lines([("→ ", "INCONCLUSIVE"), (screen.safe(ruling.remedy), "")], 17, 19)
    for reason in words.further_reasons(comparison):
        yield from screen.lines([(screen.safe(reason), "")], 2, 4)
    for case, why in words.misses(comparison):
        spans = [(f"{'✗ FAIL':<15}", "alarm"), (f"{screen.safe(case)}: had to pass and did not {screen.safe(why)}", "")]
        yield from screen.lines(spans, 2, 17)
    if verdict.incomplete:
        yield from screen.lines([(f"{'INCOMPLETE':<15}", "INCONCLUSIVE"), (words.INCOMPLETE, "")], 2, 17)
    for what, remedy in words.gaps(comparison):
        yield from screen.lines([(screen.safe(what, 2 * words.LONGEST_TEXT), "")], 17, 19)
        yield from screen.lines([("→ ", "INCONCLUSIVE"), (remedy, "")], 17, 19)
    told = any(verdict.remedy in ruling.remedy for ruling in comparison.rulings)
    head: list[Span] = [_badge(verdict.outcome), ("  ", ""), (screen.safe(words.title(comparison)), "bold")]
    yield "\n" + "".join(screen.lines(head))
    if verdict.remedy and not told:
        yield from screen.lines([("→ ", "INCONCLUSIVE"), (screen.safe(verdict.remedy), "")], 2, 4)


def _sentence(screen: Screen, ruling: Ruling) -> Iterator[str]:
    word = ruling.outcome
    asked = f"  ({screen.safe(ruling.asked)})" if screen.verbose else ""
    spans = [(f"{MARKS[word]} {word:<13}", word), (screen.safe(ruling.sentence), ""), (asked, "dim")]
    yield from screen.lines(spans, 2, 17)


def _badge(word: Word) -> Span:
    return (f"{MARKS[word]} {word}", word)


def _statistics(screen: Screen, comparison: Comparison) -> Iterator[str]:
    suite = comparison.suite
    about = f"  scope {suite.scope}, alpha {suite.alpha:g}, test {suite.test}, seed {comparison.seed}"
    yield "\n" + "".join(screen.lines([("STATISTICS", "bold"), (about, "dim")]))
    for delta in (*words.changes(comparison), *words.slices(comparison)):
        facts = [part for label, text in made.statistics(delta) for part in ((f"{label} ", "dim"), (f"{text}   ", ""))]
        yield from screen.lines([(screen.safe(delta.slice, words.LONGEST_NAME), "bold")], 2, 4)
        yield from screen.lines(facts, 4)


def _footer(screen: Screen, comparison: Comparison) -> Iterator[str]:
    yield "\n"
    (_, suite), *reading = made.suite_facts(comparison)
    facts = [("suite", suite, tuple(reading))]
    for label, side in words.arms(comparison):
        known = made.arm_facts(side)
        brief = known if screen.verbose else tuple(fact for fact in known if fact[0] not in ("parameters", "run file"))
        facts.append((label, side.model.name, brief))
    for label, name, rows in facts:
        told = [screen.safe(name, 160)] if name != label else []
        told += [f"{what} {screen.safe(text, 160)}" for what, text in rows]
        yield from screen.lines([(f"{label:<7}{' · '.join(told)}", "dim")], 0, 7)
