"""The check `consistent`: what a model says in a conversation does not contradict itself, or a persona."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import ClassVar, TypeVar

from evalharness.flow import Flow, together
from evalharness.judging import Ballot, Said, poll
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown

T = TypeVar("T")

MOST_ASKED = 200

CONTRADICTS: Mapping[str, float] = {"yes": 0.0, "no": 1.0}
FITS: Mapping[str, float] = {"yes": 1.0, "no": 0.0}

_PAIR = "Do the two replies, given by one speaker in one conversation, contradict each other in this: {subject}"
_FIT = "Is the reply consistent with the persona in this: {subject}"


@scorer("consistent")
@dataclass(frozen=True, slots=True)
class Consistent:
    """Nothing the model says in a conversation contradicts what else it says there, as a judge reads it.

    ```yaml
    suite: one-voice
    cases:
      - turns:
          - ask: Do you drink coffee?
          - ask: And what did you have this morning?
        expect:
          style:
            - {consistent: tastes and opinions, persona: Marv drinks tea and never coffee.}
            - {consistent: tastes and opinions, most: 20}
    ```
    Passes: `Never touch it.` `Tea, as always.`
    Fails: `Gladly, with milk.` `Three coffees, as every morning.`

    The subject says in words what must not change. The judge is asked about pairs of replies (line to line), and the
    grade is the share of pairs without a contradiction. `persona`: a text; the judge is then asked of each reply
    whether it fits that text (prompt to line), and the grade is the share that does. `most`: questions to a judge about
    one conversation, 12 if left out. Of more pairs, or replies, as many are taken, evenly from neighbours to the first
    and the last reply, so the same ones every time. `by`: who is asked, the model called `judge` if left out; of
    several the mean counts. Where the server gives log-probabilities a pair counts by the probability of the verdict.

    It stands on a case, and reads the whole conversation. A verdict that cannot be read makes the grade unknown: a
    share of fewer pairs is another quantity. `steady` tells the same of repeated questions without a judge.

    **Does not catch**: a contradiction among pairs that were not taken; two replies that are wrong alike; what the
    judge overlooks. Measure the judge with labels of your own before you trust it.
    """

    reads: ClassVar[str] = "conversation"

    subject: str
    persona: str = ""
    most: int = 12
    by: tuple[str, ...] = ("judge",)

    def __post_init__(self) -> None:
        if not self.subject.strip():
            raise Unfit("subject", "the subject says in words what must not change")
        if not 1 <= self.most <= MOST_ASKED:
            raise Unfit("most", f"a judge is asked from 1 to {MOST_ASKED} questions about a conversation")
        if not self.by or len(set(self.by)) < len(self.by) or not all(self.by):
            raise Unfit("by", "each judge is named once", "`by: NAME`, or a list of different names")

    def asks(self) -> tuple[str, ...]:
        """The judges."""
        return self.by

    def measures(self) -> tuple[str, str]:
        """The scale and the subject, with the persona below it."""
        return "yes-no", "\n".join(filter(None, (self.subject, self.persona)))

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The share of pairs that do not contradict each other, or of replies that fit the persona."""
        replies = [_asked_and_said(conversation, place) for place in conversation.replies]
        if self.persona:
            ballots = [self._fits(*reply) for reply in taken(replies, self.most)]
        else:
            ballots = [self._agree(one, other) for one, other in pairs(replies, self.most)]
        if not ballots:
            return Grade(None, "no reply to read" if self.persona else "a contradiction takes two replies")
        return self._polled(ballots)

    def _agree(self, one: tuple[str, str], other: tuple[str, str]) -> Ballot:
        material = [
            piece
            for number, (ask, reply) in (("one", one), ("two", other))
            for piece in ((f"What reply {number} answers", ask), (f"Reply {number}", reply))
        ]
        return Ballot(_PAIR.format(subject=self.subject), tuple(material), tuple(CONTRADICTS))

    def _fits(self, ask: str, reply: str) -> Ballot:
        material = (("The persona", self.persona), ("What was asked", ask), ("The reply", reply))
        return Ballot(_FIT.format(subject=self.subject), material, tuple(FITS))

    def _polled(self, ballots: Sequence[Ballot]) -> Flow[Grade]:
        flows = [poll(ballot, name) for name in self.by for ballot in ballots]
        said = yield from together(*flows)
        size = len(ballots)
        each = [self._one(said[place * size : (place + 1) * size]) for place in range(len(self.by))]
        if len(each) == 1:
            return each[0]
        parts = tuple((name, grade.value) for name, grade in zip(self.by, each, strict=True))
        values = [grade.value for grade in each if grade.value is not None]
        if len(values) < len(each):
            unknown = next(place for place, grade in enumerate(each) if grade.value is None)
            return Grade(None, f"{self.by[unknown]}: {each[unknown].why}", parts)
        why = "; ".join(f"{name}: {grade.why}" for name, grade in zip(self.by, each, strict=True))
        return Grade(fmean(values), why, parts)

    def _one(self, said: Sequence[Said]) -> Grade:
        """What one judge said of all: the share, and its reason for the first that is against."""
        values = FITS if self.persona else CONTRADICTS
        known = [value for each in said if (value := each.value(values)) is not None]
        if len(known) < len(said):
            return Grade(None, f"judge error: {next(each.error for each in said if each.label is None)}")
        against = [each for each in said if each.label is not None and values[each.label] == 0]
        noun = "replies fit the persona" if self.persona else "pairs without a contradiction"
        reason = f": {shown(against[0].reason, 160)}" if against and against[0].reason else ""
        return Grade(fmean(known), f"{len(said) - len(against)} of {len(said)} {noun}{reason}")


def pairs(replies: Sequence[T], most: int) -> list[tuple[T, T]]:
    """Pairs of replies, the earlier first: all, or as many as may be asked, from neighbours to the first and last."""
    places = sorted(combinations(range(len(replies)), 2), key=lambda pair: (pair[1] - pair[0], pair[0]))
    return [(replies[one], replies[other]) for one, other in taken(places, most)]


def taken(found: Sequence[T], most: int) -> list[T]:
    """So many at the most, evenly from the first to the last; the last where it is one."""
    if len(found) <= most:
        return list(found)
    if most == 1:
        return [found[-1]]
    return [found[place * (len(found) - 1) // (most - 1)] for place in range(most)]


def _asked_and_said(conversation: Conversation, place: int) -> tuple[str, str]:
    """A reply with the question it answers."""
    earlier = conversation.messages[place - 1] if place > 0 else None
    return earlier.content if earlier is not None and earlier.role == "user" else "", conversation.messages[
        place
    ].content
