"""The flows of one command, suite by suite, as far as it is decided that they will be asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias

from evalharness.flow import Flow
from evalharness.plan import Plan
from evalharness.records import Asked, Score, Trial
from evalharness.schedule import Schedule, Step


class Place(NamedTuple):
    """Where a trial belongs: which suite's row, which arm of it, which place in the order that arm is asked in."""

    row: int
    arm: int
    trial: int


class Planned(Protocol):
    """An arm that will be asked; the arms of a suite have one schedule."""

    @property
    def plan(self) -> Plan:
        """What is asked of which model."""

    @property
    def schedule(self) -> Schedule:
        """In which order."""


class Remembered(Protocol):
    """An arm that was asked long ago, and is graded anew."""

    def __len__(self) -> int:
        """How many of its trials can be graded."""

    def flows(self, cases: Collection[str] | None = None) -> Sequence[Flow[tuple[int, tuple[Score, ...]]]]:
        """A flow a trial, of these cases or of all."""

    def take(self, place: int, scores: tuple[Score, ...]) -> None:
        """Takes in a trial's grades."""


class Regrade(NamedTuple):
    """A trial of a snapshot with the scores of today, and which suite's row the snapshot is of."""

    row: int
    snapshot: Remembered
    place: int
    scores: tuple[Score, ...]


Ended: TypeAlias = tuple[Place, Trial] | Regrade
"""What a flow ends with: a trial that was asked, or one of a snapshot that was graded anew."""


class Feed:
    """The flows of each suite in turn, one of each arm at a time, so that its arms are asked in the same minutes.

    It grows while it is read: `begin` adds the next stage of a suite, its snapshots first, since grading them mostly
    asks nobody. So it may end and, when flows have ended, go on, which the engine allows; a suite whose next stage
    waits for a look does not hold up the others.
    """

    def __init__(self, rows: Sequence[tuple[Sequence[Planned], Sequence[Remembered]]]) -> None:
        self._rows = [_Row(number, *row) for number, row in enumerate(rows)]
        self._waiting: deque[Iterator[Flow[Ended]]] = deque()

    def __len__(self) -> int:
        """The most flows there may be."""
        return sum(sum(map(len, row.snapshots)) + sum(map(len, row.stages)) * len(row.jobs) for row in self._rows)

    def __iter__(self) -> Iterator[Flow[Ended]]:
        return self

    def __next__(self) -> Flow[Ended]:
        while self._waiting:
            for flow in self._waiting[0]:
                return flow
            self._waiting.popleft()
        raise StopIteration

    def begin(self, row: int) -> tuple[Asked, ...]:
        """Adds the next stage of a suite; says which cases are met in it for the first time."""
        found = self._rows[row]
        new = found.begin()
        self._waiting.append(found.flows)
        return found.jobs[0].plan.cases(case for case, sample in new if sample == 0) if found.jobs else ()

    def arrived(self, row: int) -> bool:
        """Counts a flow that has ended; whether its stage has and others may follow, so that it is time to look."""
        found = self._rows[row]
        found.missing -= 1
        return found.missing == 0 and found.left > 0

    @property
    def open(self) -> int:
        """How many flows there are in stages that may yet begin."""
        return sum(row.left for row in self._rows)

    def end(self, row: int) -> int:
        """Lets the stages of a suite that did not begin be; says how many flows that spares."""
        found = self._rows[row]
        left = found.left
        found.stages = found.stages[: found.begun]
        return left

    def whole(self, row: int, trials: int) -> bool:
        """Whether so many trials of an arm are all that were begun, and the other arms have theirs as well."""
        return self._rows[row].missing == 0 and trials == self._rows[row].trials


class _Row:
    """One suite: its arms, and how far it is."""

    def __init__(self, number: int, jobs: Sequence[Planned], snapshots: Sequence[Remembered]) -> None:
        self.number = number
        self.jobs = jobs
        self.snapshots = snapshots
        self.stages: Sequence[Sequence[Step]] = jobs[0].schedule.stages if jobs else ((),)
        self.begun = self.trials = self.missing = 0
        self.flows: Iterator[Flow[Ended]] = iter(())

    @property
    def left(self) -> int:
        """How many flows of its jobs did not begin."""
        return sum(map(len, self.stages[self.begun :])) * len(self.jobs)

    def begin(self) -> Sequence[Step]:
        """Makes the flows of the next stage, and says what it asks."""
        stage, first = self.stages[self.begun], self.trials
        cases = {case.id for case, sample in stage if sample == 0} if self.jobs else None
        graded = [(snapshot, flow) for snapshot in self.snapshots for flow in snapshot.flows(cases)]
        self.begun += 1
        self.trials += len(stage)
        self.missing = len(stage) * len(self.jobs) + len(graded)
        again = (_regraded(self.number, snapshot, flow) for snapshot, flow in graded)
        self.flows = chain(again, self._asked(stage, first))
        return stage

    def _asked(self, stage: Sequence[Step], first: int) -> Iterator[Flow[Ended]]:
        rounds = zip(*(job.plan.flows(stage) for job in self.jobs), strict=True)
        for trial, flows in enumerate(rounds, first):
            for arm, flow in enumerate(flows):
                yield _placed(Place(self.number, arm, trial), flow)


def _placed(place: Place, flow: Flow[Trial]) -> Flow[Ended]:
    trial = yield from flow
    return place, trial


def _regraded(row: int, snapshot: Remembered, flow: Flow[tuple[int, tuple[Score, ...]]]) -> Flow[Ended]:
    place, scores = yield from flow
    return Regrade(row, snapshot, place, scores)
