"""A small chat server on this machine that answers as a script says, badly where the script says so.

    with Loopback(lambda seen: completion("Paris")) as server:
        ...  # ask server.url
    assert server.count == 1

It runs in a thread of its own, so that plain code can ask it. `python -m tests.loopback [--seconds S]` runs one in a
process of its own: it prints its URL, answers every question with its last message, and says at /count how many came.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

from evalharness.records import Payload, encode


@dataclass(frozen=True)
class Seen:
    """One request as it came. number: counts from 1; at: seconds on the monotonic clock."""

    number: int
    path: str
    headers: Mapping[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> Payload:
        """The JSON object that was sent."""
        body = json.loads(self.raw)
        assert isinstance(body, dict)
        return body

    @property
    def ask(self) -> str:
        """The last message."""
        messages = self.body["messages"]
        assert isinstance(messages, list)
        return str(messages[-1]["content"])


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    after: seconds until the first byte. drip: seconds between the bytes of the body, for a server that never ends.
    cut: the connection is reset after so many bytes of the body; 0 before anything is sent. raw: sent as it is instead
    of an HTTP answer, then the connection is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    drip: float | None = None
    cut: int | None = None
    raw: bytes | None = None


Script = Callable[[Seen], Reply]


def completion(text: str, *, finish: str = "stop", tokens: tuple[int, int] = (8, 4), **reply: float) -> Reply:
    """A well-formed answer; further fields are those of `Reply`."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "loopback",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }
    return Reply(body=encode(body).encode(), after=reply.get("after", 0.0))


def refusal(status: int, message: str = "no", headers: Mapping[str, str] | None = None, **error: str) -> Reply:
    """An error as such servers write it."""
    body = {"error": {"message": message, "type": error.get("type"), "code": error.get("code")}}
    return Reply(status, encode(body).encode(), headers or {})


def echo(seen: Seen) -> Reply:
    """Answers with the last message."""
    return completion(seen.ask)


class Loopback:
    """The server; a context manager. seen: every request in the order they came. most: the most under way at once."""

    def __init__(self, script: Script = echo, *, keeps: bool = True) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.count = 0
        self.under_way = 0
        self.most = 0
        self.url = ""
        self._keeps = keeps
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def start(self, port: int = 0) -> None:
        """Listens; `url` says where."""
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/count", self._count)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        """Closes every connection, also those whose answer is still being waited for."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self._runner.cleanup()

    async def _count(self, request: web.Request) -> web.Response:
        return web.json_response({"count": self.count, "most": self.most})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.count += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            seen = Seen(self.count, request.path, request.headers, await request.read(), time.monotonic())
            if self._keeps:
                self.seen.append(seen)
            reply = self.script(seen)
            if reply.after:
                await asyncio.sleep(reply.after)
            return await _answer(request, reply)
        finally:
            self.under_way -= 1


async def _answer(request: web.Request, reply: Reply) -> web.StreamResponse:
    if reply.raw is not None or reply.cut == 0:
        assert request.transport is not None
        request.transport.write(reply.raw or b"")
        (request.transport.close if reply.raw else request.transport.abort)()
        return web.Response()
    headers = {"content-type": "application/json", **reply.headers}
    if reply.cut is None and reply.drip is None:
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    answer = web.StreamResponse(status=reply.status, headers=headers)
    answer.content_length = len(reply.body)
    await answer.prepare(request)
    await answer.write(reply.body[: reply.cut] if reply.drip is None else b"")
    if reply.cut is not None:
        assert request.transport is not None
        request.transport.abort()
        return answer
    for byte in reply.body:
        await answer.write(bytes([byte]))
        await asyncio.sleep(reply.drip or 0.0)
    return answer


async def serve_alone(seconds: float) -> None:
    """Serves until the process is ended."""
    server = Loopback(lambda seen: completion(seen.ask, after=seconds), keeps=False)
    await server.start()
    print(server.url, flush=True)  # noqa: T201 - the caller reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=0.0, help="how long an answer takes")
    asyncio.run(serve_alone(options.parse_args().seconds))
