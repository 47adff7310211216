"""The check `steady`: a question that is asked again later gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from evalharness.flow import Flow
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Part, scorer, weigh
from evalharness.text import words

ALIKE = 0.5
"""The grade from which a part of `by` says yes, as a check counts as passed."""


@scorer("steady")
@dataclass(frozen=True, slots=True)
class Steady:
    """A question that is asked again later in the conversation gets the answer it got first.

    ```yaml
    suite: asked-twice
    cases:
      - turns:
          - ask: What is the capital of Australia?
          - ask: And what is it known for?
          - ask: What is the capital of Australia?
        expect:
          facts: {steady: true, by: {mentions: Canberra}}
    ```
    Passes: `Canberra.` `That would be Canberra, as I said.`
    Fails: `Canberra.` `It is Sydney.`

    It stands on a case, and reads the whole conversation. The grade is the share of later answers that equal the first
    answer to the same question; upper and lower case and blanks of a question make no difference. Without `by`, two
    answers are equal if they have the same words in the same order. `by`: a check, or a list of them: two answers are
    equal if each check says the same of both, so that an answer may be put in other words; whether it is right makes no
    difference here. `steady: false` grades the share that differ. Where no question is asked twice, the grade is
    unknown.

    **Does not catch**: contradictions between answers to different questions; an answer that is wrong each time, which
    is steady; with `by`, a change of what the check does not look at.
    """

    reads: ClassVar[Literal["reply", "conversation"]] = "conversation"

    expected: bool
    by: tuple[Part, ...] = ()

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The share of later answers equal to the first, over every question that was asked again."""
        pairs = _asked_again(conversation)
        if not pairs:
            return Grade(None, "no question is asked twice")
        if not self.by:
            replies = [words(conversation.messages[place].content) for place in conversation.replies]
            return self._share([replies[first] == replies[later] for first, later in pairs])
        turns = sorted({turn for pair in pairs for turn in pair})
        talks = [conversation.until(turn + 1) for turn in turns]
        graded = [part.grade(talk) for talk in talks for part in self.by]

        def sum_up(found: Sequence[Grade | None]) -> Grade | None:
            size = len(self.by)
            said = {turn: found[place * size : (place + 1) * size] for place, turn in enumerate(turns)}
            unknown = next((each for each in found if each is not None and each.value is None), None)
            if unknown is not None:
                return Grade(None, unknown.why)
            if any(each is None for each in found):
                return None
            return self._share([_marks(said[first]) == _marks(said[later]) for first, later in pairs])

        return weigh(graded, sum_up)

    def _share(self, same: Sequence[bool]) -> Grade:
        count = sum(same)
        value = count / len(same) if self.expected else 1 - count / len(same)
        return Grade(value, f"{count} of {len(same)} later answers as the first")


def _asked_again(conversation: Conversation) -> list[tuple[int, int]]:
    """The first and each later reply to a question that comes again, by their places among the replies."""
    first: dict[str, int] = {}
    pairs = []
    for number, place in enumerate(conversation.replies):
        if place > 0:
            question = " ".join(conversation.messages[place - 1].content.casefold().split())
            earlier = first.setdefault(question, number)
            if earlier != number:
                pairs.append((earlier, number))
    return pairs


def _marks(grades: Sequence[Grade | None]) -> list[bool]:
    return [each is not None and each.value is not None and each.value >= ALIKE for each in grades]
