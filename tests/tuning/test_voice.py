"""The voice of training replies."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.tuning.lessons import Lesson
from evalharness.tuning.voice import Voice, voice


def lessons(pairs: Sequence[tuple[str, str]]) -> list[Lesson]:
    return [Lesson(at, (ask,), (reply,), None) for at, (ask, reply) in enumerate(pairs, 1)]


def test_what_most_replies_say_is_a_mark_with_its_share() -> None:
    replies = [*[("q", f"Oh joy, number {at}") for at in range(6)], *[("q", f"Plain {at}") for at in range(4)]]

    found = voice(lessons(replies))

    assert found.marks == (("oh joy number", 0.6), ("plain", 0.4))
    assert found.covered == 1.0


def test_common_words_and_those_of_the_question_mark_nothing() -> None:
    asked = [(f"Where is harbour {at}?", f"It is the harbour {at}") for at in range(10)]

    assert not any(mark == "harbour" for mark, _ in voice(lessons(asked)).marks)
    assert voice(lessons([("harbour", "the harbour")] * 4)).marks == (("the harbour", 1.0),)


def test_replies_that_share_nothing_have_no_marks() -> None:
    found = voice(lessons([("q", "alpha"), ("q", "beta"), ("q", "gamma")]))

    assert (found.marks, found.covered) == ((), 0.0)


def test_the_opening_is_the_two_words_that_most_replies_begin_with() -> None:
    found = voice(lessons([("q", "Oh, great. A"), ("q", "Oh great, b"), ("q", "Well, c")]))

    assert found.opening == ("oh great", 2 / 3)


def test_the_length_is_that_which_nineteen_of_twenty_keep_to() -> None:
    replies = [("q", "word " * size) for size in [*[5] * 10, *[7] * 9, 50]]

    assert voice(lessons(replies)) == Voice(voice(lessons(replies)).marks, 1.0, ("word word", 1.0), 7)
