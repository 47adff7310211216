from __future__ import annotations

from threading import Thread

import pytest

from evalharness.records import Grade
from tests.scorers.replies import fault, grade, made, said, settled, survives, value

SLOW = r"^(\w+\s?)*\1$"
TRAP = "a" * 5000 + "!"


def test_an_expression_is_looked_for_anywhere() -> None:
    assert grade("matches", r"\d+ km", "about 384400 km away") == Grade(1.0, "matches '384400 km'")
    assert grade("matches", r"\d+ km", "far away") == Grade(0.0, "no match in 'far away'")


def test_anchors_hold_it_to_the_whole() -> None:
    assert value("matches", r"^\d+$", "42") == 1
    assert value("matches", r"^\d+$", "42 km") == 0


def test_flags_stand_in_the_expression() -> None:
    assert value("matches", "paris", "PARIS") == 0
    assert value("matches", "(?i)paris", "PARIS") == 1
    assert value("matches", "(?m)^b$", "a\nb\nc") == 1
    assert value("matches", "(?s)a.b", "a\nb") == 1


def test_the_syntax_is_that_of_the_package_regex() -> None:
    assert value("matches", r"^\p{Lu}\p{Ll}+$", "Émile") == 1
    assert value("matches", r"(?<=\$\d*)5", "$125") == 1


def test_an_empty_match_is_a_match() -> None:
    assert grade("matches", "x*", "abc") == Grade(1.0, "matches ''")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a(b", "missing ) at position 3"),
        ("[a", "unterminated character set at position 2"),
        (r"(?P<n>a)(?P=m)", "unknown group at position 11"),
        ("(" * 5000 + ")" * 5000, "its groups are nested too deeply"),
    ],
)
def test_an_expression_that_cannot_be_read_is_refused_when_the_check_is_built(pattern: str, why: str) -> None:
    found = fault("matches", pattern)

    assert found.path == ("pattern",)
    assert found.what.endswith(f": {why}")


@pytest.mark.parametrize("pattern", ["a{100000000}", "(?:(?:a{100}){100}){100}", "(?:ab|[)]{9}){99999}", "x" * 100_001])
def test_an_expression_that_would_fill_the_memory_is_refused(pattern: str) -> None:
    why = "it comes to more than 100,000 characters with its counted repeats written out"

    assert fault("matches", pattern).what.endswith(why)


@pytest.mark.parametrize("pattern", [r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", ".{0,100000000}", r"\{99999999\}"])
def test_counted_repeats_that_stay_small_are_not(pattern: str) -> None:
    assert settled(made("matches", pattern), said("no")).value is not None


def test_a_search_without_end_is_unknown_and_not_wrong() -> None:
    found = grade("matches", SLOW, TRAP, seconds="0.05")

    assert found == Grade(None, r"no end after 0.05 s of looking for '^(\\w+\\s?)*\\1$'")


def test_it_is_bounded_off_the_main_thread_too() -> None:
    found: list[Grade] = []
    thread = Thread(target=lambda: found.append(grade("matches", SLOW, TRAP, seconds="0.05")))

    thread.start()
    thread.join(20)

    assert [one.value for one in found] == [None]


def test_a_reply_that_is_too_long_to_be_stopped_in_is_unknown() -> None:
    assert grade("matches", "b", "a" * 1_000_001).why == "a reply of 1,000,001 characters is too long to search"
    assert value("matches", "b", "a" * 999_999 + "b") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "soon"])
def test_the_time_is_more_than_nothing_and_at_most_a_minute(seconds: str) -> None:
    assert fault("matches", "a", seconds=seconds).path == ("seconds",)


@pytest.mark.parametrize("pattern", ["(a+)+$", r"(\w+\s?)*x", r"\d+$", "(?i)paris"])
def test_no_reply_makes_it_raise_or_stall(pattern: str) -> None:
    survives(made("matches", pattern, seconds="0.05"))
