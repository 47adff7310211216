"""Duels -> how often tuned is preferred: what the gate reads, and figures that say what the verdicts are worth.

A case counts once, however many samples, criteria and judges it has: their mean is its score. Everything is by
section 7 of docs/method.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from evalharness.duel import PREFERENCE, Duel, DuelRun
from evalharness.findings import Agreement, Delta, DuelRow, Duels, LeftOut
from evalharness.measure import Arm, design_of, texts_repeat
from evalharness.measure import measured as of_scores
from evalharness.records import Asked
from evalharness.rulings import Measure, Missing, causes
from evalharness.sheet import Slice
from evalharness.standings import akin
from evalharness.stats.agreement import kappa
from evalharness.stats.change import Test
from evalharness.stats.intervals import mean
from evalharness.stats.preference import (
    LengthControlError,
    WinRate,
    length_controlled,
    position_bias,
    similar_lengths,
    win_rate,
)

HALF = 0.5

Score = Callable[[Duel], float | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the duels of one pair are to be read. once: the samples of every case are one text, so they count as one."""

    alpha: float
    test: Test
    seed: int
    once: bool

    @classmethod
    def of(cls, base: Arm, tuned: Arm, seed: int) -> Reading:
        """By the terms of the suite."""
        suite = tuned.run.suite
        return cls(suite.alpha, suite.test, seed, texts_repeat(base, tuned))

    def rate(self, samples: Sequence[Sequence[float]], groups: Sequence[str] | None) -> WinRate:
        """The win rate of cases with these sample scores."""
        return win_rate(samples, groups=groups, test=self.test, alpha=self.alpha, seed=self.seed)


def measuring(base: Arm, tuned: Arm, seed: int) -> Callable[[Slice, Sequence[Asked]], tuple[Measure, list[LeftOut]]]:
    """How any slice of a pair is measured: by the scores, and the preference by the duels, where there are any."""
    design = design_of(base, tuned, seed)
    reading = Reading.of(base, tuned, seed)

    def measure(cut: Slice, cases: Sequence[Asked]) -> tuple[Measure, list[LeftOut]]:
        if cut.aspect == PREFERENCE and tuned.duels is not None:
            return measured(tuned.duels, reading, cases), []
        return of_scores(base.sheet, tuned.sheet, design, cut, cases)

    return measure


def slices(tuned: Arm, cases: Sequence[Asked]) -> tuple[tuple[Slice, Sequence[Asked]], ...]:
    """The preference among what is looked at, where duels were judged."""
    return ((Slice("aspect", PREFERENCE), cases),) if tuned.duels is not None else ()


def unfinished(tuned: Arm) -> bool:
    """Whether verdicts are missing that could still come: duels were cut short, or questions to a judge failed."""
    run = tuned.duels
    return run is not None and (run.tally is None or any(tally.failed for _, tally in run.tally))


def measured(run: DuelRun, reading: Reading, cases: Sequence[Asked]) -> Measure:
    """The preference over these cases, as a change of won minus lost: half of it above even is the win rate.

    A sample that lacks the verdict of one judge, or by one criterion, is missing: a mean of fewer is another quantity.
    """
    table = _Table.of(run, cases)
    missing = table.missing()
    kept = table.scored(reading, lambda duel: duel.score)
    if not kept:
        return Measure(PREFERENCE, None, missing)
    rate = reading.rate([samples for _, samples in kept], _groups([asked for asked, _ in kept]))
    tuned = [samples for _, samples in kept]
    base = [tuple(1 - score for score in samples) for samples in tuned]
    return Measure(PREFERENCE, rate.change, missing, base, tuned, _groups([asked for asked, _ in kept]))


def as_rate(row: Delta) -> Delta:
    """The row of a preference as a win rate beside an even match: 50 %, how often tuned wins, the distance."""
    if row.aspect != PREFERENCE or row.change is None or row.low is None or row.high is None:
        return row
    return replace(
        row,
        base=HALF,
        change=row.change / 2,
        low=row.low / 2,
        high=row.high / 2,
        error=None if row.error is None else row.error / 2,
        margin=row.margin / 2,
        provable_margin=None if row.provable_margin is None else row.provable_margin / 2,
    )


def figures(base: Arm, tuned: Arm, cases: Sequence[Asked], seed: int) -> Duels | None:
    """Everything there is to say of a pair's duels, over these cases; None where none were judged."""
    run = tuned.duels
    if run is None:
        return None
    reading = Reading.of(base, tuned, seed)
    table = _Table.of(run, cases)
    judges = tuple(judge.name for judge in run.judges)
    rows = [table.only(criterion=one).row(reading, criterion=one) for one in _several(run.prefer)]
    rows += [table.only(judge=one).row(reading, judge=one) for one in _several(judges)]
    total = table.row(reading)
    lengths = table.lengths()
    controlled, refused = _at_equal_length(lengths)
    duels = list(table.all())
    told = any(vote.weights for duel in duels for vote in duel.votes)
    return Duels(
        path=run.path,
        prefer=run.prefer,
        judges=judges,
        total=total,
        rows=tuple(rows),
        same=sum(duel.same for duel in duels),
        missing=causes(Counter(duel.missing for duel in duels if duel.winner is None)),
        longer=mean([tuned - base for _, _, base, tuned in lengths]) if lengths else None,
        alike=_alike(table, lengths, reading),
        controlled=controlled,
        refused=refused,
        weighted=_weighted(table.scored(reading, lambda duel: duel.weight), reading) if told else None,
        agreements=tuple(_agreements(duels, judges)),
        warnings=tuple(_warnings(run, total, reading.alpha)),
        tally=run.tally or (),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Duels by case and sample. each: how many a whole sample has, one a criterion and judge."""

    cases: Mapping[str, Asked]
    by_case: Mapping[str, Mapping[int, tuple[Duel, ...]]]
    each: int

    @classmethod
    def of(cls, run: DuelRun, cases: Sequence[Asked]) -> _Table:
        """Sorts the duels of the cases that both arms were asked."""
        known = {asked.case: asked for asked in cases}
        found: dict[str, dict[int, tuple[Duel, ...]]] = {}
        for duel in run.duels:
            if duel.case in known:
                samples = found.setdefault(duel.case, {})
                samples[duel.sample] = (*samples.get(duel.sample, ()), duel)
        return cls(known, found, len(run.prefer) * len(run.judges))

    def all(self) -> Iterator[Duel]:
        return (duel for samples in self.by_case.values() for duels in samples.values() for duel in duels)

    def only(self, *, criterion: str = "", judge: str = "") -> _Table:
        """The duels by one criterion, or of one judge."""
        kept = {
            case: {
                sample: tuple(d for d in duels if criterion in ("", d.criterion) and judge in ("", d.judge))
                for sample, duels in samples.items()
            }
            for case, samples in self.by_case.items()
        }
        most = max((len(duels) for samples in kept.values() for duels in samples.values()), default=1)
        return replace(self, by_case=kept, each=most)

    def scored(self, reading: Reading, score: Score) -> list[tuple[Asked, tuple[float, ...]]]:
        """Each case with its samples' scores, in the order of the cases; those without any are left out."""
        found: list[tuple[Asked, tuple[float, ...]]] = []
        for case, asked in self.cases.items():
            samples = [self._sample(duels, score) for duels in self.by_case.get(case, {}).values()]
            known = tuple(value for value in samples if value is not None)
            if known:
                found.append((asked, (mean(known),) if reading.once else known))
        return found

    def _sample(self, duels: Sequence[Duel], score: Score) -> float | None:
        values = [value for duel in duels if (value := score(duel)) is not None]
        return mean(values) if values and len(values) == self.each else None

    def missing(self) -> Missing:
        """What could not be judged, and whether it was for want of a reply."""
        lost: list[tuple[str, bool, bool]] = []
        for case in self.cases:
            samples = self.by_case.get(case, {})
            if any(self._sample(duels, lambda duel: duel.score) is not None for duels in samples.values()):
                continue
            duels = [duel for duels in samples.values() for duel in duels]
            why = next((duel.missing for duel in duels if duel.winner is None), "not judged yet")
            base, tuned = (all(side in duel.cause for duel in duels) for side in ("base", "tuned"))
            # A verdict that a judge did not give is missing for both: it is no sign of one side's failing more often.
            lost.append((why, base or not tuned, tuned or not base))
        return Missing(
            asked=len(self.cases),
            dropped=len(lost),
            base=sum(base for _, base, _ in lost),
            tuned=sum(tuned for _, _, tuned in lost),
            causes=causes(Counter(why for why, _, _ in lost)),
        )

    def row(self, reading: Reading, *, criterion: str = "", judge: str = "") -> DuelRow:
        """The win rate of these duels, and what the places in which the replies were shown did to it."""
        duels = [duel for duel in self.all() if duel.winner is not None]
        kept = self.scored(reading, lambda duel: duel.score)
        row = _rated(kept, reading, DuelRow(criterion, judge, len(duels), 0))
        asked = [duel for duel in duels if not duel.same]
        first = _at(asked, 0, "base") + _at(asked, 1, "tuned")
        second = _at(asked, 0, "tuned") + _at(asked, 1, "base")
        return replace(
            row,
            asked=len(asked),
            inconsistent=sum(not duel.consistent for duel in asked),
            first=first,
            second=second,
            first_p=position_bias(first, second).p if first + second else None,
        )

    def lengths(self) -> list[tuple[Asked, tuple[float, ...], float, float]]:
        """Each scored case with its scores, and the mean characters of base's replies and of tuned's."""
        found: list[tuple[Asked, tuple[float, ...], float, float]] = []
        for case, asked in self.cases.items():
            samples = list(self.by_case.get(case, {}).values())
            scored = [(duels, self._sample(duels, lambda duel: duel.score)) for duels in samples]
            known = [(duels[0].chars, score) for duels, score in scored if score is not None]
            if known:
                base, tuned = (mean([chars[side] for chars, _ in known]) for side in (0, 1))
                found.append((asked, tuple(score for _, score in known), base, tuned))
        return found


def _at(duels: Sequence[Duel], order: int, winner: str) -> int:
    return sum(duel.votes[order].winner == winner for duel in duels)


def _rated(kept: Sequence[tuple[Asked, tuple[float, ...]]], reading: Reading, row: DuelRow) -> DuelRow:
    """The row with the win rate of these cases."""
    if not kept:
        return row
    found = reading.rate([samples for _, samples in kept], _groups([asked for asked, _ in kept]))
    return replace(
        row,
        cases=len(kept),
        wins=found.wins,
        ties=found.ties,
        losses=found.losses,
        rate=found.rate,
        low=found.low,
        high=found.high,
        interval=found.change.interval,
        p=found.p,
    )


def _weighted(kept: Sequence[tuple[Asked, tuple[float, ...]]], reading: Reading) -> DuelRow | None:
    return _rated(kept, reading, DuelRow("", "", 0, 0)) if kept else None


def _alike(
    table: _Table, lengths: Sequence[tuple[Asked, tuple[float, ...], float, float]], reading: Reading
) -> DuelRow | None:
    """The win rate among the cases whose lengths differ by less than a tenth."""
    near = similar_lengths([base for _, _, base, _ in lengths], [tuned for _, _, _, tuned in lengths])
    kept = {lengths[place][0].case for place in near}
    if not kept:
        return None
    scored = [
        (asked, samples) for asked, samples in table.scored(reading, lambda duel: duel.score) if asked.case in kept
    ]
    return _rated(scored, reading, DuelRow("", "", 0, 0))


def _at_equal_length(lengths: Sequence[tuple[Asked, tuple[float, ...], float, float]]) -> tuple[float | None, str]:
    """The rate that tuned would have at equal length, or why it is not told."""
    if not lengths:
        return None, "no case was judged"
    try:
        scores = [mean(samples) for _, samples, _, _ in lengths]
        return length_controlled(scores, [tuned - base for _, _, base, tuned in lengths]), ""
    except LengthControlError as error:
        return None, str(error)


def _agreements(duels: Sequence[Duel], judges: Sequence[str]) -> Iterator[Agreement]:
    """Every two judges on the duels that both decided."""
    said: dict[str, dict[tuple[str, int, str], str]] = {judge: {} for judge in judges}
    for duel in duels:
        if duel.winner is not None and not duel.same:
            said[duel.judge][duel.case, duel.sample, duel.criterion] = duel.winner
    for one, other in combinations(judges, 2):
        both = [(said[one][key], said[other][key]) for key in said[one] if key in said[other]]
        if both:
            share = sum(a == b for a, b in both) / len(both)
            yield Agreement(one, other, len(both), share, kappa([a for a, _ in both], [b for _, b in both]))


def _warnings(run: DuelRun, total: DuelRow, alpha: float) -> Iterator[str]:
    arms = [(arm.name, arm.use) for arm in (run.base, run.tuned)]
    yield from akin([(judge.name, judge.use) for judge in run.judges], arms)
    if total.first_p is not None and total.first_p <= alpha:
        place = "first" if total.first > total.second else "second"
        share = max(total.first, total.second) / (total.first + total.second)
        yield f"the reply shown {place} won {100 * share:.0f} % of the verdicts: the judges favour a place"


def _groups(cases: Sequence[Asked]) -> list[str] | None:
    """Cases that depend on each other; None where none do."""
    if not any(asked.group for asked in cases):
        return None
    return [asked.group or f"\0{asked.case}" for asked in cases]


def _several(names: Sequence[str]) -> Sequence[str]:
    return names if len(names) > 1 else ()
