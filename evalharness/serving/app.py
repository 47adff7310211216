"""The HTTP side: addresses to what answers them, errors to their bodies, and a server that runs in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias
from urllib.parse import urlsplit

from evalharness.addresses import is_own
from evalharness.errors import EvalError
from evalharness.records import Payload, encode
from evalharness.serving import chat, embeddings, training
from evalharness.serving.batches import Batches
from evalharness.serving.brain import Brain
from evalharness.serving.filing import LARGEST, Files, Page
from evalharness.serving.jobs import Jobs, Rooms
from evalharness.serving.misbehaviour import Habit, Temper
from evalharness.serving.models import Models
from evalharness.serving.refusals import Refused, broken, busy, no_url, wrong
from evalharness.serving.shelf import Shelf, digest

if TYPE_CHECKING:
    import asyncio

    from aiohttp import web
    from aiohttp.typedefs import Middleware

    Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLACK = 2**20
"""Bytes of an upload's form beside its file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server listens and keeps what it has, and how it behaves. port: 0 for a free one. shutdown: a date that
    its models announce. now: seconds since 1970, for tests. note: is told what went wrong inside."""

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    temper: Temper = field(default_factory=lambda: Temper(()))
    shutdown: str | None = None
    now: Callable[[], float] = time.time
    note: Callable[[str], None] = lambda text: None


class App:
    """Everything behind the addresses of one server."""

    def __init__(self, brain: Brain, settings: Settings) -> None:
        self._brain = brain
        self._settings = settings
        self._shelf = Shelf(settings.state)
        self.files = Files(self._shelf, settings.now)
        self.models = Models(brain, self._shelf, settings.now, settings.shutdown)
        rooms = Rooms(brain, self._shelf, self.files, self.models, settings.now)
        self.jobs = Jobs(rooms)
        self.batches = Batches(rooms, lambda body: self._answer(body).whole())
        self._minds = ThreadPoolExecutor(1, "chat")  # one at a time: a brain is busy with one question on one core
        self._work = training.train(self.jobs, rooms)
        self._requests = 0

    def start(self) -> None:
        """Begins to work on jobs and batches, also those that a server before left."""
        self.jobs.start(self._work)
        self.batches.start()

    def close(self) -> None:
        """Ends all work; what is not done is done by the next server."""
        self.jobs.stop()
        self.batches.stop()
        self._minds.shutdown()
        self._shelf.close()

    def application(self) -> web.Application:
        """The application, without a socket."""
        from aiohttp import web

        app = web.Application(client_max_size=LARGEST + SLACK, middlewares=[_middleware(self._guarded)])
        add = app.router.add_route
        add("POST", "/v1/chat/completions", self._chat)
        add("POST", "/v1/embeddings", self._embed)
        add("GET", "/v1/models", self._answering(lambda _: {"object": "list", "data": self.models.all()}))
        add("GET", "/v1/models/{id}", self._answering(lambda seen: self.models.one(_id(seen))))
        add("DELETE", "/v1/models/{id}", self._answering(lambda seen: self.models.forget(_id(seen))))
        add("POST", "/v1/files", self._upload)
        add("GET", "/v1/files", self._answering(self._list_files))
        add("GET", "/v1/files/{id}", self._answering(lambda seen: self.files.one(_id(seen))))
        add("DELETE", "/v1/files/{id}", self._answering(lambda seen: self.files.forget(_id(seen))))
        add("GET", "/v1/files/{id}/content", self._content)
        jobs = "/v1/fine_tuning/jobs"
        add("POST", jobs, self._posting(self.jobs.create))
        add("GET", jobs, self._answering(lambda seen: self.jobs.all(_page(seen, 20), _metadata(seen))))
        add("GET", f"{jobs}/{{id}}", self._answering(lambda seen: self.jobs.one(_id(seen))))
        add("POST", f"{jobs}/{{id}}/cancel", self._answering(lambda seen: self.jobs.cancel(_id(seen))))
        add("GET", f"{jobs}/{{id}}/events", self._answering(lambda seen: self.jobs.events(_id(seen), _page(seen, 20))))
        add("GET", f"{jobs}/{{id}}/checkpoints", self._answering(self._list_checkpoints))
        add("POST", "/v1/batches", self._posting(self.batches.create))
        add("GET", "/v1/batches", self._answering(lambda seen: self.batches.all(_page(seen, 20))))
        add("GET", "/v1/batches/{id}", self._answering(lambda seen: self.batches.one(_id(seen))))
        add("POST", "/v1/batches/{id}/cancel", self._answering(lambda seen: self.batches.cancel(_id(seen))))
        return app

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Errors as clients know them; nothing for a web page; tricks where they were asked for."""
        from aiohttp import web

        self._requests += 1
        headers = {"x-request-id": f"req_{digest(self._requests)[:24]}"}
        try:
            self._refuse_pages(request)
            habit = self._settings.temper.next()
            if habit and habit.trick == "reset":
                return _cut(request)
            if habit:
                await _trick(habit)
            answer = await handler(request)
            if habit and habit.trick == "lost":
                return _cut(request)
        except Refused as refused:
            return _json(refused.status, refused.body, {**headers, **refused.headers})
        except web.HTTPRequestEntityTooLarge:
            return _json(413, Refused(413, "The request is too large.").body, headers)
        except web.HTTPMethodNotAllowed as error:
            what = f"Not allowed to {request.method} on {request.path}."
            return _json(405, Refused(405, what).body, {**headers, "allow": ", ".join(sorted(error.allowed_methods))})
        except web.HTTPNotFound:
            return _json(404, no_url(request.method, request.path).body, headers)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:  # a brain or a disk may fail as it likes: this answer fails, the server goes on
            self._settings.note(f"{request.method} {request.path} failed: {type(error).__name__}: {error}")
            return _json(500, broken().body, headers)
        if not answer.prepared:
            answer.headers.update(headers)
        return answer

    def _refuse_pages(self, request: web.Request) -> None:
        """A web page that somebody looks at must not be able to use this server, by whatever name it reaches it."""
        named = urlsplit(f"//{request.host}").hostname or ""
        if request.headers.get("origin") or (is_own(self._settings.host) and not is_own(named)):
            raise Refused(403, "This server answers programs on its own machine, not web pages.")

    def _answering(self, give: Callable[[web.Request], Payload]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return _json(200, encode(give(request)).encode("ascii"))

        return handler

    def _posting(self, create: Callable[[bytes], Payload]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return _json(200, encode(create(await request.read())).encode("ascii"))

        return handler

    def _answer(self, body: bytes) -> chat.Answer:
        return chat.answer(self._brain, chat.wish(body, self.models), int(self._settings.now()))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        import asyncio

        from aiohttp import web

        body = await request.read()
        answer = await asyncio.get_running_loop().run_in_executor(self._minds, self._answer, body)
        if not answer.wish.streams:
            return _json(200, encode(answer.whole()).encode("ascii"))
        stream = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await stream.prepare(request)
        for piece in answer.pieces():
            await stream.write(f"data: {encode(piece)}\n\n".encode("ascii"))
        await stream.write(b"data: [DONE]\n\n")
        return stream

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        import asyncio

        answer = partial(embeddings.answer, self._brain, await request.read(), self.models)
        vectors = await asyncio.get_running_loop().run_in_executor(self._minds, answer)
        return _json(200, encode(vectors).encode("ascii"))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        import asyncio

        from aiohttp import web

        try:
            form = await request.post()
        except ValueError:
            raise wrong("The form of this upload cannot be read.") from None
        file, purpose = form.get("file"), form.get("purpose")
        if not isinstance(file, web.FileField):
            raise wrong("Missing required parameter: 'file'.", "file", "missing_required_parameter")
        if not isinstance(purpose, str):
            raise wrong("Missing required parameter: 'purpose'.", "purpose", "missing_required_parameter")
        seconds = form.get("expires_after[seconds]")
        span = int(seconds) if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() else None
        if seconds is not None and (span is None or not 3600 <= span <= 2_592_000):
            what = "Invalid 'expires_after.seconds': expected an integer from 3600 to 2592000."
            raise wrong(what, "expires_after.seconds")
        with file.file as body:
            content = body.read()
        take = partial(self.files.upload, file.filename, purpose, content, span)
        return _json(200, encode(await asyncio.to_thread(take)).encode("ascii"))

    def _list_files(self, request: web.Request) -> Payload:
        return self.files.all(_page(request, 10_000), request.query.get("purpose"))

    def _list_checkpoints(self, request: web.Request) -> Payload:
        return self.jobs.checkpoints(_id(request), _page(request, 10))

    async def _content(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        content = self.files.content(_id(request))
        return web.Response(body=content, headers={"content-type": "application/octet-stream"})


class Server:
    """A server in a thread of its own; a context manager. url: where it listens, up to and with `/v1`."""

    def __init__(self, brain: Brain, settings: Settings) -> None:
        self._app = App(brain, settings)
        self._settings = settings
        self._ready = threading.Event()
        self._failed: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            self._app.close()
            reason = self._failed.strerror or str(self._failed)
            place = f"{self._settings.host}:{self._settings.port}"
            raise EvalError(f"{place}: {reason[:1].lower()}{reason[1:]}", "--port 0 takes a free port") from None
        self._app.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._app.close()

    def _run(self) -> None:
        import asyncio

        from aiohttp import web

        loop = self._loop = asyncio.new_event_loop()
        runner = web.AppRunner(self._app.application(), access_log=None, shutdown_timeout=1.0)
        try:
            loop.run_until_complete(runner.setup())
            site = web.TCPSite(runner, self._settings.host, self._settings.port)
            loop.run_until_complete(site.start())
            host, port = runner.addresses[0][:2]
            self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        except OSError as error:
            self._failed = error
        self._ready.set()
        if self._failed is None:
            loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _middleware(guarded: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]) -> Middleware:
    from aiohttp import web

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guarded(request, handler)

    return around


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> web.Response:
    from aiohttp import web

    return web.Response(status=status, body=body, headers={"content-type": "application/json", **(headers or {})})


async def _trick(habit: Habit) -> None:
    """What happens to a request before it is looked at."""
    import asyncio

    if habit.trick == "429":
        raise busy(habit.seconds)
    if habit.trick == "slow":
        await asyncio.sleep(habit.seconds)
    elif habit.trick.startswith("5"):
        raise broken(int(habit.trick))


def _cut(request: web.Request) -> web.Response:
    """Resets the connection: the client sees no answer, whatever was done."""
    from aiohttp import web

    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _id(request: web.Request) -> str:
    return request.match_info["id"]


def _page(request: web.Request, usual: int) -> Page:
    given = request.query.get("limit", str(usual))
    most = max(usual, 100)
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        raise wrong(f"Invalid 'limit': expected an integer from 1 to {most}.", "limit")
    return Page(int(given), request.query.get("after"), request.query.get("order", "desc") != "asc")


def _metadata(request: web.Request) -> Payload:
    """`metadata[name]=value`, as the official client spells it in an address."""
    start = "metadata["
    return {name[len(start) : -1]: value for name, value in request.query.items() if name.startswith(start)}
