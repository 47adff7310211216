"""What the formats of a history share: its numbers in words, and what an alarm does and does not say."""

from __future__ import annotations

from evalharness.escape import one_line
from evalharness.history import Held, History, Point, Series, Track
from evalharness.reports.base import DASH, count, rate

READING = "An alarm asks somebody to read; release is decided by"
DECIDES = "compare --base reference"

LONGEST_MODEL = 40
LONGEST_REASON = 400

BELOW, ABOVE, QUIET = "▼", "▲", "·"
"""Signs of an alarm, so that colour is never the only one."""


def title(history: History) -> str:
    """How many snapshots there are, and in how many series."""
    total = sum(len(series.names) for series in history.series)
    told = count(total, "snapshot")
    return told if len(history.series) == 1 else f"{told} in {len(history.series)} series"


def day(accepted: str) -> str:
    """The date of an acceptance."""
    return accepted[:10]


def model(point: Point, most: int = LONGEST_MODEL) -> str:
    """Which model it was; of a long name both ends, since tunes differ in the last few letters."""
    name = one_line(point.model)
    return name if len(name) <= most else f"{name[: most // 3]}…{name[len(name) - (most - most // 3 - 1) :]}"


def score(point: Point) -> str:
    """A mean with its interval: `90.0 % [85.1, 93.4]`."""
    if point.mean is None or point.low is None or point.high is None:
        return DASH
    return f"{rate(point.mean)} [{100 * point.low:.1f}, {100 * point.high:.1f}]"


def total(point: Point) -> str:
    """The CUSUM, in sigma."""
    return DASH if point.cusum is None else f"{point.cusum:.1f}"


def mark(point: Point, track: Track, series: Series, *, brief: bool = False) -> str:
    """What a snapshot is in its series: the reference, or which rules ring. brief: by their first letters.

    Where an alarm began it says `first`.
    """
    first = {alarm.side for alarm in track.alarms if alarm.snapshot == point.name}
    told = []
    if point.name == series.reference:
        told.append("ref" if brief else "reference")
    for sign, side in ((BELOW, "below"), (ABOVE, "above")):
        rules = [ring.rule for ring in point.rings if ring.side == side]
        if rules:
            named = "".join(rule[0] for rule in rules) if brief else " ".join(rules)
            told.append(f"{sign} {named}" + (" first" if side in first else ""))
    return " ".join(told)


def sign(point: Point) -> str:
    """The sign of a snapshot's alarm, one below before one above; empty text where none rings."""
    sides = {ring.side for ring in point.rings}
    return BELOW if "below" in sides else ABOVE if sides else ""


def heading(history: History, place: int) -> str:
    """What a series is read against, and why it is not the one before."""
    series = history.series[place]
    chosen = {"named": "as asked", "pinned": "pinned", "first": "the first"}[series.chosen]
    if len(history.series) == 1:
        return f"read against {series.reference} ({chosen})"
    names = " to ".join(dict.fromkeys((series.names[0], series.names[-1])))
    told = f"series {place + 1}, {names}, read against {series.reference} ({chosen})"
    return f"{told}: {series.began}" if series.began else told


def notes(track: Track) -> tuple[str, ...]:
    """What is to be known of single snapshots; that those before the reference are not charted is seen."""
    return tuple(
        f"{point.name}: {point.note}" for point in track.points if point.note and not point.note.startswith("before")
    )


def limits(track: Track) -> str:
    """How the limits came to be, and how often they ring for nothing, in one line."""
    if track.sigma is None or track.centre is None:
        return track.how
    told = f"sigma {100 * track.sigma:.2f} points, {track.how}"
    if track.chance is None:
        return told
    most = "at most " if track.how.startswith("binomial") else ""
    share = max(1, round(100 * track.chance))
    return f"{told}; of 100 such rows of a model that never changes {most}about {share} ring below"


def latest(history: History) -> tuple[tuple[str, str, Held | None], ...]:
    """A line an aspect of the newest series, with its sign and what the comparison rules; alarms below stand last.

    An aspect that has an alarm on each side has two lines, and the ruling stands by that below.
    """
    rulings = {held.aspect: held for held in history.standing.rulings} if history.standing else {}
    lines: list[tuple[int, str, str, Held | None]] = []
    for track in history.series[-1].tracks:
        held = rulings.get(track.aspect)
        if not track.alarms:
            lines.append((0, QUIET, track.sentence, held))
        for place, alarm in enumerate(track.alarms):
            below = alarm.side == "below"
            beside = held if place == 0 else None
            lines.append((1 + below, BELOW if below else ABOVE, alarm.sentence, beside))
    return tuple((mark, told, held) for _, mark, told, held in sorted(lines, key=lambda line: line[0]))


def others(history: History) -> tuple[Held, ...]:
    """Rulings about what has no line of its own, such as `overall`."""
    if history.standing is None:
        return ()
    charted = {track.aspect for series in history.series for track in series.tracks}
    return tuple(
        held
        for held in history.standing.rulings
        if held.aspect in ("overall", "preference") and held.aspect not in charted
    )


def aspects(history: History) -> tuple[str, ...]:
    """Every aspect of any series, in the order met."""
    return tuple(dict.fromkeys(track.aspect for series in history.series for track in series.tracks))


def track_of(series: Series, aspect: str) -> Track | None:
    """An aspect of a series; None where it has none of that name."""
    return next((track for track in series.tracks if track.aspect == aspect), None)
