"""How often `--stop early` is wrong, and what it spares: simulated tunes whose true change is known.

    python -m benchmarks.early                  the table of docs/early.md
    python -m benchmarks.early --plans 20000    with less chance in it

Each plan is drawn, looked at after every batch as `evalharness.schedule` has it, and ended at the first look that
decides a gate of `drop_at_most`. The same plan is also asked whole and read once. Formulas are vectorised copies of
those in `evalharness.stats`, which a test holds to them.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from evalharness.schedule import FEWEST_A_BATCH, MOST_LOOKS
from evalharness.stats.intervals import tango, two_sided_z
from evalharness.stats.mixture import tuned_rho
from evalharness.stats.sequential import FEWEST_UNITS
from evalharness.stats.signs import mcnemar

Floats = NDArray[np.float64]
WORDS = ("IMPROVED", "HELD", "REGRESSED", "INCONCLUSIVE")
Z = two_sided_z(0.05)
AT_A_TIME = 1_000
"""Plans drawn together, for the sake of memory."""


@dataclass(frozen=True, slots=True)
class Tune:
    """A tune whose truth is known. change: the true one. spread: of pass or fail, the share of cases that differ beyond
    the change; of graded scores, the standard deviation of a case's difference."""

    kind: Literal["pass or fail", "graded"]
    change: float
    spread: float

    def draw(self, generator: np.random.Generator, plans: int, cases: int) -> Floats:
        """The differences of so many plans, a row each."""
        if self.kind == "graded":
            return np.clip(generator.normal(self.change, self.spread, (plans, cases)), -1, 1)
        ups = self.spread / 2 + max(0.0, self.change)
        downs = self.spread / 2 + max(0.0, -self.change)
        chance = generator.random((plans, cases))
        return np.where(chance < ups, 1.0, np.where(chance < ups + downs, -1.0, 0.0))


class Shares(NamedTuple):
    """How many of the plans ended with each word, and which share of their cases was asked, all in [0, 1]."""

    improved: float
    held: float
    regressed: float
    undecided: float
    asked: float


def batch(cases: int) -> int:
    """How many cases are asked between two looks."""
    return max(FEWEST_A_BATCH, math.ceil(cases / MOST_LOOKS))


def early(found: Floats, margin: float, kind: str) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """For each plan the place of its word, and after how many cases it ended."""
    plans, cases = found.shape
    looks = np.array([*range(batch(cases), cases, batch(cases)), cases])
    at = looks - 1
    mean, square = found.cumsum(1)[:, at] / looks, (found**2).cumsum(1)[:, at]
    weight = looks + Z**2
    variance = (square + Z**2) / weight - (mean * looks / weight) ** 2
    rho2 = tuned_rho(cases) ** 2
    spread = looks * rho2 + 1
    reach = np.sqrt(variance * 2 * spread / (looks**2 * rho2) * np.log(np.sqrt(spread) / 0.05))
    reach = np.where(looks < FEWEST_UNITS, np.inf, reach)
    differs = np.abs(mean) > reach
    if kind == "pass or fail":
        ups, downs = (found == 1).cumsum(1)[:, at], (found == -1).cumsum(1)[:, at]
        differs = betaln(ups + 0.5, downs + 0.5) - betaln(0.5, 0.5) + (ups + downs) * math.log(2) >= math.log(20)
    word = _words(mean, mean - reach, differs, margin)
    first = np.where((word < 3).any(1), (word < 3).argmax(1), len(looks) - 1)
    return word[np.arange(plans), first], looks[first]


def whole(found: Floats, margin: float, kind: str) -> NDArray[np.int_]:
    """The place of each plan's word when it is asked whole and read once."""
    cases = found.shape[1]
    mean = found.mean(1)
    if kind == "pass or fail":
        counts = zip((found == 1).sum(1).tolist(), (found == -1).sum(1).tolist(), strict=True)
        read = np.array([_read(ups, downs, cases) for ups, downs in counts])
        return _words(mean, read[:, 0], read[:, 1] <= 0.05, margin)
    weight = cases + Z**2
    centre = found.sum(1) / weight
    error = np.sqrt((((found**2).sum(1) + Z**2) / weight - centre**2) / weight)
    differs = np.abs(mean) > Z * found.std(1, ddof=1) / math.sqrt(cases)
    return _words(mean, centre - Z * error, differs, margin)


@cache
def _read(ups: int, downs: int, cases: int) -> tuple[float, float]:
    return tango(ups, downs, cases).low, mcnemar(ups, downs)


def _words(mean: Floats, low: Floats, differs: NDArray[np.bool_], margin: float) -> NDArray[np.int_]:
    """Section 4 of the method, as places of `WORDS`."""
    chosen = [differs & (mean > 0), low > -margin, differs & (mean < 0)]
    return np.select(chosen, [0, 1, 2], 3)


def measured(tune: Tune, cases: int, margin: float, *, plans: int, seed: int = 0) -> tuple[Shares, Shares]:
    """What becomes of such plans: stopped early, and asked whole."""
    generator = np.random.default_rng([seed, cases])
    words, ends, once = [], [], []
    for start in range(0, plans, AT_A_TIME):
        found = tune.draw(generator, min(AT_A_TIME, plans - start), cases)
        word, asked = early(found, margin, tune.kind)
        words.append(word)
        ends.append(asked)
        once.append(whole(found, margin, tune.kind))
    share = float(np.concatenate(ends).mean() / cases)
    return _shares(np.concatenate(words), share), _shares(np.concatenate(once), 1.0)


def _shares(words: NDArray[np.int_], asked: float) -> Shares:
    improved, held, regressed, undecided = (float((words == place).mean()) for place in range(len(WORDS)))
    return Shares(improved, held, regressed, undecided, asked)


TRUTHS = (("the margin is lost", -1.0), ("half of it is lost", -0.5), ("nothing changes", 0.0), ("it gains", 1.0))
PLANS = ((100, 0.10), (200, 0.10), (400, 0.05), (1000, 0.05))
KINDS: tuple[tuple[Literal["pass or fail", "graded"], float], ...] = (("pass or fail", 0.06), ("graded", 0.20))


def rows(plans: int) -> list[str]:
    """The table, in Markdown."""
    head = "scores | cases, margin | truth | improved | held | regressed | undecided | asked | whole: decided"
    lines = [f"| {head} |", "|" + "---|" * 9]
    for kind, spread in KINDS:
        for cases, margin in PLANS:
            for truth, times in TRUTHS:
                tune = Tune(kind, times * margin, spread)
                found, once = measured(tune, cases, margin, plans=plans)
                words = " | ".join(f"{100 * share:.1f}" for share in found[:4])
                cells = f"{kind} | {cases:,}, {100 * margin:g} | {truth} | {words} | {100 * found.asked:.0f} %"
                lines.append(f"| {cells} | {100 * (1 - once.undecided):.1f} |")
    return lines


def main() -> None:
    """Prints the table."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.early")
    reader.add_argument("--plans", type=int, default=10_000)
    print("\n".join(rows(reader.parse_args().plans)))


if __name__ == "__main__":
    main()
