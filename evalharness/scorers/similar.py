"""The check `similar`: nearness in words to a reference text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown, words


@scorer("similar")
@dataclass(frozen=True, slots=True)
class Similar:
    """How much the reply has in common with a reference text, word for word, from 0 to 1.

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

    **Does not catch**: meaning. `not` or another number changes the sense and hardly the grade, a synonym the grade and
    not the sense; a reply that says the same and more is graded down for its length. Not comparable between references
    of different lengths.
    """

    reference: str
    _pieces: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = dict(Counter(_pieces(self.reference)))
        if not pieces:
            raise Unfit("reference", "there is no word in it to compare with")
        object.__setattr__(self, "_pieces", pieces)

    def grade(self, conversation: Conversation) -> Grade:
        """Dice's coefficient of the reply and the reference."""
        left = dict(self._pieces)
        together = sum(left.values())
        shared = 0
        for piece in _pieces(conversation.reply):
            together += 1
            if left.get(piece, 0):
                left[piece] -= 1
                shared += 1
        value = 2 * shared / together
        return Grade(value, f"{value:.2f} like {shown(self.reference, 50)}")


def _pieces(text: str) -> Iterator[str]:
    """The words, then the pairs of neighbouring words with a space between."""
    found = words(text)
    yield from found
    yield from map(" ".join, pairwise(found))
