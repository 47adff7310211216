"""The history as one self-contained page: a plot for each aspect, with the numbers below it.

It needs no network and no script: its policy lets nothing load or run. What is to be known of a point stands in its
title, which shows under the mouse and is read out when the point has the focus.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evalharness.escape import one_line
from evalharness.history import History, Point, Series, Track
from evalharness.layout import cells
from evalharness.reports.base import MARKS, rate
from evalharness.reports.history import base as words
from evalharness.reports.html import asset, environment, hashed


def render(history: History) -> Iterator[str]:
    """The page, in one piece or a few."""
    from markupsafe import Markup

    page = environment()
    style = Markup("\n").join(asset(page, name) for name in ("page.css", "history.css"))
    policy = f"default-src 'none'; style-src '{hashed(style)}'; base-uri 'none'; form-action 'none'"
    yield page.get_template("history.html.j2").render(
        history=history,
        words=words,
        rate=rate,
        marks=MARKS,
        style=style,
        policy=policy,
        plots=[_plot(history, aspect) for aspect in words.aspects(history)],
    )


# --- where things stand in a plot -------------------------------------------------------------------------------------

LEFT, RIGHT = 12.0, 96.0
"""Where the first and the last snapshot stand, in percent of the width."""

NARROW, WIDE = 330, 880
"""Pixels of a plot on a telephone, and of the narrowest that gets more labels."""

LONGEST_LABEL = 14
SIGN = 7
"""Pixels of a character of a label, at most; wide ones take two."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text on the axis of snapshots, in percent of the width."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A snapshot in a plot, in percent of its width and height. told: all that is known of it, in a line."""

    x: float
    y: float
    low: float
    high: float
    shape: str
    told: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """One series in a plot: the reference's line, the band of the EWMA's limits, and the EWMA; in percent."""

    left: float
    right: float
    centre: float | None
    low: float | None
    high: float | None
    band: str
    line: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """Where a series begins that is not the first, and why."""

    x: float
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One aspect over all series. dots: how many snapshots. ticks: height in percent, and what it stands for."""

    aspect: str
    about: str
    dots: int
    ticks: tuple[tuple[float, str], ...]
    stretches: tuple[Stretch, ...]
    breaks: tuple[Break, ...]
    narrow: tuple[Label, ...]
    wide: tuple[Label, ...]
    tracks: tuple[tuple[int, Series, Track], ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From snapshots and scores to percent of a plot."""

    count: int
    low: float
    high: float

    def x(self, place: float) -> float:
        """A snapshot by its place; a single one stands in the middle."""
        part = place / (self.count - 1) if self.count > 1 else 0.5
        return round(LEFT + (RIGHT - LEFT) * part, 2)

    def y(self, value: float) -> float:
        """A score, from the top; what lies outside stands at the edge."""
        inside = max(self.low, min(self.high, value))
        return round(100 * (self.high - inside) / (self.high - self.low), 2)


def _plot(history: History, aspect: str) -> Plot:
    names = [name for series in history.series for name in series.names]
    tracks = [words.track_of(series, aspect) for series in history.series]
    low, high, step = _range([track for track in tracks if track is not None])
    scale = _Scale(len(names), low, high)
    stretches, breaks, start = [], [], 0
    for number, (series, track) in enumerate(zip(history.series, tracks, strict=True), 1):
        if number > 1:
            breaks.append(Break(scale.x(start - 0.5), number, series.began))
        if track is not None:
            stretches.append(_stretch(series, track, scale, start))
        start += len(series.names)
    ticks = [low + step * place for place in range(round((high - low) / step) + 1)]
    return Plot(
        aspect=aspect,
        about=f"{aspect}: {len(names)} snapshots from {names[0]} to {names[-1]}",
        dots=len(names),
        ticks=tuple((scale.y(tick), f"{100 * tick:.4g} %") for tick in ticks),
        stretches=tuple(stretches),
        breaks=tuple(breaks),
        narrow=_labels(names, scale, NARROW),
        wide=_labels(names, scale, WIDE),
        tracks=tuple(
            (number, series, track)
            for number, (series, track) in enumerate(zip(history.series, tracks, strict=True), 1)
            if track is not None
        ),
    )


def _range(tracks: Sequence[Track]) -> tuple[float, float, float]:
    """The ends of the scale of scores, which hold every interval and limit, and the step of its lines."""
    values = [
        value
        for track in tracks
        for value in (
            *(track.low, track.high),
            *(bound for point in track.points for bound in (point.low, point.high, point.mean, point.ewma)),
        )
        if value is not None
    ]
    low, high = max(0.0, min(values, default=0.0)), min(1.0, max(values, default=1.0))
    step = next((step for step in (0.01, 0.02, 0.05, 0.1) if high - low <= 6 * step), 0.2)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return first * step, last * step, step


def _stretch(series: Series, track: Track, scale: _Scale, start: int) -> Stretch:
    xs = [scale.x(start + place) for place in range(len(track.points))]
    at = series.names.index(series.reference)
    charted = [
        (x, scale.y(point.ewma), scale.y(point.ewma_low), scale.y(point.ewma_high))
        for x, point in zip(xs, track.points, strict=True)
        if point.ewma is not None and point.ewma_low is not None and point.ewma_high is not None
    ]
    upper = [f"{x},{high}" for x, _, _, high in charted]
    lower = [f"{x},{low}" for x, _, low, _ in reversed(charted)]
    dots = [_dot(point, track, series, scale, x) for x, point in zip(xs, track.points, strict=True)]
    return Stretch(
        left=xs[at],
        right=xs[-1],
        centre=None if track.centre is None else scale.y(track.centre),
        low=None if track.low is None or track.low < scale.low else scale.y(track.low),
        high=None if track.high is None or track.high > scale.high else scale.y(track.high),
        band=" ".join([*upper, *lower]) if len(charted) > 1 else "",
        line=" ".join(f"{x},{y}" for x, y, _, _ in charted) if len(charted) > 1 else "",
        dots=tuple(dot for dot in dots if dot is not None),
    )


def _dot(point: Point, track: Track, series: Series, scale: _Scale, x: float) -> Dot | None:
    if point.mean is None or point.low is None or point.high is None:
        return None
    sides = {words.BELOW: "below", words.ABOVE: "above"}
    shape = sides.get(words.sign(point), "plain" if point.value is not None else "open")
    if point.name == series.reference:
        shape = "reference"
    told = [f"{point.name}, {words.day(point.accepted)}, {words.model(point)}"]
    told.append(f"{words.score(point)} over {point.cases} cases")
    if point.ewma is not None:
        told.append(f"EWMA {rate(point.ewma)}, CUSUM {words.total(point)}")
    told += [text for text in (words.mark(point, track, series), point.note) if text]
    return Dot(x, scale.y(point.mean), scale.y(point.low), scale.y(point.high), shape, "; ".join(told))


def _labels(names: Sequence[str], scale: _Scale, width: int) -> tuple[Label, ...]:
    """Every so-manieth name, counted from the newest, so that none runs into another in a plot of that width."""
    for step in range(1, len(names) + 1):
        found: list[tuple[float, float, Label]] = []
        for place in range(len(names) - 1, -1, -step):
            text = one_line(names[place], LONGEST_LABEL)
            x, size = scale.x(place), SIGN * cells(text)
            left, anchor = _anchored(width * x / 100, size, width)
            found.append((left, left + size, Label(x, text, anchor)))
        if all(left - end >= SIGN for (left, _, _), (_, end, _) in pairwise(found)):
            return tuple(label for _, _, label in reversed(found))
    return ()


def _anchored(x: float, size: float, width: float) -> tuple[float, str]:
    """Where a text begins that is centred at x, or at least ends, or begins, within the plot."""
    if x + size / 2 > width:
        return x - size, "end"
    if x - size / 2 < 0:
        return x, "start"
    return x - size / 2, "middle"
