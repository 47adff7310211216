"""What a comparison's judges are worth: which may gate, what each got wrong, and rates put right by people's labels.

Only failing, moving and not being calibrated touch a ruling. Corrected rates are to be read, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from evalharness.calibrate import known
from evalharness.calibration import (
    Calibration,
    Figures,
    Known,
    Row,
    Standing,
    by_arm,
    figures,
    graded,
    pair_figures,
    standing,
    uneven,
)
from evalharness.config import Config
from evalharness.duel import PREFERENCE, DuelRun, Pairing, pairings
from evalharness.files import shown_path
from evalharness.findings import Ruling
from evalharness.measure import Arm
from evalharness.records import Instrument, Score
from evalharness.sheet import OVERALL
from evalharness.standings import Corrected, Estimated, Judged
from evalharness.stats.agreement import Rate, kappa, power_tuned, rogan_gladen
from evalharness.stats.intervals import Estimate, guarded_estimate, mean, two_sided_z

Key: TypeAlias = tuple[str, int, int]
"""Case, sample and turn of one graded reply; turn 0 is the whole conversation."""

FEWEST_LABELS = 10
"""Labels of an arm below which its rate is not put right."""


def blocked(base: Arm, tuned: Arm, aspect: str) -> tuple[str, str]:
    """Why an aspect may not be ruled on, for the sake of a judge, and what to do; two empty texts where it may."""
    for instrument in _resting(tuned, aspect):
        other = next((each for each in base.run.suite.judges if _same(each, instrument)), instrument)
        if other.digest != instrument.digest:
            why = (
                f"base and tuned were judged in different ways: judge, rubric or scale of '{instrument.check}' changed"
            )
            return why, "`evalharness rescore` grades stored replies as the suite says today"
    refuses = tuned.run.suite.uncalibrated == "refuse"
    for instrument, found in _standings(base, tuned, aspect):
        if found.state in ("failed", "moved") or (refuses and found.state == "uncalibrated"):
            named = f" of '{instrument.check}'" if len(_resting(tuned, aspect)) > 1 else ""
            return f"judge{named} {found.why}", found.remedy
    return "", ""


def marked(ruled: Sequence[Ruling], base: Arm, tuned: Arm) -> tuple[Ruling, ...]:
    """The rulings of one aspect, each saying so where it rests on a judge that nobody has calibrated."""
    return tuple(_marked(ruling, base, tuned) for ruling in ruled)


def _marked(ruling: Ruling, base: Arm, tuned: Arm) -> Ruling:
    for _, found in _standings(base, tuned, ruling.aspect):
        if found.state == "uncalibrated" and found.why not in ruling.sentence:
            remedy = f"{ruling.remedy}; {found.remedy}" if ruling.remedy else found.remedy
            return replace(ruling, sentence=f"{ruling.sentence}; judge {found.why}", remedy=remedy)
    return ruling


def informed(arm: Arm, config: Config) -> Arm:
    """The arm with what is known of its judges: their calibrations beside the baselines, and the last looks at them."""
    return replace(arm, known=known(config.baselines, config.state, arm.run.suite.name))


def _standings(base: Arm, tuned: Arm, aspect: str) -> Iterator[tuple[Instrument, Standing]]:
    """What is known of every instrument that an aspect rests on."""
    source = shown_path(tuned.duels.path) if aspect == PREFERENCE and tuned.duels is not None else ""
    for instrument in _resting(tuned, aspect):
        yield instrument, standing(_found(base, tuned, instrument), source)


def _resting(arm: Arm, aspect: str) -> tuple[Instrument, ...]:
    """The judges an aspect rests on, beside whatever rules; `overall` rests on all that grade."""
    if aspect == PREFERENCE:
        return arm.duels.instruments if arm.duels is not None else ()
    return tuple(each for each in arm.run.suite.judges if aspect in (OVERALL, each.aspect))


def _same(one: Instrument, other: Instrument) -> bool:
    return (one.check, one.aspect) == (other.check, other.aspect)


def _found(base: Arm, tuned: Arm, instrument: Instrument) -> Known | None:
    found = (*tuned.known, *base.known)
    return next((each for each in found if each.calibration.digest == instrument.digest), None)


# --- what stands beside the verdict -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Graded:
    """What an instrument said of the replies of one arm. errors: replies that it could not grade."""

    arm: str
    grades: Mapping[Key, float]
    votes: Sequence[tuple[tuple[str, float | None], ...]]
    errors: int
    pass_at: float


def judged(base: Arm, tuned: Arm) -> tuple[Judged, ...]:
    """A line for each instrument of the tuned run and of its duels: what it is, whether it may gate, and what it says
    once put right."""
    return (*_of_checks(base, tuned), *_of_duels(base, tuned))


def _of_checks(base: Arm, tuned: Arm) -> tuple[Judged, ...]:
    instruments = tuned.run.suite.judges
    if not instruments:
        return ()
    scores = _by_check(base), _by_check(tuned)
    found: list[Judged] = []
    for instrument in instruments:
        key = instrument.check, instrument.aspect
        sides = [
            _graded(arm.run.model.name, said.get(key, [])) for arm, said in zip((base, tuned), scores, strict=True)
        ]
        found.append(_judged(instrument, _found(base, tuned, instrument), sides))
    return tuple(found)


def _of_duels(base: Arm, tuned: Arm) -> Iterator[Judged]:
    """The judges of duels, a line a criterion."""
    run = tuned.duels
    if run is None:
        return
    for instrument, found in _standings(base, tuned, PREFERENCE):
        pairs = [pairing for pairing in pairings(run, instrument) if pairing.asked]
        row = _row(instrument, found, asked=len(pairs), errors=sum(pairing.score is None for pairing in pairs))
        calibrated = _found(base, tuned, instrument)
        yield row if calibrated is None else _with_pair_figures(row, calibrated.calibration, run, pairs)


def _with_pair_figures(row: Judged, calibration: Calibration, run: DuelRun, pairs: Sequence[Pairing]) -> Judged:
    whole = pair_figures(calibration.rows)
    spread = whole.kappa_range
    return replace(
        row,
        labels=len(calibration.rows),
        kappa=whole.kappa,
        kappa_range=None if spread is None or whole.kappa is None else Estimated(whole.kappa, *spread),
        agreement=_estimated(whole.agreement),
        sensitivity=_estimated(whole.decided.sensitivity),
        specificity=_estimated(whole.decided.specificity),
        accuracy=whole.accuracy,
        kappa_decided=whole.decided.kappa,
        consistent=_estimated(whole.consistent),
        uneven=tuple(map(str, uneven(by_arm(calibration)))),
        corrected=(_win_rate(calibration, run, pairs),),
    )


def _win_rate(calibration: Calibration, run: DuelRun, pairs: Sequence[Pairing]) -> Corrected:
    """How often tuned wins where the replies differ, put right by the labels that these two arms' pairs got."""
    rows = [row for row in calibration.rows if row.arm == run.arms]
    labelled = {(row.case, row.sample) for row in rows}
    scores = [(pairing, pairing.score) for pairing in pairs]
    rest = [score for each, score in scores if score is not None and (each.case, each.sample) not in labelled]
    known = [score for _, score in scores if score is not None]
    found = Corrected("tuned wins", len(rows), len(rest), mean(known) if known else None)
    if len(rows) < FEWEST_LABELS or len(rest) < 2:
        return found
    powered, trust = _powered(rest, [each.label for each in rows], [each.grade for each in rows])
    return replace(found, powered=_spread(powered), trust=trust)


def _by_check(arm: Arm) -> dict[tuple[str, str], list[tuple[Key, Score]]]:
    """The scores that models were asked for, by check and aspect."""
    found: dict[tuple[str, str], list[tuple[Key, Score]]] = {}
    for trial in arm.run.trials:
        for score in trial.scores:
            if graded(trial, score) is not None:
                key = trial.conversation.case, trial.conversation.sample, score.turn or 0
                found.setdefault((score.check, score.aspect), []).append((key, score))
    return found


def _graded(arm: str, said: Sequence[tuple[Key, Score]]) -> _Graded:
    grades = {key: score.grade.value for key, score in said if score.grade.value is not None}
    votes = [score.grade.by for _, score in said if len(score.grade.by) > 1]
    pass_at = said[0][1].pass_at if said else 0.5
    return _Graded(arm, grades, votes, len(said) - len(grades), pass_at)


def _judged(instrument: Instrument, calibrated: Known | None, sides: Sequence[_Graded]) -> Judged:
    errors = sum(side.errors for side in sides)
    asked = errors + sum(len(side.grades) for side in sides)
    row = replace(_row(instrument, standing(calibrated), asked=asked, errors=errors), panel=tuple(_panel(sides)))
    return row if calibrated is None else _with_figures(row, calibrated.calibration, sides)


def _row(instrument: Instrument, found: Standing, *, asked: int, errors: int) -> Judged:
    """A line without figures."""
    return Judged(
        check=instrument.check,
        aspect=instrument.aspect,
        judges=instrument.judges,
        scale=instrument.scale,
        rubric=instrument.rubric,
        digest=instrument.digest,
        state=found.state,
        why=found.why,
        remedy=found.remedy,
        asked=asked,
        errors=errors,
    )


def _with_figures(row: Judged, calibration: Calibration, sides: Sequence[_Graded]) -> Judged:
    whole, arms = figures(calibration.rows, calibration.pass_at), by_arm(calibration)
    spread = whole.kappa_range
    return replace(
        row,
        labels=len(calibration.rows),
        kappa=whole.kappa,
        kappa_range=None if spread is None or whole.kappa is None else Estimated(whole.kappa, *spread),
        weighted=whole.weighted,
        agreement=_estimated(whole.agreement),
        sensitivity=_estimated(whole.sensitivity),
        specificity=_estimated(whole.specificity),
        uneven=tuple(map(str, uneven({side.arm: arms[side.arm] for side in sides if side.arm in arms}))),
        corrected=tuple(_corrected(side, calibration, arms.get(side.arm)) for side in sides),
        change=_change(sides, calibration),
    )


def _estimated(found: Rate | None) -> Estimated | None:
    return None if found is None else Estimated(found.rate, found.low, found.high)


def _panel(sides: Sequence[_Graded]) -> Iterator[tuple[str, str, float | None]]:
    """Kappa of every two judges of a panel, over the replies that both could grade."""
    votes = [dict(each) for side in sides for each in side.votes]
    pass_at = sides[0].pass_at if sides else 0.5
    names = list(dict.fromkeys(name for each in votes for name in each))
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            pairs = [
                (one >= pass_at, two >= pass_at)
                for each in votes
                if (one := each.get(first)) is not None and (two := each.get(second)) is not None
            ]
            if pairs:
                yield first, second, kappa([one for one, _ in pairs], [two for _, two in pairs])


def _corrected(side: _Graded, calibration: Calibration, found: Figures | None) -> Corrected:
    """The mean grade of an arm, put right by the labels that its replies got."""
    rows = [row for row in calibration.rows if row.arm == side.arm]
    labelled = {_key(row) for row in rows}
    rest = [grade for key, grade in sorted(side.grades.items()) if key not in labelled]
    row = Corrected(side.arm, len(rows), len(rest), mean(list(side.grades.values())) if side.grades else None)
    if found is None or len(rows) < FEWEST_LABELS or len(rest) < 2:
        return row
    powered, trust = _powered(rest, [each.label for each in rows], [each.grade for each in rows])
    passes = sum(grade >= calibration.pass_at for grade in rest)
    through = rogan_gladen(passes, len(rest), found.counts)
    return replace(row, powered=_spread(powered), trust=trust, rogan_gladen=through and _spread(through))


def _change(sides: Sequence[_Graded], calibration: Calibration) -> Corrected | None:
    """The change from base to tuned, put right by the cases whose replies were labelled in both arms."""
    base, tuned = sides
    labels = [{_key(row): row for row in calibration.rows if row.arm == side.arm} for side in sides]
    both = [key for key in labels[0] if key in labels[1]]
    moved = {key: tuned.grades[key] - base.grades[key] for key in sorted(base.grades.keys() & tuned.grades.keys())}
    rest = [change for key, change in moved.items() if key not in labels[0] and key not in labels[1]]
    if base.arm == tuned.arm or len(both) < FEWEST_LABELS or len(rest) < 2:
        return None

    def changes(value: Callable[[Row], float]) -> list[float]:
        return [value(labels[1][key]) - value(labels[0][key]) for key in both]

    powered, trust = _powered(rest, changes(lambda row: row.label), changes(lambda row: row.grade))
    return Corrected(
        "change", len(both), len(rest), mean(list(moved.values())), powered=_spread(powered, least=-1.0), trust=trust
    )


def _powered(rest: Sequence[float], labels: Sequence[float], grades: Sequence[float]) -> tuple[Estimate, float]:
    """The tuned estimate; where labels and judge never differ, with the error of the guarded interval, since that they
    never will is more than so few labels show."""
    found, trust = power_tuned(rest, labels, grades)
    if len({label - trust * grade for label, grade in zip(labels, grades, strict=True)}) > 1:
        return found, trust
    return Estimate(found.centre, max(found.error, guarded_estimate([0.0] * len(labels)).error)), trust


def _key(row: Row) -> Key:
    return row.case, row.sample, row.turn or 0


def _spread(found: Estimate, *, least: float = 0.0) -> Estimated:
    """The estimate with its interval, cut at the ends of the range."""
    reach = two_sided_z(0.05) * found.error
    low, high = max(least, found.centre - reach), min(1.0, found.centre + reach)
    return Estimated(min(1.0, max(least, found.centre)), low, high)
