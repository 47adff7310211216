"""A model that does what a test says, and a clock that never waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from evalharness.cache import Cache
from evalharness.config import Arm, Price
from evalharness.engine import SILENT, Limits, Watch, arun, run
from evalharness.errors import ModelFailed
from evalharness.flow import Answer, Flow, ask, ask_all
from evalharness.models.base import Model
from evalharness.protocol import Allowance
from evalharness.records import Failure, Message, ModelRef, Origin, Outcome, Request, Response, Tally, Usage

T = TypeVar("T")

ARM = Arm(ModelRef("tuned", "openai:tuned", base_url="http://127.0.0.1:9/v1"), at_once=4)

NO_LIMITS = Limits()


class Fake(Model):
    """Answers with what `reply` returns or awaits; an answer that begins with `#` is none.

    asked: every request that went out; most: the most that were under way at once.
    """

    def __init__(self, reply: Callable[[Request], str | Awaitable[str]], arm: Arm = ARM) -> None:
        super().__init__(arm)
        self.reply = reply
        self.asked: list[Request] = []
        self.under_way = 0
        self.most = 0
        self.tokens = Usage(10, 5)
        self.outcome: Outcome = "answered"
        self.opened = 0

    async def __aenter__(self) -> Fake:
        self.opened += 1
        return self

    async def fetch(self, request: Request) -> str:
        self.asked.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            reply = self.reply(request)
            if isinstance(reply, str):
                await asyncio.sleep(0)
                return reply
            return await reply
        finally:
            self.under_way -= 1

    def read(self, text: str) -> Response:
        if text.startswith("#"):
            raise ModelFailed("invalid", f"no answer: {text}", again=True)
        return Response(text, self.outcome, self.tokens)


def question(text: str, *, sample: int = 0, ref: ModelRef = ARM.ref, case: str = "") -> Request:
    """A request of one message."""
    return Request(ref, (Message("user", text),), sample=sample, origin=Origin(case, 1) if case else None)


def one(text: str, **fields: object) -> Flow[Answer]:
    """A flow of one question, whose result is the answer or the failure."""
    (answer,) = yield from ask_all(replace(question(text), **fields))  # type: ignore[arg-type] # by test
    return answer


def talk(*asks: str) -> Flow[tuple[str, ...]]:
    """A conversation: every question holds the replies before it."""
    said: tuple[Message, ...] = ()
    for text in asks:
        response = yield from ask(Request(ARM.ref, (*said, Message("user", text))))
        said = (*said, Message("user", text), Message("assistant", response.text))
    return tuple(message.content for message in said)


@dataclass
class Done:
    """What a run gave: results by the flow's place, what it took, and seconds of the virtual clock."""

    results: dict[int, Answer]
    tally: Tally
    seconds: float = 0.0

    @property
    def texts(self) -> list[str]:
        """What was answered, in the order of the plan; failures by their kind."""
        answers = [self.results[place] for place in sorted(self.results)]
        return [answer.kind if isinstance(answer, Failure) else answer.text for answer in answers]


def asked(
    model: Model,
    flows: Iterable[Flow[Answer]],
    cache: Cache | None = None,
    limits: Limits = NO_LIMITS,
    watch: Watch = SILENT,
) -> Done:
    """Runs flows of one model."""
    results: dict[int, Answer] = {}
    name = model.ref.name
    took = run(flows, {name: model}, cache=cache, limits=limits, finished=results.__setitem__, watch=watch)
    return Done(results, took[name])


def asked_in_no_time(
    model: Model, flows: Iterable[Flow[Answer]], limits: Limits = NO_LIMITS, cache: Cache | None = None
) -> Done:
    """The same on a clock that jumps to whatever is waited for."""
    results: dict[int, Answer] = {}
    name = model.ref.name
    work = arun(flows, {name: model}, cache=cache, limits=limits, finished=results.__setitem__)
    took, seconds = in_no_time(work)
    return Done(results, took[name], seconds)


def in_no_time(work: Coroutine[object, object, T]) -> tuple[T, float]:
    """The result, and the seconds it would have taken."""
    with asyncio.Runner(loop_factory=Jumping) as runner:
        result = runner.run(work)
        return result, runner.get_loop().time()


class Jumping(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps; to wait for what nothing will bring is an error, not a hang."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(_Jumper(self))

    def time(self) -> float:
        return self.seconds


class _Jumper(selectors.SelectSelector):
    def __init__(self, loop: Jumping) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        if not ready and timeout:
            self.loop.seconds += timeout
        return ready


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


class Windows:
    """A server's limit by windows: so many requests in each, then 429 until the next begins."""

    def __init__(self, most: int, seconds: float, latency: float, *, says: bool) -> None:
        self.most, self.seconds, self.latency, self.says = most, seconds, latency, says
        self.taken: dict[int, int] = {}
        self.refused = 0

    async def answer(self, request: Request) -> str:
        window, into = divmod(now(), self.seconds)
        if self.taken.get(int(window), 0) >= self.most:
            self.refused += 1
            await asyncio.sleep(0.01)
            wait = self.seconds - into if self.says else None
            raise ModelFailed("limit", "status 429", again=True, wait=wait)
        self.taken[int(window)] = self.taken.get(int(window), 0) + 1
        await asyncio.sleep(self.latency)
        return "yes"


class Leak:
    """A server's limit by credit: it comes back steadily, and every answer says how much there is."""

    def __init__(self, most: int, a_second: float, latency: float, *, says: bool) -> None:
        self.most, self.a_second, self.latency, self.says = most, a_second, latency, says
        self.model: Fake | None = None
        self.level, self.at = float(most), 0.0
        self.refused = 0

    async def answer(self, request: Request) -> str:
        self.level = min(self.most, self.level + (now() - self.at) * self.a_second)
        self.at = now()
        granted = self.level >= 1
        self.level -= granted
        left = int(self.level)
        reset = (self.most - self.level) / self.a_second
        await asyncio.sleep(self.latency if granted else 0.01)
        if self.says and self.model is not None:
            self.model.allowance = Allowance(requests=self.most, requests_left=left, requests_reset=reset)
        if not granted:
            self.refused += 1
            raise ModelFailed("limit", "status 429", again=True)
        return "yes"


def priced(usd_in: float, usd_out: float, **fields: object) -> Arm:
    """The arm with a price in USD a million tokens."""
    return replace(ARM, price=Price(usd_in, usd_out), **fields)  # type: ignore[arg-type] # by test


def keep(cache: Cache, *texts: str) -> None:
    """Has the answers to these questions on disk."""
    for text in texts:
        cache.put(question(text).key(), f"answer to {text}", question(text))
    assert cache.commit()


def found(cache: Cache, *texts: str) -> list[str | None]:
    """The answers that are known, None for each that is not."""
    known = cache.look_up(question(text).key() for text in texts)
    return [known.get(question(text).key()) for text in texts]
