"""What can be wrong with replies whatever they were asked: empty ones, loops, how long they are; a reply at a time."""

from __future__ import annotations

from array import array

from evalharness.records import Conversation
from evalharness.scorers.repeats import LONGEST_WORD, most_repeated

TAIL = 200
"""Words at the end of a reply that are looked at for a loop, which goes on to the end."""

ROWS = 3
"""A passage that stands more often than this in a row is a loop."""

LONGEST_PASSAGE = 50


class Vitals:
    """Counts over the replies of one run. lengths: characters of each. systems: cases that were sent a system text."""

    def __init__(self) -> None:
        self.empty = 0
        self.loops = 0
        self.lengths = array("Q")
        self.systems: set[str] = set()

    @property
    def replies(self) -> int:
        """How many were seen."""
        return len(self.lengths)

    @property
    def degenerate(self) -> int:
        """Replies without a word, and replies that loop."""
        return self.empty + self.loops

    def median(self) -> float:
        """The middle length in characters; 0 where there is no reply."""
        ordered = sorted(self.lengths)
        half = len(ordered) // 2
        if not ordered:
            return 0.0
        return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

    def add(self, talk: Conversation) -> None:
        """Takes in every reply of a conversation."""
        if talk.messages and talk.messages[0].role == "system":
            self.systems.add(talk.case)
        for place in talk.replies:
            text = talk.messages[place].content
            self.lengths.append(len(text))
            if not text or text.isspace():
                self.empty += 1
            elif loops(text):
                self.loops += 1


def loops(text: str) -> bool:
    """Whether a reply ends by saying one passage more than three times in a row, and little else before it.

    A first look counts distinct words, so that a reply that does not loop costs little: of the last 200 words a loop
    leaves a third at most. In text without spaces, and of a word without end, characters are looked at.
    """
    tokens = text.split()
    if len(text) > LONGEST_WORD * len(tokens):
        tokens = [sign for sign in text[-2 * TAIL :] if not sign.isspace()]
    tail = tokens[-TAIL:]
    if len(tail) <= ROWS or 3 * len(set(tail)) > len(tail):
        return False
    return most_repeated(tail, LONGEST_PASSAGE, ROWS)[0] > ROWS
