"""`lint`, `schema` and `list`: what can be known without asking anything."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from evalharness.cli.options import JSON, SUITES, config, load_suites, shown
from evalharness.errors import Fault, Faults
from evalharness.escape import terminal

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.registry import Registry
    from evalharness.suite import Suite

T = TypeVar("T")


@click.command("lint")
@SUITES
@JSON
def lint_verb(suites: tuple[str, ...], as_json: bool) -> None:
    """Read suites and print every fault with its place, not only the first; exit 2 where there is one.

    Warnings (a criterion that so few cases cannot meet, baselines in baselines/ that no suite of a given folder belongs
    to) are printed and end with 0.
    """
    settings = config()
    faults: tuple[dict[str, object], ...] = ()
    try:
        found = load_suites(suites, settings)
    except Faults as error:
        if not as_json:
            raise
        faults = tuple(_fault(fault) for fault in error.faults)
        found = []
    orphans = () if faults else tuple(_orphans(found, suites, settings))
    if as_json:
        warnings = [*(warning for suite in found for warning in suite.warnings), *orphans]
        click.echo(json.dumps({"faults": faults, "warnings": [_fault(each) for each in warnings]}, indent=2))
        if faults:
            raise click.exceptions.Exit(2)
        return
    for suite in found:
        for warning in suite.warnings:
            click.echo(f"warning: {warning}")
        click.echo(_line(suite))
    for orphan in orphans:
        click.echo(f"warning: {terminal(str(orphan), lines=True)}")


def _orphans(found: Sequence[Suite], names: Sequence[str], settings: Config) -> Iterator[Fault]:
    """Baselines that no suite belongs to, where folders were given: of a file alone nothing can be said."""
    from evalharness.snapshots import unused

    folders = [Path(name) for name in names if Path(name).is_dir()]
    return unused(settings.baselines, {suite.name for suite in found}, folders) if folders else iter(())


@click.command("schema")
def schema_verb() -> None:
    """Print the JSON Schema of suite files.

    \b
    evalharness schema > suites/.schema.json

    An editor that knows YAML schemas then completes keys and marks faults while you type.
    """
    from evalharness.suite import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@click.command("list")
@click.argument("what", type=click.Choice(["scorers", "models", "reports"]))
@click.option("-v", "--verbose", is_flag=True, help="The whole reference page of each.")
@JSON
def list_verb(what: str, verbose: bool, as_json: bool) -> None:
    """List the kinds of checks (scorers), models or reports there are, with what each does."""
    pages = list(_pages(what))
    if as_json:
        click.echo(json.dumps([{"name": name, "about": page} for name, page in pages], indent=2, ensure_ascii=False))
        return
    longest = max(len(name) for name, _ in pages)
    for name, page in pages:
        if verbose:
            click.echo(f"{name}\n{_indented(page)}\n")
        else:
            click.echo(f"{name:<{longest}}  {page.partition('.')[0] if page else ''}".replace("\n", " "))


def _pages(what: str) -> Iterator[tuple[str, str]]:
    settings = config()
    from evalharness.registry import load_files

    load_files(tuple(settings.folder / path for path in settings.scorers))
    if what == "scorers":
        from evalharness.scorers.base import SCORERS

        yield from _documented(SCORERS)
    elif what == "models":
        from evalharness.models.base import MODELS

        yield from _documented(MODELS)
    else:
        from evalharness.reports.base import REPORTS

        yield from _documented(REPORTS)


def _documented(registry: Registry[T]) -> Iterator[tuple[str, str]]:
    for name, member in registry.items():
        yield name, inspect.getdoc(member) or ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _fault(fault: Fault) -> dict[str, object]:
    return asdict(fault)


def _line(suite: Suite) -> str:
    gate = ", ".join(criterion.aspect for criterion in suite.gate)
    noun = "case" if len(suite.cases) == 1 else "cases"
    return f"{shown(suite.path)}: no fault; {len(suite.cases):,} {noun}, gated on {gate}"
