"""Evidence that grows while one looks: the e-process, the mixture behind a confidence sequence, and its width.

What `sequential` says of cases is made of these. Evidence is the factor by which a bet against a hypothesis has grown;
its logarithm is given, since it may be beyond what a float holds.
"""

from __future__ import annotations

import math

from evalharness.stats.intervals import two_sided_z


def log_evidence(ups: int, downs: int) -> float:
    """The natural logarithm of the e-process against two equal pass rates.

    ups, downs: cases that only the tuned, or only the base model passed. While both rates are equal, each of these is
    up or down by a fair coin, and the chance that E ever reaches 1 / alpha, over all looks, is at most alpha (Ville
    1939). E is the evidence of a coin of unknown bias, Beta(1/2, 1/2), against the fair one.
    """
    if ups < 0 or downs < 0:
        raise ValueError(f"{ups} up and {downs} down: counts are not negative")
    return log_beta(ups + 0.5, downs + 0.5) - math.log(math.pi) + (ups + downs) * math.log(2)


def anytime_p(log_e: float) -> float:
    """The p-value that so much evidence is worth at any look: 1 / E, at most 1."""
    return math.exp(-max(0.0, log_e))


def tuned_rho(planned: int, alpha: float = 0.05) -> float:
    """The parameter that makes a confidence sequence narrowest at half of the plan.

    Raises ValueError for a plan without units.
    """
    two_sided_z(alpha)
    if planned < 1:
        raise ValueError(f"a plan of {planned} units has no half")
    return math.sqrt((-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / (planned / 2))


def half_width(deviation: float, units: int, rho: float, alpha: float = 0.05) -> float:
    """Half the width of the asymptotic confidence sequence for a mean (Waudby-Smith et al. 2021).

    deviation: the standard deviation of one unit, in score units; the width is in the same.
    """
    if units < 1 or not rho > 0:
        raise ValueError(f"no sequence of {units} units with rho {rho}")
    spread = units * rho * rho + 1
    return deviation * math.sqrt(2 * spread / (units * rho) ** 2 * math.log(math.sqrt(spread) / alpha))


def log_mixture(distance: float, error: float, units: int, rho: float) -> float:
    """The natural logarithm of the evidence that a mean is not where it is supposed to be.

    distance: from the supposed mean to the seen one; error: of the seen one. The sequence at alpha leaves a value out
    exactly where this evidence against it reaches 1 / alpha.
    """
    spread = units * rho * rho + 1
    return (distance / error) ** 2 * (units * rho * rho) / (2 * spread) - math.log(spread) / 2


def log_beta(first: float, second: float) -> float:
    """The natural logarithm of the beta function."""
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)
