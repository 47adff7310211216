from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.flow import Answer, drive
from evalharness.records import Failure, Grade, Response
from evalharness.scorers.base import asked
from evalharness.scorers.similar import cosine
from tests.scorers.replies import SIZES, fault, grade, huge, made, said, survives, value


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


# --- by vectors -------------------------------------------------------------------------------------------------------


def near(reply: str, answer: Answer | dict[str, Answer]) -> Grade:
    """The grade where texts have these vectors."""
    found = made("similar", "Plants eat light.", by="vectors").grade(said(reply))
    if isinstance(found, Grade):
        return found
    return drive(found, lambda one: answer[one.messages[0].content] if isinstance(answer, dict) else answer)


def at(*numbers: float) -> Response:
    return Response("", vector=numbers)


@pytest.mark.parametrize(
    ("reply", "reference", "expected"),
    [
        (at(1, 0), at(1, 0), 1.0),
        (at(1, 0), at(7, 0), 1.0),
        (at(3, 4), at(4, 3), 0.96),  # (3 x 4 + 4 x 3) / (5 x 5)
        (at(1, 0), at(0, 2), 0.0),
        (at(1, 0), at(-1, 1), 0.0),  # an obtuse angle is no nearer than a right one
        (at(1e90, 1e90), at(1e-90, 0), 0.5**0.5),
        (at(0.1, 0.2, 0.3), at(0.1, 0.2, 0.3), 1.0),
    ],
)
def test_with_a_model_the_grade_is_the_cosine_of_the_vectors(
    reply: Response, reference: Response, expected: float
) -> None:
    grade = near("Leaves drink sun.", {"Leaves drink sun.": reply, "Plants eat light.": reference})

    assert grade.value == pytest.approx(expected, abs=1e-12)
    assert grade.why == f"{expected:.2f} near 'Plants eat light.' by 'vectors'"


def test_both_texts_are_asked_for_in_one_round() -> None:
    found = made("similar", "Plants eat light.", by="vectors").grade(said("Leaves drink sun."))
    assert not isinstance(found, Grade)

    reply, reference = next(found)

    assert (reply.kind, reply.model.name, reference.model.name) == ("embed", "vectors", "vectors")
    assert [one.messages[0].content for one in (reply, reference)] == ["Leaves drink sun.", "Plants eat light."]
    assert asked(made("similar", "Plants eat light.", by="vectors")) == ("vectors",)
    assert asked(made("similar", "Plants eat light.")) == ()


def test_where_nothing_was_said_nobody_is_asked() -> None:
    assert grade("similar", "Plants eat light.", " \n", by="vectors") == Grade(0.0, "nothing was said")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Failure("rejected", "too long"), "no vector from 'vectors': too long"),
        (at(0, 0), "the vectors from 'vectors' cannot be compared"),
        (Response("Paris."), "the vectors from 'vectors' cannot be compared"),
        (
            {"Leaves drink sun.": at(1, 0), "Plants eat light.": at(1, 0, 0)},
            "the vectors from 'vectors' cannot be compared",
        ),
    ],
)
def test_without_two_vectors_of_a_kind_the_grade_is_unknown(answer: Answer | dict[str, Answer], why: str) -> None:
    assert near("Leaves drink sun.", answer) == Grade(None, why)


NUMBERS = st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=5)


@settings(max_examples=60)
@given(NUMBERS, NUMBERS)
def test_a_cosine_is_one_whatever_the_vectors(one: list[float], other: list[float]) -> None:
    there, back = cosine(one, other), cosine(other, one)

    assert there == back
    assert there is None or -1.0 <= there <= 1.0
    assert any(one) is (cosine(one, one) is not None)
