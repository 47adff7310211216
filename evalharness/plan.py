"""Suite x model x samples -> the flows that ask it; and what asking it would take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from evalharness.flow import Answer, Flow
from evalharness.records import (
    Asked,
    Conversation,
    Failure,
    Instrument,
    Message,
    ModelRef,
    Origin,
    Outcome,
    Payload,
    Request,
    SuiteRef,
    Trial,
    Usage,
)
from evalharness.score import Bench, grade
from evalharness.suite import Case, Suite

PUT = re.compile(r"\{\{\s*(passages|ask)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be asked of one model: every case, `samples` times. judges: who grades, by the names checks say."""

    suite: Suite
    model: ModelRef
    samples: int
    judges: Mapping[str, ModelRef] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.suite.cases) * self.samples

    def flows(self) -> Iterator[Flow[Trial]]:
        """A flow a trial, case by case, sample by sample."""
        for case, sample in product(self.suite.cases, range(self.samples)):
            yield examine(case, self, sample)

    def first_requests(self) -> Iterator[Request]:
        """The opening question of each trial: what is known of a plan before any answer."""
        for flow in (converse(c, self.suite, self.model, s) for c, s in product(self.suite.cases, range(self.samples))):
            try:
                yield from next(flow)
            except StopIteration:
                continue

    def requests(self) -> int:
        """How many answers the plan needs when each turn gets one."""
        asked = sum(turn.reply is None for case in self.suite.cases for turn in case.turns)
        return asked * self.samples

    def cases(self) -> tuple[Asked, ...]:
        """The cases as the run file remembers them."""
        near = self.suite.near
        return tuple(
            Asked(
                case=case.id,
                question=case.question,
                aspects=case.aspects,
                tags=case.tags,
                group=case.group,
                must_pass=case.must_pass,
                near=near.get(case.id),
                persona=case.persona,
                item=case.item,
            )
            for case in self.suite.cases
        )


def suite_ref(suite: Suite, samples: int, judges: tuple[Instrument, ...] = ()) -> SuiteRef:
    """What a run file says of its suite."""
    return SuiteRef(
        name=suite.name,
        path=suite.path,
        hash=suite.hash,
        cases=suite.whole,
        samples=samples,
        scope=suite.scope,
        test=suite.test,
        interval=suite.interval,
        alpha=suite.alpha,
        judges=judges,
        uncalibrated=suite.uncalibrated,
        selected=suite.selected,
        train=suite.train,
        train_digest=suite.train_digest,
    )


def examine(case: Case, plan: Plan, sample: int) -> Flow[Trial]:
    """One sample of one case: the conversation, then its scores."""
    conversation, failure = yield from converse(case, plan.suite, plan.model, sample)
    scores = yield from grade(case, conversation, failure, Bench(plan.suite.name, plan.model, plan.judges))
    return Trial(conversation, failure, scores)


def converse(case: Case, suite: Suite, model: ModelRef, sample: int) -> Flow[tuple[Conversation, Failure | None]]:
    """Asks the turns in order. A question that fails for good, or whose answer was filtered, ends the talk there; what
    was said before it stays."""
    params = parameters(case, suite, model)
    said = opening(case, suite, model)
    replies: list[int] = []
    responses: list[tuple[Outcome, str, str | None]] = []
    usage = Usage()
    failure: Failure | None = None
    for place, turn in enumerate(case.turns):
        said = (*said, Message("user", _put(turn.ask, case, model, first=place == 0)))
        if turn.reply is not None:
            said = (*said, Message("assistant", turn.reply))
            continue
        answer = yield from _once(
            Request(model, said, params, sample, origin=Origin(case.id, len(replies) + 1, suite.name, model.name))
        )
        if isinstance(answer, Failure):
            failure = answer
            break
        replies.append(len(said))
        said = (*said, Message("assistant", answer.text))
        responses.append((answer.outcome, answer.served, answer.fingerprint))
        usage = usage + answer.usage
        if answer.outcome == "filtered":
            break
    return Conversation(
        case=case.id,
        sample=sample,
        messages=said,
        replies=tuple(replies),
        outcomes=tuple(outcome for outcome, _, _ in responses),
        usage=usage,
        served=tuple(dict.fromkeys(served for _, served, _ in responses if served)),
        fingerprints=tuple(dict.fromkeys(mark for _, _, mark in responses if mark)),
    ), failure


def changed(trial: Trial, case: Case, suite: Suite, model: ModelRef) -> str:
    """What the case asks otherwise today than when the trial was made, so that both are not about the same.

    Empty where nothing is, `system` where only the system text is.
    """
    talk = trial.conversation
    system = tuple(message for message in talk.messages[:1] if message.role == "system")
    said = enumerate(talk.messages[len(system) :], len(system))
    for number, turn in enumerate(case.turns):
        _, asked = next(said, (0, None))
        if asked is None:
            if trial.failure is None and talk.outcome != "filtered":
                return "more turns were added"
            break
        if asked.content != _put(turn.ask, case, model, first=number == 0):
            return "the question was changed"
        place, reply = next(said, (0, None))
        asks = turn.reply is None
        if reply is not None and asks != (place in talk.replies):
            return "a reply that was scripted is asked for" if asks else "a reply that was asked for is scripted"
        if not asks and (reply is None or reply.content != turn.reply):
            return "a scripted reply was changed"
    if next(said, None) is not None:
        return "turns were taken away"
    return "" if system == opening(case, suite, model) else "system"


def _once(request: Request) -> Flow[Answer]:
    (answer,) = yield (request,)
    return answer


def opening(case: Case, suite: Suite, model: ModelRef) -> tuple[Message, ...]:
    """The system message. The case's text beats the arm's, which beats the suite's; an empty text sends none."""
    texts = (case.system, model.system, suite.system)
    system = next((text for text in texts if text is not None), "")
    return (Message("system", system),) if system else ()


def parameters(case: Case, suite: Suite, model: ModelRef) -> Payload:
    """The arm's parameters beat the case's, which beat the suite's; what the server refuses is left out."""
    merged: Payload = {**suite.params, **case.params, **model.params}
    return {name: value for name, value in merged.items() if name not in model.drop}


def _put(ask: str, case: Case, model: ModelRef, *, first: bool) -> str:
    """The question as an arm with a `context` template puts it: passages once, before the first question."""
    if model.context is None or not case.context or not first:
        return ask
    texts: Mapping[str, str] = {"passages": "\n\n".join(case.context), "ask": ask}
    return PUT.sub(lambda found: texts[found[1]], model.context)
