"""Texts that go out together, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from evalharness.errors import ModelFailed
from evalharness.pooling import MOST_CHARACTERS, MOST_TEXTS, Pool


class Post:
    """Answers each text in capitals; a request that holds a bad one is refused as a whole. sent: every request."""

    def __init__(self, *bad: str, failure: ModelFailed | None = None) -> None:
        self.bad = bad
        self.failure = failure or ModelFailed("rejected", "status 400: a bad text")
        self.sent: list[tuple[str, ...]] = []

    async def __call__(self, texts: Sequence[str]) -> Sequence[str]:
        self.sent.append(tuple(texts))
        await asyncio.sleep(0)
        if set(self.bad) & set(texts):
            raise self.failure
        return [text.upper() for text in texts]


def asked(post: Post, *texts: str) -> list[str | BaseException]:
    async def ask() -> list[str | BaseException]:
        pool = Pool(post)
        return await asyncio.gather(*[asyncio.create_task(pool.get(text)) for text in texts], return_exceptions=True)

    return asyncio.run(ask())


def test_what_waits_at_the_same_time_is_one_request() -> None:
    post = Post()

    assert asked(post, "a", "b", "c") == ["A", "B", "C"]
    assert post.sent == [("a", "b", "c")]


def test_a_request_has_so_many_texts_and_characters_at_most() -> None:
    many, long = Post(), Post()
    texts = [str(number) for number in range(MOST_TEXTS + 1)]
    half = "x" * (MOST_CHARACTERS // 2)

    assert asked(many, *texts) == texts
    asked(long, half, half, "y", half * 3, "")

    assert [len(sent) for sent in many.sent] == [MOST_TEXTS, 1]
    assert [[len(text) for text in sent] for sent in long.sent] == [[len(half), len(half)], [1], [3 * len(half)], [0]]


def test_one_bad_text_costs_the_others_nothing() -> None:
    post = Post("c")

    a, b, c, d, e = asked(post, "a", "b", "c", "d", "e")

    assert [a, b, d, e] == ["A", "B", "D", "E"]
    assert c is post.failure
    assert post.sent == [("a", "b", "c", "d", "e"), ("a", "b"), ("c", "d", "e"), ("c",), ("d", "e")]


@pytest.mark.parametrize(
    "failure",
    [
        ModelFailed("limit", "status 429", again=True),
        ModelFailed("timeout", "no whole answer", again=True),
        ModelFailed("denied", "status 401", stops="run"),
        ModelFailed("gone", "status 404", stops="model"),
    ],
)
def test_what_is_no_fault_of_a_text_is_told_to_all_and_sent_once(failure: ModelFailed) -> None:
    post = Post("b", failure=failure)

    assert asked(post, "a", "b") == [failure, failure]
    assert post.sent == [("a", "b")]


def test_a_fault_of_another_kind_is_told_to_all_too() -> None:
    async def broken(texts: Sequence[str]) -> Sequence[str]:
        raise RuntimeError("a bug")

    async def ask() -> list[str | BaseException]:
        pool = Pool(broken)
        return list(await asyncio.gather(pool.get("a"), pool.get("b"), return_exceptions=True))

    assert [str(found) for found in asyncio.run(ask())] == ["a bug", "a bug"]


def test_who_no_longer_waits_is_not_asked_for() -> None:
    post = Post()

    async def ask() -> str:
        pool = Pool(post)
        one, other = (asyncio.create_task(pool.get(text)) for text in ("a", "b"))
        asyncio.get_running_loop().call_soon(one.cancel)
        return await other

    assert asyncio.run(ask()) == "B"
    assert post.sent == [("b",)]


def test_closing_ends_what_is_under_way() -> None:
    async def never(texts: Sequence[str]) -> Sequence[str]:
        await asyncio.Event().wait()
        return texts

    async def ask() -> asyncio.Task[str]:
        pool = Pool(never)
        task = asyncio.create_task(pool.get("a"))
        for _ in range(3):
            await asyncio.sleep(0)
        await pool.close()
        await asyncio.wait([task])
        return task

    assert asyncio.run(ask()).cancelled()
