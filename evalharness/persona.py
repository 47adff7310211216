"""A persona beside the verdict: how it lasts over turns, how far it wanders, and whether it shows unasked.

Formulas: `stats/persona.py` and docs/persona.md. All of it is to be read and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from evalharness.findings import Course, Crossing, Drift, Leaks, Persona, Wander
from evalharness.measure import Arm
from evalharness.records import Asked
from evalharness.rulings import counted
from evalharness.sheet import Sheet, Slice, known
from evalharness.stats import persona as stats
from evalharness.stats.intervals import Interval, guarded_estimate, mean

Talk: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
"""The graded turns of one sample of a conversation, and the scores there."""

FEWEST_RUNS = 2


def persona(base: Arm, tuned: Arm, cases: Sequence[Asked], *, seed: int = 0) -> Persona | None:
    """What the two runs show of it; None where no conversation is long, no case names a persona, and no reply was
    looked at for a leak."""
    alpha = tuned.run.suite.alpha
    drifts = tuple(_drifts(base.sheet, tuned.sheet, cases, alpha))
    crossings, unmeasured = _crossings(base.sheet, tuned.sheet, cases, alpha, seed)
    leaks = _leaks(base.sheet, tuned.sheet, cases)
    if not (drifts or crossings or leaks or unmeasured):
        return None
    return Persona(drifts, crossings, leaks, unmeasured)


# --- over the turns ---------------------------------------------------------------------------------------------------


def _drifts(base: Sheet, tuned: Sheet, cases: Sequence[Asked], alpha: float) -> Iterator[Drift]:
    for aspect in tuned.reach:
        if aspect not in base.reach:
            continue
        courses = _turns(base, aspect), _turns(tuned, aspect)
        groups: list[str] = []
        first: list[tuple[Talk, ...]] = []
        second: list[tuple[Talk, ...]] = []
        for asked in cases:
            before, after = (_talks(course, asked.case) for course in courses)
            if before and after:
                groups.append(asked.group or f"\0{asked.case}")
                first.append(before)
                second.append(after)
        if groups:
            keys = groups if len(set(groups)) < len(groups) else None
            turns = tuple(sorted({turn for talks in (*first, *second) for places, _ in talks for turn in places}))
            arms = (_course(talks, turns, keys, alpha) for talks in (first, second))
            yield Drift(aspect, len(groups), turns, *arms)


def _turns(sheet: Sheet, aspect: str) -> dict[int, Mapping[str, Sequence[float | None]]]:
    cuts = [cut for cut in sheet.scores if cut.part == "turn" and cut.aspect == aspect]
    return {int(cut.detail): sheet.scores[cut] for cut in sorted(cuts, key=lambda cut: int(cut.detail))}


def _talks(course: Mapping[int, Mapping[str, Sequence[float | None]]], case: str) -> tuple[Talk, ...]:
    """The samples of a conversation that have a grade at each turn, where there are enough turns."""
    samples = [(turn, cells[case]) for turn, cells in course.items() if case in cells]
    if len(samples) < stats.FEWEST_TURNS:
        return ()
    turns = tuple(turn for turn, _ in samples)
    rows = zip(*(values for _, values in samples), strict=False)
    return tuple((turns, values) for row in rows if len(values := known(row)) == len(turns))


def _course(talks: Sequence[Sequence[Talk]], turns: Sequence[int], keys: Sequence[str] | None, alpha: float) -> Course:
    """Means over conversations, each counting once; the slope with the guarded interval whose range is the steepest."""
    means = []
    for turn in turns:
        at = [[values[places.index(turn)] for places, values in case if turn in places] for case in talks]
        means.append(mean([mean(scores) for scores in at if scores]))
    slopes = [mean([stats.slope(values, places) for places, values in case]) for case in talks]
    widest = max(stats.steepest(places) for case in talks for places, _ in case)
    low, high = guarded_estimate(slopes, keys, span=widest, alpha=alpha).interval(span=widest, alpha=alpha)
    thirds = mean([mean([stats.thirds(values) for _, values in case]) for case in talks])
    return Course(tuple(means), mean(slopes), low, high, thirds)


# --- over personas and items ------------------------------------------------------------------------------------------


def _crossings(
    base: Sheet, tuned: Sheet, cases: Sequence[Asked], alpha: float, seed: int
) -> tuple[tuple[Crossing, ...], str]:
    """Robustness and susceptibility in each aspect, or why there is none though cases name personas."""
    placed = {
        (asked.persona, asked.item): asked for asked in cases if asked.persona is not None and asked.item is not None
    }
    if not placed:
        return (), ""
    if min(base.samples(), tuned.samples()) < FEWEST_RUNS:
        return (), "robustness and susceptibility need `samples: 2` or more, and a temperature above 0"
    found, lacking = [], ""
    for aspect in dict.fromkeys(aspect for asked in placed.values() for aspect in asked.aspects):
        tables = [_runs(sheet, aspect, placed) for sheet in (base, tuned)]
        due = sum(aspect in asked.aspects for asked in placed.values())
        personas = [name for name in tables[0] if name in tables[1]]
        items = list(tables[0].get(personas[0], ())) if personas else []
        shared = [item for item in items if all(item in table[name] for table in tables for name in personas)]
        if len(personas) < 2 or not shared:
            lacking = lacking or "robustness and susceptibility need two personas that were asked the same item twice"
            continue
        before, after = ({name: {item: table[name][item] for item in shared} for name in personas} for table in tables)
        left_out = due - len(personas) * len(shared)
        found.append(_crossing(aspect, before, after, left_out, (alpha, seed)))
    return tuple(found), "" if found else lacking


def _runs(sheet: Sheet, aspect: str, placed: Mapping[tuple[str, str], Asked]) -> dict[str, dict[str, Sequence[float]]]:
    """Scores by persona and item, where there are two runs of them or more."""
    found: dict[str, dict[str, Sequence[float]]] = {}
    for (name, item), asked in placed.items():
        samples = sheet.valid(Slice("aspect", aspect), asked.case)
        if len(samples) >= FEWEST_RUNS:
            found.setdefault(name, {})[item] = samples
    return found


def _crossing(
    aspect: str, before: stats.Runs, after: stats.Runs, left_out: int, drawing: tuple[float, int]
) -> Crossing:
    one, other = stats.wander(before), stats.wander(after)
    personas, items = len(before), len(next(iter(before.values())))
    moved = None if math.isinf(one.robustness) or math.isinf(other.robustness) else other.robustness - one.robustness
    base = Wander(_finite(one.robustness), one.susceptibility)
    tuned = Wander(_finite(other.robustness), other.susceptibility)
    change = Wander(moved, other.susceptibility - one.susceptibility)
    if personas < stats.FEWEST_PERSONAS:
        why = f"no intervals: {counted(personas, 'persona')}, and fewer than {stats.FEWEST_PERSONAS} show too little"
        return Crossing(aspect, personas, items, left_out, base, tuned, change, why)
    alpha, seed = drawing
    bounds = stats.wander_bounds(before, after, alpha=alpha, seed=seed)
    base = _within(base, bounds.base_robustness, bounds.base_susceptibility)
    tuned = _within(tuned, bounds.tuned_robustness, bounds.tuned_susceptibility)
    change = _within(change, bounds.robustness, bounds.susceptibility)
    return Crossing(aspect, personas, items, left_out, base, tuned, change)


def _within(found: Wander, robust: Interval, susceptible: Interval) -> Wander:
    bounds = _finite(robust.low), _finite(robust.high)
    return Wander(found.robustness, found.susceptibility, *bounds, susceptible.low, susceptible.high)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- leaks ------------------------------------------------------------------------------------------------------------


def _leaks(base: Sheet, tuned: Sheet, cases: Sequence[Asked]) -> Leaks | None:
    both = [asked.case for asked in cases if asked.case in base.leaks and asked.case in tuned.leaks]
    (all_base, in_base), (all_tuned, in_tuned) = (_summed(sheet, both) for sheet in (base, tuned))
    return Leaks((all_base, in_base), (all_tuned, in_tuned)) if all_base and all_tuned else None


def _summed(sheet: Sheet, cases: Sequence[str]) -> tuple[int, int]:
    return sum(sheet.leaks[case][0] for case in cases), sum(sheet.leaks[case][1] for case in cases)
