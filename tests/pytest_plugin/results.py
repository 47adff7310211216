"""Results made by hand: a suite, and what its arms were graded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evalharness.measure import Arm
from evalharness.pytest_plugin.results import Result
from evalharness.records import Tally
from evalharness.suite import load
from tests.runs import Samples, run
from tests.shells.cli import numbered


def result(
    where: Path,
    tuned: Mapping[str, Samples],
    base: Mapping[str, Samples] | None = None,
    *,
    head: str = "",
    gate: str = "",
    tally: Tally | None = None,
) -> Result:
    """A suite of the cases `c0`, `c1`, ... and the scores of each."""
    path = where / "made.yaml"
    path.write_text(numbered(len(tuned), head=head, gate=gate))
    suite = load(path)
    return Result(suite, _arm(tuned, "tuned", tally), None if base is None else _arm(base, "base", tally))


def _arm(scores: Mapping[str, Samples], name: str, tally: Tally | None) -> Arm:
    made = run(scores, name=name)
    return Arm.of(made if tally is None else replace(made, tally=tally))
