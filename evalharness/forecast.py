"""Before any money is spent: what asking takes, and what the answers could show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from evalharness.cache import Cache
from evalharness.config import Price
from evalharness.duel import PREFERENCE
from evalharness.errors import ModelFailed
from evalharness.flow import Flow
from evalharness.grammar.gate import bearing
from evalharness.measure import Arm, design_of, measured
from evalharness.models.base import Model
from evalharness.plan import Plan, converse, parameters
from evalharness.records import Conversation, Failure, Request
from evalharness.rulings import asks
from evalharness.sheet import OVERALL, Slice
from evalharness.stats.planning import (
    cases_for_margin,
    floor_cases,
    floor_cases_gain,
    floor_cases_threshold,
    samples_to_clear,
    smallest_effect_binary,
)
from evalharness.suite import Case, Suite

DISCORDANCES = (0.1, 0.2, 0.3)
"""Shares of cases on which two models differ: the usual guesses before a pilot."""

WINDOW = 1_000
CHARACTERS_A_TOKEN = 4
TOKENS_A_REPLY = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What asking one arm takes.

    requests: answers needed when every turn gets one. known: those in the cache or in a recording, turn by turn as far
    as the talks go; the rest is to be sent. usd: an estimate of the rest at the arm's price, None without one: a token
    for four characters, and `max_tokens` or 200 tokens a reply. most_requests, most_to_send, most_usd: the same, the
    rest being counted, if samples are added as often as the suite allows; None where their number is fixed.
    """

    suite: str
    model: str
    requests: int
    known: int
    usd: float | None
    most_requests: int | None = None
    most_to_send: int | None = None
    most_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a suite can show of one criterion.

    floor: cases it takes even if nothing goes wrong, None where no number does or where samples decide. effects: for
    each share of cases on which the models differ, the smallest true change seen with 80 % power, None where even a
    one-sided one would be missed. needed: for the same shares, the cases it takes to show HELD at the margin. pilot:
    the share in stored runs. samples: how often each case is asked. by_samples: whether these very cases decide, with
    enough samples of each (`scope: suite`); samples_needed: how many it takes even if every sample of a case scores
    alike, None where a thousand are too few.
    """

    suite: str
    aspect: str
    asked: str
    cases: int
    floor: int | None
    effects: tuple[tuple[float, float | None], ...]
    needed: tuple[tuple[float, int], ...]
    pilot: float | None = None
    samples: int = 1
    by_samples: bool = False
    samples_needed: int | None = None


def cost(plan: Plan, model: Model, cache: Cache | None, price: Price | None) -> Cost:
    """What asking the plan of the model takes; the cache is only looked at."""
    requests = known = 0
    characters = tokens = 0.0
    for talk in _talks(plan, model, cache):
        known += talk.known
        requests += talk.known
        if talk.next is not None:
            limit = parameters(talk.case, plan.suite, plan.model).get("max_tokens")
            reply = limit if isinstance(limit, int) else TOKENS_A_REPLY
            asks = talk.asks[talk.known :]
            requests += len(asks)
            tokens += reply * len(asks)
            characters += sum(_lengths(talk.next, asks, reply * CHARACTERS_A_TOKEN))
    free = model.ref.kind == "replay"
    usd = None if price is None else (characters / CHARACTERS_A_TOKEN * price.input + tokens * price.output) / 1e6
    return Cost(plan.suite.name, model.ref.name, requests, known, 0.0 if free else usd)


def at_most(least: Cost, most: Cost) -> Cost:
    """What the fewest samples take, and what the most do."""
    sent = most.requests - most.known
    return replace(least, most_requests=most.requests, most_to_send=sent, most_usd=most.usd)


@dataclass(slots=True)
class _Talk:
    """A conversation as far as its answers are known. next: the first question whose answer is not, None at the end."""

    case: Case
    flow: Flow[tuple[Conversation, Failure | None]]
    known: int = 0
    next: Request | None = None

    @property
    def asks(self) -> tuple[str, ...]:
        """The questions that get an answer of the model."""
        return tuple(turn.ask for turn in self.case.turns if turn.reply is None)


def _talks(plan: Plan, model: Model, cache: Cache | None) -> Iterator[_Talk]:
    """Every conversation of the plan, led on with known answers until one is not; looked up many at a time."""
    trials = product(plan.suite.cases, range(plan.samples))
    talks = (_Talk(case, converse(case, plan.suite, plan.model, sample)) for case, sample in trials)
    while window := list(islice(talks, WINDOW)):
        asking = {place: question for place, talk in enumerate(window) for question in next(talk.flow, ())}
        while asking:
            texts = _known(list(asking.values()), model, cache)
            asking = {
                place: following
                for (place, request), text in zip(asking.items(), texts, strict=True)
                if (following := _led_on(window[place], request, text, model)) is not None
            }
        yield from window


def _known(requests: Sequence[Request], model: Model, cache: Cache | None) -> list[str | None]:
    """The recorded or cached text of each."""
    texts = [model.known(request) for request in requests]
    keys = {place: requests[place].key() for place, text in enumerate(texts) if text is None}
    stored = cache.look_up(keys.values()) if cache and model.keeps and keys else {}
    return [stored.get(keys[place]) if text is None else text for place, text in enumerate(texts)]


def _led_on(talk: _Talk, request: Request, text: str | None, model: Model) -> Request | None:
    """The question after this one, None where the talk ends or stands still for want of an answer."""
    if text is None:
        talk.next = request
        return None
    if talk.known + 1 < len(talk.asks):
        try:
            answer = model.read(text)
        except ModelFailed:  # an answer that cannot be read is asked for again
            talk.next = request
            return None
        talk.known += 1
        try:
            (following,) = talk.flow.send((answer,))
        except StopIteration:
            return None
        return following
    talk.known += 1
    return None


def _lengths(first: Request, asks: Sequence[str], reply: int) -> Iterator[int]:
    """Characters of each question still to be sent: the first as it stands, each later one with what was said."""
    length = sum(len(message.content) for message in first.messages)
    yield length
    for ask in asks[1:]:
        length += reply + len(ask)
        yield length


def unknown(plan: Plan, model: Model, cache: Cache | None) -> Iterator[Request]:
    """The opening questions whose answers are neither recorded nor cached; the cache is only looked at."""
    openings = plan.first_requests()
    while window := list(islice(openings, WINDOW)):
        asked = [(request.key(), request) for request in window if model.known(request) is None]
        stored = cache.look_up([key for key, _ in asked]) if cache and model.keeps else {}
        yield from (request for key, request in asked if key not in stored)


def sights(suite: Suite, pilots: dict[str, float], samples: int | None = None) -> Iterator[Sight]:
    """What the suite can show of each criterion of its gate.

    pilots: seen shares of differing cases by aspect; samples: of each case, where it is not what the suite says.
    """
    for criterion in suite.gate:
        count = sum(criterion.aspect in case.aspects for case in suite.cases)
        count = len(suite.cases) if criterion.aspect in (OVERALL, PREFERENCE) else count
        for asked in asks(criterion):
            empty = Sight(suite.name, criterion.aspect, f"{asked[0]}: {asked[1]:g}", count, None, (), ())
            empty = replace(empty, samples=samples or suite.samples)
            yield _sight(empty, suite, asked, pilots.get(criterion.aspect))


def pilot(base: Arm, tuned: Arm) -> dict[str, float]:
    """For each aspect, the share of cases on which two stored runs of the suite differ."""
    shares: dict[str, float] = {}
    design = design_of(base, tuned, 0)
    cases = [asked for asked in tuned.run.cases if asked.case in base.sheet.cases]
    for cut in [cut for cut in tuned.sheet.scores if cut.part == "aspect"]:
        found, _ = measured(base.sheet, tuned.sheet, design, Slice("aspect", cut.aspect), cases)
        if found.change is not None:
            shares[cut.aspect] = (found.change.ups + found.change.downs) / found.change.cases
    return shares


def _sight(sight: Sight, suite: Suite, asked: tuple[str, float], seen: float | None) -> Sight:
    name, limit = asked
    if name in ("at_least", "win_at_least"):
        return replace(sight, floor=_floor(suite, name, limit))
    if name == "drift_at_most":
        bear = bearing(suite.cases)[sight.aspect]
        return replace(sight, cases=bear.long, floor=floor_cases(limit, bear.reach, suite.alpha) if bear.long else None)
    if suite.scope == "suite":
        steady = [[1.0]] * sight.cases
        reach = 1 - limit if name == "gain_at_least" else limit
        needed = samples_to_clear(steady, steady, reach, alpha=suite.alpha) if steady else None
        return replace(sight, by_samples=True, samples_needed=needed)
    shares = _shares(seen)
    effects = tuple(
        (share, smallest_effect_binary(sight.cases, share, alpha=suite.alpha)) for share in shares if sight.cases
    )
    margin = limit if name in ("drop_at_most", "both_within") else None
    return replace(
        sight,
        floor=_floor(suite, name, limit),
        effects=effects,
        needed=tuple((share, cases_for_margin(margin, share, alpha=suite.alpha)) for share in shares if margin),
        pilot=seen,
    )


def _shares(seen: float | None) -> tuple[float, ...]:
    """The usual guesses and what was seen, in order; a guess that prints like what was seen gives way to it."""
    if not seen:
        return DISCORDANCES
    return tuple(sorted([seen, *(share for share in DISCORDANCES if round(100 * share) != round(100 * seen))]))


def _floor(suite: Suite, name: str, limit: float) -> int | None:
    match name:
        case "drop_at_most" | "both_within":
            return floor_cases(limit, alpha=suite.alpha)
        case "at_least" if limit < 1:
            return floor_cases_threshold(limit, interval=suite.interval, alpha=suite.alpha)
        case "gain_at_least" if limit < 1:
            return floor_cases_gain(limit, alpha=suite.alpha)
        case "win_at_least" if limit < 1:  # a win rate is half of won minus lost above even
            return floor_cases_gain(max(0.0, 2 * limit - 1), alpha=suite.alpha)
        case _:
            return None
