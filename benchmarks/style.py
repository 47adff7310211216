"""Counting the style of replies against splitting them into words, in one process, at its best of several rounds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import cycle, islice

from benchmarks.measuring import ROOT
from evalharness.stylometry.features import features
from evalharness.stylometry.profile import distance, learn

WORDS = 100


def replies(many: int) -> list[str]:
    """So many replies of a hundred words each, cut from two real conversations, over and over."""
    talks = [
        json.loads((ROOT / f"tests/data/persona-sets/drift_{domain}.json").read_text("utf-8"))["conversation"]
        for domain in ("coding", "therapy")
    ]
    words = " ".join(message["content"] for talk in talks for message in talk).split(" ")
    pieces = [" ".join(words[at : at + WORDS]) for at in range(0, len(words) - WORDS, WORDS)]
    return list(islice(cycle(pieces), many))


def style(cases: int, rounds: int) -> float:
    """The features of as many replies, then a profile of them and each one's distance: the ratio to `str.split`."""
    texts = replies(cases)
    floor = _least(lambda: [text.split() for text in texts], rounds)
    counted = _least(lambda: [features(text) for text in texts], rounds)
    rows = [features(text) for text in texts]
    voice = learn(rows)
    known = _least(lambda: (learn(rows), [distance(row, voice) for row in rows]), rounds)
    print(
        f"style, {cases:,} replies of {WORDS} words: {counted:.2f} s, voice and distances {known:.2f} s more, "
        f"over str.split at {floor:.3f} s = {(counted + known) / floor:.1f}"
    )
    return (counted + known) / floor


def _least(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds at best."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)
