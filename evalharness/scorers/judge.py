"""The check `judge`: a model says whether a reply is what a rubric asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar, Literal

from evalharness.flow import Flow, together
from evalharness.judging import Ballot, Said, poll
from evalharness.records import Conversation, Grade, Message
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown

MOST_VOTES = 50
MOST_POINTS = 50

YES_NO: Mapping[str, float] = {"yes": 1.0, "no": 0.0}
ONE_TO_FIVE: Mapping[str, float] = {str(step): (step - 1) / 4 for step in range(1, 6)}

_ASKED = "Does the reply meet this? {rubric}"
_ASKED_OF_ALL = "Does what the assistant said in the conversation meet this? {rubric}"
_RATED = "How far does the reply meet this? {rubric}"
_RATED_ALL = "How far does what the assistant said in the conversation meet this? {rubric}"
_STEPS = "1 is not at all, 2 a little, 3 half, 4 mostly, 5 entirely."


@scorer("judge")
@dataclass(frozen=True, slots=True)
class Judge:
    """A model reads the reply and says whether it meets a rubric in plain words.

    ```yaml
    suite: tone
    cases:
      - ask: What is the capital of France?
        expect:
          style: {judge: "The reply is sarcastic in tone, and not abusive.", votes: 3}
    ```
    Passes: `Paris. A question for the ages.`
    Fails: `The capital of France is Paris.`

    The model is that called `judge` in the config; `by` names another, or several, whose mean counts. `scale`: `yes-no`
    is 1 or 0; `1-5` is graded 0, 0.25, 0.5, 0.75, 1. A list of rubrics is a checklist: each is a question of its own,
    and the grade is the share that is met. `votes` asks so often and takes the mean, which says something only where
    the judge's answers differ (a temperature above 0). Where the server gives log-probabilities (`params = { logprobs =
    true, top_logprobs = 20 }` of the judge) the grade is the expected verdict, and one vote says more than ten.
    `reference` is a right answer for the judge to compare with. On a case of several turns the judge reads all of them.

    An answer without a readable verdict is asked for once more; then the grade is unknown, never a pass or a fail: of
    several votes where less than half can be read, of a checklist where a point has none, of several judges where one
    has none. What the judge says stands in `why`; what it thinks, up to `</think>`, is no verdict. The reply is fenced
    off, and a verdict in it does not count.

    **Does not catch**: what the judge itself does not know, or likes for its length, its place or its manner. A judge
    is an instrument: measure it with labels of your own before you trust it (`docs/judges.md`).
    """

    reads: ClassVar[str] = "conversation"

    rubric: tuple[str, ...]
    scale: Literal["yes-no", "1-5"] = "yes-no"
    votes: int = 1
    by: tuple[str, ...] = ("judge",)
    reference: str = ""

    def __post_init__(self) -> None:
        if not self.rubric or not all(rubric.strip() for rubric in self.rubric):
            raise Unfit("rubric", "a rubric says in words what a good reply is")
        if len(self.rubric) > MOST_POINTS:
            raise Unfit("rubric", f"a checklist has at most {MOST_POINTS} points")
        if len(self.rubric) > 1 and self.scale != "yes-no":
            raise Unfit("scale", "each point of a checklist is met or not", "leave 'scale' out")
        if not 1 <= self.votes <= MOST_VOTES:
            raise Unfit("votes", f"a judge votes from 1 to {MOST_VOTES} times")
        if not self.by or len(set(self.by)) < len(self.by) or not all(self.by):
            raise Unfit("by", "each judge is named once", "`by: NAME`, or a list of different names")

    def asks(self) -> tuple[str, ...]:
        """The judges."""
        return self.by

    def measures(self) -> tuple[str, str]:
        """The scale and the rubric, points one below the other."""
        return "checklist" if len(self.rubric) > 1 else self.scale, "\n".join(self.rubric)

    def grade(self, conversation: Conversation) -> Flow[Grade]:
        """The mean over judges of the mean of their votes on the last reply."""
        return self._graded(self._before(conversation), whole=False)

    def grade_whole(self, conversation: Conversation) -> Flow[Grade]:
        """The same, on all that was said."""
        return self._graded((("The conversation", talk(conversation)),), whole=True)

    def _before(self, conversation: Conversation) -> tuple[tuple[str, str], ...]:
        """What the judge reads where the last reply is meant."""
        place = conversation.replies[-1] if conversation.replies else len(conversation.messages)
        earlier = [message for message in conversation.messages[:place] if message.role != "system"]
        name = "What was asked" if len(earlier) == 1 else "The conversation so far"
        text = earlier[0].content if len(earlier) == 1 else _lines(earlier)
        return (name, text), ("The reply", conversation.reply)

    def _graded(self, material: tuple[tuple[str, str], ...], *, whole: bool) -> Flow[Grade]:
        if self.reference:
            material = (*material, ("A right answer, for comparison", self.reference))
        ballots = [self._ballot(rubric, material, whole=whole) for rubric in self.rubric]
        rounds = [(name, ballot) for name in self.by for ballot in ballots for _ in range(self.votes)]
        numbers = [number for _ in self.by for _ in ballots for number in range(self.votes)]
        flows = (poll(ballot, name, number) for (name, ballot), number in zip(rounds, numbers, strict=True))
        votes = yield from together(*flows)
        each = self.votes * len(ballots)
        by = [(name, votes[place * each : (place + 1) * each]) for place, name in enumerate(self.by)]
        return self._sum_up([(name, self._one(said)) for name, said in by])

    def _ballot(self, rubric: str, material: tuple[tuple[str, str], ...], *, whole: bool) -> Ballot:
        if self.scale == "yes-no":
            return Ballot((_ASKED_OF_ALL if whole else _ASKED).format(rubric=rubric), material, tuple(YES_NO))
        question = (_RATED_ALL if whole else _RATED).format(rubric=rubric)
        return Ballot(question, material, tuple(ONE_TO_FIVE), _STEPS)

    def _one(self, said: Sequence[Said]) -> Grade:
        """What one judge said: the mean over points of the mean of its votes, half of which must be readable."""
        values = YES_NO if self.scale == "yes-no" else ONE_TO_FIVE
        points: list[float] = []
        told: list[str] = []
        missed: list[str] = []
        lost = 0
        for start in range(0, len(said), self.votes):
            votes = said[start : start + self.votes]
            known = [value for vote in votes if (value := vote.value(values)) is not None]
            lost += len(votes) - len(known)
            if 2 * len(known) < len(votes) or not known:
                error = next(vote.error for vote in votes if vote.label is None)
                return Grade(None, f"judge error: {error}")
            points.append(fmean(known))
            told.append(self._told(self.rubric[start // self.votes], votes, points[-1]))
            if points[-1] < 0.5 or any(vote.label == "no" for vote in votes):
                missed.append(told[-1])
        unread = f" ({lost} unreadable)" if lost else ""
        if len(points) == 1:
            return Grade(points[0], told[0] + unread)
        met = sum(value >= 0.5 for value in points)
        return Grade(fmean(points), f"{met} of {len(points)} points met{unread}{''.join(f'; {why}' for why in missed)}")

    def _told(self, rubric: str, votes: Sequence[Said], value: float) -> str:
        """A verdict in words: the votes, and the reason of one on the side of the mean."""
        labels = [vote.label for vote in votes if vote.label is not None]
        if self.scale == "yes-no":
            leaning = "yes" if value >= 0.5 else "no"
            said = leaning if len(labels) == 1 else f"{labels.count('yes')} of {len(labels)} votes"
        else:
            leaning = labels[0]
            said = f"{1 + 4 * value:.3g} of 5"
        if any(vote.weights for vote in votes):
            said = f"{said}, {value:.2f} by probability"
        reason = next((vote.reason for vote in votes if vote.label == leaning and vote.reason), "")
        point = f"{shown(rubric, 60)}: " if len(self.rubric) > 1 else ""
        return f"{point}{said}{': ' if reason else ''}{reason}"

    def _sum_up(self, by: list[tuple[str, Grade]]) -> Grade:
        """One grade of several judges' own; unknown where one of them is: a mean over others is another quantity."""
        if len(by) == 1:
            return by[0][1]
        parts = tuple((name, grade.value) for name, grade in by)
        missing = [f"{name}: {grade.why}" for name, grade in by if grade.value is None]
        if missing:
            return Grade(None, missing[0], parts)
        known = [value for _, value in parts if value is not None]
        return Grade(fmean(known), "; ".join(f"{name}: {grade.why}" for name, grade in by), parts)


def talk(conversation: Conversation) -> str:
    """A conversation as a judge reads it, without the system text, which is not the same for every arm."""
    return _lines([message for message in conversation.messages if message.role != "system"])


def _lines(messages: Sequence[Message]) -> str:
    return "\n".join(f"{_who(message.role)}: {message.content}" for message in messages)


def _who(role: str) -> str:
    return "Assistant" if role == "assistant" else "User"
