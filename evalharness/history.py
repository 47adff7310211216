"""The accepted snapshots of a suite in order: each aspect with its charts against the pinned reference.

A chart sees a slow slide that no single step shows. An alarm asks somebody to read; whether a tune may go out is
decided by `compare --base reference`, by the same rules as any other pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from evalharness.errors import EvalError, UnknownName
from evalharness.measure import Arm
from evalharness.records import Run, Snapshot, Word
from evalharness.rulings import counted
from evalharness.rulings import points as in_points
from evalharness.sheet import Slice
from evalharness.stats.charts import (
    CUSUM_LIMIT,
    binomial_sigma,
    cusum_down,
    ewma,
    false_alarms,
    generation_sigma,
    shewhart,
)
from evalharness.stats.intervals import mean
from evalharness.summary import Level, levels

Rule: TypeAlias = Literal["Shewhart", "EWMA", "CUSUM"]
Side: TypeAlias = Literal["below", "above"]

MOST_MISSING = 0.05
"""Above this share of missing cases a snapshot is shown and not charted, as no verdict would be given on it."""

NO_NOISE = 1e-6
"""A sigma up to this is rounding: scores that are all alike."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One rule's alarm at one snapshot, and on which side of the reference."""

    rule: Rule
    side: Side


@dataclass(frozen=True, slots=True)
class Point:
    """One snapshot in one aspect.

    mean, low, high: its score in [0, 1] over the cases scored, with its interval. value: what the charts take, the
    reference's mean plus the mean change over the cases both have; None where the snapshot is not charted. The rest is
    None before the reference and where there are no charts. note: what is to be known of it.
    """

    name: str
    accepted: str
    model: str
    cases: int
    samples: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    ewma: float | None = None
    ewma_low: float | None = None
    ewma_high: float | None = None
    cusum: float | None = None
    rings: tuple[Ring, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Where an aspect first left its limits on one side, which rules rang there, and which so many snapshots later.

    still: whether a rule rings at the newest snapshot, too, and its own score lies on that side.
    """

    side: Side
    snapshot: str
    rules: tuple[tuple[Rule, int], ...]
    sentence: str
    still: bool


@dataclass(frozen=True, slots=True)
class Track:
    """One aspect over one series. centre: the reference's mean; sigma: the noise of one later mean, and `how` it was
    found; low, high: Shewhart's limits; chance: how likely a rule rings below in such a row though nothing changes. All
    None where nothing can be charted, and then `how` says why.
    """

    aspect: str
    points: tuple[Point, ...]
    centre: float | None
    sigma: float | None
    how: str
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    alarms: tuple[Alarm, ...] = ()
    sentence: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to say of the aspect: its alarms, else how it stands."""
        return tuple(alarm.sentence for alarm in self.alarms) or (self.sentence,)


@dataclass(frozen=True, slots=True)
class Series:
    """Snapshots that can be read against each other: one suite, the same judges. began: why it is a new one."""

    began: str
    hash: str
    judges: tuple[str, ...]
    names: tuple[str, ...]
    reference: str
    chosen: Literal["named", "pinned", "first"]
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What a comparison says of one criterion of the gate."""

    aspect: str
    outcome: Word
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The comparison that decides: the newest snapshot against the reference of its series."""

    newest: str
    reference: str
    outcome: Word
    rulings: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Every snapshot of a suite, the newest series last. standing: None where there is nothing to compare."""

    suite: str
    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    standing: Standing | None = None

    @property
    def rings(self) -> bool:
        """Whether the newest snapshot lies below its limits in any aspect."""
        alarms = (alarm for track in self.series[-1].tracks for alarm in track.alarms)
        return any(alarm.still and alarm.side == "below" for alarm in alarms)


def chart(suite: str, arms: Iterable[Arm], *, reference: str = "", aspect: str | None = None) -> History:
    """The history of a suite from its snapshots, in the order of their acceptance.

    reference: the name of one that its series is read against, else the one pinned last there, else the first.
    aspect: only this one. `UnknownName` for an aspect that no snapshot has; `EvalError` for a run never accepted, and
    where there is none.
    """
    taken = [_Taken.of(arm) for arm in arms]
    if not taken:
        raise EvalError(f"suite '{suite}': there is no baseline", "`evalharness accept RUN -m WHY` makes one")
    known = tuple(dict.fromkeys(name for each in taken for name in each.levels))
    if aspect is not None and aspect not in known:
        raise UnknownName(f"history of '{suite}'", "aspect", aspect, known)
    rows: list[tuple[str, list[_Taken]]] = []
    for each in taken:
        reason = _reason(rows[-1][1][-1], each) if rows else ""
        if not rows or reason:
            rows.append((reason, []))
        rows[-1][1].append(each)
    return History(suite, tuple(_series(began, row, reference, aspect) for began, row in rows))


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is kept of one snapshot: its means by aspect and case, None where one is missing, and their noise."""

    run: Run
    snapshot: Snapshot
    cases: dict[str, tuple[str, ...]]
    samples: int
    repeats: bool
    levels: dict[str, Level]
    means: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, arm: Arm) -> _Taken:
        """Counts a snapshot by reading it once."""
        run, sheet = arm.run, arm.sheet
        if run.snapshot is None:
            raise EvalError(f"{run.path}: a run that was never accepted", "history reads accepted runs only")
        cases = {asked.case: tuple(sorted(asked.aspects)) for asked in sorted(run.cases, key=lambda each: each.case)}
        lean = Run(run.suite, run.model, (), run.began, (), (), snapshot=run.snapshot)
        taken = cls(
            lean, run.snapshot, cases, sheet.samples(), sheet.repeats(), {each.aspect: each for each in levels(arm)}
        )
        for aspect in taken.levels:
            due = [sheet.valid(Slice("aspect", aspect), case) for case, has in cases.items() if aspect in has]
            taken.means[aspect] = tuple(mean(scores) if scores else None for scores in due)
            scored = [scores for scores in due if scores]
            taken.noise[aspect] = generation_sigma(scored, 1) if scored else 0.0
        return taken

    @property
    def draws(self) -> int:
        """Samples of a case that say something: texts that repeat count once."""
        return 1 if self.repeats else self.samples


def _reason(before: _Taken, after: _Taken) -> str:
    """Why a snapshot cannot be read with the one before it; empty text where it can."""
    old, new = before.run.suite, after.run.suite
    told = []
    if old.judge_names != new.judge_names:
        told.append(f"judged by {_listed(new.judge_names)} instead of {_listed(old.judge_names)}")
    elif {each.digest for each in old.judges} != {each.digest for each in new.judges}:
        told.append("its judges are asked otherwise")
    if old.hash != new.hash or before.cases != after.cases:
        told.append(f"the suite changed ({_difference(before, after)})")
    return "; ".join(told)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no model"


def _difference(before: _Taken, after: _Taken) -> str:
    more, gone = after.cases.keys() - before.cases.keys(), before.cases.keys() - after.cases.keys()
    told = [f"{counted(len(more), 'case')} more"] if more else []
    told += [f"{counted(len(gone), 'case')} gone"] if gone else []
    new, lost = ({name for has in each.cases.values() for name in has} for each in (after, before))
    told += [f"aspect {name} new" for name in sorted(new - lost)]
    told += [f"aspect {name} gone" for name in sorted(lost - new)]
    return ", ".join(told) or "its questions, checks or gate"


def _series(began: str, row: Sequence[_Taken], reference: str, aspect: str | None) -> Series:
    at, chosen = _reference(row, reference)
    aspects = dict.fromkeys(name for each in row for name in each.levels if aspect in (None, name))
    first = row[0].run.suite
    return Series(
        began=began,
        hash=first.hash,
        judges=first.judge_names,
        names=tuple(each.snapshot.name for each in row),
        reference=row[at].snapshot.name,
        chosen=chosen,
        tracks=tuple(_track(name, row, at) for name in aspects),
    )


def _reference(row: Sequence[_Taken], name: str) -> tuple[int, Literal["named", "pinned", "first"]]:
    """The place of the snapshot that a series is read against."""
    named = [at for at, each in enumerate(row) if name and each.snapshot.name == name]
    if named:
        return named[0], "named"
    pinned = [at for at, each in enumerate(row) if each.snapshot.pinned]
    return (pinned[-1], "pinned") if pinned else (0, "first")


# --- one aspect -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    """What of a snapshot is charted, and what is to be said of it."""

    value: float | None
    note: str = ""


def _track(aspect: str, row: Sequence[_Taken], at: int) -> Track:
    reference = row[at]
    known = [score for score in reference.means.get(aspect, ()) if score is not None]
    if not known:
        blank = tuple(_point(aspect, each, _Value(None)) for each in row)
        how = f"not charted: no case of the reference {reference.snapshot.name} was scored"
        return Track(aspect, blank, None, None, how, sentence=f"{aspect}: {how}")
    centre = mean(known)
    values = [_Value(None, "before the reference: not charted") for _ in row[:at]]
    values += [_value(aspect, each, reference, centre) for each in row[at:]]
    charted = [each for each, value in zip(row[at + 1 :], values[at + 1 :], strict=True) if value.value is not None]
    sigma, times, how = _sigma(aspect, reference, charted, centre)
    points = [_point(aspect, each, value) for each, value in zip(row, values, strict=True)]
    track = Track(aspect, tuple(points), centre, None, how)
    if sigma is not None:
        limits = shewhart(centre, sigma)
        points[at] = replace(points[at], ewma=centre, ewma_low=centre, ewma_high=centre, cusum=0.0)
        points[at + 1 :] = _charted(points[at + 1 :], centre, sigma)
        chance = false_alarms(len(charted), times) if charted else None
        track = replace(track, points=tuple(points), sigma=sigma, low=limits.low, high=limits.high, chance=chance)
    alarms = tuple(_alarms(track, at, reference.snapshot.name))
    return replace(track, alarms=alarms, sentence=_standing(track, at, reference.snapshot.name))


def _value(aspect: str, each: _Taken, reference: _Taken, centre: float) -> _Value:
    """The reference's mean plus the mean change over the cases that both have: cases that are missing move nothing."""
    pairs = zip(reference.means[aspect], each.means.get(aspect, ()), strict=False)
    both = [(before, after) for before, after in pairs if before is not None and after is not None]
    total = sum(score is not None for score in reference.means[aspect])
    missing = total - len(both)
    if not both:
        return _Value(None, "not charted: no case was scored")
    told = f"{missing} of {counted(total, 'case')} that the reference has are missing"
    if missing > MOST_MISSING * total:
        return _Value(None, f"not charted: {told}")
    value = centre + mean([after - before for before, after in both])
    return _Value(value, f"{told}; charted over the others" if missing else "")


def _sigma(aspect: str, reference: _Taken, charted: Sequence[_Taken], centre: float) -> tuple[float | None, float, str]:
    """The noise of one later mean, how many of these the reference is worth, and how it was found; None and why not."""
    name, total = reference.snapshot.name, sum(score is not None for score in reference.means[aspect])
    draws = sorted({each.draws for each in charted} or {reference.draws})
    noise = reference.noise[aspect] / draws[0] ** 0.5
    if reference.draws > 1 and noise > NO_NOISE:
        how = f"generation noise: how far the {reference.samples} samples of each case of {name} differ, "
        how += f"for means of {counted(draws[0], 'sample')}"
        if len(draws) > 1:
            how += f" (snapshots have {draws[0]} to {draws[-1]}, and the fewest are taken)"
        return noise, reference.draws / draws[0], how
    if reference.samples < 2:
        why = f"{name} has one sample a case"
    elif reference.repeats:
        why = f"the samples of {name} are the same texts"
    else:
        why = f"the samples of each case of {name} score alike"
    sigma = binomial_sigma(centre, total)
    if sigma > NO_NOISE:
        return sigma, 1.0, f"binomial, of a rate of {_percent(centre)} over {counted(total, 'case')}, since {why}"
    return None, 1.0, f"no limits: every case of {name} scores {_percent(centre)}, which tells nothing of the noise"


def _point(aspect: str, each: _Taken, value: _Value) -> Point:
    level = each.levels.get(aspect, Level(aspect, 0, 0, 0))
    snapshot = each.snapshot
    return Point(
        name=snapshot.name,
        accepted=snapshot.accepted,
        model=each.run.model.use,
        cases=level.cases,
        samples=each.samples,
        mean=level.rate,
        low=level.low,
        high=level.high,
        value=value.value,
        note=value.note,
    )


def _charted(points: Sequence[Point], centre: float, sigma: float) -> Iterator[Point]:
    """The points after the reference with what each chart says of them; one without a value stays as it is."""
    values = [point.value for point in points if point.value is not None]
    limits = shewhart(centre, sigma)
    found = zip(ewma(values, centre, sigma), cusum_down(values, centre, sigma), strict=True)
    for point in points:
        if point.value is None:
            yield point
            continue
        smoothed, total = next(found)
        rings: list[Ring] = []
        if not limits.low <= point.value <= limits.high:
            rings.append(Ring("Shewhart", _side(point.value, centre)))
        if smoothed.rings:
            rings.append(Ring("EWMA", _side(smoothed.value, centre)))
        if total > CUSUM_LIMIT:
            rings.append(Ring("CUSUM", "below"))
        level, low, high = smoothed
        yield replace(point, ewma=level, ewma_low=low, ewma_high=high, cusum=total, rings=tuple(rings))


def _side(value: float, centre: float) -> Side:
    return "below" if value < centre else "above"


def _alarms(track: Track, at: int, reference: str) -> Iterator[Alarm]:
    """For each side of the reference, where a rule first rang there, and when each of the others did; losses first."""
    since = [point for point in track.points[at + 1 :] if point.value is not None]
    sides: tuple[Side, Side] = ("below", "above")
    for side in sides:
        first: dict[Rule, int] = {}
        for place, point in enumerate(since):
            for ring in point.rings:
                if ring.side == side:
                    first.setdefault(ring.rule, place)
        if not first:
            continue
        start = min(first.values())
        rules = tuple(sorted(((rule, place - start) for rule, place in first.items()), key=lambda item: item[1]))
        newest = since[-1]
        rings = any(ring.side == side for ring in newest.rings)
        still = rings and newest.value is not None and _side(newest.value, track.centre or 0.0) == side
        told = f"{track.aspect}: alarm at {since[start].name} ({_in_turn(rules)}): "
        told += _stands(track, since[start], reference)
        if not still:
            told += f"; made good at {newest.name}" if rings else f"; quiet again at {newest.name}"
        yield Alarm(side, since[start].name, rules, told, still)


def _in_turn(rules: Sequence[tuple[Rule, int]]) -> str:
    """`EWMA and CUSUM; Shewhart one later`."""
    by_delay: dict[int, list[str]] = {}
    for rule, delay in rules:
        by_delay.setdefault(delay, []).append(rule)
    told = [
        " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        + (f" {'one' if delay == 1 else delay} later" if delay else "")
        for delay, names in by_delay.items()
    ]
    return "; ".join(told)


def _stands(track: Track, point: Point, reference: str) -> str:
    """`80.1 %, 6.4 points below the reference 2026-01`."""
    if point.mean is None or point.value is None or track.centre is None:
        return f"not read against the reference {reference}"
    away = in_points(point.value - track.centre)
    if away == "0":
        return f"{_percent(point.mean)}, as the reference {reference}"
    unit = "point" if away == "1" else "points"
    return f"{_percent(point.mean)}, {away} {unit} {_side(point.value, track.centre)} the reference {reference}"


def _standing(track: Track, at: int, reference: str) -> str:
    """How an aspect stands where nothing rang."""
    since = track.points[at + 1 :]
    if not since:
        return f"{track.aspect}: nothing to chart yet: the reference {reference} is the newest snapshot of its series"
    charted = [point for point in since if point.value is not None]
    if not charted:
        return f"{track.aspect}: no snapshot since the reference {reference} could be charted: {since[-1].note}"
    newest = f"{charted[-1].name}: {_stands(track, charted[-1], reference)}"
    if track.sigma is None:
        return f"{track.aspect}: {track.how}; {newest}"
    return f"{track.aspect}: no alarm in {counted(len(charted), 'snapshot')}; {newest}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
