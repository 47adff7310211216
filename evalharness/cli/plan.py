"""`plan`: how many requests, how many of them known, their price, and what the suite could show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON, SUITES, choosing, config, load_suites, shown
from evalharness.cli.showing import width
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.forecast import Cost, Sight
    from evalharness.harness import Asking, Job, Options, Stored
    from evalharness.measure import Arm
    from evalharness.sitting import Row
    from evalharness.suite import Suite


@click.command("plan")
@SUITES
@click.option("--model", "models", metavar="NAME", multiple=True, help="A model to ask; else the suite's own arms.")
@choosing
@JSON
def plan_verb(suites: tuple[str, ...], models: tuple[str, ...], options: Options, as_json: bool) -> None:
    """Say how many requests a run takes, how many answers are known, the price, and the smallest effect it can see.

    Asks nothing and writes nothing.
    """
    from evalharness.harness import Asking, Job, rows
    from evalharness.training import told

    settings = config()
    costs: list[Cost] = []
    sights: list[Sight] = []
    nearness: list[str] = []
    for suite in load_suites(suites, settings):
        names = models or tuple(name for name in (suite.base, suite.tuned) if name)
        if not names:
            raise EvalError(f"{shown(suite.path)}: which model?", "give --model NAME, or set `base:` in the suite")
        (row,) = rows([Asking(suite, tuple(names))], settings, options)
        costs += _costs(row, settings, options)
        costs += _duels(Asking(suite, tuple(names)), row, settings, options)
        nearness += told(row[0].plan.suite if isinstance(row[0], Job) else row[0].suite)
        sights += _sights(suite, row, settings, options)
    if as_json:
        total = {"requests": sum(c.requests for c in costs), "known": sum(c.known for c in costs), "usd": _total(costs)}
        facts = {"total": total, "models": [asdict(c) for c in costs], "aspects": [asdict(s) for s in sights]}
        click.echo(json.dumps(facts, indent=2))
        return
    for line in (*_cost_lines(costs), *nearness, *_sight_lines(sights)):
        for part in _rows(line, width()):
            click.echo(part)


def _costs(row: Row, settings: Config, options: Options) -> Iterator[Cost]:
    from evalharness.appraisal import appraisal, summed
    from evalharness.cache import Cache
    from evalharness.forecast import Cost, cost
    from evalharness.harness import Job, Stored

    with Cache(settings.state / "cache") as cache:
        known = cache if options.cache in ("use", "only") else None
        own = [
            Cost(arm.suite.name, arm.filed.name, 0, 0, 0.0)  # a snapshot is not asked
            if isinstance(arm, Stored)
            else cost(arm.plan, arm.model, known, settings.arm(arm.model.ref.name).price)
            for arm in row
        ]
        jobs = [arm for arm in row if isinstance(arm, Job)]
        yield from summed([*own, *(one for job in jobs for one in appraisal(job.plan, job.model, job.judges, known))])


def _duels(asking: Asking, row: Row, settings: Config, options: Options) -> Iterator[Cost]:
    """What judging the replies side by side takes: by the runs that are stored, else at most."""
    from evalharness.cache import Cache
    from evalharness.duelling import Meeting, costs, judges, most
    from evalharness.harness import Job
    from evalharness.suite import select

    if not asking.rivals:
        return
    suite = select(asking.suite, tags=options.tags, cases=options.cases)
    arms = [arm.model.ref for arm in row if isinstance(arm, Job)]
    panel = judges(suite, arms, settings, options.judge)
    prices = {name: model.arm.price for name, model in panel.items()}
    base, *others = [_seen(suite, arm, settings) for arm in row]
    with Cache(settings.state / "cache") as cache:
        for name, tuned in zip(asking.rivals, others, strict=True):
            if base is None or tuned is None or suite.selected:
                yield from most(suite, name, options.samples or suite.samples, prices)
            else:
                known = cache if options.cache in ("use", "only") else None
                yield from costs(Meeting(suite, base, tuned, panel), known, prices)


def _sights(suite: Suite, row: Row, settings: Config, options: Options) -> Iterator[Sight]:
    from evalharness.forecast import pilot, sights
    from evalharness.suite import select

    seen = [found for arm in row[:2] if (found := _seen(suite, arm, settings))]
    pilots = pilot(*seen) if len(seen) == 2 else {}
    return sights(select(suite, tags=options.tags, cases=options.cases), pilots, options.samples)


def _seen(suite: Suite, arm: Job | Stored, settings: Config) -> Arm | None:
    """What an arm said before, of which an estimate can be made: a snapshot, or its last run of the whole suite."""
    from evalharness import store
    from evalharness.baselines import recall
    from evalharness.harness import Stored, run_path
    from evalharness.measure import Arm

    if isinstance(arm, Stored):
        return recall(arm.filed, suite, arm.judges)
    path = run_path(settings, suite.name, arm.model.ref.name)
    return Arm.of(store.read(path)) if path.is_file() else None


def _total(costs: Sequence[Cost]) -> float | None:
    prices = [cost.usd for cost in costs]
    return None if None in prices else sum(price for price in prices if price is not None)


def _rows(line: str, columns: int) -> Iterator[str]:
    """A line broken where the terminal ends, what follows set in by two blanks more."""
    from evalharness.layout import wrapped

    hang = len(line) - len(line.lstrip()) + 2
    for place, spans in enumerate(wrapped([(line, "")], max(columns - hang, 10), -hang)):
        yield (" " * hang * (place > 0) + "".join(text for text, _ in spans)).rstrip()


def _cost_lines(costs: Sequence[Cost]) -> Iterator[str]:
    from evalharness.rulings import counted

    for cost in costs:
        price = f"about {cost.usd:,.4f} USD" if cost.usd is not None else "no price in the config"
        to_send = cost.requests - cost.known
        counts = f"{counted(cost.requests, 'request')}, {cost.known:,} known, {to_send:,} to send"
        yield f"{cost.suite} asked of {cost.model}: {counts}, {price}"
    total = _total(costs)
    if len(costs) > 1:
        price = f", about {total:,.4f} USD (an estimate)" if total is not None else ""
        yield f"in all: {counted(sum(c.requests - c.known for c in costs), 'request')} to send{price}"


def _sight_lines(sights: Sequence[Sight]) -> Iterator[str]:
    from evalharness.rulings import counted

    for sight in sights:
        yield ""
        cases = counted(sight.cases, "case")
        if sight.by_samples:
            takes = f"{cases}, {counted(sight.samples, 'sample')} of each; {_samples(sight)}"
        else:
            takes = f"{cases}, {_cases(sight)}"
        yield f"{sight.suite}, {sight.aspect}, {sight.asked}: {takes}"
        needed = dict(sight.needed)
        for share, effect in sight.effects:
            origin = " (as in the stored runs)" if share == sight.pilot else ""
            sees = f"sees a change of {100 * effect:.1f} points" if effect is not None else "sees no change at all"
            hold = f"; held needs about {counted(needed[share], 'case')}" if share in needed else ""
            yield f"  if the models differ on {100 * share:.0f} % of the cases{origin}: {sees}{hold}"


def _cases(sight: Sight) -> str:
    """What it takes where the number of cases decides."""
    if sight.floor is None:
        return "no number of cases can meet it"
    return f"it takes {sight.floor:,} at the very least" + (": TOO FEW" if sight.cases < sight.floor else "")


def _samples(sight: Sight) -> str:
    """What it takes where these very cases decide, with enough samples of each."""
    if sight.samples_needed is None:
        return "no number of samples up to 1,000 can meet it: TOO FEW cases"
    few = ": TOO FEW" if sight.samples < sight.samples_needed else ""
    return f"with `scope: suite` it takes {sight.samples_needed:,} samples of each at the very least{few}"
