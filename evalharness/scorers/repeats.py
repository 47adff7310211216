"""The check `max_repeats`: the loop that a collapsed model falls into."""

from __future__ import annotations

from dataclasses import dataclass
from operator import eq

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown, words

LONGEST_WORD = 40
"""Characters; longer runs without a space are read character by character, as the endless word of a loop."""

WORDS_READ = 20_000
"""Of a longer reply the first and the last half of this many words are read: a loop goes on to the end."""


@scorer("max_repeats")
@dataclass(frozen=True, slots=True)
class MaxRepeats:
    """No word, and no passage of words, stands more often than this in a row.

    ```yaml
    suite: no-loops
    cases:
      - ask: Tell me about the sea.
        expect:
          style: {max_repeats: 3}
    ```
    Passes: `The sea is very, very deep.`
    Fails: `The sea is deep. The sea is deep. The sea is deep. The sea is deep.`

    Repeats are counted with the first: `ha ha ha` is 3. Upper and lower case, signs and line breaks make no difference.
    In scripts without spaces each character is a word; a reply without any word, and a word of more than 40 characters,
    is read character by character. `passage`: the longest passage looked for, 50 words if left out, at most 500. Of
    very long replies the first and the last 10,000 words are read.

    **Does not catch**: sentences that come again with others between them, or with a word changed; passages longer than
    `passage`; a reply that says little in many words. Refrains and `very very very` are repeats too: 3 is a good limit.
    """

    limit: int
    passage: int = 50

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise Unfit("limit", "a passage stands there at least once: the limit is 1 or more")
        if not 1 <= self.passage <= 500:
            raise Unfit("passage", "the longest passage is from 1 to 500 words")

    def grade(self, conversation: Conversation) -> Grade:
        """1 where nothing stands more than `limit` times in a row, else 0."""
        count, passage = most_repeated(_tokens(conversation.reply), self.passage, self.limit)
        if not passage:
            return Grade(1.0, f"nothing more than {self.limit} times in a row")
        return Grade(0.0, f"{shown(passage, 60)} {count} times in a row")


def most_repeated(tokens: list[str], longest: int, beyond: int) -> tuple[int, str]:
    """How often the passage that repeats most stands in a row, and the passage; of equals the shortest.

    beyond: no passage is looked for that stands there this often or less; where there is none, it is empty.

    A passage of n words repeats k times in a row where (k - 1) * n words in a row equal the word n before them.
    """
    most, passage = beyond, ""
    for length in range(1, longest + 1):
        if len(tokens) < length * (most + 1):
            break
        same = bytes(map(eq, tokens[length:], tokens))
        run = max(map(len, same.split(b"\0")))
        if run // length + 1 > most:
            most = run // length + 1
            first = same.index(b"\1" * run)
            passage = " ".join(tokens[first : first + length])
    return most, passage


def _tokens(reply: str) -> list[str]:
    tokens = words(reply)
    if not tokens:
        tokens = [sign for sign in reply[: WORDS_READ * 2] if not sign.isspace()]
    if len(tokens) > WORDS_READ:
        tokens = [*tokens[: WORDS_READ // 2], "", *tokens[-WORDS_READ // 2 :]]
    if max(map(len, tokens), default=0) <= LONGEST_WORD:
        return tokens
    pieces = (word[:WORDS_READ] if len(word) > LONGEST_WORD else (word,) for word in tokens)
    return [piece for word in pieces for piece in word][: WORDS_READ * 2]
