"""What stands beside the verdict and decides nothing: sections that every format prints alike.

An aside is made of lines and tables of plain text. Each format escapes all of it for its own page, so what makes an
aside knows no format, and a format knows no aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evalharness.findings import Comparison
from evalharness.reports import character, duels, judges, style, trained


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a head. The first cell of a row says what it is about, the others are mostly numbers.

    detail: a terminal shows it only where all is asked for.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Aside:
    """One section. name: a word for the terminal; title: in sentence case, for pages; bearing: on the verdict."""

    name: str
    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    bearing: str = "decides nothing"


def training(comparison: Comparison) -> Aside | None:
    """How near the cases are to the training file, the held-out gaps, and what replies took from it."""
    found = comparison.trained
    if found is None:
        return None
    tables = tuple(Table(head, tuple(rows)) for head, rows in trained.tables(found))
    return Aside("training", "Beside the training file", tuple(trained.lines(comparison)), tables)


def looks(comparison: Comparison) -> Aside | None:
    """Where asking was looked at on the way: how, what that cost in certainty, and why it ended where it did."""
    lines = comparison.looked
    if comparison.suite.early is not None and (comparison.persona or comparison.manner):
        lines = (*lines, "the sections on style and the persona have intervals for one look")
    return Aside("looks", "Looked at on the way", lines, bearing="") if lines else None


def manner(comparison: Comparison) -> Aside | None:
    """How differently both arms write, and what should not have moved."""
    found = comparison.manner
    if found is None:
        return None
    head, rows = style.table(found)
    return Aside(
        "style", "How they write", tuple(style.lines(found)), (Table(head, tuple(rows), detail=True),) if rows else ()
    )


def judging(comparison: Comparison) -> Aside | None:
    """Who graded by what, how far they agree with people, and rates put right by people's labels."""
    found = judges.graders(comparison)
    if not found:
        return None
    tables = tuple(Table(head, tuple(rows)) for head, rows in judges.tables(found))
    bearing = "rates put right decide nothing" if tables else ""
    return Aside("judges", "What the judges are worth", tuple(judges.lines(comparison)), tables, bearing)


def preference(comparison: Comparison) -> Aside | None:
    """Win rates by criterion and judge, the place and the length of replies, and how far the judges agree."""
    found = comparison.duels
    if found is None:
        return None
    rows = (*duels.tables(found), *judges.tables(judges.of_pairs(comparison)))
    tables = tuple(Table(head, tuple(rows)) for head, rows in rows)
    lines = (*duels.lines(found), *judges.pair_lines(comparison))
    return Aside("duels", "What stands beside the win rate", lines, tables)


def persona(comparison: Comparison) -> Aside | None:
    """Where a persona leaks, how it lasts over turns, and how far it wanders."""
    found = comparison.persona
    if found is None:
        return None
    tables = tuple(Table(head, tuple(rows)) for head, rows in character.tables(found))
    lines = tuple(character.lines(found, comparison.deltas))
    return Aside("persona", "How the persona lasts, and where it leaks", lines, tables)


MAKERS: tuple[Callable[[Comparison], Aside | None], ...] = (looks, judging, training, preference, persona, manner)
"""In the order of the page."""


def asides(comparison: Comparison) -> Iterator[Aside]:
    """Those that have something to say of this comparison."""
    for make in MAKERS:
        found = make(comparison)
        if found is not None and (found.lines or found.tables):
            yield found
