"""`compare`: ask what is missing of two models or more, print what flipped and a verdict, write the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import Show, asking, config, leave, load_suites, showing, shown, status, watching
from evalharness.cli.showing import check_formats, deliver
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.findings import Panel
    from evalharness.harness import Options
    from evalharness.suite import Suite

RUN_FILES = (".jsonl", ".part")


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and the exit status of an interrupt, 0 without one."""

    panel: Panel
    interrupted: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """The arms that the command names."""

    base: str | None
    tuned: tuple[str, ...]
    via: str | None

    def arms(self, suite: Suite) -> tuple[str, ...]:
        """The arms a suite is asked of: those of the command, else the suite's own; the one between stands last."""
        first = self.base or suite.base
        others = self.tuned or ((suite.tuned,) if suite.tuned else ())
        if first is None or not others:
            which = "--base NAME" if first is None else "--tuned NAME"
            raise EvalError(
                f"{shown(suite.path)}: which model?", f"give {which}, or set `base:` and `tuned:` in the suite"
            )
        arms = (first, *others, *((self.via,) if self.via else ()))
        if len(set(arms)) < len(arms):
            raise EvalError(f"one model on both sides: {', '.join(arms)}", "compare different models, or two snapshots")
        return arms

    def judged(self, suite: Suite) -> tuple[str, ...]:
        """The arms that are compared with the first: not the one between."""
        return self.arms(suite)[1 : -1 if self.via else None]


@click.command("compare")
@click.argument("targets", metavar="SUITE...|RUN RUN...", nargs=-1, required=True)
@click.option("--base", metavar="NAME", help="The model to compare against; else the suite's `base`.")
@click.option("--tuned", metavar="NAME", multiple=True, help="The tuned model, or several; else the suite's `tuned`.")
@click.option("--via", metavar="NAME", help="With an old tune as base: the new base model, shown beside, not judged.")
@asking
@showing
def compare_verb(
    targets: tuple[str, ...], base: str | None, tuned: tuple[str, ...], via: str | None, options: Options, show: Show
) -> None:
    """Compare a tuned model with its base on suites, or stored runs with the first of them.

    \b
    evalharness compare suites/marv.yaml --base base --tuned tuned
    evalharness compare suites/marv.yaml --base baseline --tuned tuned
    evalharness compare suites/marv.yaml --base baseline --via new-base --tuned new-tune
    evalharness compare .evalharness/runs/marv/base.jsonl .evalharness/runs/marv/tuned.jsonl

    NAME is a model of the config, KIND:TARGET, or a snapshot: `baseline` stands for the one accepted last, `reference`
    for the pinned one. More than one --tuned makes a table of verdicts against the base.
    """
    check_formats(show)
    stored = [target.endswith(RUN_FILES) for target in targets]
    if any(stored):
        if not all(stored) or base or tuned or via or len(targets) < 2:
            raise EvalError("run files are compared with each other", "`evalharness compare RUN RUN`, without --base")
        compared = _stored([Path(target) for target in targets], options)
    else:
        compared = _asked(targets, Names(base, tuned, via), options, show)
    panel = compared.panel
    deliver(panel, show, config())
    leave(status(panel.verdict, allow_inconclusive=show.allow_inconclusive, interrupted=compared.interrupted))


def _stored(paths: Sequence[Path], options: Options) -> Compared:
    from evalharness.harness import compare_runs

    return Compared(compare_runs(paths, options, config()))


def _asked(targets: Sequence[str], names: Names, options: Options, show: Show) -> Compared:
    from evalharness.harness import Asking, ask_each, compare_asked

    settings = config()
    suites = load_suites(targets, settings)
    askings = [Asking(suite, names.arms(suite), names.judged(suite)) for suite in suites]
    with watching(quiet=show.quiet or show.as_json) as watch:
        asked = ask_each(askings, settings, options, watch)
    interrupted = asked.interrupted.exit_code if asked.interrupted else 0
    return Compared(compare_asked(asked, options, via=names.via is not None), interrupted)
