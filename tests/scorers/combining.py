"""Parts with grades that are known beforehand, for `any_of`, `all_of` and `none_of`."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from evalharness.flow import drive
from evalharness.records import Conversation, Failure, Grade, Response
from evalharness.scorers.base import Scorer, build
from tests.scorers.asking import Asks
from tests.scorers.replies import said

Value = float | None
VALUES = st.lists(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=5)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part with this grade whatever the reply."""

    value: Value

    def grade(self, conversation: Conversation) -> Grade:
        """The grade it was made with."""
        return Grade(self.value, f"fixed at {self.value}")


def of(name: str, *values: Value) -> Value:
    """The combined grade of parts that grade at once."""
    found = combined(name, *map(Fixed, values)).grade(said("x"))
    assert isinstance(found, Grade)
    return found.value


def judged(name: str, *values: Value) -> Value:
    """The combined grade of the same parts, each asked for; it asks in one round."""
    flow = combined(name, *(Asks(str(place)) for place in range(len(values)))).grade(said("x"))
    assert not isinstance(flow, Grade)
    answers = {str(place): "" if value is None else str(value) for place, value in enumerate(values)}
    return drive(flow, lambda request: Response(answers[request.messages[0].content])).value


def with_failure(name: str, *values: Value) -> Value:
    """The combined grade of the parts and one more, whose model fails."""
    flow = combined(name, Asks("lost"), *map(Fixed, values)).grade(said("x"))
    if isinstance(flow, Grade):
        return flow.value
    return drive(flow, lambda _: Failure("timeout", "no answer")).value


def combined(name: str, *parts: Scorer) -> Scorer:
    """The check made of these parts."""
    return build(name, {"parts": list(parts)})
