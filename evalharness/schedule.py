"""The schedule of a suite's questions: all at once, or stage after stage with a look between.

Every stage is fixed before anything is asked; a look decides only whether the next one is. So the same suite with the
same answers ends at the same place, whoever asks it again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

from evalharness.errors import Fault
from evalharness.grammar.cases import Case
from evalharness.plan import suite_ref
from evalharness.records import Early, Instrument, SuiteRef
from evalharness.stats.sequential import FEWEST_UNITS
from evalharness.suite import Suite

Step: TypeAlias = tuple[Case, int]
"""A case, and which sample of it."""

FEWEST_A_BATCH = 10
MOST_LOOKS = 20
"""A plan is looked at about so often, and not more often than after every tenth case."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """In which order the trials of a suite are asked, and after which of them somebody looks.

    stages: what is asked between two looks. early: where each stage is a batch of cases; looks: how many there may be,
    where each stage after the first is one more sample of all cases.
    """

    suite: Suite
    samples: int
    stages: tuple[tuple[Step, ...], ...]
    early: Early | None = None
    looks: int = 1

    def ref(self, judges: tuple[Instrument, ...] = ()) -> SuiteRef:
        """What a run file says of the suite asked like this; alpha is that of one look."""
        ref = suite_ref(self.suite, self.samples, judges)
        return replace(ref, early=self.early, looks=self.looks, alpha=ref.alpha / self.looks)


def whole(suite: Suite, samples: int) -> Schedule:
    """All of it at once, case by case."""
    return Schedule(suite, samples, (tuple(product(suite.cases, range(samples))),))


def adding(suite: Suite, least: int, most: int) -> Schedule:
    """Every case `least` times, then one more sample of every case up to `most`, with a look before each."""
    first = tuple(product(suite.cases, range(least)))
    more = (tuple((case, sample) for case in suite.cases) for sample in range(least, most))
    return Schedule(suite, least, (first, *more), looks=most - least + 1)


def drawn(suite: Suite, samples: int, seed: int) -> Schedule:
    """The cases in an order that seed and suite alone decide, in batches; the cases of a group stay together."""
    units: dict[str, list[Case]] = {}
    for case in suite.cases:
        units.setdefault(_unit(case), []).append(case)
    order = sorted(units, key=lambda unit: _lot(unit, suite, seed))
    batch = max(FEWEST_A_BATCH, math.ceil(len(order) / MOST_LOOKS))
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    stages = tuple(
        tuple(step for unit in units_of for step in product(units[unit], range(samples))) for units_of in batches
    )
    ordered = replace(suite, cases=tuple(case for unit in order for case in units[unit]))
    return Schedule(ordered, samples, stages, Early(len(order), batch, seed))


def unfit(suite: Suite, arms: int, *, given: bool) -> Iterator[Fault]:
    """Why a suite cannot be stopped early: what its numbers would not stand, each with what to do.

    arms: how many it is asked of. given: whether the command says how often each case is asked.
    """
    name, units = f"suite '{suite.name}'", len({_unit(case) for case in suite.cases})
    leave = "leave `--stop early` out"
    if suite.selected:
        yield Fault(name, 0, 0, "a selection of the cases decides nothing, so it cannot be decided early", leave)
        return
    if arms < 2:
        yield Fault(name, 0, 0, "one arm alone is compared with nothing, so no look can decide anything", leave)
    if suite.scope == "suite":
        what = "with `scope: suite` every case counts, so none can be left unasked"
        yield Fault(name, 0, 0, what, f"{leave}, or give `samples` a range, which adds samples while the gate is open")
    if suite.most_samples > suite.samples and not given:
        what = f"it adds samples while the gate is open ({suite.samples} to {suite.most_samples} of a case)"
        yield Fault(name, 0, 0, f"{what}, and `--stop early` cases", "say how often each case is asked: --samples N")
    if any(case.must_pass for case in suite.cases):
        what = "it has cases that must pass, and one that is not asked was not checked"
        yield Fault(name, 0, 0, what, f"{leave}, or keep those cases in a suite of their own")
    if any(criterion.drift_at_most is not None for criterion in suite.gate):
        what = "`drift_at_most` has no interval yet that holds at every look"
        yield Fault(name, 0, 0, what, leave)
    if suite.prefer:
        yield Fault(name, 0, 0, "duels (`prefer`) are judged when all replies are there, so no look has them", leave)
    if units < FEWEST_UNITS:
        count = f"{units} {'group' if units < len(suite.cases) else 'case'}{'' if units == 1 else 's'}"
        what = f"it has {count}, and before {FEWEST_UNITS} nothing can be called held on the way"
        yield Fault(name, 0, 0, what, leave)


def _unit(case: Case) -> str:
    return f"group {case.group}" if case.group else f"case {case.id}"


def _lot(unit: str, suite: Suite, seed: int) -> str:
    """A digest, so that the order is the same on every machine, and another one once the suite was changed."""
    return hashlib.sha256(f"{seed}\n{suite.hash}\n{unit}".encode("utf-8", "backslashreplace")).hexdigest()
