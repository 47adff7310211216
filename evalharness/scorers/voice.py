"""The check `voice`: nearness in style to example replies, without a judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import VOICE, scorer
from evalharness.stylometry.features import read
from evalharness.stylometry.profile import Profile, apart, distance, nearness
from evalharness.stylometry.telling import off

MOST_TOLD = 3


@scorer("voice")
@dataclass(frozen=True, slots=True)
class Voice:
    """The reply is written in the manner of example replies: as long, as loud, as hesitant, as plain.

    ```yaml
    suite: gruff
    cases:
      - ask: Which planet is closest to the sun?
        expect:
          style:
            voice:
              - Oh, Paris. Did the map not load again?
              - Seven days in a week. I counted twice, just for you.
              - Shakespeare, as if nobody ever mentioned him at school.
              - About 384,000 kilometres. Take a sandwich for the way.
              - Water boils at 100 degrees. Even my kettle knows that.
              - Oxygen. You are breathing it, with some luck.
    ```
    Passes: `Mercury, of course. It has only been there for ages.`
    Fails: `Great question! I'd be absolutely thrilled to help! The closest planet to the sun is Mercury! 🎉🎉🎉`

    `voice: FILE` takes the examples from a file: a training file in any dialect (its assistant replies, of a pair the
    preferred one), JSON lines or a table with the field `reply`, a text file with a reply a line, or a profile that was
    kept. It stands beside the suite and is read with it; five replies are the fewest, twenty or more make a voice that
    can be relied on.

    Eighteen features of the reply are counted, without a model (length, sentences, choice of words, punctuation, lists:
    see [style](style.md)), and set against the examples' means and standard deviations. The distance is the mean of |z|
    over them. The grade is 1 up to the distance of the typical example from all the others, 0.5 at the distance that
    one example in twenty exceeds, and halves with every further step of that size. So the usual `pass_at` of 0.5 passes
    what is no farther from the voice than nineteen of twenty examples are. A reply without a word is 0.

    **Does not catch**: what is said. Sarcasm, tact and wit are no counts: a reply of the right length and punctuation
    passes without a trace of the persona, so ask a judge for that, or `mentions` for its pet words. Replies of a few
    words: one mark more is a large share of them. A voice that the examples themselves do not agree on is wide, and
    lets much pass. Words are counted in English only.
    """

    like: Annotated[Profile, VOICE]

    def grade(self, conversation: Conversation) -> Grade:
        """How near the reply is to the examples, from 0 to 1, and which features are off."""
        found = read(conversation.reply)
        if not found.words:
            return Grade(0.0, "there is no word in it")
        far = distance(found.features, self.like)
        told = off(self.like.means, found.features, apart(found.features, self.like), MOST_TOLD)
        usual = f"distance {far:.2f}, of examples {self.like.typical:.2f}, at most {self.like.edge:.2f} of 19 in 20"
        return Grade(nearness(far, self.like), f"{usual}: {', '.join(told)}" if told else usual)
