from __future__ import annotations

from hypothesis import given, settings

from evalharness.records import Grade
from evalharness.scorers.base import kind
from tests.scorers.asking import Asks
from tests.scorers.combining import VALUES, Fixed, Value, combined, judged, of, with_failure
from tests.scorers.replies import fault, made, said, settled, survives


def test_the_best_grade_counts() -> None:
    assert of("any_of", 0.0, 0.5, 0.25) == 0.5
    assert of("any_of", 0.0, 0.0) == 0


def test_an_unknown_part_leaves_it_open_unless_another_is_right_in_full() -> None:
    assert of("any_of", None, 0.5) is None
    assert of("any_of", None, 1.0) == 1
    assert of("any_of", 1.0, None) == 1


def test_parts_are_checks_of_any_kind() -> None:
    scorer = combined("any_of", made("mentions", "forty-two"), made("number", "42"))

    assert settled(scorer, said("It is 42.")) == Grade(1.0, "found 42")
    assert settled(scorer, said("Forty-two.")) == Grade(1.0, "mentions 'forty-two'")
    assert settled(scorer, said("It is 43.")).value == 0


def test_they_stand_within_each_other() -> None:
    inner = combined("all_of", made("mentions", "red"), made("mentions", "green"))

    assert settled(combined("any_of", inner, made("mentions", "blue")), said("green and red")).value == 1


def test_a_bare_text_means_mentions() -> None:
    assert kind("any_of").bare == "mentions"
    assert kind("any_of").subject.holds == "parts"


@settings(max_examples=60)
@given(VALUES)
def test_parts_that_ask_are_weighed_like_those_that_do_not(values: list[Value]) -> None:
    assert judged("any_of", *values) == of("any_of", *values)


@settings(max_examples=60)
@given(VALUES)
def test_a_model_that_fails_is_an_unknown_part(values: list[Value]) -> None:
    assert with_failure("any_of", *values) == of("any_of", None, *values)


def test_nothing_is_asked_where_it_cannot_change_the_grade() -> None:
    assert combined("any_of", Asks("?"), Fixed(1.0)).grade(said("x")) == Grade(1.0, "fixed at 1.0")


def test_a_part_is_needed() -> None:
    assert fault("any_of", []).what == "'any_of' got []: no part is given"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(combined("any_of", made("mentions", "Paris"), made("number", "42")))
