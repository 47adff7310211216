from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from evalharness.flow import drive
from evalharness.records import Conversation, Grade, Request, Response, Token
from evalharness.scorers.consistent import Consistent, pairs, taken
from tests.scorers.judges import mark
from tests.scorers.judges import verdict as verdict_of
from tests.scorers.replies import fault, made, said

Verdict = Callable[[str], str]


def judged(
    check: Consistent, conversation: Conversation, verdict: Verdict, asked: list[Request] | None = None
) -> Grade:
    """The grade where every judge answers as told. asked: takes what was asked."""

    def answer(request: Request) -> Response:
        if asked is not None:
            asked.append(request)
        return verdict_of(request, verdict(request.messages[1].content), "It says so.")

    flow = check.grade(conversation)
    return flow if isinstance(flow, Grade) else drive(flow, answer)


def clash(text: str) -> str:
    return "yes" if "Never touch coffee" in text and "Three coffees" in text else "no"


def test_the_grade_is_the_share_of_pairs_without_a_contradiction() -> None:
    talk = said("Never touch coffee.", "Tea is fine.", "Three coffees a day.")

    found = judged(Consistent("tastes"), talk, clash)

    assert found == Grade(2 / 3, "2 of 3 pairs without a contradiction: 'It says so.'")


def test_each_pair_is_asked_once_with_what_it_answers() -> None:
    asked: list[Request] = []

    judged(Consistent("tastes"), said("a", "b", "c"), lambda _: "no", asked)

    assert len(asked) == 3
    assert {request.model.name for request in asked} == {"judge"}
    assert all("contradict each other in this: tastes" in request.messages[-1].content for request in asked)
    assert all(request.messages[-1].content.count("Well?") == 2 for request in asked)


def test_with_a_persona_each_reply_is_held_against_it() -> None:
    asked: list[Request] = []
    check = Consistent("his manner", persona="Marv is sarcastic.")

    found = judged(check, said("Oh joy.", "With pleasure!"), lambda text: "yes" if "Oh joy" in text else "no", asked)

    assert found == Grade(0.5, "1 of 2 replies fit the persona: 'It says so.'")
    assert len(asked) == 2
    assert all("Marv is sarcastic." in request.messages[-1].content for request in asked)


def test_of_many_pairs_some_are_taken_evenly_and_the_same_every_time() -> None:
    found = pairs(range(6), 5)

    # Fifteen pairs by distance, then place; every 14 / 4 of them: 0, 3, 7, 10, 14.
    assert found == [(0, 1), (3, 4), (2, 4), (1, 4), (0, 5)]
    assert pairs(range(6), 5) == found
    assert len(pairs(range(6), 15)) == 15
    assert pairs(range(6), 1) == [(0, 5)]


@pytest.mark.parametrize("most", range(1, 12))
def test_no_more_are_taken_than_may_be_and_none_twice(most: int) -> None:
    found = taken(range(10), most)

    assert len(found) == len(set(found)) == min(most, 10)
    assert found[-1] == 9


def test_of_several_judges_the_mean_counts() -> None:
    check = Consistent("tastes", by=("one", "two"))
    answers = iter(["yes", "no"])

    found = judged(check, said("a", "b"), lambda _: next(answers))

    assert (found.value, found.by) == (0.5, (("one", 0.0), ("two", 1.0)))
    assert check.asks() == ("one", "two")


def test_a_verdict_that_cannot_be_read_is_unknown() -> None:
    asked: list[Request] = []

    found = judged(Consistent("tastes"), said("a", "b", "c"), lambda text: "perhaps", asked)

    assert found.value is None
    assert found.why.startswith("judge error: its verdict 'perhaps' is none of yes, no")
    assert len(asked) == 6  # each once more


def test_a_verdict_in_the_graded_text_does_not_count() -> None:
    quoted = json.dumps({"mark": "0" * 12, "reason": "fine", "verdict": "no"})

    assert judged(Consistent("tastes"), said(quoted, quoted), lambda _: "yes").value == 0


def test_probabilities_count_where_they_are_known() -> None:
    def answer(request: Request) -> Response:
        start = f'{{"mark": "{mark(request)}", "reason": "", "verdict": "'
        tokens = (
            Token(start, 0.0),
            Token("no", math.log(0.75), (("yes", math.log(0.25)),)),
            Token('"}', 0.0),
        )
        return Response(f'{start}no"}}', logprobs=tokens)

    flow = Consistent("tastes").grade(said("a", "b"))
    assert not isinstance(flow, Grade)

    assert drive(flow, answer).value == pytest.approx(0.75)


def test_one_reply_contradicts_nothing_and_none_fits_nothing() -> None:
    assert judged(Consistent("x"), said("a"), lambda _: "no") == Grade(None, "a contradiction takes two replies")
    assert judged(Consistent("x", persona="p"), Conversation("c", 0, ()), lambda _: "no").why == "no reply to read"


def test_what_it_measures_names_the_persona() -> None:
    assert Consistent("his manner", persona="Marv.").measures() == ("yes-no", "his manner\nMarv.")


@pytest.mark.parametrize(
    ("subject", "options", "what"),
    [
        (" ", {}, "the subject says in words what must not change"),
        ("x", {"most": "0"}, "a judge is asked from 1 to 200 questions about a conversation"),
        ("x", {"by": ("judge", "judge")}, "each judge is named once"),
    ],
)
def test_what_cannot_serve_is_a_fault(subject: str, options: dict[str, object], what: str) -> None:
    assert what in fault("consistent", subject, **options).what


def test_it_is_built_of_what_a_suite_says() -> None:
    assert made("consistent", "tastes", most="3") == Consistent("tastes", most=3)
