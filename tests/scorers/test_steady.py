from __future__ import annotations

from dataclasses import replace

import pytest

from evalharness.flow import drive
from evalharness.records import Conversation, Grade, Message, Request, Response
from evalharness.scorers.steady import Steady
from tests.scorers.asking import Asks
from tests.scorers.replies import fault, made, said, settled, survives


def talk(*turns: tuple[str, str]) -> Conversation:
    messages = tuple(m for ask, reply in turns for m in (Message("user", ask), Message("assistant", reply)))
    places = tuple(range(1, 2 * len(turns), 2))
    return replace(said(*(reply for _, reply in turns)), messages=messages, replies=places)


def test_answers_are_equal_in_the_same_words() -> None:
    check = made("steady", "true")

    assert settled(check, said("It's Canberra.", "it's  CANBERRA")) == Grade(1.0, "1 of 1 later answers as the first")
    assert settled(check, said("Canberra.", "It's Canberra.")) == Grade(0.0, "0 of 1 later answers as the first")


def test_only_answers_to_the_same_question_are_compared() -> None:
    conversation = talk(("Capital?", "Rome."), ("Colour?", "Red."), (" capital? ", "Rome"), ("CAPITAL?", "Oslo."))

    assert settled(made("steady", "true"), conversation) == Grade(0.5, "1 of 2 later answers as the first")


def test_a_question_that_is_asked_once_says_nothing() -> None:
    assert settled(made("steady", "true"), talk(("a", "x"), ("b", "x"))) == Grade(None, "no question is asked twice")
    assert settled(made("steady", "true"), said("x")).value is None


@pytest.mark.parametrize(
    ("first", "later", "same"),
    [
        ("Canberra.", "Well, Canberra of course.", 1),
        ("Sydney.", "Perth.", 1),  # wrong both times is what the check says of both
        ("Canberra.", "Sydney.", 0),
        ("Sydney.", "Canberra.", 0),
    ],
)
def test_a_check_says_when_two_answers_are_one(first: str, later: str, same: int) -> None:
    check = made("steady", "true", by=(made("mentions", "Canberra"),))

    assert settled(check, said(first, later)).value == same


def test_every_check_has_to_say_the_same_of_both() -> None:
    check = made("steady", "true", by=(made("mentions", "Rome"), made("max_words", "2")))

    assert settled(check, said("Rome.", "It is Rome, my friend.", "Rome!")).value == 0.5


def test_false_asks_for_another_answer() -> None:
    assert settled(made("steady", "false"), said("One joke.", "Another joke.", "One joke.")).value == 0.5


def test_scripted_replies_are_not_compared() -> None:
    messages = (Message("user", "a"), Message("assistant", "x"), Message("user", "a"), Message("assistant", "y"))

    assert settled(made("steady", "true"), Conversation("case", 0, messages, (3,), ("answered",))).value is None


def test_a_check_that_asks_a_model_is_asked_once_a_turn() -> None:
    answers = iter(["1", "0.2", "0.9"])

    def answer(_: Request) -> Response:
        return Response(next(answers))

    flow = Steady(True, (Asks("same?"),)).grade(said("a", "b", "c"))
    assert not isinstance(flow, Grade)

    assert drive(flow, answer) == Grade(0.5, "1 of 2 later answers as the first")


def test_an_unknown_part_makes_it_unknown() -> None:
    flow = Steady(True, (Asks("same?"),)).grade(said("a", "b"))
    assert not isinstance(flow, Grade)

    assert drive(flow, lambda _: Response("")) == Grade(None, "no word")


def test_hostile_replies_are_graded() -> None:
    survives(made("steady", "true"))


def test_what_is_no_switch_is_a_fault() -> None:
    assert fault("steady", "perhaps").what.startswith("'steady' got 'perhaps'")
