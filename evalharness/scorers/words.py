"""Checks on the words of a reply: `exact`, `mentions`, `max_words`, `min_words`."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import composed, fold, phrase, shown, spaced, word_count

_SIGNS_THAT_COUNT = re.compile(r"[+#%&@$=<>~^|\\]|^[.-](?=\w)")


@scorer("exact")
@dataclass(frozen=True, slots=True)
class Exact:
    """The reply is this text and nothing else.

    ```yaml
    suite: labels
    cases:
      - ask: "Positive or negative? 'I loved it.' Answer with one lower-case word."
        expect:
          facts: {exact: positive}
    ```
    Passes: `positive`
    Fails: `Positive.`

    Upper and lower case, signs and inner white space all count. White space around the reply does not, nor does the way
    an accent is encoded, nor whether lines end in `\\n` or `\\r\\n`.

    **Does not catch**: a right answer in other words, in another case, with a full stop, in quotes or in a code fence.
    Where the answer may stand in a sentence, `mentions` is meant.
    """

    text: str
    _wanted: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_wanted", _plain(self.text))

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply is the text, else 0."""
        reply = conversation.reply
        if reply == self.text or _plain(reply) == self._wanted:
            return Grade(1.0, "as expected")
        return Grade(0.0, f"expected {shown(self.text, 40)}, got {shown(reply.strip(), 60)}")


@scorer("mentions")
@dataclass(frozen=True, slots=True)
class Mentions:
    """The reply holds this word or phrase, as whole words, in upper or lower case.

    ```yaml
    suite: capitals
    cases:
      - ask: What is the capital of France?
        expect:
          facts: {mentions: Paris}
    ```
    Passes: `It is **PARIS**, as everyone knows.`
    Fails: `The Parisians would rather not say.`

    Text is compared after Unicode's NFKC and case folding; accents count (`é` is not `e`), invisible characters do not.
    Signs part words, so a phrase is found across line breaks, hyphens and Markdown: `forty-two` and `forty two` are the
    same. A number is whole with its points and commas: `3` is not in `3.14` or `1,3`. Signs that carry meaning
    (`C++`, `50%`, `$5`, `-5`, `AT&T`, emoji) are looked for as they stand. In Chinese, Japanese, Thai, Lao, Khmer and
    Burmese, which put no space between words, the phrase may stand anywhere; in Korean a particle may follow it.

    **Does not catch**: that the phrase is denied (`not Paris`), quoted, or one of several guesses; other forms of the
    word (`dogs` for `dog`), synonyms, misspellings; a number written another way (`1,000` for `1000`: use `number`).
    `C` is found in `C++`, `can` in `can't`.
    """

    phrase: str

    def __post_init__(self) -> None:
        if not self.phrase.strip():
            raise Unfit("phrase", "there is nothing to look for")

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the phrase is in the reply, else 0."""
        reply = conversation.reply
        sought, literal = _sought(self.phrase)
        found = _as_it_stands(self.phrase).search(fold(reply)) if literal else sought in spaced(reply)
        if found:
            return Grade(1.0, f"mentions {shown(self.phrase, 40)}")
        return Grade(0.0, f"no {shown(self.phrase, 40)} in {shown(reply, 60)}")


@functools.lru_cache(maxsize=1024)  # made when a reply is graded, not when ten thousand cases are read
def _sought(text: str) -> tuple[str, bool]:
    """What to look for, and whether it must be looked for as it stands, since its signs carry meaning."""
    sought = phrase(text)
    return sought, not sought or _signs_count(fold(text).strip())


@scorer("max_words")
@dataclass(frozen=True, slots=True)
class MaxWords:
    """The reply has at most this many words.

    ```yaml
    suite: brief
    cases:
      - ask: Why is the sky blue? One sentence.
        expect:
          format: {max_words: 12}
    ```
    Passes: `Air scatters blue light more than red.`
    Fails: `Well, that is a long story, and it begins with sunlight, which is all colours at once.`

    A word is what white space parts, if a letter or digit is in it: a dash or a bullet alone is none. In Chinese,
    Japanese, Thai, Lao, Khmer and Burmese each letter counts, for they put no space between words.

    **Does not catch**: length in tokens or characters, nor a reply that is short because it says nothing: an empty one
    passes (`min_words`).
    """

    limit: int

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply is within the limit, else 0."""
        count = word_count(conversation.reply)
        return Grade(float(count <= self.limit), _counted(count))


@scorer("min_words")
@dataclass(frozen=True, slots=True)
class MinWords:
    """The reply has at least this many words.

    ```yaml
    suite: thorough
    cases:
      - ask: Explain in a few sentences why the sky is blue.
        expect:
          format: {min_words: 10}
    ```
    Passes: `Sunlight is all colours at once, and air scatters the blue part of it most.`
    Fails: `Because of physics.`

    Words are counted as for `max_words`.

    **Does not catch**: padding and repetition (`max_repeats`), or a long reply that is beside the point.
    """

    limit: int

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply is long enough, else 0."""
        count = word_count(conversation.reply)
        return Grade(float(count >= self.limit), _counted(count))


def _plain(text: str) -> str:
    text = text.strip()
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return composed(text)


def _signs_count(folded: str) -> bool:
    if _SIGNS_THAT_COUNT.search(folded):
        return True
    return not folded.isascii() and any(unicodedata.category(sign)[0] == "S" for sign in folded)


@functools.lru_cache(maxsize=4096)
def _as_it_stands(text: str) -> re.Pattern[str]:
    """Finds a phrase with its signs; a letter or digit at its edge must not go on beyond it."""
    folded = fold(text).strip()
    before = after = ""
    if folded[0].isalnum():
        before = r"(?<![^\W_])" + (r"(?<!\d[.,])" if folded[0].isdecimal() else "")
    if folded[-1].isalnum():
        after = r"(?![^\W_])" + (r"(?![.,]\d)" if folded[-1].isdecimal() else "")
    return re.compile(before + r"\s+".join(map(re.escape, folded.split())) + after)


def _check_limit(limit: int) -> None:
    if limit < 0:
        raise Unfit("limit", "a number of words is not below 0")


def _counted(count: int) -> str:
    return "1 word" if count == 1 else f"{count} words"
