"""`tune`: look at a training file before it costs anything; `tune_jobs` holds what then happens on a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalharness.cli.options import JSON, Verb, config, gathered, leave, load_suites
from evalharness.cli.tune_jobs import cancel_verb, list_verb, start_verb, watch_verb
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.suite import Suite
    from evalharness.tuning.dataset import Asked, Report, Wanted
    from evalharness.tuning.rules import Finding

METHODS = ("supervised", "dpo", "reinforcement")
DIALECTS = ("openai", "dpo", "trl", "sharegpt", "alpaca", "prompt-completion")


@dataclass(frozen=True, slots=True)
class How:
    """What the options of `tune check` say."""

    method: Literal["supervised", "dpo", "reinforcement"] | None = None
    model: str | None = None
    context: int | None = None
    epochs: int | None = None
    price: float | None = None
    suite: str | None = None
    fix: bool = False
    dialect: Literal["openai", "dpo", "trl", "sharegpt", "alpaca", "prompt-completion"] | None = None
    output: Path | None = None
    as_json: bool = False


HOW = (
    click.option("--method", type=click.Choice(METHODS), help="How it is trained on; else told by the lines."),
    click.option("--model", metavar="NAME", help="The model to tune: how long an example may be."),
    click.option("--context", metavar="TOKENS", type=click.IntRange(1), help="How long an example may be."),
    click.option("--epochs", metavar="N", type=click.IntRange(1), help="How often it is trained on."),
    click.option("--price", metavar="USD", type=click.FloatRange(0), help="Of a million tokens trained on."),
    click.option("--suite", metavar="SUITE", help="Also say what a suite asks that is trained on."),
    click.option("--fix", is_flag=True, help="Write what can be repaired without guessing to a new file."),
    click.option("--convert", "dialect", type=click.Choice(DIALECTS), help="Write the examples in another dialect."),
    click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write."),
    JSON,
)


def _options(verb: Verb) -> Verb:
    return gathered(verb, "how", lambda: How, HOW)


@click.group("tune")
def tune_verb() -> None:
    """Check a training file, tune a model on it, watch the job."""


for verb in (start_verb, watch_verb, list_verb, cancel_verb):
    tune_verb.add_command(verb)


@tune_verb.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@_options
def check_verb(file: Path, how: How) -> None:
    """Find what a server would reject in a training file, and what is probably not meant; exit 2 where it would.

    \b
    evalharness tune check train.jsonl
    evalharness tune check train.json --fix
    evalharness tune check alpaca.json --convert openai -o train.jsonl

    Works offline and reads every dialect. With --fix or --convert the new file is checked.
    """
    from evalharness.tuning.dataset import check

    if how.output is not None and not how.fix and how.dialect is None:
        raise EvalError("-o: nothing is to be written", "give --fix or --convert DIALECT, too")
    wanted = _wanted(how)
    report = check(file, wanted)
    written = _written(file, report, how)
    repairs = dict(report.repairs) if written is not None else {}
    if how.dialect is not None:
        repairs |= {f"left out: {finding.what}": 1 for finding in report.findings if finding.code == "left_out"}
    if written is not None:
        wanted = replace(wanted, upload=how.dialect in (None, "openai", "dpo"))
        report = check(written, wanted)
    elif how.fix and not how.as_json:
        click.echo("nothing to repair, so no file was written\n")
    if how.as_json:
        click.echo(json.dumps(_plain(report, written, repairs), indent=2))
    else:
        _print(report, written, repairs, wanted, how.suite)
    leave(0 if report.valid else 2)


def _wanted(how: How) -> Wanted:
    from evalharness.tuning.counts import CONTEXTS, DEFAULT_CONTEXT, context_of
    from evalharness.tuning.dataset import Wanted

    context = how.context or (context_of(how.model) if how.model else DEFAULT_CONTEXT)
    if context is None:
        what = f"how long an example of model '{how.model}' may be is not known"
        raise EvalError(what, f"give --context TOKENS; known: {', '.join(sorted(CONTEXTS))}")
    return Wanted(how.method, context, how.epochs, how.price, _asked(how.suite))


def _asked(suite: str | None) -> Asked | None:
    if suite is None:
        return None
    from evalharness.tuning.dataset import Asked

    suites = load_suites([suite], config())
    questions = tuple(
        (case.id, turn.ask) for each in suites for case in each.cases for turn in case.turns if turn.reply is None
    )
    systems = frozenset(system for each in suites for system in _systems(each))
    return Asked(", ".join(each.name for each in suites), questions, systems)


def _systems(suite: Suite) -> Iterator[str | None]:
    for case in suite.cases:
        yield (suite.system if case.system is None else case.system) or None


def _written(file: Path, report: Report, how: How) -> Path | None:
    """The new file, where one was asked for and there is something to write."""
    from evalharness.tuning.repair import beside, convert, fix

    if how.dialect is not None:
        output = how.output or beside(file, how.dialect)
        convert(file, how.dialect, output)
        return output
    if not how.fix:
        return None
    if not report.repairs and report.whole:
        if how.output is not None:
            raise EvalError(
                f"{file}: there is nothing to repair, so {how.output} was not written", "check it without -o"
            )
        return None
    output = how.output or beside(file, "fixed")
    fix(file, output)
    return output


def _plain(report: Report, written: Path | None, repairs: dict[str, int]) -> dict[str, object]:
    """What `--json` prints."""
    findings = {
        f"{severity}s": [_finding(each) for each in report.findings if each.severity == severity]
        for severity in ("error", "warning", "note")
    }
    return {
        "file": report.file,
        "written": None if written is None else str(written),
        "repairs": repairs,
        "valid": report.valid,
        "dialect": report.dialect,
        "method": report.method,
        "examples": report.examples,
        **findings,
        "totals": report.totals,
        "messages": asdict(report.messages),
        "tokens": asdict(report.tokens),
        "replies": asdict(report.replies),
        "estimate": asdict(report.estimate),
    }


def _finding(finding: Finding) -> dict[str, object]:
    row = asdict(finding)
    row["lines"] = sorted({*row.pop("others"), finding.line} - {0})
    return row


def _print(report: Report, written: Path | None, repairs: dict[str, int], wanted: Wanted, suite: str | None) -> None:
    import sys

    from evalharness.cli.showing import width
    from evalharness.cli.training import lines
    from evalharness.escape import terminal

    encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
    for line in lines(report, written, repairs, asked=wanted, suite=suite, columns=width()):
        click.echo(terminal(line, encoding=encoding))
