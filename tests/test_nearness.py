"""When two texts say the same, and the fast way to find such texts among many."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.text import Neighbour, Neighbours, nearness

LONG = " ".join(f"word{number}" for number in range(400))
"""More than a thousand characters."""


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("Which way?", "which WAY", "seen"),
        ("Don't go.", "don\u2019t go", "seen"),
        ("How deep is the harbour?", "How deep is this harbour?", "near"),  # a letter or two apart
        # Three-word runs: 4 of 6 are common, above one half; by letters the two are far apart.
        ("a bb ccc dddd eeeee ffffff", "x a bb ccc dddd eeeee ffffff wholly other things", "near"),
        ("What is six times seven?", "Who keeps the lighthouse?", "unseen"),
        ("one two three", "three two one", "unseen"),
        ("", "", "unseen"),
        ("?", "!", "unseen"),
        (LONG, f"{LONG} more", "near"),
        (LONG, LONG[:1200], "unseen"),
    ],
)
def test_near_is_half_of_all_three_word_runs_or_four_fifths_of_the_letters(one: str, other: str, near: str) -> None:
    assert nearness(one, other) == near
    assert nearness(other, one) == near


def test_the_limits_belong_to_near() -> None:
    # Runs abc bcd cde | bcd cde def: two of four are common. Letters: 8 of 10 in each, a ratio of 0.8.
    assert nearness("aaaaaaaaaaaa b c d eeeeeeeeeee", "b c d eeeeeeeeeee ffffffffffffffffffffffff") == "near"
    assert nearness("abcdefghij", "abcdefghxy") == "near"
    assert nearness("abcdefghij", "abcdefgwxy") == "unseen"


TEXTS = st.text("abc ", max_size=24)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_letters_are_compared_as_difflib_does(one: str, other: str) -> None:
    first, second = sorted(" ".join(text.split()) for text in (one, other))
    ratio = SequenceMatcher(None, first, second, autojunk=False).ratio()

    if first and ratio >= 0.8:
        assert nearness(one, other) in ("seen", "near")
    if ratio < 0.8 and len(first.split()) < 3:
        assert nearness(one, other) == "unseen"


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8), TEXTS)
def test_among_many_texts_the_same_is_found_as_by_comparing_each(texts: list[str], text: str) -> None:
    each = [nearness(other, text) for other in texts]

    found = Neighbours(texts).nearest(text)

    if "seen" in each:
        assert found == Neighbour(each.index("seen"), "seen")
    elif "near" in each:
        assert found == Neighbour(each.index("near"), "near")
    else:
        assert found is None


@settings(deadline=None)
@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 59), st.text(max_size=2)), max_size=6))
def test_a_text_and_its_misspelling_are_compared_alike_both_ways(text: str, changes: list[tuple[int, str]]) -> None:
    other = text
    for at, new in changes:
        other = other[:at] + new + other[at + 1 :]

    near = nearness(text, other)

    found = Neighbours([other]).nearest(text)
    assert (found.near if found else "unseen") == near == nearness(other, text)
