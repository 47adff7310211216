"""Flows: generators that yield a round of requests and are sent the answers. No I/O, no event loop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from evalharness.errors import ModelFailed
from evalharness.records import Failure, Request, Response

T = TypeVar("T")

Answer: TypeAlias = Response | Failure
Flow: TypeAlias = Generator[tuple[Request, ...], tuple[Answer, ...], T]
"""Each yield is one round: a tuple of requests goes out, a tuple of their answers, in the same order, comes back."""


def ask(request: Request) -> Flow[Response]:
    """One question; a request that failed for good raises `ModelFailed` in the flow that asked, so siblings go on."""
    (answer,) = yield (request,)
    return usable(answer)


def ask_all(*requests: Request) -> Flow[tuple[Answer, ...]]:
    """Several questions in one round, failures among the answers."""
    answers = yield requests
    return answers


def usable(answer: Answer) -> Response:
    """The response, or `ModelFailed` where there is none."""
    if isinstance(answer, Failure):
        raise ModelFailed(answer.kind, answer.message, tries=answer.tries)
    return answer


def together(*flows: Flow[T]) -> Flow[tuple[T, ...]]:
    """Joins flows into one whose rounds hold every question any of them waits for; results in the order given."""
    results: dict[int, T] = {}
    replies: dict[int, tuple[Answer, ...] | None] = dict.fromkeys(range(len(flows)))
    while replies:
        rounds: dict[int, tuple[Request, ...]] = {}
        for place, answers in replies.items():
            try:
                rounds[place] = next(flows[place]) if answers is None else flows[place].send(answers)
            except StopIteration as end:
                results[place] = end.value
        if not rounds:
            break
        got = iter((yield tuple(request for asked in rounds.values() for request in asked)))
        replies = {place: tuple(next(got) for _ in asked) for place, asked in rounds.items()}
    return tuple(results[place] for place in range(len(flows)))


def drive(flow: Flow[T], answer: Callable[[Request], Answer]) -> T:
    """Runs one flow to its end with a plain function: tests, replay, no event loop."""
    try:
        asked = next(flow)
        while True:
            asked = flow.send(tuple(answer(request) for request in asked))
    except StopIteration as end:
        result: T = end.value
        return result
