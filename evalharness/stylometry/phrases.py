"""What many replies of one model say in the same words: how they open, and pet phrases that another model has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

OPENING = 3
"""Words of an opening."""

PHRASE = range(2, 6)
"""Words of a phrase."""

NOTED, TIMES = 0.10, 3.0
"""The share of replies from which a phrase is worth a line, and how many times that of the other model it must be."""

FEWEST_REPLIES, FEWEST_TIMES, MOST = 20, 4, 3
"""Replies below which a share says nothing, replies that must have a phrase, and phrases told at most."""

LONGEST = 1_000
"""Words of a reply that are looked at."""

Words: TypeAlias = tuple[str, ...]


class Favoured(NamedTuple):
    """A phrase, with the share of replies that have it: of the model that favours it, and of the other."""

    words: str
    share: float
    other: float


def opening(said: Sequence[str]) -> str:
    """The first three words of a reply; empty where it has fewer."""
    return " ".join(said[:OPENING]) if len(said) >= OPENING else ""


def favoured(said: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> tuple[Favoured, ...]:
    """The phrases that a tenth of one model's replies have, and three times the share of the other's.

    said, other: the words of each reply. The most favoured come first, each only in its longest form; at most three,
    none below twenty replies on either side.
    """
    if min(len(said), len(other)) < FEWEST_REPLIES:
        return ()
    counts = Counter(run for reply in said for run in set(_runs(reply[:LONGEST])))
    least = max(FEWEST_TIMES, NOTED * len(said))
    frequent = {run: count for run, count in counts.items() if count >= least}
    others = Counter(run for reply in other for run in set(_runs(reply[:LONGEST])) if run in frequent)
    found = [
        Favoured(" ".join(run), count / len(said), others[run] / len(other))
        for run, count in frequent.items()
        if count / len(said) >= TIMES * others[run] / len(other)
    ]
    # Of a phrase and its parts the longest stands for all, unless a part is said much more often by itself.
    found.sort(key=lambda row: (-(row.share - row.other) * (1 + 0.1 * row.words.count(" ")), row.words))
    kept: list[Favoured] = []
    for row in found:
        if not any(_overlap(row.words, one.words) for one in kept):
            kept.append(row)
    return tuple(kept[:MOST])


def share(phrase: str, said: Sequence[Sequence[str]]) -> float:
    """The share of replies that have a phrase, in [0, 1]; 0 of none. said: the words of each."""
    whole = f" {phrase} "
    held = [whole in f" {' '.join(reply[:LONGEST])} " for reply in said]
    return sum(held) / len(held) if held else 0.0


def _runs(said: Sequence[str]) -> Iterator[Words]:
    for size in PHRASE:
        yield from zip(*(said[start:] for start in range(size)), strict=False)


def _overlap(one: str, other: str) -> bool:
    """Whether two phrases are one seen through two windows: they have two words in a row in common."""
    return not set(pairwise(one.split())).isdisjoint(pairwise(other.split()))
