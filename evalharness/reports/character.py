"""A persona beside the verdict, in words and tables: over turns, over personas and questions, and where it leaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.findings import Course, Crossing, Delta, Drift, Leaks, Persona, Wander
from evalharness.reports.base import DASH, ORDER, count, points, span

STEPS = "▁▂▃▄▅▆▇█"
"""Eighths of the range of a score, from none to all."""

TURNS = ("aspect", "arm", "by turn", "first", "last", "points a turn", "by thirds")
SPREAD = ("aspect", "arm", "robustness R", "susceptibility S")


def lines(found: Persona, deltas: Sequence[Delta]) -> Iterator[str]:
    """What is to be said, a sentence each; the names in it are foreign. deltas: the rows of the comparison."""
    if found.leaks is not None:
        yield leak(found.leaks)
    for drift in ordered(found.drifts):
        yield _compared(drift, next((d for d in deltas if d.part == "drift" and d.aspect == drift.aspect), None))
    for crossing in found.crossings:
        yield _crossed(crossing)
    if found.unmeasured:
        yield found.unmeasured


def tables(found: Persona) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Each table that has rows, with its head."""
    if found.drifts:
        yield TURNS, [row for drift in ordered(found.drifts) for row in _rows(drift)]
    if found.crossings:
        yield SPREAD, [row for crossing in found.crossings for row in _wanders(crossing)]


def ordered(drifts: Sequence[Drift]) -> list[Drift]:
    """In the order of the diff table, as far as it does not depend on the gate."""
    order = {name: place for place, name in enumerate(ORDER)}
    return sorted(drifts, key=lambda drift: order.get(drift.aspect, len(order)))


def leak(found: Leaks) -> str:
    """What a leak is, and how many there are."""
    (all_base, base), (all_tuned, tuned) = found.base, found.tuned
    shows = f"the persona shows in {tuned:,} of {count(all_tuned, 'reply')} where nobody asked for it (a leak)"
    return f"{shows}; base: {base:,} of {all_base:,}"


def bars(values: Sequence[float]) -> str:
    """Scores in [0, 1] as a bar each, on a scale from 0 to 1."""
    return "".join(STEPS[min(len(STEPS) - 1, max(0, int(value * len(STEPS))))] for value in values)


def _compared(drift: Drift, row: Delta | None) -> str:
    """One sentence on how far the arms drift apart."""
    talks = f"{drift.aspect}, {count(len(drift.turns), 'turn')} of {count(drift.conversations, 'conversation')}"
    if row is None or row.change is None:
        return talks
    moves = f"base drifts {points(row.base)} points, tuned {points(row.tuned)}"
    return f"{talks}: {moves}, difference {points(row.change)} {span(row.low, row.high)}"


def _rows(drift: Drift) -> Iterator[tuple[str, ...]]:
    for arm, course in (("base", drift.base), ("tuned", drift.tuned)):
        yield (drift.aspect, arm, bars(course.means), *_figures(course))


def _figures(course: Course) -> tuple[str, ...]:
    slope = f"{points(course.slope)} {span(course.low, course.high)}"
    return _whole(course.means[0]), _whole(course.means[-1]), slope, points(course.thirds)


def _whole(value: float) -> str:
    """A score in whole percent: the table has to fit 80 columns, and the slope has the decimals."""
    return f"{100 * value:.0f} %"


def _crossed(crossing: Crossing) -> str:
    personas, items = count(crossing.personas, "persona"), count(crossing.items, "item")
    left = f"; {count(crossing.left_out, 'pair')} of them could not be used" if crossing.left_out else ""
    why = f"; {crossing.why}" if crossing.why else ""
    return f"{crossing.aspect} of {personas}, asked {items} each{left}{why}"


def _wanders(crossing: Crossing) -> Iterator[tuple[str, ...]]:
    yield (crossing.aspect, "base", *_wander(crossing.base, ""))
    yield (crossing.aspect, "tuned", *_wander(crossing.tuned, ""))
    yield (crossing.aspect, "change", *_wander(crossing.change, "+"))


def _wander(found: Wander, sign: str) -> tuple[str, str]:
    """Robustness and susceptibility with their intervals. sign: how a number is signed, as a change is."""
    endless = DASH if sign else "no run differs"
    robust = endless if found.robustness is None else f"{found.robustness:{sign}.2f}"
    susceptible = f"{found.susceptibility:{sign}.3f}"
    if found.susceptible_low is not None and found.susceptible_high is not None:
        susceptible += f" [{found.susceptible_low:{sign}.3f}, {found.susceptible_high:{sign}.3f}]"
        low, high = (DASH if bound is None else f"{bound:{sign}.2f}" for bound in (found.robust_low, found.robust_high))
        robust += f" [{low}, {high}]"
    return robust, susceptible
