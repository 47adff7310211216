"""Differences of style in words."""

from __future__ import annotations

import pytest

from evalharness.stylometry.features import FEATURES, PLACE
from evalharness.stylometry.telling import off, told


@pytest.mark.parametrize(
    ("name", "usual", "now", "words"),
    [
        ("sentence_words", 20.0, 12.0, "sentences 40 % shorter"),
        ("words", 10.0, 15.0, "replies 50 % longer"),
        ("exclamations", 1.0, 3.0, "exclamation marks x3"),
        ("exclamations", 1.0, 2.54, "exclamation marks x2.5"),
        ("words", 10.0, 30.0, "replies 200 % longer"),
        ("exclamations", 0.1, 12.3, "exclamation marks x123"),
        ("emoji", 0.0, 2.5, "emoji 2.5 per 100 words (usually next to none)"),
        ("hedges", 1.5, 0.0, "no hedges (usually 1.5 per 100 words)"),
        ("hedges", 2.0, 1.5, "hedges 25 % fewer"),
        ("type_token", 0.8, 0.68, "vocabulary 15 % poorer"),
        ("words", 1000.0, 1001.0, "replies hardly longer"),
    ],
)
def test_a_difference_is_told_as_a_person_would(name: str, usual: float, now: float, words: str) -> None:
    assert told(FEATURES[PLACE[name]], usual, now) == words


def test_the_features_that_are_off_come_farthest_first() -> None:
    usual, now, z = [1.0] * len(FEATURES), [2.0] * len(FEATURES), [0.0] * len(FEATURES)
    z[PLACE["questions"]], z[PLACE["dashes"]], z[PLACE["hedges"]] = 2.5, -4.0, 1.9

    assert off(tuple(usual), tuple(now), tuple(z), 3) == ["dashes x2", "question marks x2"]
    assert off(tuple(usual), tuple(now), tuple(z), 1) == ["dashes x2"]
