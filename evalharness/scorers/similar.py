"""The check `similar`: nearness to a reference text, in words or as a model sees it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from evalharness.flow import Flow, ask_all
from evalharness.records import Conversation, Failure, Grade, Message, ModelRef, Request
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown, words


@scorer("similar")
@dataclass(frozen=True, slots=True)
class Similar:
    """How near the reply is to a reference text, word for word or by a model's vectors, from 0 to 1.

    ```yaml
    suite: paraphrase
    cases:
      - ask: Say what photosynthesis is, in one sentence.
        expect:
          facts:
            similar: Plants use sunlight to turn water and carbon dioxide into sugar and oxygen.
            pass_at: 0.6
    ```
    Passes: `Plants use sunlight to turn carbon dioxide and water into sugar and oxygen.`
    Fails: `It is what leaves do all day.`

    The grade is Dice's coefficient of words and pairs of neighbouring words: both texts are cut into these, folded as
    for `mentions`, and the grade is twice the number they share over the number they have together. It is 1 where all
    words and pairs agree, 0 where no word does, and the same whichever text is the reference. Pairs make the order
    count.

    With `by`, the name of a model of the config that turns texts into vectors (`near = { use =
    "openai:text-embedding-3-small" }`), the grade is the cosine of the two vectors, and 0 where that is negative: 1 for
    the same direction, 0 for nothing in common. Each text is asked for once, however often it is compared. What a
    cosine of 0.8 means differs from model to model, and hardly any two texts are at 0: look at some replies before you
    set `pass_at`.

    **Does not catch**: meaning. `not` or another number changes the sense and hardly the grade, a synonym the grade and
    not the sense; a reply that says the same and more is graded down for its length. Vectors know synonyms, and hardly
    see `not` or a wrong number either. Not comparable between references of different lengths, or models of `by`.
    """

    reference: str
    by: str = ""
    _pieces: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = dict(Counter(_pieces(self.reference)))
        if not pieces:
            raise Unfit("reference", "there is no word in it to compare with")
        object.__setattr__(self, "_pieces", pieces)

    def asks(self) -> tuple[str, ...]:
        """The model whose vectors are compared; nobody where words are."""
        return (self.by,) if self.by else ()

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """Dice's coefficient of the reply and the reference, or the cosine of their vectors."""
        if not self.by:
            return self._by_words(conversation.reply)
        if not conversation.reply.strip():
            return Grade(0.0, "nothing was said")
        return self._by_vectors(conversation.reply)

    def _by_vectors(self, reply: str) -> Flow[Grade]:
        told = yield from ask_all(
            *(
                Request(ModelRef(self.by, ""), (Message("user", text),), kind="embed")
                for text in (reply, self.reference)
            )
        )
        for answer in told:
            if isinstance(answer, Failure):
                return Grade(None, f"no vector from '{self.by}': {answer.message}")
        value = cosine(*(answer.vector for answer in told if not isinstance(answer, Failure)))
        if value is None:
            return Grade(None, f"the vectors from '{self.by}' cannot be compared")
        value = max(0.0, value)
        return Grade(value, f"{value:.2f} near {shown(self.reference, 50)} by '{self.by}'")

    def _by_words(self, reply: str) -> Grade:
        left = dict(self._pieces)
        together = sum(left.values())
        shared = 0
        for piece in _pieces(reply):
            together += 1
            if left.get(piece, 0):
                left[piece] -= 1
                shared += 1
        value = 2 * shared / together
        return Grade(value, f"{value:.2f} like {shown(self.reference, 50)}")


def cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The cosine of the angle between two vectors, in [-1, 1]; None where they differ in length or one is zero."""
    if len(one) != len(other):
        return None
    # Each by its largest number first: a square must not leave the range of floats.
    one, other = _scaled(one), _scaled(other)
    square = _product(one, one) * _product(other, other)
    if not square:
        return None
    return max(-1.0, min(1.0, _product(one, other) / math.sqrt(square)))


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def _scaled(vector: Sequence[float]) -> list[float]:
    most = max(map(abs, vector), default=0.0)
    return [number / most for number in vector] if most else []


def _pieces(text: str) -> Iterator[str]:
    """The words, then the pairs of neighbouring words with a space between."""
    found = words(text)
    yield from found
    yield from map(" ".join, pairwise(found))
