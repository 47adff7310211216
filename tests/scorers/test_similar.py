from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.records import Grade
from tests.scorers.replies import SIZES, fault, grade, huge, made, survives, value


@pytest.mark.parametrize(
    ("reference", "reply", "expected"),
    [
        ("one two three", "One, two: three!", 1.0),  # 5 pieces each, 5 shared
        ("one two three", "one two", 0.75),  # 5 and 3 pieces, 3 shared: 6 / 8
        ("one two three", "three two one", 0.6),  # 5 and 5, the words shared, no pair: 6 / 10
        ("one two three", "one two four", 0.6),  # one, two, one two
        ("one", "two", 0.0),
        ("one", "one one one", 1 / 3),  # 1 and 5, one shared: a word counts as often as it stands
        ("one two", "", 0.0),
        ("日本", "日本", 1.0),
        ("日本", "日光", 1 / 3),  # 3 and 3, one shared
    ],
)
def test_words_and_pairs_of_words_are_compared(reference: str, reply: str, expected: float) -> None:
    assert value("similar", reference, reply) == pytest.approx(expected, abs=1e-12)


def test_the_reason_shows_the_grade_and_the_reference() -> None:
    assert grade("similar", "one two three", "one two") == Grade(0.75, "0.75 like 'one two three'")


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=80)
@given(WORDS, WORDS)
def test_it_is_the_same_whichever_text_is_the_reference(one: str, other: str) -> None:
    there, back = value("similar", one, other), value("similar", other, one)

    assert there is not None
    assert there == back
    assert 0 <= there <= 1


@settings(max_examples=40)
@given(WORDS)
def test_a_text_is_like_itself_in_full(text: str) -> None:
    assert value("similar", text, text) == 1


def test_grading_twice_gives_the_same() -> None:
    scorer = made("similar", "one two three")

    survives(scorer, {"once": "one two three"})
    assert value("similar", "one two three", "one two three") == 1


def test_meaning_is_not_caught() -> None:
    denied = value("similar", "The trial showed that the drug works", "The trial showed that the drug never works")

    assert denied is not None
    assert denied > 0.8


def test_there_must_be_a_word_to_compare_with() -> None:
    assert fault("similar", "?!").what == "'similar' got '?!': there is no word in it to compare with"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("similar", "Paris is the capital of France."))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(
        made("similar", "Paris is the capital of France."),
        {"sentences": huge(megabytes)["sentences"], "signs": huge(megabytes)["signs"]},
    )
