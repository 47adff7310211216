"""What judging would take, before anything is asked: how many questions, how many are known, and the price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, product

from evalharness.cache import Cache
from evalharness.errors import Fault, ModelFailed
from evalharness.flow import Answer, drive
from evalharness.forecast import CHARACTERS_A_TOKEN, TOKENS_A_REPLY, Cost
from evalharness.models.base import Model
from evalharness.plan import Plan, converse
from evalharness.records import Conversation, Message, Request, Response
from evalharness.score import Bench, grade
from evalharness.scorers.base import ARM, asked
from evalharness.suite import Case

UNSAID = "x" * TOKENS_A_REPLY * CHARACTERS_A_TOKEN
"""Stands for a reply that is not known yet."""


def appraisal(plan: Plan, model: Model, judges: Mapping[str, Model], cache: Cache | None) -> Iterator[Cost]:
    """What each judge is asked about the replies of one arm, by the name that checks call it; and what checks ask of
    the arm itself, by its own name.

    A judge that is asked again because it could not be read is not foreseen. usd: an estimate at the judge's price,
    None without one; what is known costs nothing.
    """
    own = {judge.ref.name: (name, judge) for name, judge in judges.items()}
    if any(ARM in asked(check.scorer) for case in plan.suite.cases for check in case.checks):
        own.setdefault(model.ref.name, (model.ref.name, model))
    costs = {name: Cost(plan.suite.name, name, 0, 0, 0.0) for name, _ in own.values()}
    if not own:
        return
    for case, sample in product(plan.suite.cases, range(plan.samples)):
        talk, exact = _talk(plan, case, sample, model, cache)
        for request in _asked(case, talk, plan):
            if request.model.name not in own:
                continue
            name, judge = own[request.model.name]
            known = exact and _text(request, judge, cache) is not None
            costs[name] = _added(costs[name], request, judge, known=known)
    yield from costs.values()


def summed(costs: Iterable[Cost]) -> Iterator[Cost]:
    """One cost for each model of a suite: its arms are judged alike, and an arm may be asked by checks as well."""
    found: dict[tuple[str, str], Cost] = {}
    for cost in costs:
        key = (cost.suite, cost.model)
        before = found.get(key, replace(cost, requests=0, known=0, usd=0.0))
        usd = None if before.usd is None or cost.usd is None else before.usd + cost.usd
        found[key] = replace(before, requests=before.requests + cost.requests, known=before.known + cost.known, usd=usd)
    yield from found.values()


def rounds(plan: Plan, model: Model, cache: Cache | None) -> Iterator[tuple[Request, ...]]:
    """What checks would ask first about each reply of one arm."""
    for case, sample in product(plan.suite.cases, range(plan.samples)):
        yield _asked(case, _talk(plan, case, sample, model, cache)[0], plan)


def closed(judge: Model) -> bool:
    """Whether something keeps a judge from being asked: a key that is missing."""
    return bool(why_closed(judge))


def why_closed(judge: Model) -> tuple[Fault, ...]:
    """What keeps a judge from being asked anything."""
    return judge.faults([Request(judge.ref, (Message("user", ""),), judge.ref.params)])


def unready(judge: Model, asked: Iterable[tuple[Request, ...]], cache: Cache | None) -> tuple[Fault, ...]:
    """What keeps a judge from being asked what it would have to be; nothing where all of that is known.

    asked: the questions of checks, whoever they are for.
    """
    own = (request for round_ in asked for request in round_ if request.model.name == judge.ref.name)
    return judge.faults(islice((request for request in own if _text(request, judge, cache) is None), 1))


def _talk(plan: Plan, case: Case, sample: int, model: Model, cache: Cache | None) -> tuple[Conversation, bool]:
    """The conversation as it is known, and whether all of it is."""
    exact = True

    def answer(request: Request) -> Answer:
        nonlocal exact
        text = _text(request, model, cache)
        try:
            return model.read(text) if text is not None else _unsaid()
        except ModelFailed:
            return _unsaid()

    def _unsaid() -> Response:
        nonlocal exact
        exact = False
        return Response(UNSAID)

    conversation, _ = drive(converse(case, plan.suite, plan.model, sample), answer)
    return conversation, exact


def _text(request: Request, model: Model, cache: Cache | None) -> str | None:
    """A known answer."""
    text = model.known(request)
    if text is None and cache is not None and model.keeps:
        key = request.key()
        text = cache.look_up([key]).get(key)
    return text


def _asked(case: Case, talk: Conversation, plan: Plan) -> tuple[Request, ...]:
    """The first questions of all checks; what a check asks after an answer is not known."""
    try:
        return next(grade(case, talk, None, Bench(plan.suite.name, plan.model, plan.judges)))
    except StopIteration:
        return ()


def _added(cost: Cost, request: Request, judge: Model, *, known: bool) -> Cost:
    price = judge.arm.price
    usd = cost.usd
    if not known:
        tokens = sum(len(message.content) for message in request.messages) / CHARACTERS_A_TOKEN
        if request.kind == "likelihood":
            tokens *= 2  # read once without the answer, and once with it
        reply = TOKENS_A_REPLY if request.kind == "chat" else 0
        each = None if price is None else (tokens * price.input + reply * price.output) / 1e6
        usd = None if usd is None or each is None else usd + each
    return replace(cost, requests=cost.requests + 1, known=cost.known + known, usd=usd)
