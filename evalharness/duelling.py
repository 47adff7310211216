"""One command's duels: asked together once both arms of every pair are there, and kept beside their runs.

They are asked as everything is: what is known costs nothing, the budget and the deadline are those of the command, an
interrupt keeps what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Self, TypedDict

from evalharness import duelfile, engine, store
from evalharness.bench import JUDGE, called, of_duels, own_judge, refs
from evalharness.books import Account, Tallies
from evalharness.cache import Cache
from evalharness.config import Config, Price
from evalharness.duel import Duel, DuelRun, Match, Party
from evalharness.errors import Faults
from evalharness.escape import slug
from evalharness.flow import Flow
from evalharness.forecast import CHARACTERS_A_TOKEN, TOKENS_A_REPLY, Cost
from evalharness.measure import Arm
from evalharness.models.base import Model
from evalharness.records import ModelRef, Payload, Request, Tally
from evalharness.suite import Suite

ASKS = "`prefer`"


def judges(suite: Suite, arms: Sequence[ModelRef], config: Config, judge: str | None) -> dict[str, Model]:
    """Who judges the duels of a suite, by the names it uses; none where it has no `prefer`.

    arms: those that are judged. judge: the model that bears the name `judge` in this command. Raises `Faults` for every
    name that no model bears, and for a judge that is one of the arms, unless the suite allows it.
    """
    asking = dict.fromkeys((suite.by or (JUDGE,)) if suite.prefer else (), ASKS)
    found = called(asking, suite.path, config, judge, {})
    faults = [fault for name in found for arm in arms for fault in own_judge(suite, ASKS, name, found[name], arm)]
    if faults:
        raise Faults(faults)
    return found


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two arms of a suite whose replies are judged side by side, and by whom."""

    suite: Suite
    base: Arm
    tuned: Arm
    judges: Mapping[str, Model]


class Place(NamedTuple):
    """Where a duel belongs: which meeting, and which place of its plan."""

    meeting: int
    duel: int


class Rest(TypedDict):
    """What the engine takes beside flows and models."""

    cache: Cache | None
    limits: engine.Limits
    finished: Callable[[int, tuple[Place, Duel]], None]
    watch: engine.Watch
    account: Account


class Duelling:
    """Several meetings: the open cache, the files as they grow."""

    def __init__(self, meetings: Sequence[Meeting], config: Config, limits: engine.Limits, watch: engine.Watch) -> None:
        self.meetings = meetings
        self.models = {model.ref.name: model for each in meetings for model in each.judges.values()}
        self._config = config
        self._limits = limits
        self._watch = watch
        self._matches = [_match(each) for each in meetings]

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        keeps = self._limits.cache != "off"
        folder = self._config.state / "cache"
        self._cache = self._stack.enter_context(Cache(folder, warn=self._watch.note)) if keeps else None
        began = datetime.now(UTC).isoformat(timespec="seconds")
        pairs = zip(self.meetings, self._matches, strict=True)
        self._growing = [self._stack.enter_context(self._open(*pair, began)) for pair in pairs]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return sum(_size(each, match) for each, match in zip(self.meetings, self._matches, strict=True))

    def __iter__(self) -> Iterator[Flow[tuple[Place, Duel]]]:
        """A flow a duel, meeting by meeting."""
        for number, (each, match) in enumerate(zip(self.meetings, self._matches, strict=True)):
            for place, flow in enumerate(match.flows(each.suite.prefer, tuple(each.judges))):
                yield _addressed(flow, Place(number, place), each)

    def rest(self) -> Rest:
        """What the engine takes beside flows and models."""
        return {
            "cache": self._cache,
            "limits": self._limits,
            "finished": self._finished,
            "watch": self._watch,
            "account": _charged,
        }

    def ended(self, tallies: Tallies) -> tuple[DuelRun, ...]:
        """The duels of each meeting, each in a file of its own."""
        pairs = zip(self.meetings, self._growing, strict=True)
        return tuple(writer.finish(_took(each, tallies)) for each, writer in pairs)

    def stopped(self, tallies: Tallies) -> tuple[DuelRun, ...]:
        """What there is of them after an interrupt, in `.part` files; those that were whole are whole."""
        rows = zip(self.meetings, self._matches, self._growing, strict=True)
        return tuple(
            writer.finish(_took(each, tallies)) if len(writer.duels) == _size(each, match) else writer.stop()
            for each, match, writer in rows
        )

    def _finished(self, _: int, result: tuple[Place, Duel]) -> None:
        place, duel = result
        self._growing[place.meeting].add(place.duel, duel)

    def _open(self, each: Meeting, match: Match, began: str) -> duelfile.Writer:
        base, tuned = (
            Party(arm.run.model.name, arm.run.model.use, digest)
            for arm, digest in zip((each.base, each.tuned), match.digests, strict=True)
        )
        judges = tuple(Party(name, model.ref.use) for name, model in each.judges.items())
        folder = self._config.state / "runs" / slug(each.suite.name)
        if folder.is_relative_to(self._config.folder):
            store.no_link(folder, self._config.folder)
        path = duelfile.path_for(each.base.run, each.tuned.run, folder)
        prefer = each.suite.prefer
        bound = of_duels(prefer, refs(each.judges))
        return duelfile.Writer(path, DuelRun(each.suite.name, base, tuned, prefer, judges, bound, began))


def costs(each: Meeting, cache: Cache | None, prices: Mapping[str, Price | None]) -> Iterator[Cost]:
    """What judging the replies of two stored runs takes, by judge; the cache is only looked at.

    prices: by the names that the suite uses. Verdicts are short: an answer is taken to have as many tokens as a reply
    of which nothing is known.
    """
    asked: dict[str, list[Request]] = {name: [] for name in each.judges}
    for flow in _match(each).flows(each.suite.prefer, tuple(each.judges)):
        for request in next(flow, ()):
            asked[request.model.name].append(_sent(request, each))
    for name, requests in asked.items():
        keys = {request.key(): request for request in requests}
        known = cache.look_up(list(keys)) if cache and each.judges[name].keeps else {}
        unknown = [request for key, request in keys.items() if key not in known]
        characters = sum(len(message.content) for request in unknown for message in request.messages)
        yield _cost(each.suite, each.tuned.run.model.name, name, (len(keys), len(known), characters), prices[name])


def most(suite: Suite, rival: str, samples: int, prices: Mapping[str, Price | None]) -> Iterator[Cost]:
    """What judging an arm beside the first takes at most, by judge, where no replies are stored yet."""
    each = 2 * samples * len(suite.prefer)
    shown = sum(len(turn.ask) + 2 * CHARACTERS_A_TOKEN * TOKENS_A_REPLY for case in suite.cases for turn in case.turns)
    for name, price in prices.items():
        yield _cost(suite, rival, name, (each * len(suite.cases), 0, each * shown), price)


def _cost(suite: Suite, rival: str, judge: str, counts: tuple[int, int, int], price: Price | None) -> Cost:
    requests, known, characters = counts
    spoken = (requests - known) * TOKENS_A_REPLY
    usd = None if price is None else (characters / CHARACTERS_A_TOKEN * price.input + spoken * price.output) / 1e6
    return Cost(suite.name, f"{judge}, duels of {rival}", requests, known, usd)


def left(limits: engine.Limits, tallies: Tallies) -> engine.Limits:
    """What a command may still take after its arms were asked."""
    spent = sum(tally.usd or 0.0 for tally in tallies.values())
    budget, deadline = limits.budget_usd, limits.deadline_seconds
    return replace(
        limits,
        budget_usd=None if budget is None else max(0.0, budget - spent),
        deadline_seconds=None if deadline is None else deadline - tallies.seconds,
    )


def _match(each: Meeting) -> Match:
    """The trials of the cases that both arms were asked alike."""
    cases = [case for case in each.tuned.sheet.cases if case in each.base.sheet.cases]
    return Match.of(each.base.run, each.tuned.run, cases)


def _size(each: Meeting, match: Match) -> int:
    return match.size(each.suite.prefer, tuple(each.judges))


def _took(each: Meeting, tallies: Tallies) -> tuple[tuple[str, Tally], ...]:
    return tuple((name, tallies[_account(each, model.ref.name)]) for name, model in each.judges.items())


def _account(each: Meeting, judge: str) -> str:
    return "\n".join((each.suite.name, each.tuned.run.model.name, judge))


def _charged(request: Request) -> str:
    origin = request.origin
    return "\n".join((origin.suite, origin.arm, request.model.name)) if origin else request.model.name


def _addressed(flow: Flow[Duel], place: Place, each: Meeting) -> Flow[tuple[Place, Duel]]:
    """The flow with its questions sent to the models behind the names it asks."""
    try:
        wanted = next(flow)
        while True:
            wanted = flow.send((yield tuple(_sent(request, each) for request in wanted)))
    except StopIteration as end:
        duel: Duel = end.value
        return place, duel


def _sent(request: Request, each: Meeting) -> Request:
    ref = each.judges[request.model.name].ref
    merged: Payload = {**request.params, **ref.params}
    params = {name: value for name, value in merged.items() if name not in ref.drop}
    origin = request.origin and replace(request.origin, suite=each.suite.name, arm=each.tuned.run.model.name)
    return replace(request, model=ref, params=params, origin=origin)
