"""Whether a judge is still the one it was: the anchors of a calibration, judged again.

A model can change behind its name. A dozen conversations whose grades are remembered tell: they are cheap to ask about,
and a comparison that asked the judge anything new ought to ask about them too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from evalharness.bench import instruments, refs
from evalharness.books import Tallies
from evalharness.calibrate import known, look_path, write_look
from evalharness.calibration import LEAST_ANCHORS, Anchor, Calibration, moved
from evalharness.config import Config
from evalharness.flow import Flow
from evalharness.limits import Limits
from evalharness.models.base import Model
from evalharness.records import Conversation, Outcome
from evalharness.score import Bench, grade
from evalharness.store import write_text
from evalharness.suite import Case, Suite

ANSWERED: Outcome = "answered"


def anchors(calibration: Calibration, suite: Suite, bench: Bench) -> Iterator[Flow[float | None]]:
    """A flow for each anchor, in order, that ends with its grade of today; None where there is none.

    What is asked is what was asked when it was graded first, so the answers must not come from the cache.
    """
    cases = {case.id: case for case in suite.cases}
    return (_again(anchor, cases.get(anchor.case), calibration, bench) for anchor in calibration.anchors)


def _again(anchor: Anchor, case: Case | None, calibration: Calibration, bench: Bench) -> Flow[float | None]:
    if case is None:  # the suite has it no more
        return None
    outcomes = (ANSWERED,) * len(anchor.replies)
    talk = Conversation(anchor.case, 0, anchor.messages, anchor.replies, outcomes)
    scores = yield from grade(_alone(case, anchor.turn, calibration), talk, None, bench)
    return next((score.grade.value for score in scores if score.turn == anchor.turn), None)


def _alone(case: Case, turn: int | None, calibration: Calibration) -> Case:
    """The case with nothing expected of it but the one check, of the one turn or of the whole."""
    meant = {(calibration.check, calibration.aspect)}
    turns, number = [], 0
    for each in case.turns:
        number += each.reply is None
        kept = [check for check in each.expect if (check.name, check.aspect) in meant and number == turn]
        turns.append(replace(each, expect=tuple(kept)))
    whole = [check for check in case.expect if (check.name, check.aspect) in meant and turn is None]
    return replace(case, turns=tuple(turns), expect=tuple(whole))


@dataclass(frozen=True, slots=True)
class Due:
    """A calibration whose judge was asked something new, so that its anchors are due. judges: as checks name them."""

    calibration: Calibration
    suite: Suite
    judges: Mapping[str, Model]


def due(suite: Suite, judges: Mapping[str, Model], fresh: Collection[str], config: Config) -> Iterator[Due]:
    """The calibrations of a suite's instruments whose judges, by their own names, were asked something new, or whose
    last look was cut short."""
    found = [each.calibration for each in known(config.baselines, config.state, suite.name)] if judges else []
    late = {each.digest for each in found if _postponed(config.state, each.digest)}
    if not found or not (fresh or late):
        return
    asked = {f"{name} ({model.ref.use})" for name, model in judges.items() if model.ref.name in fresh}
    today = instruments(suite, refs(judges))
    digests = {each.digest for each in today if each.digest in late or not asked.isdisjoint(each.judges)}
    yield from (Due(each, suite, judges) for each in found if each.digest in digests)


def _postponed(state: Path, digest: str) -> bool:
    """Whether a look at the anchors of an instrument was begun and not ended."""
    return _mark(state, digest).is_file()


def _mark(state: Path, digest: str) -> Path:
    return look_path(state, digest).with_suffix(".due")


class Rest(TypedDict):
    """What the engine takes beside flows and models."""

    cache: None
    limits: Limits
    finished: Callable[[int, tuple[int, int, float | None]], None]


class Looking:
    """The anchors of one command's judges, asked together: flows and models for the engine, then what it came to.

    No answer may come from the cache, which would only say what it said before; so none is kept either.
    """

    def __init__(self, due: Sequence[Due], state: Path) -> None:
        self._due = due
        self._state = state
        self._grades: dict[tuple[int, int], float | None] = {}
        self.models = {model.ref.name: model for each in due for model in each.judges.values()}

    def __len__(self) -> int:
        return sum(len(each.calibration.anchors) for each in self._due)

    def __iter__(self) -> Iterator[Flow[tuple[int, int, float | None]]]:
        for number, each in enumerate(self._due):
            bench = Bench(each.suite.name, None, refs(each.judges))
            for place, flow in enumerate(anchors(each.calibration, each.suite, bench)):
                yield _numbered(number, place, flow)

    def postpone(self) -> None:
        """Remembers that they are due, for the next command where this one does not come to it: what the judges said is
        known by then, and would be no reason to look."""
        for each in self._due:
            if each.calibration.anchors:
                write_text(_mark(self._state, each.calibration.digest), iter(["\n"]))

    def rest(self, limits: Limits) -> Rest:
        """What the engine takes beside the flows and the judges. limits: what the command may still take."""
        return {"cache": None, "limits": replace(limits, cache="off"), "finished": self.finished}

    def finished(self, _: int, graded: tuple[int, int, float | None]) -> None:
        """Takes in the grade of an anchor."""
        number, place, grade = graded
        self._grades[number, place] = grade

    def ended(self, tallies: Tallies) -> tuple[str, ...]:
        """What became of each judge, remembered for comparisons to come; where too few anchors got a grade, the last
        look stands. A line for the user where one has moved, and one for what the looking took."""
        told = []
        answered = any(took.answered for took in tallies.values())
        for number, each in enumerate(self._due):
            found = each.calibration
            if answered:
                _mark(self._state, found.digest).unlink(missing_ok=True)
            now = [self._grades.get((number, place)) for place in range(len(found.anchors))]
            why = moved([anchor.grade for anchor in found.anchors], now, found.pass_at)
            if why is not None:
                write_look(self._state, found.digest, why)
            if why:
                told.append(f"the judge of '{found.check}' has moved since it was calibrated: {why}")
            elif why is None and len(now) >= LEAST_ANCHORS:
                graded = sum(grade is not None for grade in now)
                told.append(
                    f"whether the judge of '{found.check}' has moved is not known: {graded} of {len(now)} graded"
                )
        spent = sum(took.usd or 0.0 for took in tallies.values())
        if self._due:
            told.append(f"{len(self)} anchors judged again{f', {spent:.4f} USD' if spent else ''}")
        return tuple(told)


def _numbered(number: int, place: int, flow: Flow[float | None]) -> Flow[tuple[int, int, float | None]]:
    return number, place, (yield from flow)
