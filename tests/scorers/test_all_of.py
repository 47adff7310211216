from __future__ import annotations

from hypothesis import given, settings

from evalharness.records import Grade
from evalharness.scorers.base import kind
from tests.scorers.asking import Asks
from tests.scorers.combining import VALUES, Fixed, Value, combined, judged, of, with_failure
from tests.scorers.replies import fault, made, said, settled, survives


def test_the_worst_grade_counts() -> None:
    assert of("all_of", 1.0, 0.5, 0.75) == 0.5
    assert of("all_of", 1.0, 1.0) == 1


def test_an_unknown_part_leaves_it_open_unless_another_is_wrong_in_full() -> None:
    assert of("all_of", None, 0.5) is None
    assert of("all_of", None, 0.0) == 0
    assert of("all_of", 0.0, None) == 0


def test_the_reason_is_that_of_the_part_that_decides() -> None:
    scorer = combined("all_of", made("mentions", "red"), made("mentions", "green"))

    assert settled(scorer, said("red")) == Grade(0.0, "no 'green' in 'red'")


def test_a_bare_text_means_mentions() -> None:
    assert kind("all_of").bare == "mentions"


@settings(max_examples=60)
@given(VALUES)
def test_parts_that_ask_are_weighed_like_those_that_do_not(values: list[Value]) -> None:
    assert judged("all_of", *values) == of("all_of", *values)


@settings(max_examples=60)
@given(VALUES)
def test_a_model_that_fails_is_an_unknown_part(values: list[Value]) -> None:
    assert with_failure("all_of", *values) == of("all_of", None, *values)


def test_nothing_is_asked_where_it_cannot_change_the_grade() -> None:
    assert combined("all_of", Asks("?"), Fixed(0.0)).grade(said("x")) == Grade(0.0, "fixed at 0.0")


def test_a_part_is_needed() -> None:
    assert fault("all_of", []).what == "'all_of' got []: no part is given"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(combined("all_of", made("max_words", "1000"), made("number", "42")))
