"""`accept`: make a run the baseline of its suite, after showing what changed since the last one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON, QUIET, Show, Verb, config, gathered, leave, shown
from evalharness.cli.showing import print_panel
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.accepting import Review
    from evalharness.snapshots import Filed


@dataclass(frozen=True, slots=True)
class How:
    """What the options of `accept` say."""

    why: str
    name: str | None = None
    pin: bool = False
    allow_missing: bool = False
    dry_run: bool = False
    as_json: bool = False
    quiet: bool = False


HOW = (
    click.option("-m", "--message", "why", metavar="WHY", required=True, help="Why this is the new state; kept."),
    click.option("--as", "name", metavar="NAME", help="What to call it; else the model's name and the day it was run."),
    click.option("--pin", is_flag=True, help="Read later snapshots against this one; `reference` stands for it."),
    click.option("--allow-missing", is_flag=True, help="Accept it although answers are missing."),
    click.option("--dry-run", is_flag=True, help="Show the change, write nothing."),
    JSON,
    QUIET,
)


def _options(verb: Verb) -> Verb:
    return gathered(verb, "how", lambda: How, HOW)


@click.command("accept")
@click.argument("run", type=click.Path(path_type=Path))
@_options
def accept_verb(run: Path, how: How) -> None:
    """Make RUN the baseline of its suite: show what changed since the last one, then keep it in baselines/.

    \b
    evalharness accept .evalharness/runs/marv/tuned.jsonl -m "first tune, 200 examples"
    evalharness compare suites/marv.yaml --base baseline --tuned tuned

    All replies are kept, so that the model can be compared against when it is gone. Nothing else ever changes a
    baseline. It is a file to commit.
    """
    from evalharness.accepting import accept, named, reason, review

    settings, why = config(), reason(how.why)
    reviewed = review(run, settings)
    if reviewed.missing and not how.allow_missing:
        failed = EvalError(
            f"{shown(run)}: answers are missing, and a baseline keeps what it lacks",
            "run the suite again, which asks only those; or accept it as it is with --allow-missing",
        )
        failed.exit_code = 3
        raise failed
    name = named(reviewed, how.name, settings)
    if reviewed.change is not None and not how.as_json:
        print_panel(reviewed.change, Show(quiet=how.quiet), (), ending=False)
        click.echo()
    filed = None if how.dry_run else accept(reviewed, name, why, settings, pinned=how.pin)
    _print(reviewed, filed, how)
    leave(0)


def _print(reviewed: Review, filed: Filed | None, how: How) -> None:
    if how.as_json:
        from evalharness.reports.json import plain, render

        change = json.loads("".join(render(reviewed.change, pairs=False))) if reviewed.change else None
        path = shown(filed.path) if filed else None
        told = {"snapshot": asdict(filed.snapshot) if filed else None, "path": path, "change": change}
        click.echo(json.dumps(plain(told), indent=2))
        return
    for line in _lines(reviewed, filed):
        click.echo(line)


def _lines(reviewed: Review, filed: Filed | None) -> Iterator[str]:
    from evalharness.escape import one_line, terminal

    suite = terminal(one_line(reviewed.run.suite.name))
    before = reviewed.shelf.baseline
    if filed is None:
        yield f"nothing was written; the baseline of '{suite}' is {f'still {before.name}' if before else 'none yet'}"
        return
    after = f", after {before.name}" if before else ", the first"
    yield f"accepted: {filed.name} is the baseline of '{suite}'{after}"
    if filed.snapshot.pinned:
        yield f"pinned:   later snapshots are read against {filed.name}"
    yield f"file:     {shown(filed.path)}   (commit it)"
    yield f"next:     evalharness compare {terminal(shown(reviewed.run.suite.path))} --base baseline --tuned NAME"
