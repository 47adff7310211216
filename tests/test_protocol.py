"""What servers of the OpenAI protocol say, read without a server."""

from __future__ import annotations

import json
import time
from email.utils import formatdate

import pytest

from evalharness.protocol import Allowance, NoCompletion, allowance, complaint, completion, parsed, waiting
from evalharness.records import Payload, Response, Token, Usage


def answer(message: Payload, finish: str | None = "stop", **more: object) -> Payload:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    ("message", "finish", "outcome", "text"),
    [
        ({"content": "Paris."}, "stop", "answered", "Paris."),
        ({"content": "Paris."}, "eos_token", "answered", "Paris."),
        ({"content": "Paris."}, None, "answered", "Paris."),
        ({"content": "Par"}, "length", "truncated", "Par"),
        ({"content": None}, "length", "truncated", ""),
        ({"content": ""}, "stop", "empty", ""),
        ({"content": None}, "stop", "empty", ""),
        ({}, "eos_token", "empty", ""),
        ({"content": " \n"}, "stop", "empty", " \n"),
        ({"content": "Par"}, "content_filter", "filtered", "Par"),
        ({"content": None, "refusal": "I will not."}, "stop", "refused", "I will not."),
        ({"content": "No.", "refusal": "I will not."}, "stop", "refused", "No."),
        ({"content": "Paris.", "refusal": ""}, "stop", "answered", "Paris."),
        ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", "tool_call", ""),
        ({"content": "Wait.", "tool_calls": [{"id": "1"}]}, "stop", "tool_call", "Wait."),
        ({"content": "Paris.", "tool_calls": []}, "stop", "answered", "Paris."),
        ({"content": None, "function_call": {"name": "f"}}, "function_call", "tool_call", ""),
        ({"content": [{"type": "text", "text": "Pa"}, {"type": "text", "text": "ris"}]}, "stop", "answered", "Paris"),
        ({"content": [{"type": "thinking", "thinking": []}, {"text": "Paris"}, "."]}, "stop", "answered", "Paris."),
        ({"content": []}, "stop", "empty", ""),
    ],
)
def test_how_an_answer_ended_is_told_apart(message: Payload, finish: str | None, outcome: str, text: str) -> None:
    response = completion(answer(message, finish))

    assert (response.outcome, response.text) == (outcome, text)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(5, 7)),
        ({"prompt_tokens": 5}, Usage(5, 0)),
        ({"prompt_tokens": -5, "completion_tokens": 7.0}, Usage(0, 0)),
        ({"prompt_tokens": True, "completion_tokens": "7"}, Usage(0, 0)),
        ({"prompt_tokens": 10**30, "completion_tokens": None}, Usage(0, 0)),
        (None, Usage()),
        ([], Usage()),
    ],
)
def test_tokens_are_what_the_server_counted_and_nothing_strange(said: object, usage: Usage) -> None:
    assert completion(answer({"content": "Paris."}, usage=said)).usage == usage


def test_served_and_fingerprint_are_taken_where_they_are_texts() -> None:
    told = completion(answer({"content": "x"}, model="tiny", system_fingerprint="fp"))
    strange = completion(answer({"content": "x"}, model=7, system_fingerprint=[]))

    assert told == Response("x", served="tiny", fingerprint="fp")
    assert strange == Response("x", served="", fingerprint=None)


def told(content: object) -> Response:
    return completion({"choices": [{"message": {"content": "Paris."}, "logprobs": content, "finish_reason": "stop"}]})


def test_tokens_come_with_their_log_probabilities_and_the_likeliest_beside_them() -> None:
    content = [
        {"token": "Par", "logprob": -0.25, "bytes": [80], "top_logprobs": [{"token": "Lon", "logprob": -1.5}]},
        {"token": "is.", "logprob": 1e-7, "top_logprobs": None},
        {"token": "", "logprob": -9999},
    ]

    assert told({"content": content}).logprobs == (
        Token("Par", -0.25, (("Lon", -1.5),)),
        Token("is.", 0.0),
        Token("", -9999.0),
    )


@pytest.mark.parametrize(
    "junk",
    [
        None,
        7,
        "yes",
        [],
        {},
        {"content": None},
        {"content": {"token": "a"}},
        {"content": ["a"]},
        {"content": [{"token": "a"}]},
        {"content": [{"token": 5, "logprob": -1.0}]},
        {"content": [{"token": "a", "logprob": "-1.0"}]},
        {"content": [{"token": "a", "logprob": True}]},
        {"content": [{"token": "a", "logprob": 0.5}]},
        {"content": [{"token": "a", "logprob": float("nan")}]},
        {"content": [{"token": "a", "logprob": float("-inf")}]},
        {"content": [{"token": "a", "logprob": -(10**400)}]},
        {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": {"b": -2}}]},
        {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": [None]}]},
        {"content": [{"token": "a", "logprob": -1.0}, None]},
        {"content": [{"token": "a", "logprob": -1.0}] * 70_000},
    ],
)
def test_log_probabilities_that_are_none_leave_the_answer_as_it_is(junk: object) -> None:
    assert told(junk) == Response("Paris.")


def test_a_place_has_at_most_twenty_likely_tokens() -> None:
    top = [{"token": str(n), "logprob": -1.0} for n in range(500)]

    (token,) = told({"content": [{"token": "a", "logprob": -1.0, "top_logprobs": top}]}).logprobs

    assert [text for text, _ in token.others] == [str(n) for n in range(20)]


def test_blank_lines_that_keep_a_connection_alive_are_no_fault() -> None:
    assert parsed("\n\n\n" + json.dumps({"a": 1}) + "\n") == {"a": 1}


@pytest.mark.parametrize("text", ["1" * 5000, '{"a": Infinity}', "\ufeff{}", '{"a": 1,}', "'a'"])
def test_what_is_not_quite_json_is_refused(text: str) -> None:
    with pytest.raises(NoCompletion):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        ('{"error": {"message": "no", "type": "t", "code": "c"}}', "no (c)", {"c", "t"}),
        ('{"error": {"message": "no", "type": "t", "code": null}}', "no (t)", {"t"}),
        ('{"error": {"message": "no", "code": 429}}', "no", set()),
        ('{"error": "no"}', "no", set()),
        ('{"detail": "no"}', "no", set()),
        ('{"message": "no", "code": "c"}', "no (c)", {"c"}),
        ('{"error": {}}', '{"error":{}}', set()),
        ('["no"]', '["no"]', set()),
        ("", "no reason given", set()),
        ("<html>502", "an HTML page: '<html>502'", set()),
        ("Bad Gateway", "plain text: 'Bad Gateway'", set()),
    ],
)
def test_an_error_is_told_in_one_line_whatever_its_shape(text: str, said: str, words: set[str]) -> None:
    assert complaint(text) == (said, frozenset(words))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "1"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 2.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Fri, 99 Foo 2026 10:00:00 GMT"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0.0),
    ],
)
def test_a_wait_is_understood_or_ignored(headers: dict[str, str], seconds: float | None) -> None:
    assert waiting(headers) == seconds


def test_a_date_to_wait_for_goes_by_our_clock_where_the_server_shows_none() -> None:
    wait = waiting({"retry-after": formatdate(time.time() + 60, usegmt=True)})

    assert wait is not None
    assert 50 < wait <= 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("120ms", 0.12),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("59.3", 59.3),
        ("", None),
        ("1d", None),
        ("s1", None),
        ("-1s", None),
    ],
)
def test_spans_of_limits_are_seconds(text: str, seconds: float | None) -> None:
    found = allowance({"x-ratelimit-limit-tokens": "90000", "x-ratelimit-reset-tokens": text})

    assert found == Allowance(tokens=90000, tokens_reset=seconds)


def test_limits_that_are_no_numbers_are_unknown() -> None:
    assert allowance({"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "-1"}) == Allowance()
    assert allowance({"x-ratelimit-remaining-requests": "5"}) is None
