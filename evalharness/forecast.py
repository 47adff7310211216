"""Before any money is spent: what asking takes, and what the answers could show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from evalharness.cache import Cache
from evalharness.config import Price
from evalharness.measure import Arm, design_of, measured
from evalharness.models.base import Model
from evalharness.plan import Plan, parameters
from evalharness.records import Criterion, Request
from evalharness.rulings import asks
from evalharness.sheet import OVERALL, Slice
from evalharness.stats.planning import (
    cases_for_margin,
    floor_cases,
    floor_cases_gain,
    floor_cases_threshold,
    smallest_effect_binary,
)
from evalharness.suite import Suite

DISCORDANCES = (0.1, 0.2, 0.3)
"""Shares of cases on which two models differ: the usual guesses before a pilot."""

WINDOW = 1_000
CHARACTERS_A_TOKEN = 4
TOKENS_A_REPLY = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What asking one arm takes.

    requests: answers needed when every turn gets one. known: opening questions whose answer is in the cache or in a
    recording. usd: an estimate of the rest at the arm's price, None without one: a token for four characters, and
    `max_tokens` or 200 tokens a reply.
    """

    suite: str
    model: str
    requests: int
    known: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a suite can show of one criterion.

    floor: cases it takes even if nothing goes wrong, None where no number does. effects: for each share of cases on
    which the models differ, the smallest true change seen with 80 % power, None where even a one-sided one would be
    missed. needed: for the same shares, the cases it takes to show HELD at the margin. pilot: the share in stored runs.
    """

    suite: str
    aspect: str
    asked: str
    cases: int
    floor: int | None
    effects: tuple[tuple[float, float | None], ...]
    needed: tuple[tuple[float, int], ...]
    pilot: float | None = None


def cost(plan: Plan, model: Model, cache: Cache | None, price: Price | None) -> Cost:
    """What asking the plan of the model takes; the cache is only looked at."""
    openings = characters = 0
    for request in unknown(plan, model, cache):
        openings += 1
        characters += sum(len(message.content) for message in request.messages)
    known = len(plan) - openings
    requests = plan.requests()
    free = model.ref.kind == "replay"
    usd = 0.0 if free else _usd(plan, requests - known, characters, price)
    return Cost(plan.suite.name, model.ref.name, requests, known, usd)


def unknown(plan: Plan, model: Model, cache: Cache | None) -> Iterator[Request]:
    """The opening questions whose answers are neither recorded nor cached; the cache is only looked at."""
    openings = plan.first_requests()
    while window := list(islice(openings, WINDOW)):
        asked = [(request.key(), request) for request in window if model.known(request) is None]
        stored = cache.look_up([key for key, _ in asked]) if cache and model.keeps else {}
        yield from (request for key, request in asked if key not in stored)


def sights(suite: Suite, pilots: dict[str, float]) -> Iterator[Sight]:
    """What the suite can show of each criterion of its gate; pilots: seen shares of differing cases by aspect."""
    for criterion in suite.gate:
        count = sum(criterion.aspect in case.aspects for case in suite.cases)
        count = len(suite.cases) if criterion.aspect == OVERALL else count
        for name, limit in asks(criterion):
            yield _sight(suite, criterion, (name, limit), count, pilots.get(criterion.aspect))


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


def _sight(suite: Suite, criterion: Criterion, asked: tuple[str, float], cases: int, seen: float | None) -> Sight:
    name, limit = asked
    shares = DISCORDANCES if not seen else (seen, *DISCORDANCES)
    effects = tuple((share, smallest_effect_binary(cases, share, alpha=suite.alpha)) for share in shares if cases)
    margin = limit if name in ("drop_at_most", "both_within") else None
    needed = tuple((share, cases_for_margin(margin, share, alpha=suite.alpha)) for share in shares if margin)
    return Sight(
        suite.name, criterion.aspect, f"{name}: {limit:g}", cases, _floor(suite, name, limit), effects, needed, seen
    )


def _floor(suite: Suite, name: str, limit: float) -> int | None:
    match name:
        case "drop_at_most" | "both_within":
            return floor_cases(limit, alpha=suite.alpha)
        case "at_least" if limit < 1:
            return floor_cases_threshold(limit, interval=suite.interval, alpha=suite.alpha)
        case "gain_at_least" if limit < 1:
            return floor_cases_gain(limit, alpha=suite.alpha)
        case _:
            return None


def _usd(plan: Plan, missing: int, characters: int, price: Price | None) -> float | None:
    if price is None:
        return None
    limits = [parameters(case, plan.suite, plan.model).get("max_tokens") for case in plan.suite.cases]
    sizes = [limit if isinstance(limit, int) else TOKENS_A_REPLY for limit in limits]
    tokens_out = missing * sum(sizes) / max(len(sizes), 1)
    return (characters / CHARACTERS_A_TOKEN * price.input + tokens_out * price.output) / 1e6
