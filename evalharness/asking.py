"""The fan-out: asks the questions that nobody knows the answer to, many at once, each as often as it takes.

One task wakes whenever an answer has come: it makes what came durable in one transaction, hands it out, and sends what
the limits allow. So an answer is never handed out before it is on disk, batches grow with the load, and what a kill can
lose is what was under way. This is the only place that tries again, and the only one that waits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from evalharness.books import Account, Books, by_model
from evalharness.cache import Cache
from evalharness.errors import ModelFailed
from evalharness.limits import LONGEST_WAIT, Budget, Lane, Limits, Question, failure_kind, plain
from evalharness.models.base import Model
from evalharness.records import Failure, Request, Response

if TYPE_CHECKING:
    import asyncio

W = TypeVar("W")

LOCKED_PAUSE = 0.02
"""Seconds until a cache that another process writes to is tried again."""
ELSEWHERE_PAUSE = 0.05
"""Seconds between looks for an answer that another process is waiting for."""
WORTH_A_NOTE = 5.0
"""Seconds of a pause that the user is told of."""
GRACE = 10.0
"""Seconds that what is under way is waited for once the run is to stop."""


class Asker(Generic[W]):
    """The questions of one run, by model. Each question carries those who wait for it, whatever they are.

    error: why the run was stopped, if it was. `queue` is plain code; only `go` needs an event loop.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        cache: Cache | None,
        limits: Limits,
        note: Callable[[str], None],
        account: Account = by_model,
    ) -> None:
        self.models = models
        self.account = account
        self.books = Books()
        self.cache = cache if limits.cache != "off" else None
        self.limits = limits
        self.lanes: dict[str, Lane[W]] = {}
        self.stopping = False
        self.error: Exception | None = None
        self._note = note
        self._began = time.monotonic()
        self._budget = Budget(limits.budget_usd)
        seconds = limits.deadline_seconds
        self._halted = self._expired() if seconds is not None and seconds <= 0 else None
        self._asked: dict[str, Question[W]] = {}  # from queueing until the answer is handed out
        self._elsewhere: dict[str, Question[W]] = {}  # what another process is asking
        self._done: list[Question[W]] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._timers: list[asyncio.TimerHandle] = []
        self._cut = Failure("stopped", "the run was stopped")
        self._going = False
        self._looked = -math.inf
        self._noted = -math.inf
        self._told: set[tuple[str, str]] = set()  # what the user was told of, by model

    @property
    def waiting(self) -> bool:
        """Whether a question is to be asked."""
        return bool(self._asked)

    @property
    def room(self) -> int:
        """Questions that may be under way at a time."""
        return sum(lane.at_once for lane in self.lanes.values())

    def queue(self, key: str, request: Request, waiter: W) -> Failure | None:
        """Has the question asked, once for all who wait for it; a failure where nothing is asked, or no longer."""
        if self.limits.cache == "only":
            return Failure("missing", "the answer is not in the cache, and nothing is asked", 0)
        question = self._asked.get(key)
        if question is None:
            lane = self._lane(request.model.name)
            failure = self._halted or lane.stopped
            if failure is not None:
                return failure
            question = self._asked[key] = Question(key, request, lane, [])
            lane.open.append(question)
        question.waiters.append(waiter)
        return None

    def stop(self, error: Exception | None = None) -> None:
        """Sends nothing more; what is under way is waited for, though not for long. Safe to call more than once."""
        self.error = self.error or error
        if self.stopping:
            return
        self.stopping = True
        if self._going:
            self._news.set()
            self._timers.append(self._loop.call_later(GRACE, self._cut_off, self._cut))

    def stop_from_signal(self, waits: Callable[[int], None]) -> None:
        """The same, from a signal handler. waits: told how many answers are waited for."""
        if self._going:
            self._loop.call_soon_threadsafe(self._stop_and_say, waits)
        else:
            self.stopping = True

    def _stop_and_say(self, waits: Callable[[int], None]) -> None:
        waits(len(self._tasks))
        self.stop()

    async def go(self, hand_out: Callable[[list[Question[W]]], None], more: Callable[[], bool]) -> None:
        """Asks until nothing is left, or the run is stopped.

        hand_out: takes answered questions; it may queue others. more: queues what comes next in the plan, and says
        whether there was any.
        """
        import asyncio

        self._asyncio = asyncio
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._news.set()
        self._timer = self._overdue_timer = self._loop.call_later(0, self._news.set)
        self._ends = self._next_ends = math.inf
        self._going = True
        if self.limits.deadline_seconds is not None:
            self._ends = self._loop.time() + self.limits.deadline_seconds - (time.monotonic() - self._began)
            if self._ends > self._loop.time():
                self._timers.append(self._loop.call_at(self._ends, self._expire))
            else:
                self._expire()
        async with AsyncExitStack() as stack:
            try:
                while self._news.is_set() or not self._over():
                    await self._news.wait()
                    self._news.clear()
                    for lane in [lane for lane in self.lanes.values() if not lane.entered]:
                        lane.entered = True
                        await stack.enter_async_context(lane.model)
                    self._turn(hand_out, more)
            finally:
                for timer in (*self._timers, self._timer, self._overdue_timer):
                    timer.cancel()
                await self._abandon()

    # --- a turn -------------------------------------------------------------------------------------------------------

    def _over(self) -> bool:
        if self._tasks or self._done:
            return False
        return self.stopping or not self._asked

    def _turn(self, hand_out: Callable[[list[Question[W]]], None], more: Callable[[], bool]) -> None:
        if self.cache is not None and not self.cache.commit():
            self._wake_in(LOCKED_PAUSE)
            return
        if self._done:
            hand_out(self._settled())
        if self.stopping:
            return
        if self._hungry() and more():
            self._news.set()  # a window that was known leaves room for the next one; the others get their turn first
        if self._elsewhere:
            self._look_elsewhere()
        self._send()

    def _settled(self) -> list[Question[W]]:
        """What is answered, and durable if it is to be kept."""
        done, self._done = self._done, []
        for question in done:
            question.lane.free(question)
            del self._asked[question.key]
            if question.claimed and self.cache is not None:
                self.cache.release(question.key)
        return done

    def _lane(self, name: str) -> Lane[W]:
        if name not in self.lanes:
            model = self.models[name]
            at_once = model.arm.at_once or self.limits.at_once or model.at_once
            self.lanes[name] = Lane(model, min(at_once, self.limits.at_once or at_once))
        return self.lanes[name]

    def _hungry(self) -> bool:
        """Whether a lane has less to do than it could."""
        lanes = [lane for lane in self.lanes.values() if not lane.stopped]
        return not lanes or any(len(lane.open) < lane.at_once for lane in lanes)

    def _send(self) -> None:
        """Sends what the limits allow, and sees to it that this is looked at again when they allow more."""
        now = self._loop.time()
        soonest = math.inf
        picked: list[Question[W]] = []
        for lane in sorted(self.lanes.values(), key=_under_way):  # the least busy first, for a limit that they share
            if not lane.entered:  # a judge, who is asked for the first time about an answer of this turn
                self._news.set()
                continue
            while lane.waiting and not self._full():
                wait = lane.ready(now)
                soonest = min(soonest, wait or math.inf)
                if wait != 0 or not self._affords(lane):
                    break
                if not self._claims(lane.open[0]):
                    lane.open.popleft()
                    continue
                question = lane.take(now)
                self._budget.reserved += question.usd
                picked.append(question)
            if lane.stopped is not None:
                self._drop(lane, lane.stopped)
        for question in self._still_unknown(picked):
            question.overdue = False
            self._tasks[question.key] = self._loop.create_task(self._ask(question))
            self._end_at(now + question.lane.seconds)
        soonest = min(soonest, ELSEWHERE_PAUSE if self._elsewhere else math.inf)
        if soonest < math.inf:
            self._wake_in(soonest)

    def _full(self) -> bool:
        most = self.limits.at_once
        return most is not None and sum(map(_under_way, self.lanes.values())) >= most

    def _affords(self, lane: Lane[W]) -> bool:
        """Whether the budget has room for the lane's next question; where it never will, the lane is stopped."""
        usd = lane.open[0].usd
        budget = self._budget
        if budget.allows(usd):
            return True
        if budget.idle:
            what = (
                f"{budget.spent:.4f} of {plain(budget.most or 0)} USD are spent, and the next answer may take {usd:.4f}"
            )
            lane.stopped = Failure("budget", what, 0)
        return False

    def _wake_in(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._news.set)

    # --- one question -------------------------------------------------------------------------------------------------

    async def _ask(self, question: Question[W]) -> None:
        lane = question.lane
        lane.sent += 1
        book = self.books[self.account(question.request)]
        book.sent += 1
        if lane.price is None:
            book.usd = None
        try:
            text = await lane.model.fetch(question.request)
            response = lane.model.read(text)
        except ModelFailed as failed:
            self._refused(question, failed)
        except self._asyncio.CancelledError:
            if question.overdue:
                what = f"no whole answer within {lane.seconds:g} s"
                self._refused(question, ModelFailed("timeout", what, again=lane.model.retries_timeouts))
            else:
                self._budget.reserved -= question.usd
                self._give_up(question, replace(self._cut, tries=question.sent + 1))
        except Exception as error:  # third parties write models too, and a faulty one must not end the others
            self._refused(question, ModelFailed("invalid", f"{type(error).__name__}: {error}"))
        else:
            self._accept(question, text, response)
        finally:
            del self._tasks[question.key]
            self._news.set()

    def _end_overdue(self) -> None:
        """Ends the calls that took too long. One timer for all: one for each would cost more than sending does."""
        now = self._loop.time()
        next_ends = math.inf
        for key, task in self._tasks.items():
            question = self._asked[key]
            ends = question.sent_at + question.lane.seconds
            if ends <= now:
                question.overdue = True
                self._loop.call_soon(task.cancel)  # not at once: see `_cut_off`
            else:
                next_ends = min(next_ends, ends)
        self._next_ends = math.inf
        if next_ends < math.inf:
            self._end_at(next_ends)

    def _end_at(self, ends: float) -> None:
        if ends < self._next_ends:
            self._next_ends = ends
            self._overdue_timer.cancel()
            self._overdue_timer = self._loop.call_at(ends, self._end_overdue)

    def _accept(self, question: Question[W], text: str, response: Response) -> None:
        lane = question.lane
        self._budget.reserved -= question.usd
        question.usd = lane.answered(question, response.usage, self._loop.time())
        self._budget.spent += question.usd
        self.books[self.account(question.request)].pay(question.usd, response.usage)
        if self.cache is not None and lane.model.keeps and lane.model.keep(response):
            self.cache.put(question.key, text, question.request)
        question.answer = response
        self._done.append(question)

    def _refused(self, question: Question[W], error: ModelFailed) -> None:
        lane = question.lane
        now = self._loop.time()
        self._budget.reserved -= question.usd
        if error.kind in ("invalid", "timeout"):  # which was billed all the same, as far as anybody can tell
            self._budget.spent += question.usd
            self.books[self.account(question.request)].pay(question.usd)
        failure = lane.refused(question, error, now, min(LONGEST_WAIT, self._ends - now))
        if error.stops == "run":
            self._deny(question, error)
        if failure is not None:
            self._give_up(question, failure)
            if lane.stopped is None and not self.stopping:
                self._note_once(lane, failure)
        elif lane.hold - now > WORTH_A_NOTE and lane.hold > self._noted:
            self._noted = lane.hold + WORTH_A_NOTE
            self._note(f"model '{question.request.model.name}': {error.what}; waiting {lane.hold - now:.0f} s")
        if lane.stopped is not None:
            self._drop(lane, lane.stopped)

    def _deny(self, question: Question[W], error: ModelFailed) -> None:
        """What ends the whole run: a key that is refused is raised; else every question left fails as this one did."""
        if error.kind == "denied":
            self.stop(ModelFailed("denied", f"model '{question.request.model.name}': {error.what}", stops="run"))
        else:
            self._halt(Failure(failure_kind(error.kind), error.what, 0))

    def _halt(self, failure: Failure) -> None:
        self._halted = failure
        for lane in self.lanes.values():
            self._drop(lane, failure)

    def _drop(self, lane: Lane[W], failure: Failure) -> None:
        """Nothing more is asked of this model."""
        elsewhere = [question for question in self._elsewhere.values() if question.lane is lane]
        left = [*lane.rest(), *elsewhere]
        if not self.stopping and (left or (lane.in_flight and failure.kind != "stopped")):
            self._note_once(lane, failure, stopped=True)
        for question in left:
            self._elsewhere.pop(question.key, None)
            self._give_up(question, replace(failure, tries=question.sent))
            self._news.set()

    def _note_once(self, lane: Lane[W], failure: Failure, *, stopped: bool = False) -> None:
        """Tells of the first failure of each kind, and once that a model is asked no further."""
        name = lane.model.ref.name
        about = "" if stopped else failure.kind
        if (name, "") in self._told or (name, about) in self._told:
            return
        self._told.add((name, about))
        tries = f" (after {failure.tries} tries)" if failure.tries > 1 else ""
        self._note(f"model '{name}': {failure.message}{'; nothing more is asked of it' if stopped else tries}")

    def _give_up(self, question: Question[W], failure: Failure) -> None:
        question.answer = failure
        question.usd = 0.0
        self._done.append(question)

    def _cut_off(self, failure: Failure) -> None:
        """Ends what is under way; it counts as that failure."""
        self._cut = failure
        for task in self._tasks.values():
            self._loop.call_soon(task.cancel)  # not at once: a task that is cancelled before it began ends unseen

    def _expire(self) -> None:
        self._halt(self._expired())
        self._cut_off(Failure("timeout", f"no whole answer within the run's {self.limits.deadline_seconds:g} s"))

    def _expired(self) -> Failure:
        return Failure("stopped", f"not asked within the run's {self.limits.deadline_seconds:g} s", 0)

    async def _abandon(self) -> None:
        if self._tasks:
            self._cut_off(self._cut)
            await self._asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # --- other processes on the same cache ----------------------------------------------------------------------------

    def _claims(self, question: Question[W]) -> bool:
        """Whether this process asks it. Where another does, that answer is looked for now and then."""
        if self.cache is None or not question.lane.model.keeps or question.claimed:
            return True
        question.claimed = self.cache.claim(question.key)
        if not question.claimed:
            self._elsewhere[question.key] = question
        return question.claimed

    def _still_unknown(self, picked: list[Question[W]]) -> list[Question[W]]:
        """Leaves out what another process has answered between the look-up and the claim."""
        if not picked or self.cache is None or self.limits.cache == "refresh" or not self.cache.shared():
            return picked
        known = self.cache.look_up([question.key for question in picked])
        return [question for question in picked if not self._takes(question, known.get(question.key))]

    def _look_elsewhere(self) -> None:
        assert self.cache is not None
        now = self._loop.time()
        if now < self._looked + ELSEWHERE_PAUSE:
            return
        self._looked = now
        known = self.cache.look_up(self._elsewhere) if self.limits.cache != "refresh" else {}
        for key, question in list(self._elsewhere.items()):
            if self._takes(question, known.get(key)):
                del self._elsewhere[key]
            elif self.cache.claim(key):
                del self._elsewhere[key]
                question.claimed = True
                question.lane.open.appendleft(question)

    def _takes(self, question: Question[W], text: str | None) -> bool:
        """Whether that text answers the question; the answer cost nothing here."""
        response = readable(question.lane.model, text)
        if response is None:
            return False
        if question.under_way:
            self._budget.reserved -= question.usd
        question.usd = 0.0
        question.known = True
        question.answer = response
        self._done.append(question)
        self._news.set()
        return True


def readable(model: Model, text: str | None) -> Response | None:
    """A known answer; None where there is none, or one that cannot be read any more or is not worth keeping."""
    if text is None:
        return None
    try:
        response = model.read(text)
    except Exception:  # whatever a model makes of a text that lay on a disk, it is asked again
        return None
    return response if model.keep(response) else None


def _under_way(lane: Lane[W]) -> int:
    return lane.in_flight
