"""`cache`: look into the answer cache, or clear parts of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON, config, load_suites
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.cache import Cache

DAY = 86_400


@click.group("cache")
def cache_verb() -> None:
    """Look into the answer cache, or clear parts of it. Nothing is ever removed but by `prune`."""


@cache_verb.command("info")
@JSON
def info_verb(as_json: bool) -> None:
    """How many answers of which model are kept."""
    with _open() as cache:
        stocks = cache.info()
        folder = cache.folder
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "models": [asdict(stock) for stock in stocks]}, indent=2))
        return
    click.echo(f"{folder}: {sum(stock.answers for stock in stocks):,} answers")
    for stock in stocks:
        click.echo(f"  {stock.model}: {stock.answers:,} answers, {stock.size / 2**20:.1f} MiB")


@cache_verb.command("explain")
@click.argument("case")
@click.option("--suite", required=True, metavar="SUITE", help="The suite the case is in.")
@click.option("--model", required=True, metavar="NAME", help="The model that would be asked.")
@click.option("--sample", type=click.IntRange(0), default=0, show_default=True)
@JSON
def explain_verb(case: str, suite: str, model: str, sample: int, as_json: bool) -> None:
    """Why a case would be asked again: the parts in which its question differs from the nearest one known."""
    from evalharness.models.base import open_model
    from evalharness.plan import Plan
    from evalharness.suite import select

    settings = config()
    (loaded,) = load_suites([suite], settings)
    plan = Plan(select(loaded, tags=(), cases=[case]), open_model(settings.arm(model)).ref, sample + 1)
    request = next(islice(plan.first_requests(), sample, None), None)
    if request is None:
        raise EvalError(f"case '{case}' asks nothing", "all of its turns are scripted")
    with _open() as cache:
        found = cache.explain(request)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    if found.known:
        click.echo(f"{case}: the answer is known ({found.key[:12]}), nothing would be asked")
    elif not found.differs:
        click.echo(f"{case}: nothing like it was ever asked")
    else:
        click.echo(f"{case}: would be asked; the nearest known question (case {found.case or 'unknown'}) differs in")
        for part in found.differs:
            click.echo(f"  {part.field}: {part.stored} -> {part.asked}")


@cache_verb.command("prune")
@click.option("--model", metavar="KIND:TARGET", help="Only answers of this model, as `cache info` prints it.")
@click.option("--older-than", metavar="DAYS", type=click.FloatRange(0), help="Only answers kept for more days.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def prune_verb(model: str | None, older_than: float | None, yes: bool, as_json: bool) -> None:
    """Remove answers for good; what is removed is paid again when it is needed again."""
    with _open() as cache:
        if model is not None and model not in {stock.model for stock in cache.info()}:
            raise EvalError(f"no answer of '{model}' is kept", "`evalharness cache info` lists the models")
        what = f"answers of {model}" if model else "answers of every model"
        age = f" older than {older_than:g} days" if older_than is not None else ""
        if not yes and not sys.stdin.isatty():
            raise EvalError(f"this removes {what}{age} for good", "give --yes where nobody can be asked")
        if not yes:
            click.confirm(f"Remove {what}{age} for good?", abort=True, err=True)
        removed = cache.prune(model=model, older_than=older_than * DAY if older_than is not None else None)
    click.echo(json.dumps({"removed": removed}) if as_json else f"{removed:,} answers removed")


def _open() -> Cache:
    from evalharness.cache import Cache

    return Cache(config().state / "cache")
