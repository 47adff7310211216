"""Whether a judge is still the one it was: the anchors of a calibration, judged again.

A model can change behind its name. A dozen conversations whose grades are remembered tell: they are cheap to ask about,
and a comparison that asked the judge anything new ought to ask about them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from evalharness import engine
from evalharness.calibrate import write_look
from evalharness.calibration import Anchor, Calibration, moved
from evalharness.flow import Flow
from evalharness.models.base import Model
from evalharness.records import Conversation, Outcome
from evalharness.score import Bench, grade
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


def look(
    calibration: Calibration, suite: Suite, judges: Mapping[str, Model], state: Path, limits: engine.Limits
) -> str:
    """Asks the judges about the anchors anew and remembers the answer: why the judge has moved, empty if it has not.

    judges: by the names that checks use. limits: what the command may still take; its cache is left aside, since what
    is known would only say what it said before. Where too few anchors got a grade, the last look stands.
    """
    now: dict[int, float | None] = {}
    engine.run(
        anchors(calibration, suite, Bench(suite.name, None, {name: model.ref for name, model in judges.items()})),
        {model.ref.name: model for model in judges.values()},
        cache=None,
        limits=replace(limits, cache="off"),
        finished=now.__setitem__,
        watch=engine.SILENT,
    )
    grades = [now.get(place) for place in range(len(calibration.anchors))]
    why = moved([anchor.grade for anchor in calibration.anchors], grades, calibration.pass_at)
    if why is not None:
        write_look(state, calibration.digest, why)
    return why or ""
