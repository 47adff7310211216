from __future__ import annotations

from hypothesis import given, settings

from evalharness.records import Grade
from evalharness.scorers.base import kind
from tests.scorers.asking import Asks
from tests.scorers.combining import VALUES, Fixed, Value, combined, judged, of, with_failure
from tests.scorers.replies import fault, made, said, settled, survives


def test_it_is_one_less_the_best_grade() -> None:
    assert of("none_of", 0.0, 0.25) == 0.75
    assert of("none_of", 0.0, 0.0) == 1
    assert of("none_of", 0.0, 1.0) == 0


def test_an_unknown_part_leaves_it_open_unless_another_holds_in_full() -> None:
    assert of("none_of", None, 0.0) is None
    assert of("none_of", None, 1.0) == 0


def test_the_reason_names_what_was_found() -> None:
    scorer = combined("none_of", made("mentions", "Apple"), made("mentions", "Samsung"))

    assert settled(scorer, said("Get a Samsung.")) == Grade(0.0, "mentions 'Samsung'")
    assert settled(scorer, said("Get any.")) == Grade(1.0, "no 'Apple' in 'Get any.'")


def test_a_bare_text_means_mentions() -> None:
    assert kind("none_of").bare == "mentions"


@settings(max_examples=60)
@given(VALUES)
def test_it_is_the_opposite_of_any_of(values: list[Value]) -> None:
    best = of("any_of", *values)

    assert of("none_of", *values) == (None if best is None else 1 - best)


@settings(max_examples=60)
@given(VALUES)
def test_parts_that_ask_are_weighed_like_those_that_do_not(values: list[Value]) -> None:
    assert judged("none_of", *values) == of("none_of", *values)
    assert with_failure("none_of", *values) == of("none_of", None, *values)


def test_nothing_is_asked_where_it_cannot_change_the_grade() -> None:
    assert combined("none_of", Asks("?"), Fixed(1.0)).grade(said("x")) == Grade(0.0, "fixed at 1.0")


def test_a_part_is_needed() -> None:
    assert fault("none_of", []).what == "'none_of' got []: no part is given"


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(combined("none_of", made("mentions", "Paris"), made("matches", "a$", seconds="0.1")))
