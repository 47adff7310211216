"""Answers flows on this machine: cache, single flight, retry, limits, many at once. Knows no suite and no scorer.

What is known (cached, or recorded) is answered by plain code; the event loop, and with it asyncio and any HTTP library,
is imported at the first question that must be asked. From then on one task wakes whenever an answer has come: it makes
what came durable in one transaction, hands it to the flows that wait, and sends what may be sent. So an answer is never
counted before it is on disk, and at most the questions under way are lost when the process is killed.

A flow that lets an exception out ends without a result, and its siblings go on. An `EvalError` out of a flow, or any
exception out of `finished`, stops the run: nothing more is sent, what is under way is kept, then it is raised. Any other
exception, `ModelFailed` too, is a fault of that flow alone, and is raised when the others are done.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import islice
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from evalharness.cache import Cache
from evalharness.errors import EvalError, ModelFailed
from evalharness.flow import Answer, Flow
from evalharness.limits import Budget, Lane, Question
from evalharness.models.base import Model
from evalharness.records import Failure, FailureKind, Request, Response, Tally, Usage

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

WINDOW = 256
"""Flows pulled from the plan and looked up together."""
MOST_ALIVE = 4 * WINDOW
"""Flows under way at a time; more would only fill memory."""
LOCKED_PAUSE = 0.02
"""Seconds until a cache that another process writes to is tried again."""
ELSEWHERE_PAUSE = 0.05
"""Seconds between looks for an answer that another process is waiting for."""
GRACE = 10.0
"""Seconds that what is under way is waited for after the first signal."""

CacheMode: TypeAlias = Literal["use", "only", "refresh", "off"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take.

    at_once: requests under way at a time, over all models; None leaves it to each model. budget_usd: what may be spent;
    it is never exceeded by more than what is under way. deadline_seconds: after which nothing is asked or waited for.
    cache: `only` asks nothing (what is not known is a failure of kind `missing`), `refresh` asks everything again and
    keeps the newer answers, `off` neither reads nor keeps.
    """

    at_once: int | None = None
    budget_usd: float | None = None
    deadline_seconds: float | None = None
    cache: CacheMode = "use"


class Watch(Protocol):
    """Is told how a run goes on: once an answer is durable, once a flow has ended."""

    def planned(self, flows: int | None) -> None:
        """How many flows there are, where that is known; told once, first."""

    def answered(self, *, cached: bool, usd: float | None) -> None:
        """A question has its answer; usd: what it took, 0 where it was known, None where there is no price."""

    def failed(self, kind: FailureKind) -> None:
        """A question was given up."""

    def finished(self) -> None:
        """A flow has ended."""

    def note(self, text: str) -> None:
        """Something the user should know, in one line."""


class Silent:
    """A watch that says nothing."""

    def planned(self, flows: int | None) -> None:
        """Says nothing."""

    def answered(self, *, cached: bool, usd: float | None) -> None:
        """Says nothing."""

    def failed(self, kind: FailureKind) -> None:
        """Says nothing."""

    def finished(self) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


SILENT = Silent()


class Interrupted(EvalError):
    """A signal ended the run early. What was answered is kept; `tallies` says what it took, by model."""

    def __init__(self, number: int, tallies: Mapping[str, Tally]) -> None:
        word = "terminated" if number == signal.SIGTERM else "interrupted"
        super().__init__(word, "what was answered is kept; run again to ask only what is missing")
        self.exit_code = 128 + number
        self.tallies = tallies


def run(
    flows: Iterable[Flow[T]],
    models: Mapping[str, Model],
    *,
    cache: Cache | None,
    limits: Limits,
    finished: Callable[[int, T], None],
    watch: Watch = SILENT,
) -> dict[str, Tally]:
    """Runs every flow to its end; says what it took, by the model's name.

    models: those that flows ask, by `ModelRef.name`. finished: gets each flow's place in the plan and its result, in the
    order of their ends, once the answers it rests on are durable.

    Raises `Interrupted` after SIGINT or SIGTERM: the first waits for what is under way, 10 s at most, the second does
    not; `ModelFailed` where a key is refused; `CacheError` where answers cannot be kept; `EvalError` for a budget where
    a model has no price. Must not be called where an event loop runs: see `arun`.
    """
    work = _Work(flows, models, cache, limits, finished, watch)
    with _Signals(work.interrupt) as signals:
        try:
            if work.go_as_far_as_known():
                import asyncio

                asyncio.run(work.go())
        except KeyboardInterrupt:
            raise Interrupted(signals.number or signal.SIGINT, work.tallies()) from None
    return work.ended()


async def arun(
    flows: Iterable[Flow[T]],
    models: Mapping[str, Model],
    *,
    cache: Cache | None,
    limits: Limits,
    finished: Callable[[int, T], None],
    watch: Watch = SILENT,
) -> dict[str, Tally]:
    """The same as `run` on the caller's event loop. Signals are the caller's: a cancelled call keeps what is durable."""
    work = _Work(flows, models, cache, limits, finished, watch)
    if work.go_as_far_as_known():
        await work.go()
    return work.ended()


@dataclass(slots=True, eq=False)
class _Walk(Generic[T]):
    """A flow under way, and the round it waits for."""

    flow: Flow[T]
    place: int
    answers: list[Answer | None] | None = None
    missing: int = 0

    def take(self, place: int, answer: Answer) -> bool:
        """True when this answer completes the round."""
        assert self.answers is not None
        self.answers[place] = answer
        self.missing -= 1
        return not self.missing


_Asked: TypeAlias = "tuple[_Walk[T], int, Request, Model, str]"


class _Work(Generic[T]):
    """One run: the plan, the flows under way, and what is asked of each model."""

    def __init__(
        self,
        flows: Iterable[Flow[T]],
        models: Mapping[str, Model],
        cache: Cache | None,
        limits: Limits,
        finished: Callable[[int, T], None],
        watch: Watch,
    ) -> None:
        _check_budget(limits, models)
        self.plan = enumerate(flows)
        self.models = models
        self.limits = limits
        self.cache = cache if limits.cache != "off" else None
        self.finished = finished
        self.watch = watch
        self.began = time.monotonic()
        self.took = dict.fromkeys(models, Tally())
        self.budget = Budget(limits.budget_usd)
        self.lanes: dict[str, Lane[_Walk[T]]] = {}
        self.asked: dict[str, Question[_Walk[T]]] = {}  # from queueing to the answer
        self.elsewhere: dict[str, Question[_Walk[T]]] = {}  # which another process is asking
        self.done: list[Question[_Walk[T]]] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.planned_all = False
        self.alive = 0
        self.signal = 0
        self.stopping = False
        self.halted: Failure | None = None
        self.error: Exception | None = None
        self.broken: list[Exception] = []
        watch.planned(len(flows) if hasattr(flows, "__len__") else None)

    # --- plain code: what is known ------------------------------------------------------------------------------------

    def go_as_far_as_known(self) -> bool:
        """Runs flows until a question must be asked; False when all are done without."""
        while not self.waiting() and not self.stopping and self.pull():
            pass
        return self.waiting() and not self.stopping

    def waiting(self) -> bool:
        """Whether a question is to be asked."""
        return any(lane.waiting for lane in self.lanes.values())

    def pull(self) -> bool:
        """Starts a window of the plan's flows."""
        window = [_Walk(flow, place) for place, flow in islice(self.plan, WINDOW)]
        self.planned_all = len(window) < WINDOW
        self.alive += len(window)
        self.advance(window)
        return bool(window)

    def advance(self, walks: list[_Walk[T]]) -> None:
        """Steps flows as far as their questions are known, and queues the others."""
        while walks:
            asked = [each for walk in walks for each in self.step(walk)]
            known = self.known(asked)
            walks = []
            for walk, place, request, model, key in asked:
                response = self.read(model, known.get(key))
                if response is not None:
                    self.count(request, response, cached=True)
                answer = response or self.queue(walk, place, request, model, key)
                if answer is not None and walk.take(place, answer):
                    walks.append(walk)

    def step(self, walk: _Walk[T]) -> list[_Asked[T]]:
        """The flow's next round; none when it has ended."""
        try:
            flow = walk.flow
            asked = next(flow) if walk.answers is None else flow.send(_whole(walk.answers))
            while not asked:
                asked = flow.send(())
            walk.answers, walk.missing = [None] * len(asked), len(asked)
            return [
                (walk, place, request, self.models[request.model.name], request.key())
                for place, request in enumerate(asked)
            ]
        except StopIteration as end:
            self.end(walk, end.value)
        except Exception as error:  # third parties write flows too, and one must not end the others
            self.alive -= 1
            if isinstance(error, EvalError) and not isinstance(error, ModelFailed):
                self.stop(error)
            else:
                self.broken.append(error)
        return []

    def end(self, walk: _Walk[T], result: T) -> None:
        """The flow has its result, and all answers it rests on are durable."""
        self.alive -= 1
        try:
            self.finished(walk.place, result)
        except Exception as error:  # whatever the caller's code raises, what is under way is kept first
            self.stop(error)
        else:
            self.watch.finished()

    def known(self, asked: list[_Asked[T]]) -> dict[str, str]:
        """The texts that need no asking, by key."""
        recorded = ((key, model.known(request)) for _, _, request, model, key in asked)
        found = {key: text for key, text in recorded if text is not None}
        if self.cache is not None and self.limits.cache != "refresh":
            keys = [key for _, _, _, model, key in asked if model.keeps and key not in found]
            if keys:
                found.update(self.cache.look_up(keys))
        return found

    def read(self, model: Model, text: str | None) -> Response | None:
        """A known answer; None where there is none, or it cannot be read (any more), so that it is asked for."""
        if text is None:
            return None
        try:
            response = model.read(text)
        except Exception:  # whatever a model makes of a text from disk, it is a miss
            return None
        return response if model.keep(response) else None

    def queue(self, walk: _Walk[T], place: int, request: Request, model: Model, key: str) -> Failure | None:
        """Has the question asked, once for all who wait for it; a failure where nothing is asked (any more)."""
        lane = self.lane(request.model.name, model)
        failure = self.halted or lane.stopped
        if self.limits.cache == "only":
            failure = Failure("missing", "no answer to this question is known, and none may be asked for", 0)
        if failure is not None:
            self.count(request, failure)
            return replace(failure, tries=0)
        question = self.asked.get(key)
        if question is None:
            question = self.asked[key] = Question(key, request, lane, [])
            lane.open.append(question)
        question.waiters.append((walk, place))
        return None

    def lane(self, name: str, model: Model) -> Lane[_Walk[T]]:
        if name not in self.lanes:
            at_once = model.arm.at_once or self.limits.at_once or model.at_once
            self.lanes[name] = Lane(model, min(at_once, self.limits.at_once or at_once))
        return self.lanes[name]

    # --- the event loop: what must be asked ---------------------------------------------------------------------------

    async def go(self) -> None:
        """Asks until every flow has ended, or the run is stopped."""
        import asyncio

        self.asyncio = asyncio
        self.loop = loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        self.news.set()
        self.timer = loop.call_later(0, self.news.set)
        self.clock_from = loop.time() - (time.monotonic() - self.began)
        if self.limits.deadline_seconds is not None:
            loop.call_at(self.clock_from + self.limits.deadline_seconds, self.expire, self.limits.deadline_seconds)
        if self.signal:
            self.wind_down()
        async with AsyncExitStack() as stack:
            opened: set[str] = set()
            try:
                while not self.over():
                    await self.news.wait()
                    self.news.clear()
                    for name in self.lanes.keys() - opened:
                        opened.add(name)
                        await stack.enter_async_context(self.models[name])
                    self.turn()
            finally:
                self.timer.cancel()
                await self.cut_off(Failure("stopped", "the run was ended"))

    def over(self) -> bool:
        """Whether nothing is left to do, or to wait for."""
        if self.tasks or self.done:
            return False
        return self.stopping or (self.planned_all and not self.asked)

    def turn(self) -> None:
        """What came since the last turn is made durable, then handed on; then what may be sent is sent."""
        assert self.loop is not None
        if self.cache is not None and not self.cache.commit():
            self.wake_in(LOCKED_PAUSE)
            return
        self.settle()
        if self.stopping:
            return
        if self.elsewhere:
            self.look_elsewhere()
        if not self.planned_all and self.hungry():
            self.pull()
            self.news.set()  # a window that was known leaves room for the next; let the others breathe
        self.send()

    def settle(self) -> None:
        """Hands out the answers that are durable."""
        done, self.done = self.done, []
        walks = []
        for question in done:
            answer = question.answer
            assert answer is not None
            question.lane.free(question)
            del self.asked[question.key]
            if question.claimed and self.cache is not None:
                self.cache.release(question.key)
            cached = question.known
            for walk, place in question.waiters:
                self.count(question.request, answer, cached=cached, usd=question.usd)
                cached = True
                if walk.take(place, answer):
                    walks.append(walk)
        self.advance(walks)

    def hungry(self) -> bool:
        """Whether a lane has less to do than it could."""
        if self.alive >= MOST_ALIVE:
            return False
        lanes = [lane for lane in self.lanes.values() if not lane.stopped]
        return not lanes or any(len(lane.open) < lane.at_once for lane in lanes)

    def send(self) -> None:
        """Sends what the limits allow, and sees to it that this is looked at again when they allow more."""
        assert self.loop is not None
        now = self.loop.time()
        soonest = math.inf
        picked: list[Question[_Walk[T]]] = []
        lanes = sorted(self.lanes.values(), key=lambda lane: lane.in_flight)
        for lane in lanes:
            while lane.waiting and not lane.stopped and not self.full(lanes):
                wait = lane.ready(now)
                if wait:
                    soonest = min(soonest, wait)
                if wait != 0 or not self.affords(lane):
                    break
                question = lane.take(now)
                if self.claims(question):
                    self.budget.reserved += question.usd
                    picked.append(question)
            if lane.stopped:
                self.drop(lane, lane.stopped)
        for question in self.not_yet_known(picked):
            self.tasks[question.key] = self.loop.create_task(self.ask(question))
        if self.elsewhere:
            soonest = min(soonest, ELSEWHERE_PAUSE)
        if soonest < math.inf:
            self.wake_in(soonest)

    def full(self, lanes: list[Lane[_Walk[T]]]) -> bool:
        """Whether as much is under way as the run may have."""
        return self.limits.at_once is not None and sum(lane.in_flight for lane in lanes) >= self.limits.at_once

    def affords(self, lane: Lane[_Walk[T]]) -> bool:
        """Whether the budget has room for the lane's next question; where it will never have, the lane is stopped."""
        usd = lane.open[0].usd
        if self.budget.allows(usd):
            return True
        if not self.budget.reserved:
            spent, most = self.budget.spent, self.budget.most
            lane.stopped = Failure("budget", f"{spent:.4f} USD of {most:g} are spent, and one more may take {usd:.4f}", 0)
        return False

    async def ask(self, question: Question[_Walk[T]]) -> None:
        """Asks once."""
        lane = question.lane
        model = lane.model
        try:
            async with self.asyncio.timeout(lane.seconds):
                text = await model.fetch(question.request)
            response = model.read(text)
        except ModelFailed as error:
            self.refused(question, error)
        except TimeoutError:
            error = ModelFailed("timeout", f"no whole answer within {lane.seconds:g} s", again=True)
            self.refused(question, error)
        except self.asyncio.CancelledError:
            self.give_up(question, self.halted or Failure("stopped", "the run was ended", question.sent + 1))
        except Exception as error:  # third parties write models too: one that is faulty gives no answer
            self.refused(question, ModelFailed("invalid", f"{type(error).__name__}: {error}"))
        else:
            self.accept(question, text, response)
        finally:
            del self.tasks[question.key]
            self.tally(question.request, sent=1)
            self.news.set()

    def accept(self, question: Question[_Walk[T]], text: str, response: Response) -> None:
        lane = question.lane
        lane.answered(question, response.usage)
        lane.told(self.now())
        usd = lane.cost(question, response.usage)
        self.budget.reserved -= question.usd
        self.budget.spent += usd
        question.usd = usd
        self.tally(question.request, usage=response.usage, usd=usd)
        if self.cache is not None and lane.model.keeps and lane.model.keep(response):
            self.cache.put(question.key, text, question.request)
        question.answer = response
        self.done.append(question)

    def refused(self, question: Question[_Walk[T]], error: ModelFailed) -> None:
        lane = question.lane
        now = self.now()
        lane.told(now)
        self.budget.reserved -= question.usd
        if error.kind in ("invalid", "timeout"):  # which may have been billed all the same
            self.budget.spent += question.usd
            self.tally(question.request, usd=question.usd)
        if error.stops == "run":
            self.deny(question, error)
        failure = lane.refused(question, error, now, self.patience(now))
        if failure is not None:
            self.give_up(question, failure)
        if lane.stopped:
            self.drop(lane, lane.stopped)

    def deny(self, question: Question[_Walk[T]], error: ModelFailed) -> None:
        """What ends the run: a key that is refused is raised; else what is left fails as this question did."""
        if error.kind == "denied":
            self.stop(ModelFailed("denied", f"model '{question.request.model.name}': {error.what}", stops="run"))
            return
        self.halted = Failure(failure_word(error), error.what, 0)
        for lane in self.lanes.values():
            self.drop(lane, self.halted)

    def give_up(self, question: Question[_Walk[T]], failure: Failure) -> None:
        question.answer = failure
        self.done.append(question)

    def drop(self, lane: Lane[_Walk[T]], failure: Failure) -> None:
        """Nothing more is asked of this model."""
        for question in lane.rest():
            self.give_up(question, replace(failure, tries=question.sent))
