"""How many cases it takes, and what to do where they were too few.

Except for the floors, which are exact, the counts are normal approximations: what they promise
holds on average over suites of that size, at 80% power unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from evalharness.stats.change import Change
from evalharness.stats.intervals import mean, normal_quantile, two_sided_z
from evalharness.stats.verdict import FEWEST_CASES


@dataclass(frozen=True, slots=True)
class Variances:
    """Where the spread of a change comes from, in squared score units.

    between: of the true change from case to case; base, tuned: of one model's samples of one case.
    """

    between: float
    base: float
    tuned: float

    def per_case(self, base_samples: float = 1, tuned_samples: float = 1) -> float:
        """The variance one case adds, asked so many times; `math.inf` samples leave `between`.

        (Miller 2024.) Raises ValueError below one sample.
        """
        if not min(base_samples, tuned_samples) >= 1:
            raise ValueError("a case is asked at least once of each model")
        return self.between + self.base / base_samples + self.tuned / tuned_samples


class Remedy(NamedTuple):
    """What would turn INCONCLUSIVE into a verdict. Counts are of cases in all, not of further ones.

    cases: the one to print, always more than there are. It is `if_unchanged` unless there are as
    many already; then the seen loss stands in the way, not the count, and it is `if_as_seen`.
    if_unchanged: for HELD at 80% power, if the true change is 0 and cases go on to differ as often.
    if_as_seen: for HELD, or a shown difference, if change and disagreement stay exactly as seen.
    provable_margin: the loss that the present cases exclude; any larger margin already holds.
    """

    cases: int
    if_unchanged: int
    if_as_seen: int
    provable_margin: float


def floor_cases(margin: float, span: float = 1.0, alpha: float = 0.05) -> int:
    """The fewest cases that can show HELD, even if not one of them differs: 73 for a margin of 0.05.

    More than z² (span / margin - 1), and no fewer than the five that every verdict needs.
    Raises ValueError for a margin or span that is not above zero.
    """
    if not (margin > 0 and span > 0):
        raise ValueError(f"margin and span must be above zero, not {margin} and {span}")
    return max(FEWEST_CASES, math.floor(two_sided_z(alpha) ** 2 * (span / margin - 1)) + 1)


def floor_cases_gain(at_least: float, span: float = 1.0, alpha: float = 0.05) -> int:
    """The fewest cases that can show a gain of `at_least`, even if every one goes from 0 to `span`.

    For a win rate w ask for a gain of 2w - 1. Raises ValueError unless 0 <= at_least < span.
    """
    if not 0 <= at_least < span:
        raise ValueError(f"a gain of {at_least} cannot be shown on a range of {span}")
    share = at_least / span
    return max(FEWEST_CASES, _at_least(two_sided_z(alpha) ** 2 * (1 + share) / (1 - share)))


def floor_cases_threshold(
    at_least: float, *, interval: Literal["score", "exact"] = "score", alpha: float = 0.05
) -> int:
    """The fewest cases that can show a pass rate of `at_least`, even if all pass: 381 for 0.99.

    `interval` as in `rates.threshold`, one sample a case. Raises ValueError unless
    0 <= at_least < 1: that a model never fails cannot be shown by any number of cases.
    """
    if not 0 <= at_least < 1:
        raise ValueError(f"no number of cases shows a rate of at least {at_least}")
    if interval == "exact":
        needed = math.log(alpha / 2) / math.log(at_least) if at_least else 0.0
    else:
        needed = two_sided_z(alpha) ** 2 * at_least / (1 - at_least)
    return max(FEWEST_CASES, _at_least(needed))


def floor_cases_guarded(at_least: float, *, alpha: float = 0.05) -> int:
    """The fewest cases (groups, where there are groups) that show a mean score of `at_least` by the guarded interval.

    That is what `floor_cases_threshold` says of one pass or fail a case, for graded or repeated samples: even if all of
    them score 1. Raises ValueError unless 0 <= at_least < 1.
    """
    if not 0 <= at_least < 1:
        raise ValueError(f"no number of cases shows a rate of at least {at_least}")
    return max(FEWEST_CASES, cases_to_clear(1 - at_least, (1 - at_least) ** 2, alpha=alpha))


def cases_to_clear(centre: float, square: float, *, alpha: float = 0.05) -> int:
    """The fewest cases whose guarded interval leaves 0 out, if differences go on to have this mean and mean square.

    centre in [-1, 1]; square: of the differences, at least centre². Raises ValueError for a centre of 0, which no
    number of cases clears, and for numbers that do not fit together.
    """
    if not 0 < centre**2 <= square * (1 + 1e-9):
        raise ValueError(f"no number of cases clears a mean of {centre} at a mean square of {square}")
    z2 = two_sided_z(alpha) ** 2

    def open_still(cases: int) -> bool:
        # A cubic in the number of cases with one change of sign, so it is crossed once.
        return cases**2 * centre**2 * (cases + 2 * z2) < z2 * (cases + z2) * (cases * square + z2) * (1 - 1e-12)

    high = 1
    while open_still(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if open_still(middle) else (low, middle)
    return high


def samples_to_clear(
    base: Sequence[Sequence[float]],
    tuned: Sequence[Sequence[float]],
    clearance: float,
    *,
    alpha: float = 0.05,
    most: int = 1_000,
) -> int | None:
    """How many samples of each case bring half the suite-scope interval below `clearance`; None above `most`.

    base, tuned: the sample scores of these cases so far, in [0, 1]. The noise within cases is taken to stay as seen; an
    arm with one sample a case has shown none, which makes the count the least there can be. At least 2.
    Raises ValueError for no cases.
    """
    if not base or len(base) != len(tuned):
        raise ValueError(f"{len(base)} and {len(tuned)} cases: both arms need the same, at least one")
    cases, z2 = len(base), two_sided_z(alpha) ** 2
    noises = [_mean_square(arm) for arm in (base, tuned)]

    def reach(samples: int) -> float:
        freedom = cases * (samples - 1)
        variances = [(noise * freedom + z2 / 2) / (freedom + z2) for noise in noises]
        return math.sqrt(z2 * math.fsum(variances) / (samples * cases))

    return next((samples for samples in range(2, most + 1) if reach(samples) < clearance), None)


def cases_needed(effect: float, variance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many cases show a true change of `effect` with this power.

    variance: of one case, as `Variances.per_case` gives it. (Miller 2024.)
    Raises ValueError for an effect that is not above zero or a negative variance.
    """
    if not (effect > 0 and variance >= 0):
        raise ValueError(f"no case count for an effect of {effect} at a variance of {variance}")
    return max(1, _at_least(_quantiles(alpha, power) ** 2 * variance / effect**2))


def cases_needed_binary(effect: float, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many cases show a true change of a pass rate, one sample a case.

    discordance: the share of cases that one model passes and the other fails; no change of the
    rate is larger. (Connor 1987.) Raises ValueError unless 0 < effect <= discordance <= 1.
    """
    if not 0 < effect <= discordance <= 1:
        raise ValueError(f"with {discordance} of the cases differing no change of {effect} is possible")
    return max(1, _at_least(_binary_cases(effect, discordance, alpha, power)))


def smallest_effect(cases: int, variance: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true change that so many cases show with this power, in score units.

    The inverse of `cases_needed`. Raises ValueError below one case or for a negative variance.
    """
    if cases < 1 or not variance >= 0:
        raise ValueError(f"no smallest effect for {cases} cases at a variance of {variance}")
    return _quantiles(alpha, power) * math.sqrt(variance / cases)


def smallest_effect_binary(cases: int, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest true change of a pass rate that so many cases show with this power.

    The inverse of `cases_needed_binary`. None where even all disagreement in one direction would
    be missed. Raises ValueError below one case or unless 0 < discordance <= 1.
    """
    if cases < 1 or not 0 < discordance <= 1:
        raise ValueError(f"no smallest effect for {cases} cases of which {discordance} differ")
    if _binary_cases(discordance, discordance, alpha, power) > cases:
        return None
    return _bisected(lambda effect: _binary_cases(effect, discordance, alpha, power) > cases, discordance)


def cases_for_margin(
    margin: float, discordance: float, *, span: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> int:
    """How many cases to plan for a margin: the larger of `cases_needed_binary` and `floor_cases`.

    discordance: the expected share of cases that one model passes and the other fails; 0.1, 0.2
    and 0.3 are usual guesses before a pilot. Raises ValueError for a share outside [0, 1].
    """
    if not 0 <= discordance <= 1:
        raise ValueError(f"a share of cases lies in [0, 1], not {discordance}")
    floor = floor_cases(margin, span, alpha)
    return max(floor, _at_least(_binary_cases(margin / span, discordance, alpha, power)))


def from_pilot(base: Sequence[Sequence[float]], tuned: Sequence[Sequence[float]]) -> Variances:
    """Estimates where the spread comes from, by the sample scores of a few cases.

    Noise is averaged over the cases with two samples or more. An arm without such a case shows no
    noise of its own, all of it counts as `between`; then further samples seem to gain nothing.

    Raises ValueError below two cases, or where the arms differ in length.
    """
    if len(base) != len(tuned) or len(base) < 2 or not all((*base, *tuned)):
        raise ValueError("a pilot needs the same cases of both models, two at least, each with a sample")
    noise_base, noise_tuned = _mean_noise(base), _mean_noise(tuned)
    differences = [mean(b) - mean(a) for a, b in zip(base, tuned, strict=True)]
    noise = [noise_base / len(a) + noise_tuned / len(b) for a, b in zip(base, tuned, strict=True)]
    return Variances(max(0.0, _variance(differences) - mean(noise)), noise_base, noise_tuned)


def cheapest_samples(variances: Variances, *, case_cost: float, sample_cost: float, most: int = 10) -> int:
    """How many samples a case give the narrowest interval for the money, at most `most`.

    case_cost: of adding a case, its first samples left out; sample_cost: of one more sample by each
    model, same unit. Rounded to the cheaper neighbour of the best value. (Miller 2024.)

    Raises ValueError for negative costs or a free sample.
    """
    if not (case_cost >= 0 and sample_cost > 0 and most >= 1):
        raise ValueError(f"no best number of samples at {case_cost} a case and {sample_cost} a sample")
    noise = variances.base + variances.tuned

    def price(samples: int) -> float:
        """Of reaching a given error: the variance a case adds times what the case costs."""
        return (variances.between + noise / samples) * (case_cost + sample_cost * samples)

    return min(range(1, most + 1), key=price)


def remedy(change: Change, margin: float, *, both: bool = False, alpha: float = 0.05, power: float = 0.8) -> Remedy:
    """How many cases would settle a comparison that is INCONCLUSIVE at this margin.

    The seen disagreement is taken for the true one; after few cases that is a rough guide. Under
    suite scope the counts mean cases, or as many times more samples of the same cases.
    both: whether the margin bounds a gain as well.

    Raises ValueError for a margin that is not above zero.
    """
    least = _floor_like(change, margin, alpha)
    variance = _seen_variance(change)
    if change.interval == "T":
        if_unchanged = cases_for_margin(
            margin, (change.ups + change.downs) / change.cases, span=change.span, alpha=alpha, power=power
        )
    else:
        if_unchanged = max(least, cases_needed(margin, variance, alpha=alpha, power=power))
    as_seen = _at_least(two_sided_z(alpha) ** 2 * variance / clearance(change.change, margin, both=both) ** 2)
    if_as_seen = max(least, change.cases + 1, as_seen)
    cases = if_unchanged if if_unchanged > change.cases else if_as_seen
    provable = max(change.provable_margin, change.high) if both else change.provable_margin
    return Remedy(cases, if_unchanged, if_as_seen, provable)


def clearance(change: float, margin: float, *, both: bool = False) -> float:
    """How narrow half an interval around the seen change must get to decide: HELD once it clears the margin, on both
    sides with `both`, a difference once it clears zero; the nearer counts.
    """
    held = margin - abs(change) if both else change + margin
    return max(abs(change), held)


def cases_as_seen(change: Change, target: float, *, alpha: float = 0.05) -> int | None:
    """How many cases show that the change is above `target`, or below, if it stays as seen; more than there are.

    None where it equals the target, which no number of cases decides.
    """
    distance = change.change - target
    if abs(distance) <= 1e-9 * change.span:
        return None
    variance = _seen_variance(change)
    if change.interval == "S":
        needed = _at_least(two_sided_z(alpha) ** 2 * variance / distance**2)
    else:
        span = change.span
        needed = cases_to_clear(distance / span, (variance + distance**2) / span**2, alpha=alpha)
    return max(change.cases + 1, needed)


def _floor_like(change: Change, margin: float, alpha: float) -> int:
    """`floor_cases` for data of this kind: with groups it is their number that counts."""
    floor = floor_cases(margin, change.span, alpha)
    if change.interval == "S":
        return 1
    return math.ceil(floor * change.cases / change.groups)


def _seen_variance(change: Change) -> float:
    """What one case adds to the variance of the change, with its share of the groups' dependence."""
    if change.interval == "S":
        return change.cases * change.estimate.error**2
    if change.error is None:
        return change.span**2
    return change.cases * change.error**2


def _quantiles(alpha: float, power: float) -> float:
    """z of the level plus z of the power: 1.959964 + 0.841621."""
    return two_sided_z(alpha) + _power_z(power)


def _power_z(power: float) -> float:
    if not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, not {power}")
    return normal_quantile(power)


def _binary_cases(effect: float, discordance: float, alpha: float, power: float) -> float:
    spread = math.sqrt(max(0.0, discordance - effect**2))
    return (two_sided_z(alpha) * math.sqrt(discordance) + _power_z(power) * spread) ** 2 / effect**2


def _at_least(count: float) -> int:
    """The next whole number, forgiving the last bits of one that is whole."""
    return math.ceil(count - 1e-9 * max(1.0, count))


def _bisected(too_small: Callable[[float], bool], high: float) -> float:
    """The smallest value in (0, high] that is not too small, to 1e-12."""
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return high


def _mean_square(arm: Sequence[Sequence[float]]) -> float:
    """The noise within cases, pooled over the degrees of freedom: 0 where every case has one sample."""
    freedom = sum(len(scores) - 1 for scores in arm)
    return math.fsum(_variance(scores) * (len(scores) - 1) for scores in arm if len(scores) > 1) / max(1, freedom)


def _mean_noise(arm: Sequence[Sequence[float]]) -> float:
    """The mean sample variance within a case."""
    repeated = [_variance(scores) for scores in arm if len(scores) > 1]
    return mean(repeated) if repeated else 0.0


def _variance(values: Sequence[float]) -> float:
    centre = mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)
