"""The history to paste into a pull request or a wiki: the alarms first, then a table for each aspect.

Whatever a suite, a server or a reason says stays text: no link, no mention, no HTML comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalharness.escape import markdown, one_line
from evalharness.history import Held, History, Point, Series, Track
from evalharness.reports.base import MARKS, rate
from evalharness.reports.history import base as words


def render(history: History) -> Iterator[str]:
    """GitHub's Markdown, a section a piece."""
    yield f"# {_text(history.suite)}: {words.title(history)}\n\n"
    yield _newest(history)
    several = len(history.series) > 1
    for place, series in enumerate(history.series):
        told = _text(words.heading(history, place))
        yield f"## {told}\n\n" if several else f"{told[:1].upper()}{told[1:]}.\n\n"
        for track in series.tracks:
            yield _track(series, track, "###" if several else "##")


def _newest(history: History) -> str:
    standing = history.standing
    lines = [f"**{sign}** {_text(told)}{_ruled(held)}" for sign, told, held in reversed(words.latest(history))]
    text = "".join(f"- {line}\n" for line in lines) + "\n"
    text += f"{words.READING} `{words.DECIDES}`"
    if standing is not None:
        text += f": **{MARKS[standing.outcome]} {standing.outcome}**, {_text(standing.newest)} against "
        text += _text(standing.reference)
    text += ".\n\n"
    others = [f"{_text(held.sentence)}{_ruled(held)}" for held in words.others(history)]
    notes = [*others, *(f"warning: {_text(warning)}" for warning in history.warnings)]
    return text + ("".join(f"- {note}\n" for note in notes) + "\n" if notes else "")


def _ruled(held: Held | None) -> str:
    return "" if held is None else f" (compared: **{MARKS[held.outcome]} {held.outcome}**, {_text(held.sentence)})"


def _track(series: Series, track: Track, level: str) -> str:
    head = ("snapshot", "accepted", "model", "mean and interval", "EWMA", "CUSUM", "alarm")
    rows: list[tuple[str, ...]] = [head, ("---", "---", "---", "---", "---:", "---:", "---")]
    rows += [_row(series, track, point) for point in track.points]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    below = "".join(f"- {_text(line)}\n" for line in (words.limits(track), *words.notes(track)))
    return f"{level} {_text(track.aspect)}\n\n{table}\n{below}\n"


def _row(series: Series, track: Track, point: Point) -> tuple[str, ...]:
    return (
        _text(point.name),
        _text(words.day(point.accepted)),
        _text(words.model(point, 60)),
        _text(words.score(point)),
        rate(point.ewma),
        words.total(point),
        words.mark(point, track, series),
    )


def _text(text: str) -> str:
    return markdown(one_line(text, words.LONGEST_REASON))
