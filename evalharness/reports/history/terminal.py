"""The history for a terminal: a small curve and a table for each aspect, and last, where the eye rests, the alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from evalharness.history import Held, History, Point, Series, Track
from evalharness.layout import Span, aligned, cells_of
from evalharness.reports.base import MARKS, rate
from evalharness.reports.history import base as words
from evalharness.reports.screen import Screen

BLOCKS = "▁▂▃▄▅▆▇█"
DIGITS = "12345678"
"""Stand for the blocks where there is no Unicode."""

_SIGNS = {words.BELOW: "alarm", words.ABOVE: "IMPROVED"}

Column: TypeAlias = tuple[str, Callable[[Point], Span]]


def render(history: History, *, width: int = 100, color: bool = False, encoding: str = "utf-8") -> Iterator[str]:
    """What `evalharness history` prints. width: columns. color: ANSI colours. encoding: of the stream it goes to."""
    screen = Screen(max(40, width), color, False, encoding)
    yield from screen.lines([(screen.safe(history.suite), "bold"), (f"  {words.title(history)}", "dim")])
    for place, series in enumerate(history.series):
        yield "\n"
        yield from screen.lines([(screen.safe(words.heading(history, place), words.LONGEST_REASON), "dim")])
        for track in series.tracks:
            yield from _track(screen, series, track)
    yield from _ending(screen, history)


def _track(screen: Screen, series: Series, track: Track) -> Iterator[str]:
    curve, ends = _curve(screen, track)
    spans = [(screen.safe(track.aspect, 60), "bold"), ("  ", ""), (curve, ""), (f"  {ends}" if curve else "", "dim")]
    yield "\n" + "".join(screen.lines(spans))
    yield from _table(screen, series, track)
    yield from screen.lines([(screen.safe(words.limits(track)), "dim")], 2)
    for note in words.notes(track):
        yield from screen.lines([(screen.safe(note), "INCONCLUSIVE")], 2, 4)


def _curve(screen: Screen, track: Track) -> tuple[str, str]:
    """The means as blocks, and what the lowest and the highest block stand for.

    The scale reaches to Shewhart's limits, or noise would look like news.
    """
    means = [point.mean for point in track.points if point.mean is not None]
    if not means:
        return "", ""
    room = max(8, screen.width - 40)
    low = max(0.0, min(means if track.low is None else [*means, track.low]))
    high = min(1.0, max(means if track.high is None else [*means, track.high]))
    signs = DIGITS if _plain(screen) else BLOCKS
    shown = track.points[-room:]
    drawn = "".join(_block(point.mean, low, high, signs) for point in shown)
    told = f"from {rate(low)} to {rate(high)}" if high > low else rate(high)
    return drawn, told if len(shown) == len(track.points) else f"the last {len(shown)}, {told}"


def _plain(screen: Screen) -> bool:
    """Whether the blocks cannot be shown."""
    try:
        BLOCKS.encode(screen.encoding)
    except (LookupError, UnicodeError):
        return True
    return False


def _block(mean: float | None, low: float, high: float, signs: str) -> str:
    if mean is None:
        return " "
    if high <= low:
        return signs[len(signs) // 2]
    return signs[max(0, min(len(signs) - 1, int((mean - low) / (high - low) * len(signs))))]


def _table(screen: Screen, series: Series, track: Track) -> Iterator[str]:
    """The widest table that fits; where none does, a few lines a snapshot."""
    name: Column = ("snapshot", lambda point: (screen.safe(point.name), "bold"))
    date: Column = ("accepted", lambda point: (screen.safe(words.day(point.accepted)), "dim"))
    model: Column = ("model", lambda point: (screen.safe(words.model(point)), ""))
    numbers: tuple[Column, ...] = (
        ("mean and interval", lambda point: (words.score(point), "")),
        ("EWMA", lambda point: (rate(point.ewma), "" if point.ewma is not None else "dim")),
        ("CUSUM", lambda point: (words.total(point), "" if point.cusum is not None else "dim")),
    )
    alarm: Column = ("alarm", lambda point: (words.mark(point, track, series), _style(point)))
    letters: Column = ("alarm", lambda point: (words.mark(point, track, series, brief=True), _style(point)))
    choices = (
        (name, date, model, *numbers, alarm),
        (name, date, model, *numbers, letters),
        (name, date, *numbers, letters),
        (name, *numbers, letters),
    )
    for columns in choices:
        head: list[Span] = [(label, "dim") for label, _ in columns]
        right = {at for at, (label, _) in enumerate(columns) if label in ("EWMA", "CUSUM")}
        lines = aligned([head, *([cell(point) for _, cell in columns] for point in track.points)], right)
        if all(cells_of(line) <= screen.width - 2 for line in lines):
            yield from (screen.line(line, 2) for line in lines)
            if columns[-1] is letters and any(point.rings for point in track.points):
                yield from screen.lines([("S Shewhart, E EWMA, C CUSUM", "dim")], 2)
            return
    for point in track.points:
        yield from screen.lines([name[1](point), ("  ", ""), date[1](point), ("  ", ""), alarm[1](point)], 2, 4)
        told = f"{words.score(point)}  EWMA {rate(point.ewma)}  CUSUM {words.total(point)}"
        yield from screen.lines([(told, "")], 4)


def _style(point: Point) -> str:
    return _SIGNS.get(words.sign(point), "dim")


def _ending(screen: Screen, history: History) -> Iterator[str]:
    """Warnings, then an aspect a line beside what the comparison rules; alarms stand last."""
    if history.warnings:
        yield "\n"
    for warning in history.warnings:
        yield from screen.lines([("warning   ", "INCONCLUSIVE"), (screen.safe(warning), "")], 0, 10)
    yield "\n"
    standing = history.standing
    yield from screen.lines([(f"{words.READING} `{words.DECIDES}`" + (":" if standing else ""), "dim")])
    if standing is not None:
        told = f"  {screen.safe(standing.newest)} against {screen.safe(standing.reference)}"
        yield from screen.lines([(f"{MARKS[standing.outcome]} {standing.outcome}", standing.outcome), (told, "")], 2, 4)
        for other in words.others(history):
            yield from screen.lines(_ruling(screen, other), 2, 4)
    yield "\n"
    for sign, told, held in words.latest(history):
        style = _SIGNS.get(sign, "dim")
        yield from screen.lines([(f"{sign} ", style), (screen.safe(told), "" if style == "dim" else "bold")], 0, 2)
        if held is not None:
            yield from screen.lines(_ruling(screen, held), 4, 6)


def _ruling(screen: Screen, held: Held) -> list[Span]:
    return [(f"{MARKS[held.outcome]} {held.outcome}", held.outcome), (f"  {screen.safe(held.sentence)}", "")]
