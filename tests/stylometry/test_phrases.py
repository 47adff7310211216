"""Openings and pet phrases."""

from __future__ import annotations

from evalharness.stylometry.phrases import Favoured, favoured, opening


def replies(held: int, phrase: str, other: str, of: int = 20) -> list[list[str]]:
    return [f"{phrase if at < held else other} {at}".split() for at in range(of)]


def test_an_opening_is_three_words() -> None:
    assert opening(["oh", "look", "who", "is", "here"]) == "oh look who"
    assert opening(["oh", "look"]) == ""


def test_a_phrase_that_one_model_has_and_the_other_has_not_is_favoured() -> None:
    assert favoured(replies(8, "as if", "so"), replies(0, "", "so")) == (Favoured("as if", 0.4, 0.0),)


def test_a_phrase_that_the_other_has_a_third_as_often_is_not() -> None:
    assert favoured(replies(8, "as if", "so"), replies(3, "as if", "so")) == ()
    assert favoured(replies(9, "as if", "so"), replies(3, "as if", "so")) == (Favoured("as if", 0.45, 0.15),)


def test_three_replies_make_no_phrase() -> None:
    assert favoured(replies(3, "as if", "so"), replies(0, "", "so")) == ()


def test_fewer_than_twenty_replies_have_no_phrases() -> None:
    assert favoured(replies(8, "as if", "so", of=19), replies(0, "", "so")) == ()
    assert favoured(replies(8, "as if", "so"), replies(0, "", "so", of=19)) == ()


def test_a_longer_phrase_stands_for_its_parts() -> None:
    assert [row.words for row in favoured(replies(9, "what a joy it is", "so"), replies(0, "", "so"))] == [
        "what a joy it is"
    ]


def test_a_part_that_is_said_much_more_often_stands_for_itself() -> None:
    said = [*replies(4, "even a goldfish knows", "even a child"), *replies(0, "", "even a dog")]

    assert next(row.words for row in favoured(said, replies(0, "", "so"))) == "even a"
