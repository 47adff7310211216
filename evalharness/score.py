"""Conversation x checks -> scores. Also grades a stored run again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from evalharness.errors import ModelFailed
from evalharness.flow import Answer, Flow, together
from evalharness.records import (
    CUT_OFF,
    Conversation,
    Failure,
    Grade,
    ModelRef,
    Origin,
    Payload,
    Request,
    Run,
    Score,
    Trial,
)
from evalharness.scorers.base import ARM, Scorer, Whole, asked
from evalharness.suite import Case, Check, Suite

Known: TypeAlias = Callable[[Check, int | None], Grade | None]
"""What a check was worth at a turn (None: the whole conversation) when it was graded before, where that still holds."""


def unknown(check: Check, turn: int | None) -> Grade | None:
    """Nothing was graded before."""
    return None


@dataclass(frozen=True, slots=True)
class Bench:
    """Who may be asked about a reply: the arm that gave it, and judges by the names that checks call them.

    arm: None where it cannot be asked, as with a snapshot whose model may be gone.
    """

    suite: str = ""
    arm: ModelRef | None = None
    judges: Mapping[str, ModelRef] = field(default_factory=dict)

    def called(self, name: str) -> ModelRef | None:
        """The model behind a name; None where nobody bears it here."""
        return self.arm if name == ARM else self.judges.get(name)


NOBODY = Bench()


def grade(
    case: Case,
    conversation: Conversation,
    failure: Failure | None = None,
    bench: Bench = NOBODY,
    known: Known = unknown,
) -> Flow[tuple[Score, ...]]:
    """Every check of the case on what was said, turn by turn, then those on the whole conversation.

    A turn that was never answered, or whose answer was filtered, has grades of None with the cause. A check on a reply
    that was cut off is 0 unless the check says `truncated: allow`. known: grades that need not be worked out again.
    """
    due = list(_due(case, conversation, failure, known))
    waiting = [place for place, (_, _, outcome) in enumerate(due) if not isinstance(outcome, Grade)]
    grades = [outcome if isinstance(outcome, Grade) else Grade(None) for _, _, outcome in due]
    if waiting:
        flows = [
            _addressed(outcome, bench, Origin(case.id, turn or 0, bench.suite, bench.arm.name if bench.arm else ""))
            for _, turn, outcome in due
            if not isinstance(outcome, Grade)
        ]
        for place, answer in zip(waiting, (yield from together(*flows)), strict=True):
            grades[place] = answer
    return tuple(
        Score(check.name, check.aspect, turn, grade, check.weight, check.pass_at, _judges(check.scorer))
        for (check, turn, _), grade in zip(due, grades, strict=True)
    )


def regrade(run: Run, suite: Suite, bench: Bench = NOBODY) -> Iterator[Flow[Trial]]:
    """A flow a stored trial, whose result has the scores of `suite`; cases that the suite has no more are left out."""
    cases: Mapping[str, Case] = {case.id: case for case in suite.cases}
    for trial in run.trials:
        case = cases.get(trial.conversation.case)
        if case is not None:
            yield _regraded(trial, case, bench)


def _regraded(trial: Trial, case: Case, bench: Bench) -> Flow[Trial]:
    scores = yield from grade(case, trial.conversation, trial.failure, bench)
    return replace(trial, scores=scores)


def _judges(scorer: Scorer) -> tuple[str, ...]:
    names = asked(scorer)
    return tuple(name for name in names if name != ARM) if names else ()


def _due(
    case: Case, conversation: Conversation, failure: Failure | None, known: Known
) -> Iterator[tuple[Check, int | None, Grade | Flow[Grade]]]:
    number = 0
    cause = _cause(failure)
    for turn in case.turns:
        if turn.reply is not None:
            continue
        number += 1
        said = number <= len(conversation.replies)
        talk = conversation.until(number) if said else conversation
        for check in turn.expect:
            yield check, number, known(check, number) or _judge(check, talk) if said else Grade(None, cause)
    whole = len(conversation.replies) == number and number > 0
    for check in case.expect:
        graded = known(check, None) or _judge(check, conversation, whole=number > 1) if whole else Grade(None, cause)
        yield check, None, graded


def _cause(failure: Failure | None) -> str:
    return f"no answer ({failure.kind})" if failure else "not asked: an earlier answer was filtered"


def _judge(check: Check, talk: Conversation, *, whole: bool = False) -> Grade | Flow[Grade]:
    match "unread" if getattr(check.scorer, "reads", "reply") == "question" else talk.outcome:
        case "filtered":
            return Grade(None, "filtered by the server")
        case "truncated" if check.truncated == "zero":
            return Grade(0.0, CUT_OFF)
    try:
        if whole and isinstance(check.scorer, Whole):
            graded = check.scorer.grade_whole(talk)
        else:
            graded = check.scorer.grade(talk)
    except Exception as error:
        return _broken(error)
    return _guarded(graded) if isinstance(graded, Generator) else graded


def _guarded(flow: Flow[Grade]) -> Flow[Grade]:
    try:
        return (yield from flow)
    except ModelFailed as error:
        return Grade(None, f"no answer from the judge: {error.what}")
    except Exception as error:
        return _broken(error)


def _broken(error: Exception) -> Grade:
    return Grade(None, f"the scorer failed: {type(error).__name__}: {error}"[:200])


def _addressed(flow: Flow[Grade], bench: Bench, origin: Origin) -> Flow[Grade]:
    """The flow with its questions sent to the models behind the names it asks; who is not there has no answer."""
    try:
        wanted = next(flow)
        while True:
            refs = [bench.called(request.model.name) for request in wanted]
            sent = tuple(_sent(request, ref, origin) for request, ref in zip(wanted, refs, strict=True) if ref)
            answers = iter((yield sent) if sent else ())
            wanted = flow.send(
                tuple(
                    next(answers) if ref else _nobody(request.model.name)
                    for request, ref in zip(wanted, refs, strict=True)
                )
            )
    except StopIteration as end:
        result: Grade = end.value
        return result


def _sent(request: Request, ref: ModelRef, origin: Origin) -> Request:
    merged: Payload = {**request.params, **ref.params}
    params = {name: value for name, value in merged.items() if name not in ref.drop}
    return replace(request, model=ref, params=params, origin=origin)


def _nobody(name: str) -> Answer:
    if name == ARM:
        return Failure("missing", "the model of a snapshot is not asked any more")
    return Failure("missing", f"no model '{name}' was at hand")
