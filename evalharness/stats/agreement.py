"""How far a judge agrees with people, and what its rate says once its mistakes are known.

A label is what a person said of a reply, a grade what the judge said. Both are in [0, 1]; most functions here take them
as passed or failed. Nothing is assumed of the judge but that it makes the same mistakes on the replies that nobody
labelled as on those that somebody did, which holds where those were drawn at random.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

from evalharness.stats.intervals import Estimate, Interval, mean, two_sided_z
from evalharness.stats.rates import wilson

T = TypeVar("T", bound=Hashable)


class Confusion(NamedTuple):
    """Replies counted by label and grade: both passed, the judge alone, the label alone, neither."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, labels: Sequence[bool], grades: Sequence[bool]) -> Confusion:
        """Counts pairs; ValueError where there are more of one than of the other."""
        pairs = list(zip(labels, grades, strict=True))
        return cls(*(pairs.count(pair) for pair in ((True, True), (False, True), (True, False), (False, False))))

    @property
    def cases(self) -> int:
        """How many were counted."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def agree(self) -> int:
        """How often judge and label say the same."""
        return self.tp + self.tn

    @property
    def passes(self) -> int:
        """Replies whose label passes."""
        return self.tp + self.fn

    @property
    def fails(self) -> int:
        """Replies whose label fails."""
        return self.fp + self.tn

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond chance, 1 at best, 0 as by chance; None where chance alone agrees always."""
        if not self.cases:
            return None
        chance = self.passes * (self.tp + self.fp) + self.fails * (self.fn + self.tn)
        return _beyond_chance(self.agree / self.cases, chance / self.cases**2)


class Rate(NamedTuple):
    """A share in [0, 1] with Wilson's interval, of so many."""

    hits: int
    of: int
    rate: float
    low: float
    high: float


class Change(NamedTuple):
    """A difference of two shares, in [-1, 1], with an interval."""

    change: float
    low: float
    high: float


class Orders(NamedTuple):
    """Verdicts on pairs that were shown both ways round, counted.

    right: pairs judged right as first shown, and the other way round; both: right both ways. same: the same reply won
    both ways. first: verdicts for the reply shown first, of the `verdicts` that named one.
    """

    pairs: int
    right: tuple[int, int]
    both: int
    same: int
    first: int
    verdicts: int


def rate(hits: int, of: int, *, alpha: float = 0.05) -> Rate | None:
    """A share with Wilson's interval; None of nothing."""
    return Rate(hits, of, hits / of, *wilson(hits, of, alpha=alpha)) if of else None


def sensitivity(counts: Confusion, *, alpha: float = 0.05) -> Rate | None:
    """Of the replies that people pass, the share that the judge passes; None where people pass none."""
    return rate(counts.tp, counts.passes, alpha=alpha)


def specificity(counts: Confusion, *, alpha: float = 0.05) -> Rate | None:
    """Of the replies that people fail, the share that the judge fails; None where people fail none."""
    return rate(counts.tn, counts.fails, alpha=alpha)


def difference(first: Rate, second: Rate) -> Change:
    """The first share minus the second, of different replies: square-and-add of the two Wilson intervals.

    (Newcombe 1998, his method 10.) The level is that of the intervals given.
    """
    change = first.rate - second.rate
    below = math.hypot(first.rate - first.low, second.high - second.rate)
    above = math.hypot(first.high - first.rate, second.rate - second.low)
    return Change(change, max(-1.0, change - below), min(1.0, change + above))


def youden(counts: Confusion, *, alpha: float = 0.05) -> Change | None:
    """Sensitivity plus specificity minus 1: 1 for a perfect judge, 0 for one whose grades say nothing.

    It is the share of passes among replies that people pass, minus that among those they fail, so its interval is
    `difference`'s. (Youden 1950; for this interval Shan 2015.) None where people pass all, or none.
    """
    hits, slips = sensitivity(counts, alpha=alpha), rate(counts.fp, counts.fails, alpha=alpha)
    return None if hits is None or slips is None else difference(hits, slips)


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa of two raters over the same things, for any set of labels; an answer nobody could read is one.

    None where chance alone would agree always. Raises ValueError unless both rated as many, at least one.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} labels: both raters need the same things, at least one")
    cases = len(first)
    seen = sum(a == b for a, b in zip(first, second, strict=True)) / cases
    chance = sum(first.count(label) * second.count(label) for label in set(first)) / cases**2
    return _beyond_chance(seen, chance)


def _beyond_chance(seen: float, chance: float) -> float | None:
    return None if chance >= 1 else (seen - chance) / (1 - chance)


def kappa_interval(counts: Confusion, *, alpha: float = 0.05) -> Interval | None:
    """`kappa_spread` of passed or failed."""
    cells = {(True, True): counts.tp, (True, False): counts.fn, (False, True): counts.fp, (False, False): counts.tn}
    return kappa_spread(cells, alpha=alpha)


def kappa_spread(counts: Mapping[tuple[T, T], int], *, alpha: float = 0.05) -> Interval | None:
    """Kappa by its large-sample standard error, cut at -1 and 1; for reading, it decides nothing.

    counts: things by what the first and the second rater said, for any set of labels. (Fleiss, Cohen and Everitt 1969.)
    None where kappa is, and where all agree, since the error is then none.
    """
    n = sum(counts.values())
    agree = sum(number for (one, two), number in counts.items() if one == two)
    if agree == n:
        return None
    people: defaultdict[T, float] = defaultdict(float)
    judge: defaultdict[T, float] = defaultdict(float)
    for (label, grade), number in counts.items():
        people[label] += number / n
        judge[grade] += number / n
    chance = math.fsum(share * judge[label] for label, share in [*people.items()])
    found = _beyond_chance(agree / n, chance)
    if found is None:
        return None
    squares = 0.0
    for (label, grade), number in counts.items():
        off = (1 - found) * (judge[label] + people[grade])
        squares += number / n * ((label == grade) - off) ** 2
    variance = (squares - (found - chance * (1 - found)) ** 2) / (n * (1 - chance) ** 2)
    reach = two_sided_z(alpha) * math.sqrt(max(0.0, variance))
    return Interval(max(-1.0, found - reach), min(1.0, found + reach))


def weighted_kappa(labels: Sequence[float], grades: Sequence[float]) -> float | None:
    """Kappa for graded scales: a disagreement weighs with the square of its size (Cohen 1968).

    None where neither varies. Raises ValueError unless there are as many of one as of the other, at least one.
    """
    if len(labels) != len(grades) or not labels:
        raise ValueError(f"{len(labels)} labels and {len(grades)} grades: one of each a reply, at least one")
    seen = mean([(label - grade) ** 2 for label, grade in zip(labels, grades, strict=True)])
    centres = mean(labels), mean(grades)
    # The mean over all pairs of a label with a grade, whosever: what chance would give.
    chance = mean([(label - centres[0]) ** 2 for label in labels]) + mean(
        [(grade - centres[1]) ** 2 for grade in grades]
    )
    chance += (centres[0] - centres[1]) ** 2
    return None if chance == 0 else 1 - seen / chance


def pairwise_kappa(votes: Mapping[str, Sequence[Hashable]]) -> tuple[tuple[str, str, float | None], ...]:
    """Kappa of every two judges of a panel, in the order they are named."""
    return tuple((a, b, kappa(votes[a], votes[b])) for a, b in combinations(votes, 2))


def both_orders(verdicts: Sequence[tuple[Hashable, Hashable]], best: Sequence[Hashable]) -> Orders:
    """How a judge did on pairs of replies called 1 and 2: the winner with 1 shown first, and with 2 shown first.

    A verdict nobody could read is any other value; it wins nothing. best: the better reply of each pair.
    """
    pairs = list(zip(verdicts, best, strict=True))
    right = sum(one == gold for (one, _), gold in pairs), sum(two == gold for (_, two), gold in pairs)
    both = sum(one == two == gold for (one, two), gold in pairs)
    same = sum(one == two for one, two in verdicts)
    first = sum((one == 1) + (two == 2) for one, two in verdicts)
    return Orders(len(pairs), right, both, same, first, sum((one in (1, 2)) + (two in (1, 2)) for one, two in verdicts))


def panel_score(scores: Sequence[float], *, even: float = 0.5) -> float:
    """What a panel says of one pair: 1, 0, or a half where the mean of its judges' scores is `even`."""
    found = mean(scores)
    return 0.5 if math.isclose(found, even, abs_tol=1e-12) else float(found > even)


def rogan_gladen(passes: int, cases: int, counts: Confusion) -> Estimate | None:
    """The pass rate people would give, from the judge's and its sensitivity and specificity, with a standard error.

    passes of cases: the judge's, on replies without a label. The rate is cut at 0 and 1. (Rogan and Gladen 1978.) None
    where the judge is no better than chance, or a kind of label is missing.
    """
    hits, rejects = sensitivity(counts), specificity(counts)
    if hits is None or rejects is None or not cases or hits.rate + rejects.rate <= 1:
        return None
    seen, gain = passes / cases, hits.rate + rejects.rate - 1
    true = min(1.0, max(0.0, (seen + rejects.rate - 1) / gain))
    variance = seen * (1 - seen) / cases
    variance += true**2 * hits.rate * (1 - hits.rate) / hits.of
    variance += (1 - true) ** 2 * rejects.rate * (1 - rejects.rate) / rejects.of
    return Estimate(true, math.sqrt(variance) / gain)


def labelled_only(labels: Sequence[float]) -> Estimate:
    """The mean label with its standard error; ValueError below two labels."""
    return Estimate(mean(labels), math.sqrt(_variance(labels) / len(labels)))


def prediction_powered(unlabelled: Sequence[float], labels: Sequence[float], grades: Sequence[float]) -> Estimate:
    """The mean label over all replies: the judge's mean on those without one, put right by its errors on those with.

    unlabelled: grades of the replies without a label; labels, grades: of those with one, in the same order.
    (Angelopoulos et al. 2023.) Raises ValueError below two of either.
    """
    return _powered(unlabelled, labels, grades, 1.0)


def power_tuned(
    unlabelled: Sequence[float], labels: Sequence[float], grades: Sequence[float]
) -> tuple[Estimate, float]:
    """`prediction_powered` with the judge's grades trusted only as far as they agree, and that share, lambda.

    It is 0 for a judge whose grades say nothing, where only the labels count. (Angelopoulos, Duchi and Zrnic 2023,
    PPI++.) Raises ValueError below two of either.
    """
    spread = _variance([*unlabelled, *grades])
    if spread == 0:
        return _powered(unlabelled, labels, grades, 0.0), 0.0
    shared = _covariance(labels, grades)
    trust = shared / ((1 + len(labels) / len(unlabelled)) * spread)
    return _powered(unlabelled, labels, grades, trust), trust


def _powered(unlabelled: Sequence[float], labels: Sequence[float], grades: Sequence[float], trust: float) -> Estimate:
    errors = [label - trust * grade for label, grade in zip(labels, grades, strict=True)]
    variance = trust**2 * _variance(unlabelled) / len(unlabelled) + _variance(errors) / len(errors)
    return Estimate(trust * mean(unlabelled) + mean(errors), math.sqrt(variance))


def _variance(values: Sequence[float]) -> float:
    """With n - 1."""
    return _covariance(values, values)


def _covariance(first: Sequence[float], second: Sequence[float]) -> float:
    if len(first) < 2:
        raise ValueError("a spread needs at least two values")
    one, two = mean(first), mean(second)
    return math.fsum((a - one) * (b - two) for a, b in zip(first, second, strict=True)) / (len(first) - 1)
