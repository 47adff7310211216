from __future__ import annotations

import pytest

from evalharness.records import Grade
from tests.scorers.replies import SIZES, grade, huge, made, survives, value


@pytest.mark.parametrize("reply", ["positive", " positive\n", "\tpositive \r\n"])
def test_white_space_around_the_reply_does_not_count(reply: str) -> None:
    assert grade("exact", "positive", reply) == Grade(1.0, "as expected")


@pytest.mark.parametrize("reply", ["Positive", "positive.", '"positive"', "posi tive", "very positive", ""])
def test_everything_else_counts(reply: str) -> None:
    assert value("exact", "positive", reply) == 0


def test_an_accent_is_the_same_however_it_is_encoded() -> None:
    assert value("exact", "caf\u00e9", "cafe\u0301") == 1
    assert value("exact", "caf\u00e9", "cafe") == 0


def test_compatible_characters_are_not_the_same() -> None:
    assert value("exact", "1", "①") == 0
    assert value("exact", "fi", "\ufb01") == 0


def test_lines_may_end_either_way() -> None:
    assert value("exact", "one\ntwo", "one\r\ntwo") == 1
    assert value("exact", "one\ntwo", "one two") == 0


def test_an_empty_text_asks_for_an_empty_reply() -> None:
    assert value("exact", "", " \n") == 1
    assert value("exact", "", "no") == 0


def test_the_reason_shows_both_on_one_line_and_not_at_length() -> None:
    found = grade("exact", "Paris", "It is\nParis, " + "of course, " * 100)

    assert found.why == r"expected 'Paris', got 'It is\nParis, of course, of course, of course, of cours...'"


def test_scalars_of_a_suite_are_the_characters_typed() -> None:
    assert value("exact", "1.10", "1.10") == 1
    assert value("exact", "1.10", "1.1") == 0


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("exact", "caf\u00e9"))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(made("exact", "caf\u00e9"), huge(megabytes))
