"""What replies took from the training file as it stands there: whole answers under other questions, pet phrases.

An answer is recited where a reply holds a training reply of eight words or more word for word, case and signs aside,
though none of the examples with that reply asks the question, or nearly so. A phrase is worth a line where a tenth of
the tuned model's replies hold it, and twice the share of base's; it is overused where a fifth do, and twice the share
of the training replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from evalharness.findings import Echoes, Phrase, Recital
from evalharness.measure import Arm
from evalharness.records import Conversation
from evalharness.text import Neighbours, words

if TYPE_CHECKING:
    from evalharness.tuning.lessons import Lesson, Lessons

FEWEST_WORDS = 8
"""Words of a training reply from which repeating it is no chance."""

MOST_RECITALS, MOST_PHRASES = 10, 5
LONGEST = 20_000
"""Characters of a reply that are looked at."""

PHRASE = range(3, 7)
"""Words of a phrase."""

NOTED, OVERUSED, TIMES = 0.10, 0.20, 2.0
FEWEST_REPLIES = 20
"""Replies below which a share of them says nothing."""

SAMPLE, CANDIDATES = 400, 40
"""Replies in which phrases are sought, and how many are then counted in all of them."""

Words: TypeAlias = tuple[str, ...]


def echoes(lessons: Lessons, base: Arm, tuned: Arm) -> Echoes:
    """What both arms recite, and the phrases that the tuned model favours. Reads the replies of both runs once."""
    book = _Book(lessons.lessons)
    texts: list[list[str]] = []
    counts: list[tuple[int, int]] = []
    recitals: list[Recital] = []
    for arm in (base, tuned):
        spoken: list[str] = []
        recitals = []
        for talk, place in _replies(arm):
            said = words(talk.messages[place].content[:LONGEST])
            spoken.append(f" {' '.join(said)} ")
            lesson = book.recited(said, talk)
            if lesson is not None:
                recitals.append(Recital(talk.case, lesson[1], lesson[0].line))
        texts.append(spoken)
        counts.append((len(spoken), len(recitals)))
    trained = [f" {' '.join(words(reply[:LONGEST]))} " for lesson in lessons.lessons for reply in lesson.replies]
    first, second = counts
    return Echoes(first, second, tuple(recitals[:MOST_RECITALS]), _phrases(trained, *texts))


def overused(phrase: Phrase) -> bool:
    """Whether a phrase is worth a warning."""
    return phrase.tuned >= OVERUSED and phrase.tuned >= TIMES * phrase.trained


def warnings(found: Echoes, name: str) -> Iterator[str]:
    """What a reader must not miss. name: of the tuned model."""
    (all_base, base), (replies, recited) = found.base, found.tuned
    if recited:
        cases = dict.fromkeys(recital.case for recital in found.recitals)
        more = ", ..." if recited > len(found.recitals) else ""
        beside = f"in {recited:,} of {replies:,} replies (base {base:,} of {all_base:,})"
        yield f"'{name}' recites a training reply under another question {beside}: {', '.join(cases)}{more}"
    for phrase in filter(overused, found.phrases):
        shares = f"{100 * phrase.trained:.0f} % of the training replies, {100 * phrase.base:.0f} % of base's"
        yield f"'{name}' overuses '{phrase.words}': in {100 * phrase.tuned:.0f} % of its replies, {shares}"


def _replies(arm: Arm) -> Iterator[tuple[Conversation, int]]:
    for trial in arm.run.trials:
        for place in trial.conversation.replies:
            yield trial.conversation, place


class _Book:
    """The training replies, to be found inside others."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self._asked: dict[Words, dict[str, None]] = {}
        self._first: dict[Words, tuple[Lesson, str]] = {}
        self._near: dict[Words, Neighbours] = {}
        self._heads: dict[Words, list[Words]] = {}
        for lesson in lessons:
            for reply in lesson.replies:
                said = tuple(words(reply[:LONGEST]))
                if len(said) < FEWEST_WORDS:
                    continue
                if said not in self._asked:
                    self._first[said] = (lesson, reply)
                    self._heads.setdefault(said[:3], []).append(said)
                self._asked.setdefault(said, {}).update(dict.fromkeys(lesson.asks))

    def recited(self, said: Sequence[str], talk: Conversation) -> tuple[Lesson, str] | None:
        """The example whose reply stands in these words, though its question is another than those of the talk."""
        asks = [message.content for message in talk.messages if message.role == "user"]
        for reply in self._held(said):
            near = self._near.get(reply)
            if near is None:
                near = self._near[reply] = Neighbours(list(self._asked[reply]))
            if not any(near.nearest(ask) for ask in asks):
                return self._first[reply]
        return None

    def _held(self, said: Sequence[str]) -> Iterator[Words]:
        """The training replies that stand in these words."""
        if self._heads.keys().isdisjoint(zip(said, said[1:], said[2:], strict=False)):
            return
        for at, head in enumerate(zip(said, said[1:], said[2:], strict=False)):
            for reply in self._heads.get(head, ()):
                if tuple(said[at : at + len(reply)]) == reply:
                    yield reply


def _phrases(trained: Sequence[str], base: Sequence[str], tuned: Sequence[str]) -> tuple[Phrase, ...]:
    """The phrases that the tuned model favours most, each only in its longest form."""
    if min(len(base), len(tuned)) < FEWEST_REPLIES:
        return ()
    found: list[Phrase] = []
    for words_of in _candidates(tuned):
        share = _share(words_of, tuned)
        if share < NOTED:
            continue
        phrase = Phrase(words_of.strip(), _share(words_of, trained), _share(words_of, base), share)
        if share >= TIMES * phrase.base:
            found.append(phrase)
    found.sort(key=lambda phrase: (-phrase.tuned, -len(phrase.words), phrase.words))
    kept: list[Phrase] = []
    for phrase in found:
        if not any(_overlap(phrase.words, other.words) for other in kept):
            kept.append(phrase)
    return tuple(kept[:MOST_PHRASES])


def _candidates(texts: Sequence[str]) -> list[str]:
    """Phrases of a sample of the replies, the most frequent first; a part of one that is as frequent is left out."""
    step = max(1, len(texts) // SAMPLE)
    sample = [text.split() for text in texts[::step]]
    counts: Counter[Words] = Counter()
    for said in sample:
        counts.update(set(_runs(said)))
    least = max(2, NOTED / 2 * len(sample))
    frequent = {run: count for run, count in counts.items() if count >= least}
    parts = {part for run, count in frequent.items() for part in (run[1:], run[:-1]) if frequent.get(part) == count}
    whole = [run for run in frequent if run not in parts]
    whole.sort(key=lambda run: (-frequent[run], -len(run), run))
    return [f" {' '.join(run)} " for run in whole[:CANDIDATES]]


def _runs(said: Sequence[str]) -> Iterator[Words]:
    for size in PHRASE:
        yield from zip(*(said[start:] for start in range(size)), strict=False)


def _share(phrase: str, texts: Iterable[str]) -> float:
    held = [phrase in text for text in texts]
    return sum(held) / len(held) if held else 0.0


def _overlap(one: str, other: str) -> bool:
    """Whether two phrases are one seen through two windows: they have two words in a row in common."""
    first, second = one.split(), other.split()
    return not set(pairwise(first)).isdisjoint(pairwise(second))
