"""Texts that wait at the same time go out together, and what is wrong with one costs the others nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from evalharness.errors import ModelFailed

if TYPE_CHECKING:
    import asyncio

MOST_TEXTS = 128
MOST_CHARACTERS = 200_000
"""Of one request: below what hosted services take (2,048 texts, 300,000 tokens), and so that long vectors of all of
them fit into the largest answer that is read. A longer text goes alone."""

DIVIDED = ("rejected", "invalid")
"""Failures that may be those of a single text, so that the others are asked without it."""

Waiter: TypeAlias = "tuple[str, asyncio.Future[str]]"


class Pool:
    """Joins texts into requests. post: sends several texts and gives an answer for each, in their order; it raises
    `ModelFailed` where it cannot.

    A request is sent once every task that is ready has asked. One that is refused, or answered with nonsense, is sent
    again in two halves until the text at fault stands alone; any other failure is that of every text in it, and
    nothing is sent again.
    """

    def __init__(self, post: Callable[[Sequence[str]], Awaitable[Sequence[str]]]) -> None:
        self._post = post
        self._waiting: list[Waiter] = []
        self._sent: set[asyncio.Task[None]] = set()

    async def get(self, text: str) -> str:
        """The answer to one text."""
        import asyncio

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        self._waiting.append((text, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._send)
        return await answer

    async def close(self) -> None:
        """Ends what is under way."""
        import asyncio

        tasks = list(self._sent)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _send(self) -> None:
        import asyncio

        waiting = [(text, answer) for text, answer in self._waiting if not answer.done()]
        self._waiting = []
        for batch in _batches(waiting):
            task = asyncio.get_running_loop().create_task(self._serve(batch))
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)

    async def _serve(self, batch: Sequence[Waiter]) -> None:
        """Answers those who still wait; a waiter always hears something."""
        batch = [(text, answer) for text, answer in batch if not answer.done()]
        if not batch:
            return
        try:
            for (_, answer), found in zip(batch, await self._post([text for text, _ in batch]), strict=True):
                if not answer.done():
                    answer.set_result(found)
        except ModelFailed as failed:
            if len(batch) > 1 and failed.kind in DIVIDED and not failed.again and not failed.stops:
                half = len(batch) // 2
                await self._serve(batch[:half])
                await self._serve(batch[half:])
            else:
                _fail(batch, failed)
        except Exception as error:  # a fault of ours is told to those who wait, as if each had asked alone
            _fail(batch, error)
        except BaseException:
            for _, answer in batch:
                answer.cancel()
            raise


def _batches(waiting: Sequence[Waiter]) -> list[list[Waiter]]:
    batches: list[list[Waiter]] = []
    size = 0
    for waiter in waiting:
        size += len(waiter[0])
        if not batches or size > MOST_CHARACTERS or len(batches[-1]) == MOST_TEXTS:
            batches.append([])
            size = len(waiter[0])
        batches[-1].append(waiter)
    return batches


def _fail(batch: Sequence[Waiter], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
