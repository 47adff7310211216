"""How much may be asked of a model, and when: concurrency, rates, prices, and the waits that servers ask for.

A lane holds what is to be asked of one model. All waiting is the lane's: a server that says "slow down" to one question
is not asked the others either. Nothing here sleeps; `Lane.ready` says how long, on the clock that its caller reads.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

from evalharness.config import Price
from evalharness.errors import EvalError, ModelFailed
from evalharness.models.base import Model
from evalharness.protocol import Allowance
from evalharness.records import Failure, FailureKind, Request, Response, Usage

W = TypeVar("W")
CacheMode: TypeAlias = Literal["use", "only", "refresh", "off"]

LONGEST_WAIT = 300.0
"""Seconds a server may ask to be left alone; where it asks for more, the run ends for its model, and says so."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
"""Seconds of a pause that no server asked for: from the first for a question, to the longest for anything."""
A_MINUTE = 65.0
"""Seconds for which a lane that is only told "too many" goes on asking: most limits are by the minute."""
MISLED = 3
"""Refusals in spite of credit that should have come back, after which a server is taken to count by windows."""
UNSEEN_TOKENS = 512
"""Tokens that an answer is taken to have before the first has come."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take.

    at_once: requests under way at a time, over all models; None leaves it to each model. budget_usd: what may be spent;
    never exceeded by more than what is under way. deadline_seconds: after which nothing is asked, or waited for; with 0
    or less nothing is asked at all. Either raises `EvalError` where it is no number.
    cache: `only` asks nothing (what is not known is a failure of kind `missing`), `refresh` asks everything again and
    keeps the newer answers, `off` neither reads nor keeps.
    """

    at_once: int | None = None
    budget_usd: float | None = None
    deadline_seconds: float | None = None
    cache: CacheMode = "use"

    def __post_init__(self) -> None:
        if self.deadline_seconds is not None and math.isnan(self.deadline_seconds):
            raise EvalError("a run's deadline is a number of seconds, got nan", "for example 600; 0 asks nothing")
        if self.budget_usd is not None and math.isnan(self.budget_usd):
            raise EvalError("a budget is a number of USD, got nan", "for example 2.5; 0 asks nothing that costs")


@dataclass(slots=True, eq=False)
class Question(Generic[W]):
    """One request under way, and all that wait for its answer.

    tries: sendings that count against the arm's `tries`; sent: all of them. tokens_in, tokens, usd: what it may well
    take, the first by its text alone.
    before: requests and tokens that its lane had sent by the time this went out.
    """

    key: str
    request: Request
    lane: Lane[W]
    waiters: list[W]
    tries: int = 0
    sent: int = 0
    sent_at: float = 0.0
    before: tuple[int, float] = (0, 0.0)
    tokens_in: int = 0
    tokens: float = 0.0
    usd: float = 0.0
    claimed: bool = False
    under_way: bool = False
    overdue: bool = False
    known: bool = False
    answer: Response | Failure | None = None


class Bucket:
    """Credit that comes back at `rate` a second, up to `most`. It may be overdrawn: what costs more than `most` goes
    when it is full."""

    def __init__(self, most: float, rate: float, *, level: float | None = None, at: float | None = None) -> None:
        self.most = most
        self.rate = rate
        self.level = most if level is None else level
        self.at = at

    def wait(self, cost: float, now: float) -> float:
        """Seconds until that much may be taken; infinite where it never comes back by itself."""
        self.level = min(self.most, self.level + self.rate * max(0.0, now - (now if self.at is None else self.at)))
        self.at = now
        short = min(cost, self.most) - self.level
        # A billionth of a credit is a rounding error, not a reason to wait.
        if short <= 1e-9:
            return 0.0
        return short / self.rate if self.rate > 0 else math.inf

    def take(self, cost: float) -> None:
        """Takes credit; a negative cost gives it back."""
        self.level -= cost


def steady(a_minute: int) -> Bucket:
    """A bucket from which no minute takes more than its number: a tenth of a second's worth may come at once."""
    most = max(1.0, a_minute / 600)
    return Bucket(most, (a_minute - (most if most > 1 else 0)) / 60)


class Lane(Generic[W]):
    """What is to be asked of one model, and how fast; sent: requests that went out.

    stopped: why nothing more is asked of it, if that is so. hold: until when nothing is sent, on the caller's clock.
    entered: whether the model is ready to be asked.
    """

    def __init__(self, model: Model, at_once: int) -> None:
        arm = model.arm
        self.model = model
        self.entered = False
        self.price: Price | None = arm.price
        self.seconds = arm.seconds
        self.tries = max(1, arm.tries)
        self.at_once = max(1, at_once)
        self.open: deque[Question[W]] = deque()
        self.in_flight = 0
        self.stopped: Failure | None = None
        self.sent = 0
        self._later: list[tuple[float, int, Question[W]]] = []
        self._count = 0
        self._own = [steady(arm.a_minute)] if arm.a_minute else []
        self._own_tokens = [Bucket(arm.tokens_a_minute / 60, arm.tokens_a_minute / 60)] if arm.tokens_a_minute else []
        self._told: list[Bucket] = []
        self._told_tokens: list[Bucket] = []
        self._allowance: Allowance | None = None
        self._misled = 0
        self._out = (0, 0.0)
        self._told_from = 0
        self._heard = 0
        self._well_at: float | None = None
        self._width = float(self.at_once)
        self._cut_at = -math.inf
        self.hold = -math.inf
        self._strikes = 0
        self._longest_answer = self._longest_extra = 0

    # --- what to ask next ---------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether anything is to be asked, now or later."""
        return bool(self.open or self._later)

    def ready(self, now: float) -> float | None:
        """Seconds until the first of `open` may be asked, 0 for now; None where an answer must come first."""
        while self._later and self._later[0][0] <= now:
            self.open.appendleft(heappop(self._later)[2])
        if not self.open:
            return self._later[0][0] - now if self._later else None
        if self.in_flight >= int(self._width):
            return None
        wait = max(0.0, self.hold - now)
        question = self.open[0]
        self._estimate(question)
        for bucket in (*self._own, *self._told):
            wait = max(wait, bucket.wait(1, now))
        for bucket in (*self._own_tokens, *self._told_tokens):
            wait = max(wait, bucket.wait(question.tokens, now))
        if wait > LONGEST_WAIT and not self.in_flight:
            left = "" if math.isinf(wait) else f"; it would take {wait:.0f} s until there is more"
            self.stopped = Failure("limit", f"the account's limit is used up{left}", 0)
        return None if math.isinf(wait) else wait

    def take(self, now: float) -> Question[W]:
        """The first of `open`, under way from now on."""
        question = self.open.popleft()
        question.sent_at, question.under_way = now, True
        self._well_at = self._well_at or now
        self.in_flight += 1
        question.before = self._out = (self._out[0] + 1, self._out[1] + question.tokens)
        for bucket in (*self._own, *self._told):
            bucket.take(1)
        for bucket in (*self._own_tokens, *self._told_tokens):
            bucket.take(question.tokens)
        return question

    def free(self, question: Question[W]) -> None:
        """The question is no longer under way."""
        if question.under_way:
            question.under_way = False
            self.in_flight -= 1

    def rest(self) -> list[Question[W]]:
        """Takes out all that was to be asked."""
        left = [*self.open, *(question for _, _, question in self._later)]
        self.open.clear()
        self._later.clear()
        return left

    # --- what became of it --------------------------------------------------------------------------------------------

    def answered(self, question: Question[W], usage: Usage, now: float) -> float:
        """An answer came, so the server is well: a lane that had grown narrow widens. Returns its cost in USD."""
        self._strikes = 0
        self._well_at = now
        self._misled = 0 if question.sent_at > self._cut_at else self._misled
        self._width = min(float(self.at_once), self._width + 1 / self._width)
        self._longest_answer = max(self._longest_answer, usage.tokens_out)
        self._longest_extra = max(self._longest_extra, usage.tokens_in - question.tokens_in)
        tokens = usage.tokens_in + usage.tokens_out
        if tokens:
            for bucket in self._own_tokens:
                bucket.take(tokens - question.tokens)
        self._listen(question)
        return self._usd(usage) if tokens else question.usd

    def refused(self, question: Question[W], error: ModelFailed, now: float, patience: float) -> Failure | None:
        """What a failed try means: the question waits to be asked again (None), or it is given up.

        patience: seconds that may be waited for at most. `stopped` is set where no other should be asked either.
        """
        self._listen(question)
        question.sent += 1
        limited = error.kind == "limit"
        # Of a limit the lane keeps count, as it says nothing of the question; but once is once.
        question.tries += not limited or self.tries == 1
        failure = Failure(failure_kind(error.kind), error.what, question.sent)
        if error.stops:
            self.stopped = failure
            return failure
        if not error.again:
            return failure
        if error.wait is not None and error.wait > min(patience, LONGEST_WAIT):
            what = f"{error.what} (the server asks to be left alone for {error.wait:.0f} s)"
            self.stopped = Failure(failure.kind, what, question.sent)
            return self.stopped
        pauses = limited or error.kind == "unreachable" or error.wait is not None
        if pauses:
            self._pause(question, error.wait, now, limited=limited)
        if self._hopeless(error, now):
            self.stopped = failure
        if self.stopped or question.tries >= self.tries:
            return failure
        self.free(question)
        if pauses:
            self.open.appendleft(question)
        else:
            self._count += 1
            pause = random.random() * min(LONGEST_PAUSE, FIRST_PAUSE * 2**question.tries)  # noqa: S311 - a pause
            heappush(self._later, (now + pause, self._count, question))
        return None

    def _hopeless(self, error: ModelFailed, now: float) -> bool:
        """Whether so many pauses in a row brought nothing that the others need not be asked."""
        if error.kind == "unreachable":
            return self._strikes >= self.tries
        # One refusal does not speak for all, also where no question is asked twice.
        if error.kind != "limit" or self._strikes < max(2, self.tries):
            return False
        return error.wait is not None or now - (self._well_at or now) >= A_MINUTE

    def _pause(self, question: Question[W], wait: float | None, now: float, *, limited: bool) -> None:
        """Nothing is sent for a while, and then less at a time; what was sent before a pause tells nothing new."""
        jitter = random.random()  # noqa: S311 - a pause
        pause = 0.0
        if question.sent_at > self._cut_at:
            self._cut_at = now
            self._strikes += 1
            # Limits come back within a second or within a minute, servers that are restarted within seconds.
            grown = 2.0 ** (self._strikes - 3) if limited else 4.0 ** (self._strikes - 2)
            pause = jitter * min(LONGEST_PAUSE, grown)
            if limited and not self._told:
                self._width = max(1.0, self._width * 0.75)
            elif limited and question.before[0] > self._told_from:
                self._misled += 1  # sent on credit that should have come back
        self.hold = max(self.hold, now + (pause if wait is None else wait + 0.001 + 0.01 * jitter))

    def _listen(self, question: Question[W]) -> None:
        """Takes note of what the server said of the account's limits, with the answer to this question or the error.

        It counted when the question came in: what was sent since is taken off, what came back since is added.
        """
        said = self.model.allowance
        if said is None or said is self._allowance or question.before[0] < self._heard:
            return
        self._heard = question.before[0]  # an older question's answer tells older news
        if self._allowance is None:
            self._told_from = self._out[0]
        self._allowance = said
        requests, tokens = self._out[0] - question.before[0], self._out[1] - question.before[1]
        self._told = self._credit(said.requests, said.requests_left, said.requests_reset, requests, question.sent_at)
        self._told_tokens = self._credit(said.tokens, said.tokens_left, said.tokens_reset, tokens, question.sent_at)

    def _credit(self, most: int | None, left: int | None, reset: float | None, since: float, at: float) -> list[Bucket]:
        if left is None or reset is None or reset <= 0:
            return []
        whole = max(most or 0, left)
        back = 0.98 * (whole - left - 1)  # not quite: what is left is rounded down
        if self._misled < MISLED and back > 0:
            return [Bucket(whole, back / reset, level=left - since, at=at)]
        return [_Window(left - since, whole, at, at + reset)]

    # --- what it costs ------------------------------------------------------------------------------------------------

    def _estimate(self, question: Question[W]) -> None:
        """A guess: three characters a token, four more a message, and what that missed most so far; an answer as long
        as the longest yet."""
        request = question.request
        tokens_in = sum(len(message.content) // 3 + 4 for message in request.messages) + 3
        most = request.params.get("max_completion_tokens", request.params.get("max_tokens"))
        tokens_out = self._longest_answer or UNSEEN_TOKENS
        if isinstance(most, int):
            tokens_out = min(tokens_out, most)
        question.tokens_in = tokens_in
        question.tokens = tokens_in + self._longest_extra + tokens_out
        question.usd = self._usd(Usage(tokens_in + self._longest_extra, tokens_out))

    def _usd(self, usage: Usage) -> float:
        if self.price is None:
            return 0.0
        return (usage.tokens_in * self.price.input + usage.tokens_out * self.price.output) / 1e6


class _Window(Bucket):
    """Credit that comes back all at once."""

    def __init__(self, left: float, most: float, at: float, whole_at: float) -> None:
        super().__init__(most, 0.0, level=left, at=at)
        self._whole_at = whole_at

    def wait(self, cost: float, now: float) -> float:
        """Seconds until that much may be taken."""
        if now >= self._whole_at:
            self.level, self._whole_at = self.most, math.inf
        if super().wait(cost, now) == 0:
            return 0.0
        return self._whole_at - now


@dataclass(slots=True)
class Budget:
    """USD: what was spent, and what is set aside for the questions under way. most: None for no limit."""

    most: float | None = None
    spent: float = 0.0
    reserved: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is set aside, but for what rounding leaves."""
        return self.reserved < 1e-9

    def allows(self, usd: float) -> bool:
        """Whether so much more may be set aside."""
        return self.most is None or not usd or self.spent + self.reserved + usd <= self.most


def plain(usd: float) -> str:
    """USD to twelve digits, without an exponent and without zeros at the end: `0.00001`, `5`."""
    text = f"{Decimal(f'{usd:.12g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


KINDS: dict[str, FailureKind] = {kind: kind for kind in get_args(FailureKind)}


def failure_kind(word: str) -> FailureKind:
    """A failure's kind by its word; a word that a third party made up means an answer that is of no use."""
    return KINDS.get(word, "invalid")
