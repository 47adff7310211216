from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.records import Grade
from evalharness.scorers.repeats import most_repeated
from tests.scorers.replies import SIZES, fault, grade, huge, made, survives, value


def test_a_word_may_stand_as_often_as_the_limit_says() -> None:
    assert grade("max_repeats", "3", "Ha ha ha, very funny.") == Grade(1.0, "nothing more than 3 times in a row")
    assert grade("max_repeats", "3", "Ha ha ha ha, very funny.") == Grade(0.0, "'ha' 4 times in a row")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I am happy. I am happy. I am happy.", "'i am happy' 3 times in a row"),
        ("So I am happy, I am happy; I am happy - I am", "'i am happy' 3 times in a row"),
        ("one\none\none", "'one' 3 times in a row"),
        ("No. NO! no?", "'no' 3 times in a row"),
        ("a b a b a b a b c c c", "'a b' 4 times in a row"),
        ("a a b b a a b b a a b b", "'a a b b' 3 times in a row"),
        ("東京東京東京", "'東 京' 3 times in a row"),
        ("!!!", "'!' 3 times in a row"),
        ("😀😀😀", "'😀' 3 times in a row"),
        ("ha" * 30, "'h a' 30 times in a row"),
    ],
)
def test_what_stands_there_too_often_is_named(reply: str, why: str) -> None:
    assert grade("max_repeats", "2", reply) == Grade(0.0, why)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "one",
        "I am happy. I am happy.",
        "one two one three one four one",
        "I am happy. You are not. I am happy. You are. I am happy.",
        "wait... what?!!!!",
        "|---|---|---|\n| a | b | c |",
        "www.example.com/aaa",
    ],
)
def test_what_comes_again_later_is_no_repeat(reply: str) -> None:
    assert value("max_repeats", "2", reply) == 1


def test_passages_are_looked_for_up_to_a_length() -> None:
    passage = " ".join(f"w{number}" for number in range(60))
    reply = f"{passage}. {passage}. {passage}."

    assert value("max_repeats", "2", reply) == 1
    assert value("max_repeats", "2", reply, passage="60") == 0


def test_a_loop_at_the_end_of_a_very_long_reply_is_found() -> None:
    reply = " ".join(f"w{number}" for number in range(60_000)) + " and so on" * 50

    assert grade("max_repeats", "5", reply).why == "'and so on' 50 times in a row"


def test_the_halves_of_a_very_long_reply_are_not_read_as_one() -> None:
    words = [f"w{number}" for number in range(30_000)]
    words[9_999] = words[-10_000] = "seam"

    assert value("max_repeats", "1", " ".join(words)) == 1


TOKENS = st.lists(st.sampled_from("abc"), max_size=24)


@settings(max_examples=150)
@given(TOKENS)
def test_the_count_is_that_of_looking_at_every_passage_at_every_place(tokens: list[str]) -> None:
    best = 1
    for start in range(len(tokens)):
        for length in range(1, len(tokens) - start + 1):
            passage, count = tokens[start : start + length], 1
            while tokens[start + count * length : start + (count + 1) * length] == passage:
                count += 1
            best = max(best, count)

    assert most_repeated(tokens, 50, 1)[0] == best


def test_the_limit_and_the_passage_are_within_bounds() -> None:
    assert fault("max_repeats", "0").what.endswith("a passage stands there at least once: the limit is 1 or more")
    assert fault("max_repeats", "3", passage="0").path == ("passage",)
    assert fault("max_repeats", "3", passage="501").path == ("passage",)


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("max_repeats", "1", passage="500"))


@pytest.mark.parametrize("megabytes", SIZES)
def test_megabytes_are_graded_in_seconds(megabytes: int) -> None:
    survives(
        made("max_repeats", "3"),
        {"one letter": huge(megabytes)["one letter"], "sentences": huge(megabytes)["sentences"]},
    )
