from __future__ import annotations

import pytest

from evalharness.records import Grade
from tests.scorers.replies import fault, grade, made, survives, value


@pytest.mark.parametrize(
    "reply",
    ["{}", "[]", "42", '"text"', "null", "true", ' {"a": [1, 2.5e3, null]}\n', '"\\ud800"', "9" * 5000, "1e400"],
)
def test_any_json_value_will_do(reply: str) -> None:
    assert grade("json", "true", reply) == Grade(1.0, "is JSON")


@pytest.mark.parametrize("reply", ["```json\n{}\n```", "```\n[1]\n```", "\n```JSON\n{}```\n", "```json \n{}\n\n```"])
def test_one_code_fence_around_the_whole_is_forgiven(reply: str) -> None:
    assert value("json", "true", reply) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "not JSON: expecting value at line 1, column 1, at its end"),
        ("Sure: {}", "not JSON: expecting value at line 1, column 1, at 'Sure: {}'"),
        ("{} {}", "not JSON: extra data at line 1, column 4, at '{}'"),
        ("{'a': 1}", "not JSON: expecting property name enclosed in double quotes at line 1, column 2, at \"'a': 1}\""),
        ('{"a": 1', "not JSON: expecting ',' delimiter at line 1, column 8, at its end"),
        ("```json\n{}", "not JSON: expecting value at line 1, column 1, at '```json\\n{}'"),
        ("```json\n```json\n{}\n```\n```", "not JSON: expecting value at line 1, column 1, at '```json\\n{}\\n```'"),
        ("Here:\n```json\n{}\n```", "not JSON: expecting value at line 1, column 1, at 'Here:\\n```json\\n{}\\n```'"),
        ('{"a": 1, "b": {"a": 2, "a": 3}}', "not JSON: the key 'a' stands twice in one object"),
        ('{"a": NaN}', "not JSON: NaN is no JSON number"),
        ("-Infinity", "not JSON: -Infinity is no JSON number"),
        ("[" * 101 + "]" * 101, "not JSON: more than 100 lists and objects within each other"),
        ("[" * 100_000, "not JSON: more than 100 lists and objects within each other"),
        ('{"a":' * 100_000, "not JSON: more than 100 lists and objects within each other"),
        ("01", "not JSON: extra data at line 1, column 2, at '1'"),
    ],
)
def test_what_is_not_json_fails_and_the_reason_says_where(reply: str, why: str) -> None:
    assert grade("json", "true", reply) == Grade(0.0, why)


def test_a_hundred_lists_within_each_other_are_read() -> None:
    assert value("json", "true", "[" * 100 + "]" * 100) == 1


def test_depth_is_counted_outside_texts_only() -> None:
    assert value("json", "true", '["' + "[" * 500 + '", "\\"' + "{" * 500 + '"]') == 1
    assert value("json", "true", "[" + "[]," * 500 + "[]]") == 1


def test_false_asks_for_a_reply_that_is_not_json() -> None:
    assert value("json", "false", "Paris.") == 1
    assert value("json", "false", "{}") == 0


def test_it_is_a_switch() -> None:
    assert fault("json", "perhaps").path == ("wanted",)


def test_no_reply_makes_it_raise_or_stall() -> None:
    survives(made("json", "true"))
