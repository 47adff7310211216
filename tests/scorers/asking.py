"""A check that asks a model, for tests of checks of checks."""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.flow import Flow, ask
from evalharness.records import Conversation, Grade, Message, ModelRef, Request

JUDGE = ModelRef("judge", "openai:judge")


@dataclass(frozen=True, slots=True)
class Asks:
    """The answer, a number, is the grade; an answer that is none is an unknown grade."""

    question: str

    def grade(self, conversation: Conversation) -> Flow[Grade]:
        """Asks once."""
        response = yield from ask(Request(JUDGE, (Message("user", self.question),)))
        return Grade(float(response.text), "as judged") if response.text else Grade(None, "no word")
