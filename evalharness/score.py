"""Conversation x checks -> scores. Also grades a stored run again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace

from evalharness.errors import ModelFailed
from evalharness.flow import Flow, together
from evalharness.records import Conversation, Failure, Grade, Run, Score, Trial
from evalharness.suite import Case, Check, Suite


def grade(case: Case, conversation: Conversation, failure: Failure | None = None) -> Flow[tuple[Score, ...]]:
    """Every check of the case on what was said, turn by turn, then those on the whole conversation.

    A turn that was never answered, or whose answer was filtered, has grades of None with the cause. A check on a reply
    that was cut off is 0 unless the check says `truncated: allow`.
    """
    due = list(_due(case, conversation, failure))
    waiting = [place for place, (_, _, outcome) in enumerate(due) if not isinstance(outcome, Grade)]
    grades = [outcome if isinstance(outcome, Grade) else Grade(None) for _, _, outcome in due]
    if waiting:
        flows = [outcome for _, _, outcome in due if not isinstance(outcome, Grade)]
        for place, answer in zip(waiting, (yield from together(*flows)), strict=True):
            grades[place] = answer
    return tuple(
        Score(check.name, check.aspect, turn, grade, check.weight, check.pass_at)
        for (check, turn, _), grade in zip(due, grades, strict=True)
    )


def regrade(run: Run, suite: Suite) -> Iterator[Flow[Trial]]:
    """A flow a stored trial, whose result has the scores of `suite`; cases that the suite has no more are left out."""
    cases: Mapping[str, Case] = {case.id: case for case in suite.cases}
    for trial in run.trials:
        case = cases.get(trial.conversation.case)
        if case is not None:
            yield _regraded(trial, case)


def _regraded(trial: Trial, case: Case) -> Flow[Trial]:
    scores = yield from grade(case, trial.conversation, trial.failure)
    return replace(trial, scores=scores)


def _due(
    case: Case, conversation: Conversation, failure: Failure | None
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
            yield check, number, _judge(check, talk) if said else Grade(None, cause)
    whole = len(conversation.replies) == number and number > 0
    for check in case.expect:
        yield check, None, _judge(check, conversation) if whole else Grade(None, cause)


def _cause(failure: Failure | None) -> str:
    return f"no answer ({failure.kind})" if failure else "not asked: an earlier answer was filtered"


def _judge(check: Check, talk: Conversation) -> Grade | Flow[Grade]:
    match talk.outcome:
        case "filtered":
            return Grade(None, "filtered by the server")
        case "truncated" if check.truncated == "zero":
            return Grade(0.0, "cut off at max_tokens")
    try:
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
