"""Flows without an event loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import ModelFailed
from evalharness.flow import Answer, Flow, ask, ask_all, drive, together, usable
from evalharness.records import Failure, Request, Response
from tests.fakes import question


def upper(request: Request) -> Answer:
    text = request.messages[-1].content
    return Failure("gone", "not there", 2) if text == "gone" else Response(text.upper())


def chain(*texts: str) -> Flow[str]:
    """Asks one after the other."""
    said = ""
    for text in texts:
        said += (yield from ask(question(text))).text
    return said


def rounds(flow: Flow[object]) -> list[list[str]]:
    """What is asked at once, round by round."""
    seen = []
    try:
        asked = next(flow)
        while True:
            seen.append([request.messages[-1].content for request in asked])
            asked = flow.send(tuple(upper(request) for request in asked))
    except StopIteration:
        return seen


def test_a_question_gets_its_answer() -> None:
    assert drive(ask(question("a")), upper) == Response("A")


def test_a_question_that_failed_raises_in_the_flow_that_asked() -> None:
    def forgiving() -> Flow[str]:
        try:
            return (yield from ask(question("gone"))).text
        except ModelFailed as failed:
            return f"{failed.kind}: {failed.what} after {failed.tries}"

    assert drive(forgiving(), upper) == "gone: not there after 2"


def test_several_questions_are_one_round_with_failures_among_the_answers() -> None:
    answers = drive(ask_all(question("a"), question("gone"), question("b")), upper)

    assert answers == (Response("A"), Failure("gone", "not there", 2), Response("B"))
    assert rounds(ask_all(question("a"), question("b"))) == [["a", "b"]]


def test_usable_takes_a_response_and_raises_a_failure() -> None:
    assert usable(Response("A")) == Response("A")
    with pytest.raises(ModelFailed, match="not there"):
        usable(Failure("gone", "not there"))


def test_a_flow_without_questions_ends_at_once() -> None:
    def nothing() -> Flow[int]:
        yield from ()
        return 7

    assert drive(nothing(), upper) == 7


def test_flows_joined_ask_in_one_round_what_any_of_them_waits_for() -> None:
    assert rounds(together(chain("a", "b", "c"), chain("d"), chain("e", "f"))) == [["a", "d", "e"], ["b", "f"], ["c"]]
    assert drive(together(chain("a", "b"), chain("c")), upper) == ("AB", "C")


def test_no_flows_joined_are_done() -> None:
    assert drive(together(), upper) == ()


def test_an_empty_round_holds_nobody_up() -> None:
    def empty_first() -> Flow[str]:
        yield ()
        return (yield from ask(question("late"))).text

    assert drive(together(empty_first(), chain("a")), upper) == ("LATE", "A")


def test_flows_can_be_joined_within_joined_flows() -> None:
    inner = together(chain("a"), chain("b", "c"))

    assert drive(together(inner, together(chain("d"))), upper) == (("A", "BC"), ("D",))


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=5))
def test_joining_changes_no_result_and_takes_as_many_rounds_as_the_longest(plans: list[list[str]]) -> None:
    alone = tuple(drive(chain(*plan), upper) for plan in plans)

    assert drive(together(*(chain(*plan) for plan in plans)), upper) == alone
    assert len(rounds(together(*(chain(*plan) for plan in plans)))) == max(map(len, plans), default=0)
