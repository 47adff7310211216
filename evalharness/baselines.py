"""A snapshot as a suite sees it today: its stored replies, graded by the checks that the suite has now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from evalharness import engine, snapshots
from evalharness.flow import Flow
from evalharness.measure import Arm
from evalharness.plan import Plan, changed, suite_ref
from evalharness.records import Asked, Run, Score, Trial
from evalharness.score import grade
from evalharness.sheet import Sheet
from evalharness.snapshots import Filed
from evalharness.suite import Case, Suite


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


def recall(filed: Filed, suite: Suite) -> Arm:
    """The snapshot as an arm of a comparison on the suite as it is.

    Replies are what a snapshot keeps; grades are made anew. Cases are matched by id. A case that asks something else
    today cannot be compared and is `unlike`; one that is gone stays with its old grades, to be listed. notes: what has
    changed since, for the reader of a comparison.
    """
    run = snapshots.read(filed)
    today = {case.id: case for case in suite.cases}
    asked: dict[int, Case] = {}
    gone: list[int] = []
    unlike: dict[str, str] = {}
    systems: Counter[str] = Counter()
    for place, trial in enumerate(run.trials):
        case = today.get(trial.conversation.case)
        if case is None:
            gone += [] if suite.selected else [place]
            continue
        why = changed(trial, case, suite, run.model)
        if why == "system":
            systems[case.id] += 1
        elif why:
            unlike[case.id] = f"{why} since '{filed.name}' was accepted"
        asked[place] = case
    asked = {place: case for place, case in asked.items() if case.id not in unlike}
    places = sorted([*asked, *gone])
    trials = Regraded(run.trials, places, _scores(run, asked))
    whole = replace(
        run,
        suite=suite_ref(suite, run.suite.samples),
        gate=suite.gate,
        cases=tuple(_cases(run, suite, unlike)),
        trials=trials,
    )
    sheet = Sheet.of(whole)
    return Arm(whole, sheet, unlike, tuple(_notes(filed, suite, len(unlike), len(systems))))


def _scores(run: Run, asked: Mapping[int, Case]) -> dict[int, tuple[Score, ...]]:
    """Today's grades of these trials, by place."""
    scores: dict[int, tuple[Score, ...]] = {}

    def flow(place: int, case: Case) -> Flow[tuple[int, tuple[Score, ...]]]:
        trial = run.trials[place]
        found = yield from grade(case, trial.conversation, trial.failure)
        return place, found

    def keep(_: int, graded: tuple[int, tuple[Score, ...]]) -> None:
        scores[graded[0]] = graded[1]

    flows = (flow(place, case) for place, case in asked.items())
    engine.run(flows, {}, cache=None, limits=engine.Limits(), finished=keep)
    return scores


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
