from __future__ import annotations

import pytest

from evalharness.records import Grade
from tests.scorers.replies import SIZES, fault, grade, huge, made, survives, value


def test_the_limit_itself_passes() -> None:
    assert grade("max_words", "3", "one two three") == Grade(1.0, "3 words")
    assert grade("max_words", "3", "one two three four") == Grade(0.0, "4 words")


def test_one_word_is_one_word() -> None:
    assert grade("max_words", "3", "one").why == "1 word"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("", 0),
        (" \n ", 0),
        ("- one\n- two\n* three", 3),
        ("one \u2014 two \u2013 three ... four", 4),
        ("well-known don't U.S. 3.14 and/or", 5),
        ("**Paris**, `code` and _more_", 4),
        ("日本の首都", 5),
        ("Python言語 rocks", 4),
        ("น้ำเย็น", 5),
        ("한국어는 재미있다", 2),
        ("हिन्दी भाषा", 2),
        ("ünïcödé is ok", 3),
        ("Well… yes", 2),
        ("“Quite” so", 2),
        ("👍 👍", 0),
    ],
)
def test_words_are_counted_as_a_person_counts_them(reply: str, words: int) -> None:
    assert value("max_words", str(words), reply) == 1
    assert words == 0 or value("max_words", str(words - 1), reply) == 0


def test_a_limit_below_nothing_is_refused() -> None:
    assert fault("max_words", "-1").what == "'max_words' got '-1': a number of words is not below 0"


def test_a_limit_that_is_no_number_is_refused() -> None:
    assert fault("max_words", "sixty").path == ("limit",)


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("max_words", "60"))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(made("max_words", "60"), huge(megabytes))
