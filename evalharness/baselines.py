"""A snapshot as a suite sees it today: its stored replies, graded by the checks that the suite has now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from evalharness import engine, snapshots
from evalharness.bench import instruments, refs
from evalharness.cache import Cache
from evalharness.flow import Flow
from evalharness.measure import Arm
from evalharness.models.base import Model
from evalharness.plan import Plan, changed, suite_ref
from evalharness.records import Asked, Grade, Instrument, ModelRef, Run, Score, Trial, encode
from evalharness.score import Bench, grade, unknown
from evalharness.scorers.base import ARM, asked, judging
from evalharness.sheet import Sheet
from evalharness.snapshots import Filed
from evalharness.suite import Case, Check, Suite


class Regraded(Sequence[Trial]):
    """Some trials of a stored run with the scores of today; the words stay in their file.

    places: which trials, in order. scores: by place; a trial without any keeps its own.
    """

    def __init__(self, stored: Sequence[Trial], places: Sequence[int], scores: Mapping[int, tuple[Score, ...]]) -> None:
        self._stored = stored
        self._places = places
        self._scores = scores

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, place: int | slice) -> Trial | tuple[Trial, ...]:
        if isinstance(place, slice):
            return tuple(self._trial(each) for each in self._places[place])
        return self._trial(self._places[place])

    def _trial(self, place: int) -> Trial:
        trial = self._stored[place]
        return replace(trial, scores=self._scores[place]) if place in self._scores else trial


class Recollection:
    """A snapshot on its way to be an arm of a comparison on the suite as it is today.

    Replies are what a snapshot keeps; grades are made anew, by flows, since a check may ask a judge. What a judge said
    stays where it would be asked the same today. Cases are matched by id. A case that asks something else today cannot
    be compared and is `unlike`; one that is gone stays with its old grades, to be listed. notes: what has changed
    since, for the reader of a comparison.
    """

    def __init__(
        self, filed: Filed, suite: Suite, judges: Mapping[str, ModelRef], asked: tuple[Instrument, ...] | None = None
    ) -> None:
        """asked: the instruments of today, where they are known without the models."""
        self.filed = filed
        self._suite = suite
        self._judges = judges
        self._run = run = snapshots.read(filed)
        self._instruments = instruments(suite, judges) if asked is None else asked
        self._alike = {(each.check, each.aspect) for each in set(self._instruments) & set(run.suite.judges)}
        if filed.suite.hash == suite.hash:
            self._alike |= _of_the_model(suite)
        else:
            self._alike -= _of_several(suite)
        self._scores: dict[int, tuple[Score, ...]] = {}
        self._unlike: dict[str, str] = {}
        self._systems: Counter[str] = Counter()
        self._gone: list[int] = []
        self._asked = self._matched()

    def __len__(self) -> int:
        return len(self._asked)

    def flows(self, cases: Collection[str] | None = None) -> tuple[Flow[tuple[int, tuple[Score, ...]]], ...]:
        """A flow a trial that can be graded, or of these cases only, whose result is for `take`."""
        bench = Bench(self._suite.name, None, self._judges)
        some = ((place, case) for place, case in self._asked.items() if cases is None or case.id in cases)
        return tuple(self._graded(place, case, bench) for place, case in some)

    def take(self, place: int, scores: tuple[Score, ...]) -> None:
        """Today's grades of the trial at that place."""
        self._scores[place] = scores

    def arm(self) -> Arm:
        """The snapshot as an arm; trials whose flows have not ended miss their grades."""
        run, suite = self._run, self._suite
        places = sorted([*self._asked, *self._gone])
        missing = {place: self._ungraded(place) for place in self._asked if place not in self._scores}
        whole = replace(
            run,
            suite=suite_ref(suite, run.suite.samples, self._instruments),
            gate=suite.gate,
            cases=tuple(_cases(run, suite, self._unlike)),
            trials=Regraded(run.trials, places, {**self._scores, **missing}),
        )
        notes = tuple(_notes(self.filed, suite, len(self._unlike), len(self._systems)))
        return Arm(whole, Sheet.of(whole), self._unlike, notes)

    def _matched(self) -> dict[int, Case]:
        """The case of today behind each trial that still can be compared."""
        today = {case.id: case for case in self._suite.cases}
        asked: dict[int, Case] = {}
        for place, trial in enumerate(self._run.trials):
            case = today.get(trial.conversation.case)
            if case is None:
                self._gone += [] if self._suite.selected else [place]
                continue
            why = changed(trial, case, self._suite, self._run.model)
            if why == "system":
                self._systems[case.id] += 1
            elif why:
                self._unlike[case.id] = f"{why} since '{self.filed.name}' was accepted"
            asked[place] = case
        return {place: case for place, case in asked.items() if case.id not in self._unlike}

    def _graded(self, place: int, case: Case, bench: Bench) -> Flow[tuple[int, tuple[Score, ...]]]:
        trial = self._run.trials[place]
        known = _Kept(trial.scores, self._alike) if self._alike else unknown
        return place, (yield from grade(case, trial.conversation, trial.failure, bench, known))

    def _ungraded(self, place: int) -> tuple[Score, ...]:
        why = "not graded yet"
        return tuple(replace(score, grade=Grade(None, why)) for score in self._run.trials[place].scores)


def _of_the_model(suite: Suite) -> set[tuple[str, str]]:
    """The checks that ask the model under test, which cannot be asked again once it is a snapshot."""
    checks = {id(check): check for case in suite.cases for check in case.checks}
    return {(check.name, check.aspect) for check in checks.values() if ARM in asked(check.scorer)}


def _of_several(suite: Suite) -> set[tuple[str, str]]:
    """The checks that ask judges several things under one name: once the suite has changed, a grade that was stored
    may be of another of them."""
    found: dict[tuple[str, str], set[str]] = {}
    for case in suite.cases:
        for check in case.checks:
            if judging(check.scorer):
                found.setdefault((check.name, check.aspect), set()).add(encode(suite.content.told(check.scorer)))
    return {name for name, told in found.items() if len(told) > 1}


class _Kept:
    """What stored checks were worth, for those that ask the same models in the same way today, each handed out once."""

    def __init__(self, scores: Sequence[Score], alike: Collection[tuple[str, str]]) -> None:
        self._left: dict[tuple[str, str, int | None], list[Grade | None]] = {}
        for score in scores:
            if (score.check, score.aspect) in alike:
                # One that is unknown keeps its place, so that the next is not taken for it.
                grade = score.grade if score.grade.value is not None else None
                self._left.setdefault((score.check, score.aspect, score.turn), []).append(grade)

    def __call__(self, check: Check, turn: int | None) -> Grade | None:
        left = self._left.get((check.name, check.aspect, turn))
        return left.pop(0) if left else None


def recall(
    filed: Filed,
    suite: Suite,
    judges: Mapping[str, Model] | None = None,
    cache: Cache | None = None,
    asked: tuple[Instrument, ...] | None = None,
) -> Arm:
    """The snapshot as the suite sees it today, at once: nothing is asked.

    judges: by the names that checks use; of what they would be asked, only what `cache` holds is known. asked: the
    instruments of today, where they are known without the models.
    """
    models = judges or {}
    found = Recollection(filed, suite, refs(models), asked)
    own = {model.ref.name: model for model in models.values()}
    limits = engine.Limits(cache="only")
    engine.run(found.flows(), own, cache=cache, limits=limits, finished=lambda _, graded: found.take(*graded))
    return found.arm()


def _cases(run: Run, suite: Suite, unlike: Mapping[str, str]) -> Iterator[Asked]:
    """The cases that the snapshot has: those of today as they are today, and then those that are gone."""
    stored = {asked.case for asked in run.cases} - unlike.keys()
    today = Plan(suite, run.model, run.suite.samples).cases()
    yield from (asked for asked in today if asked.case in stored)
    if not suite.selected:
        known = {case.id for case in suite.cases}
        yield from (asked for asked in run.cases if asked.case not in known)


def _notes(filed: Filed, suite: Suite, unlike: int, systems: int) -> Iterator[str]:
    name = filed.name
    if filed.suite.hash != suite.hash:
        yield f"the suite changed since '{name}' was accepted: its replies are graded by today's checks"
    if unlike:
        yield f"{_cases_of(unlike)} asked otherwise than for '{name}', and cannot be compared with it"
    if systems:
        yield f"{_cases_of(systems)} asked under another system text than for '{name}'"


def _cases_of(number: int) -> str:
    return "1 case is" if number == 1 else f"{number:,} cases are"
