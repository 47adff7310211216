"""`run`, `rescore` and `merge`: what makes run files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON, SUITES, asking, config, leave, load_suites, shown, watching
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.harness import Asking, Options
    from evalharness.measure import Arm
    from evalharness.records import Run
    from evalharness.suite import Suite

OUTPUT = click.option(
    "-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write the run there."
)


@click.command("run")
@SUITES
@click.option("--model", metavar="NAME", help="The model to ask; else the suite's `tuned`, or its `base`.")
@asking
@OUTPUT
@JSON
@click.option("-q", "--quiet", is_flag=True, help="No progress, and of the result only the rates.")
def run_verb(suites: tuple[str, ...], model: str | None, options: Options, as_json: bool, quiet: bool) -> None:
    """Ask suites of one model, score the replies, write run files.

    \b
    evalharness run suites/marv.yaml --model tuned

    The run file is .evalharness/runs/SUITE/MODEL.jsonl unless -o says otherwise. Known answers cost nothing.
    """
    from evalharness.harness import ask_each

    settings = config()
    loaded = load_suites(suites, settings)
    if options.output is not None and len(loaded) > 1:
        what = f"-o {options.output} is one file, and these are {len(loaded)} suites"
        raise EvalError(what, "leave -o out, or run one suite")
    _outside(options.output, settings)
    askings = [_asking(suite, model) for suite in loaded]
    with watching(quiet=quiet or as_json) as watch:
        asked = ask_each(askings, settings, options, watch)
    arms = [arm for row in asked.arms for arm in row]
    _print(arms, as_json=as_json, quiet=quiet)
    leave(asked.interrupted.exit_code if asked.interrupted else _status(arms))


def _asking(suite: Suite, model: str | None) -> Asking:
    from evalharness.harness import Asking

    name = model or suite.tuned or suite.base
    if name is None:
        raise EvalError(f"{shown(suite.path)}: which model?", "give --model NAME, or set `base:` in the suite")
    return Asking(suite, (name,))


@click.command("rescore")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--suite", metavar="SUITE", required=True, help="The suite whose checks grade the stored replies.")
@click.option("--judge", metavar="NAME", help="The model that checks call `judge`; a name, or KIND:TARGET.")
@OUTPUT
@JSON
def rescore_verb(run: Path, suite: str, judge: str | None, output: Path | None, as_json: bool) -> None:
    """Grade stored replies again with the checks SUITE has today; only judges are asked, no reply is.

    \b
    evalharness rescore .evalharness/runs/marv/tuned.jsonl --suite suites/marv.yaml

    Writes RUN.rescored.jsonl beside RUN unless -o says otherwise.
    """
    from evalharness.harness import Options, rescore
    from evalharness.measure import Arm

    settings = config()
    (loaded,) = load_suites([suite], settings)
    _outside(output, settings)
    with watching(quiet=as_json) as watch:
        arms = [Arm.of(rescore(run, loaded, settings, output, Options(judge=judge), watch))]
    _print(arms, as_json=as_json, quiet=False)
    leave(_status(arms))


@click.command("merge")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path))
@JSON
def merge_verb(runs: tuple[Path, ...], output: Path, as_json: bool) -> None:
    """Join run files that asked parts of one suite of one model, as from several machines."""
    from evalharness import merging, store
    from evalharness.measure import Arm

    if len(runs) < 2:
        raise EvalError("one run file is no merge", "give two or more")
    if output.resolve() in {run.resolve() for run in runs}:
        raise EvalError(f"-o {output} is one of the runs to merge", "write to another file")
    _outside(output, config())
    arms = [Arm.of(store.write(output, merging.merge([store.read(run) for run in runs])))]
    _print(arms, as_json=as_json, quiet=False)
    leave(_status(arms))


def _outside(output: Path | None, settings: Config) -> None:
    """Nothing but `accept` writes among the baselines."""
    if output is not None and output.resolve().is_relative_to(settings.baselines.resolve()):
        raise EvalError(f"-o {output}: among the baselines lie accepted runs only", "write elsewhere, then accept that")


def _status(arms: Sequence[Arm]) -> int:
    from evalharness.compare import failed_musts, incomplete

    if any(failed_musts(arm) for arm in arms):
        return 1
    return 3 if any(incomplete(arm) for arm in arms) else 0


def _print(arms: Sequence[Arm], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        import json

        rows = [_object(arm) for arm in arms]
        click.echo(json.dumps(rows[0] if len(rows) == 1 else {"runs": rows}, indent=2))
        return
    for arm in arms:
        for line in _lines(arm, quiet=quiet):
            click.echo(line)


def _object(arm: Arm) -> dict[str, object]:
    from evalharness.compare import failed_musts, incomplete, run_ref
    from evalharness.summary import levels

    ref = asdict(run_ref(arm))
    return {
        "suite": asdict(arm.run.suite),
        **ref,
        "levels": [asdict(level) for level in levels(arm)],
        "must_pass": failed_musts(arm),
        "incomplete": incomplete(arm),
    }


def _lines(arm: Arm, *, quiet: bool) -> Iterator[str]:
    from evalharness.compare import failed_musts
    from evalharness.escape import one_line
    from evalharness.summary import levels

    run = arm.run
    noun = "case" if len(run.cases) == 1 else "cases"
    yield f"{run.suite.name} asked of {one_line(run.model.name)}: {len(run.cases):,} {noun} x {run.suite.samples}"
    for level in levels(arm):
        if level.rate is None or level.low is None or level.high is None:
            yield f"  {level.aspect:<12} no case could be scored, {level.missing:,} missing"
            continue
        spread = f"{100 * level.rate:5.1f} %  ({100 * level.low:.1f} to {100 * level.high:.1f})"
        missing = f", {level.missing:,} missing" if level.missing else ""
        yield f"  {level.aspect:<12} {spread}  {level.passed:,} of {level.cases:,} passed{missing}"
        if level.pass_hat and not quiet:
            steady = "  ".join(f"{k}: {100 * share:.1f} %" for k, share in enumerate(level.pass_hat, 1))
            once = "  ".join(f"{k}: {100 * share:.1f} %" for k, share in enumerate(level.pass_at, 1))
            yield f"  {'':<12} all of k samples pass  {steady}"
            yield f"  {'':<12} any of k samples pass  {once}"
        if level.flaky:
            yield f"  {'':<12} samples disagree in {100 * level.flaky:.1f} % of the cases"
    for case in failed_musts(arm):
        yield f"  FAIL {one_line(case)}: a must_pass case"
    if not quiet:
        yield from _ending(run, arm)


def _ending(run: Run, arm: Arm) -> Iterator[str]:
    """How the replies ended, why answers are missing, what it took, and what to type next."""
    from evalharness.escape import one_line
    from evalharness.sheet import LASTING

    others = [f"{count:,} {name}" for name, count in sorted(arm.sheet.outcomes.items()) if name != "answered"]
    if others:
        yield f"  replies: {', '.join(others)}"
    for kind, count in sorted(arm.sheet.failures.items()):
        yield f"  no answer: {count:,} {kind}: {one_line(arm.sheet.complaints[kind], 200)}"
    if run.tally and not run.snapshot:  # a snapshot's tally is what it took to make it
        price = f", {run.tally.usd:.4f} USD" if run.tally.usd else ""
        yield f"  requests sent: {run.tally.sent:,}, answers known before: {run.tally.cached:,}{price}"
        for name, took in run.judging:
            price = f", {took.usd:.4f} USD" if took.usd else ""
            yield f"  {one_line(name)}: {took.sent:,} asked, {took.cached:,} known before{price}"
    yield f"run:  {shown(run.path)}"
    lasting = sorted(kind for kind in arm.sheet.failures if kind in LASTING)
    if lasting:
        yield f"next: mend what is {' and '.join(lasting)} (above), then the same command again"
    elif run.path.endswith(".part") or arm.sheet.failures or arm.sheet.outcomes["filtered"]:
        yield "next: the same command again; it asks only what is missing"
    else:
        yield f"next: evalharness compare {shown(run.suite.path)} --base NAME --tuned NAME"
