"""The flows of one command, suite by suite, as far as it is decided that they will be asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from evalharness.course import Course, Step
from evalharness.flow import Flow
from evalharness.plan import Plan
from evalharness.records import Asked, Trial


class Place(NamedTuple):
    """Where a trial belongs: which suite's row, which arm of it, which place in the order that arm is asked in."""

    row: int
    arm: int
    trial: int


class Planned(Protocol):
    """An arm that will be asked; the arms of a suite have one course."""

    @property
    def plan(self) -> Plan:
        """What is asked of which model."""

    @property
    def course(self) -> Course:
        """In which order."""


class Feed:
    """The flows of each suite in turn, one of each arm at a time, so that its arms are asked in the same minutes.

    It grows while it is read: `begin` adds the next stage of a suite. So it may end and, when flows have ended, go on,
    which the engine allows; suites whose stages wait for a look do not hold up the others.
    """

    def __init__(self, rows: Sequence[Sequence[Planned]]) -> None:
        self._rows = [_Row(number, row) for number, row in enumerate(rows)]
        self._open: deque[Iterator[Flow[tuple[Place, Trial]]]] = deque()

    def __len__(self) -> int:
        """The most flows there may be."""
        return sum(len(stage) * len(row.jobs) for row in self._rows for stage in row.stages)

    def __iter__(self) -> Iterator[Flow[tuple[Place, Trial]]]:
        return self

    def __next__(self) -> Flow[tuple[Place, Trial]]:
        while self._open:
            for flow in self._open[0]:
                return flow
            self._open.popleft()
        raise StopIteration

    def begin(self, row: int) -> tuple[Asked, ...]:
        """Adds the next stage of a suite; says of which cases it is."""
        found = self._rows[row]
        stage = found.stages[found.begun]
        self._open.append(found.begin(stage))
        cases = {case.id: case for case, _ in stage}
        return found.jobs[0].plan.cases(cases.values())

    def arrived(self, row: int) -> bool:
        """Counts a trial that is in; whether its stage is and others may follow, so that it is time to look."""
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

    def __init__(self, number: int, jobs: Sequence[Planned]) -> None:
        self.number = number
        self.jobs = jobs
        self.stages = jobs[0].course.stages if jobs else ()
        self.begun = self.trials = self.missing = 0

    @property
    def left(self) -> int:
        return sum(map(len, self.stages[self.begun :])) * len(self.jobs)

    def begin(self, stage: Sequence[Step]) -> Iterator[Flow[tuple[Place, Trial]]]:
        first = self.trials
        self.begun += 1
        self.trials += len(stage)
        self.missing = len(stage) * len(self.jobs)
        return self._flows(first, zip(*(job.plan.flows(stage) for job in self.jobs), strict=True))

    def _flows(self, first: int, rounds: Iterator[tuple[Flow[Trial], ...]]) -> Iterator[Flow[tuple[Place, Trial]]]:
        for trial, flows in enumerate(rounds, first):
            for arm, flow in enumerate(flows):
                yield _placed(Place(self.number, arm, trial), flow)


def _placed(place: Place, flow: Flow[Trial]) -> Flow[tuple[Place, Trial]]:
    trial = yield from flow
    return place, trial
