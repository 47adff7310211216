from __future__ import annotations

from evalharness.records import Grade
from tests.scorers.replies import fault, grade, made, survives


def test_the_limit_itself_passes() -> None:
    assert grade("min_words", "3", "one two three") == Grade(1.0, "3 words")
    assert grade("min_words", "3", "one - two") == Grade(0.0, "2 words")


def test_an_empty_reply_has_no_words() -> None:
    assert grade("min_words", "1", "") == Grade(0.0, "0 words")
    assert grade("min_words", "0", "").value == 1


def test_a_limit_below_nothing_is_refused() -> None:
    assert fault("min_words", "-1").what == "'min_words' got '-1': a number of words is not below 0"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("min_words", "60"))
