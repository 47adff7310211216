"""The voice of training replies: the words that mark it, how long replies are, how they open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalharness.text import word_count, words
from evalharness.tuning.lessons import Lesson

MARK = range(1, 5)
"""Words of a mark."""

LEAST, ENOUGH, MOST_MARKS = 0.1, 0.9, 8
"""The share of replies that a mark stands in, that which all of them cover, and how many there are at most."""

# fmt: off
COMMON = frozenset({
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "get", "go", "had", "has", "have", "he", "her", "here", "him",
    "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "ll", "like", "m", "make", "may", "me",
    "more", "most", "much", "my", "no", "not", "now", "of", "on", "one", "only", "or", "other", "our", "out",
    "over", "re", "s", "she", "should", "so", "some", "t", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "to", "too", "up", "us", "ve", "very", "was", "we", "were", "what", "when",
    "where", "which", "who", "why", "will", "with", "would", "you", "your",
})
# fmt: on
"""Words that mark no voice."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What can be told of a voice without a model.

    marks: words that many replies have and their questions have not, each with its share of replies; covered: the share
    of replies that has any. opening: the two words that most replies begin with, and their share. longest: words that
    nineteen of twenty replies do not exceed.
    """

    marks: tuple[tuple[str, float], ...]
    covered: float
    opening: tuple[str, float]
    longest: int


def voice(lessons: Sequence[Lesson]) -> Voice:
    """The voice of all replies of these examples; there must be one at least."""
    told = [(words(reply), " ".join(lesson.asks)) for lesson in lessons for reply in lesson.replies]
    found = [_marks(said, f" {' '.join(words(asks))} ") for said, asks in told]
    marks, covered = _chosen(found)
    openings = Counter(" ".join(said[:2]) for said, _ in told)
    first, times = openings.most_common(1)[0]
    lengths = sorted(word_count(reply) for lesson in lessons for reply in lesson.replies)
    longest = lengths[math.ceil(0.95 * len(lengths)) - 1]
    return Voice(marks, covered, (first, times / len(told)), longest)


def _marks(said: Sequence[str], asks: str) -> frozenset[str]:
    """The runs of a reply that could mark a voice: not of common words alone, and not from its question."""
    return frozenset(
        mark for run in _runs(said) if not COMMON.issuperset(run) and f" {(mark := ' '.join(run))} " not in asks
    )


def _runs(said: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in MARK:
        yield from zip(*(said[start:] for start in range(size)), strict=False)


def _chosen(found: Sequence[frozenset[str]]) -> tuple[tuple[tuple[str, float], ...], float]:
    """The fewest marks that cover the most replies: each time the one that most of the rest have, of equals the
    longest."""
    counts = Counter(mark for marks in found for mark in marks)
    known = {mark for mark, times in counts.items() if times >= max(2, LEAST * len(found))}
    rest = [marks & known for marks in found]
    chosen: list[tuple[str, float]] = []
    while len(chosen) < MOST_MARKS and sum(map(bool, rest)) > 0:
        times = Counter(mark for marks in rest for mark in marks)
        best = max(times, key=lambda mark: (times[mark], len(mark.split()), mark))
        if times[best] < max(2, LEAST / 2 * len(found)):
            break
        chosen.append((best, counts[best] / len(found)))
        rest = [marks for marks in rest if best not in marks]
        if _covered(chosen, found) >= ENOUGH:
            break
    return tuple(chosen), _covered(chosen, found)


def _covered(chosen: Sequence[tuple[str, float]], found: Sequence[frozenset[str]]) -> float:
    marks = {mark for mark, _ in chosen}
    return sum(not marks.isdisjoint(each) for each in found) / len(found)
