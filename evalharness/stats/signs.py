"""Tests of whether two models differ: who moved up, who moved down, and could it be chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from evalharness.stats.intervals import group_totals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 20_000
"""How many random sign patterns stand for all of them where there are too many to count."""

COUNTED = 16
"""Up to so many sums that are not zero every sign pattern is counted: 65,536 of them."""

# Sums of the same numbers in another order differ in the last bits; equal sums must count as hits.
TIE = 1e-9


def sign_flip(differences: Sequence[float], groups: Sequence[Hashable] | None = None, *, seed: int = 0) -> float:
    """The share of sign patterns whose sum lies as far from zero as the seen one, two-sided.

    Were base and tuned exchangeable, each difference (with groups: each group's sum) might as well
    have had the other sign. Up to 16 sums that are not zero all patterns are counted; above that
    20,000 seeded draws stand for them and p = (1 + hits) / 20,001, so never below 0.00005.
    The order of the cases and a swap of the arms change nothing. (Fisher 1935.)
    """
    totals = group_totals(differences, groups)[0]
    largest = max(map(abs, totals), default=0.0)
    totals = [total for total in totals if abs(total) > TIE * largest]
    if not totals:
        return 1.0
    sizes = sorted(map(abs, totals))
    seen = abs(math.fsum(totals)) - TIE * math.fsum(sizes)
    if len(sizes) > COUNTED:
        return (1 + int((abs(_drawn_sums(sizes, seed)) >= seen).sum())) / (DRAWS + 1)
    return int((abs(_all_sums(sizes)) >= seen).sum()) / (1 << len(sizes))


def mcnemar(ups: int, downs: int) -> float:
    """The exact two-sided p for pass or fail, one sample a case: `sign_flip` in closed form.

    ups, downs: cases that only the tuned, or only the base model passed. 1.0 without any of them.
    (McNemar 1947; binomial tail.)
    """
    return min(1.0, 2 * _lower_tail(ups, downs))


def mcnemar_midp(ups: int, downs: int) -> float:
    """The mid-p of `mcnemar`: it counts half of the seen outcome's own probability.

    More power; the level is not guaranteed, but was kept in all 9,595 scenarios of Fagerland,
    Lydersen and Laake 2013. As there, equal counts give 1 minus half of their probability.
    """
    if ups == downs:
        return 1.0 - _probability(ups, downs) / 2 if ups else 1.0
    return mcnemar(ups, downs) - _probability(ups, downs)


def _probability(ups: int, downs: int) -> float:
    """How likely exactly this split is, if up and down are equally likely."""
    if ups < 0 or downs < 0:
        raise ValueError(f"{ups} up and {downs} down: counts are never negative")
    return math.comb(ups + downs, ups) / (1 << ups + downs)


def _lower_tail(ups: int, downs: int) -> float:
    """The probability of the rarer side being as rare as seen, or rarer."""
    fewer, flips = min(ups, downs), ups + downs
    term = tail = _probability(ups, downs)
    for rarer in range(fewer, 0, -1):
        term *= rarer / (flips - rarer + 1)
        tail += term
        if term < tail * 1e-18:
            break
    return tail


def _all_sums(sizes: Sequence[float]) -> NDArray[np.float64]:
    """The sum under each of the 2^m sign patterns."""
    import numpy as np

    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def _drawn_sums(sizes: Sequence[float], seed: int) -> NDArray[np.float64]:
    """The sum under each of 20,000 random sign patterns.

    Twelve sizes at a time: one random number picks one of their 4,096 sums, which is an eighth of
    the work and a thousandth of the memory of drawing every sign.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    sums = np.zeros(DRAWS)
    for start in range(0, len(sizes), 12):
        table = _all_sums(sizes[start : start + 12])
        sums += table[generator.integers(0, table.size, DRAWS)]
    return sums
