"""Two runs, slice by slice: which cases can be compared, which are left out and why, and the change over the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from evalharness.calibration import Known
from evalharness.duel import DuelRun
from evalharness.findings import LeftOut
from evalharness.records import Asked, Run, Trial
from evalharness.rulings import Falls, Measure, Missing, causes
from evalharness.sheet import OVER_TURNS, OVERALL, Sheet, Slice, known
from evalharness.stats.intervals import mean
from evalharness.stats.paired import Change, Design, SuiteScopeError, paired_change


@dataclass(frozen=True, slots=True)
class Arm:
    """A run and what was counted of it.

    unlike: cases it cannot be compared on, and why: they ask something else today. notes: what a reader should know.
    known: the calibrations of its suite's judges.
    duels: of a tuned arm, what judges said of its replies beside those of the base it is compared with.
    """

    run: Run
    sheet: Sheet
    unlike: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    duels: DuelRun | None = None

    @classmethod
    def of(cls, run: Run) -> Arm:
        """Counts a run by reading it from start to end."""
        return cls(run, Sheet.of(run))


def trials(arm: Arm, case: str) -> tuple[Trial, ...]:
    """What an arm said and scored for a case, read from its run."""
    return tuple(arm.run.trials[place] for place in arm.sheet.places.get(case, ()))


def design_of(base: Arm, tuned: Arm, seed: int) -> Design:
    """How this pair is to be measured: the suite's own terms, and suite scope only where samples allow it."""
    suite = tuned.run.suite
    repeats = texts_repeat(base, tuned)
    repeated = min(base.sheet.samples(), tuned.sheet.samples()) >= 2 and not repeats
    scope = suite.scope if repeated else "population"
    return Design(alpha=suite.alpha, scope=scope, test=suite.test, seed=seed, k1=repeats)


def texts_repeat(base: Arm, tuned: Arm) -> bool:
    """Whether further samples say nothing, since in every case of both arms they are the same text."""
    return base.sheet.repeats() and tuned.sheet.repeats()


def scope_block(base: Arm, tuned: Arm) -> tuple[str, str]:
    """Why suite scope can say nothing of these runs, and what to do; two empty texts where it can or was not asked."""
    if tuned.run.suite.scope != "suite":
        return "", ""
    if min(base.sheet.samples(), tuned.sheet.samples()) < 2:
        how = "set `samples: 2` or more (`evalharness plan` says how many) and a temperature above 0"
        return "suite scope needs two samples of a case that may differ", how
    if texts_repeat(base, tuned):
        why = "the samples of every case are the same text, so suite scope has no generation noise to measure"
        return why, "set a temperature above 0, so that samples may differ, or `scope: population`"
    return "", ""


def measured(
    base: Sheet, tuned: Sheet, design: Design, cut: Slice, cases: Sequence[Asked]
) -> tuple[Measure, list[LeftOut]]:
    """One slice over the given cases: those with a valid sample on both sides are compared, the others listed."""
    due = [asked for asked in cases if cut.part == "overall" or cut.aspect in asked.aspects]
    if cut.part in ("check", "turn", "drift"):
        due = [
            asked for asked in due if asked.case in base.scores.get(cut, {}) or asked.case in tuned.scores.get(cut, {})
        ]
    whole = Slice("aspect", cut.aspect) if cut.part == "tag" else cut
    kept: list[tuple[Asked, tuple[float, ...], tuple[float, ...]]] = []
    lost: list[LeftOut] = []
    before, after = base.scores.get(whole, {}), tuned.scores.get(whole, {})
    for asked in due:
        pair = known(before.get(asked.case)), known(after.get(asked.case))
        if all(pair):
            kept.append((asked, *pair))
            continue
        side: Literal["base", "tuned", "both"] = "both" if not any(pair) else ("tuned" if pair[0] else "base")
        sheet = base if side == "base" else tuned
        lost.append(LeftOut(asked.case, cut.aspect, side, sheet.cause(cut.aspect, asked.case)))
    missing = Missing(
        asked=len(due),
        dropped=len(lost),
        base=sum(row.side != "tuned" for row in lost),
        tuned=sum(row.side != "base" for row in lost),
        causes=causes(Counter(row.cause for row in lost)),
    )
    if not kept:
        return Measure(cut.aspect, None, missing), lost
    groups = [asked.group or f"\0{asked.case}" for asked, _, _ in kept]
    grouped = groups if any(asked.group for asked, _, _ in kept) else None
    first, second = [pair for _, pair, _ in kept], [pair for _, _, pair in kept]
    wide = max(sheet.reach.get(cut.aspect, 0.0) for sheet in (base, tuned)) if cut.part == "drift" else 0.0
    change = _drifted(first, second, grouped, design, wide) if wide else _change(first, second, grouped, design)
    same = design.k1 and max(map(len, (*first, *second))) > 1
    if same:
        first, second = _once(first), _once(second)
    falls = _falls(tuned, cut.aspect, [asked for asked, _, _ in kept]) if cut.part == "aspect" else None
    return Measure(cut.aspect, change, missing, first, second, grouped, same, falls), lost


def _once(samples: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """One score a case, for samples that are one text; a judge may have scored it in several ways."""
    return [scores[:1] if len(set(scores)) == 1 else (mean(scores),) for scores in samples]


def _falls(tuned: Sheet, aspect: str, cases: Sequence[Asked]) -> Falls | None:
    """What the tuned model loses in an aspect from the first turn to the last; None without long conversations."""
    drifts = tuned.scores.get(Slice("drift", aspect, OVER_TURNS), {})
    found = [(asked, samples) for asked in cases if (samples := known(drifts.get(asked.case)))]
    if not found:
        return None
    groups = tuple([asked.group or f"\0{asked.case}" for asked, _ in found])
    return Falls(tuple([-mean(samples) for _, samples in found]), groups, tuned.reach[aspect])


def _drifted(
    base: Sequence[tuple[float, ...]],
    tuned: Sequence[tuple[float, ...]],
    groups: Sequence[str] | None,
    design: Design,
    wide: float,
) -> Change:
    """The change of a drift, which lies in [-wide, wide]: moved up to begin at 0 as scores do, and back."""
    first, second = ([tuple([value + wide for value in samples]) for samples in arm] for arm in (base, tuned))
    change = _change(first, second, groups, replace(design, span=2 * wide))
    return replace(change, base=change.base - wide, tuned=change.tuned - wide)


def _change(
    base: Sequence[tuple[float, ...]],
    tuned: Sequence[tuple[float, ...]],
    groups: Sequence[str] | None,
    design: Design,
) -> Change:
    try:
        return paired_change(base, tuned, groups=groups, design=design)
    except SuiteScopeError:  # in this slice most cases have but one valid sample
        return paired_change(base, tuned, groups=groups, design=replace(design, scope="population"))


def diagnostics(base: Sheet, tuned: Sheet, cases: tuple[Asked, ...]) -> Iterator[tuple[Slice, Sequence[Asked]]]:
    """Every slice that can be looked at, in a stable order; a check or tag that is the whole aspect is left out."""
    both = (base.scores, tuned.scores)
    slices = [
        cut
        for cut in dict.fromkeys([*base.scores, *tuned.scores])
        if any(asked.case in scores.get(cut, {}) for scores in both for asked in cases)
    ]  # not those of cases that one side alone was asked
    aspects = [cut for cut in slices if cut.part == "aspect"]
    yield from ((cut, cases) for cut in aspects)
    if len(aspects) > 1:
        yield Slice("overall", OVERALL), cases
    yield from ((cut, cases) for cut in slices if cut.part == "drift")
    for part in ("check", "turn"):
        found = [cut for cut in slices if cut.part == part]
        alone = Counter(cut.aspect for cut in found)
        yield from ((cut, cases) for cut in found if alone[cut.aspect] > 1)
    tags = sorted({tag for asked in cases for tag in asked.tags})
    for tag in tags:
        tagged = [asked for asked in cases if tag in asked.tags]
        if len(tagged) < len(cases):
            yield from ((Slice("tag", cut.aspect, tag), tagged) for cut in aspects)
