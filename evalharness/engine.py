"""Answers flows on this machine. Knows no suite and no scorer.

What is known, cached or recorded, is answered by plain code; the event loop, and with it asyncio and any HTTP library,
is imported at the first question that must be asked. The plan is pulled in windows, and a window's questions are looked
up in one read; those that nobody knows go to the `Asker`.

A flow that lets an exception out ends without a result, and its siblings go on. An `EvalError` out of a flow, or any
exception out of `finished`, stops the run: nothing more is sent, what is under way is kept, then it is raised. Any
other exception, `ModelFailed` too, is a fault of that flow alone, and is raised when the others are done.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from itertools import islice
from types import FrameType, TracebackType
from typing import Generic, Protocol, Self, TypeAlias, TypeVar

from evalharness.asking import GRACE, Asker, readable
from evalharness.books import Account, Tallies, by_model
from evalharness.cache import Cache
from evalharness.errors import EvalError, ModelFailed
from evalharness.flow import Answer, Flow
from evalharness.limits import Limits, Question, plain
from evalharness.models.base import Model
from evalharness.records import Failure, FailureKind, Request

__all__ = ["Interrupted", "Limits", "Silent", "Watch", "arun", "run"]

T = TypeVar("T")

WINDOW = 256
"""Flows pulled from the plan and looked up together."""
MOST_ALIVE = 4 * WINDOW
"""Flows under way at a time, if not more questions may be; more would only fill memory."""


class Watch(Protocol):
    """Is told how a run goes on."""

    def planned(self, flows: int | None) -> None:
        """How many flows there are, None where the plan does not know; told once, first."""

    def answered(self, *, cached: bool, usd: float | None) -> None:
        """A question has its answer, durably. usd: what it took, 0 where it was known, None where there is no price."""

    def failed(self, kind: FailureKind) -> None:
        """A question was given up."""

    def finished(self) -> None:
        """A flow has ended."""

    def note(self, text: str) -> None:
        """Something the user should know, in one line."""

    def stopping(self, text: str) -> None:
        """What is waited for after a signal, in one line."""

    def ended(self) -> None:
        """The run is over, however it ended; told last."""


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

    def stopping(self, text: str) -> None:
        """Says nothing."""

    def ended(self) -> None:
        """Says nothing."""


SILENT = Silent()


class Interrupted(EvalError):
    """A signal ended the run early. What was answered is kept; `tallies` says what it took, by account."""

    def __init__(self, number: int, tallies: Tallies) -> None:
        super().__init__(_word(number), "what was answered is kept; run again to ask only what is missing")
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
    account: Account = by_model,
) -> Tallies:
    """Runs every flow to its end; says what it took, by account: by the model's name unless `account` says otherwise.

    models: those that the flows ask, by `ModelRef.name`. finished: gets each flow's place in the plan and its result,
    in the order of their ends, once the answers it rests on are durable.

    Raises `Interrupted` after SIGINT or SIGTERM: the first waits for what is under way, 10 s at most, the second does
    not. `ModelFailed` where a key is refused; `CacheError` where answers cannot be kept; `EvalError` for a budget where
    a model has no price. Not to be called where an event loop runs: see `arun`.
    """
    work = _Work(flows, models, Asker(models, cache, limits, watch.note, account), finished, watch)
    with _Signals(work.heard) as signals:
        try:
            if work.needs_to_ask():
                import asyncio

                asyncio.run(work.asker.go(work.hand_out, work.more))
        except KeyboardInterrupt:
            raise Interrupted(signals.number or signal.SIGINT, work.tallies()) from None
        finally:
            watch.ended()
    if signals.number:
        raise Interrupted(signals.number, work.tallies())
    return work.ended()


async def arun(
    flows: Iterable[Flow[T]],
    models: Mapping[str, Model],
    *,
    cache: Cache | None,
    limits: Limits,
    finished: Callable[[int, T], None],
    watch: Watch = SILENT,
    account: Account = by_model,
) -> Tallies:
    """The same as `run` on the caller's event loop. Signals are the caller's; cancelled, it keeps what is durable."""
    work = _Work(flows, models, Asker(models, cache, limits, watch.note, account), finished, watch)
    try:
        if work.needs_to_ask():
            await work.asker.go(work.hand_out, work.more)
    finally:
        watch.ended()
    return work.ended()


@dataclass(slots=True, eq=False)
class _Walk(Generic[T]):
    """A flow under way, and the round it waits for."""

    flow: Flow[T]
    place: int
    answers: list[Answer | None] | None = None
    missing: int = 0

    def step(self) -> tuple[Request, ...]:
        """The flow's next round with anything in it; `StopIteration` holds its result."""
        if self.answers is None:
            asked = next(self.flow)
        else:
            asked = self.flow.send(tuple(answer for answer in self.answers if answer is not None))
        while not asked:
            asked = self.flow.send(())
        self.answers, self.missing = [None] * len(asked), len(asked)
        return asked

    def take(self, place: int, answer: Answer) -> bool:
        """True when this answer completes the round."""
        assert self.answers is not None
        self.answers[place] = answer
        self.missing -= 1
        return not self.missing


_Waiter: TypeAlias = tuple[_Walk[T], int, Request]
"""Who waits for an answer: a flow, for this place of its round, with a request that may be charged elsewhere."""


class _Work(Generic[T]):
    """One run: the plan, and the flows under way."""

    def __init__(
        self,
        flows: Iterable[Flow[T]],
        models: Mapping[str, Model],
        asker: Asker[_Waiter[T]],
        finished: Callable[[int, T], None],
        watch: Watch,
    ) -> None:
        check_prices(models, asker.limits)
        self.plan = enumerate(flows)
        self.models = models
        self.asker = asker
        self.finished = finished
        self.watch = watch
        self.began = time.monotonic()
        self.alive = 0
        self.faulty: list[Exception] = []
        watch.planned(len(flows) if isinstance(flows, Sized) else None)

    def needs_to_ask(self) -> bool:
        """Runs flows as far as plain code can; whether any waits for an answer that must be asked for."""
        while not self.asker.waiting and not self.asker.stopping and self.more():
            pass
        return self.asker.waiting and not self.asker.stopping

    def more(self) -> bool:
        """Starts the next window of flows; False where there is none, or enough are under way."""
        if self.alive >= max(MOST_ALIVE, 2 * self.asker.room):
            return False
        window = [_Walk(flow, place) for place, flow in islice(self.plan, WINDOW)]
        self.alive += len(window)
        self._advance(window)
        return bool(window)

    def hand_out(self, questions: list[Question[_Waiter[T]]]) -> None:
        """Gives answers to the flows that wait for them."""
        walks = []
        for question in questions:
            answer = question.answer
            assert answer is not None
            known = question.known
            for walk, place, request in question.waiters:
                self._count(request, answer, cached=known, usd=question.usd)
                known = True  # for the others that waited for the same answer
                if walk.take(place, answer):
                    walks.append(walk)
        self._advance(walks)

    def heard(self, number: int) -> None:
        """Stops for a signal, whose handler this is."""
        self.asker.stop_from_signal(lambda left: self._waits(number, left))

    def _waits(self, number: int, left: int) -> None:
        if left:
            answers = "1 answer" if left == 1 else f"{left:,} answers"
            self.watch.stopping(
                f"{_word(number)}: waiting at most {GRACE:g} s for {answers} under way; again to stop at once"
            )

    def tallies(self) -> Tallies:
        """What it took so far, by account."""
        return self.asker.books.tallies(time.monotonic() - self.began)

    def ended(self) -> Tallies:
        """What it took; raises what stopped the run, or what a flow let out."""
        if self.asker.error is not None:
            raise self.asker.error
        if self.faulty:
            if len(self.faulty) > 1:
                self.faulty[0].add_note(f"and {len(self.faulty) - 1} more flows ended like this")
            raise self.faulty[0]
        return self.tallies()

    def _advance(self, walks: list[_Walk[T]]) -> None:
        """Steps flows as far as their questions are known, and has the others asked."""
        while walks:
            asked = [
                (walk, place, request, request.key())
                for walk in walks
                for place, request in enumerate(self._step(walk))
            ]
            known = self._known([(request, key) for _, _, request, key in asked])
            walks = []
            for walk, place, request, key in asked:
                answer: Answer | None = readable(self.models[request.model.name], known.get(key))
                if answer is None:
                    answer = self.asker.queue(key, request, (walk, place, request))
                if answer is not None:
                    self._count(request, answer, cached=True)
                    if walk.take(place, answer):
                        walks.append(walk)

    def _step(self, walk: _Walk[T]) -> tuple[Request, ...]:
        """The flow's next round; none when it has ended."""
        try:
            return walk.step()
        except StopIteration as end:
            self._end(walk.place, end.value)
        except Exception as error:  # third parties write flows too, and one must not end the others
            if isinstance(error, EvalError) and not isinstance(error, ModelFailed):
                self.asker.stop(error)
            else:
                self.faulty.append(error)
        self.alive -= 1
        return ()

    def _end(self, place: int, result: T) -> None:
        try:
            self.finished(place, result)
        except Exception as error:  # whatever the caller could not do, what is under way is kept first
            self.asker.stop(error)
        else:
            self.watch.finished()

    def _known(self, asked: list[tuple[Request, str]]) -> dict[str, str]:
        """The texts that need no asking, by key."""
        models = self.models
        found = {}
        unknown = []
        for request, key in asked:
            model = models[request.model.name]
            text = model.known(request)
            if text is not None:
                found[key] = text
            elif model.keeps:
                unknown.append(key)
        if unknown and self.asker.cache is not None and self.asker.limits.cache != "refresh":
            found.update(self.asker.cache.look_up(unknown))
        return found

    def _count(self, request: Request, answer: Answer, *, cached: bool, usd: float = 0.0) -> None:
        book = self.asker.books[self.asker.account(request)]
        if isinstance(answer, Failure):
            book.failed += 1
            self.watch.failed(answer.kind)
            return
        book.answered += 1
        book.cached += cached
        if cached:
            self.watch.answered(cached=True, usd=0.0)
        else:
            priced = self.models[request.model.name].arm.price is not None
            self.watch.answered(cached=False, usd=usd if priced else None)


def check_prices(models: Mapping[str, Model], limits: Limits) -> None:
    """A budget that cannot be kept is a fault, found before anything is asked."""
    if limits.budget_usd is None:
        return
    unpriced = [name for name, model in models.items() if model.keeps and model.arm.price is None]
    if unpriced:
        names = ", ".join(f"'{name}'" for name in unpriced)
        what = f"a budget of {plain(limits.budget_usd)} USD needs to know what model {names} costs"
        raise EvalError(what, "give it a price in USD a million tokens: price = { input = 2.5, output = 10 }")


def _word(number: int) -> str:
    return "terminated" if number == signal.SIGTERM else "interrupted"


class _Signals:
    """Turns the first SIGINT or SIGTERM into a call of `stop` with its number, and the second into KeyboardInterrupt.

    Only in the main thread, and only where the signal is not ignored; what was installed before is put back.
    """

    def __init__(self, stop: Callable[[int], None]) -> None:
        self.number = 0
        self._stop = stop
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.getsignal(number)
                if before is not None and before != signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number
        self._stop(number)
