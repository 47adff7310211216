"""Student's t distribution, in plain Python: loading scipy for it would cost half a second and fifty megabytes."""

from __future__ import annotations

import functools
import math

STEPS = 2_000
SMALLEST = 1e-300


def t_tail(t: float, freedom: int) -> float:
    """The probability of a value of t or more, for t of any sign, with so many degrees of freedom.

    By the regularised incomplete beta function: half of I(freedom / (freedom + t²); freedom / 2, 1 / 2) beyond |t|.
    Raises ValueError below one degree of freedom.
    """
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom are none")
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    beyond = _beta(freedom / 2, 0.5, freedom / (freedom + t * t), t * t / (freedom + t * t)) / 2
    return beyond if t >= 0 else 1 - beyond


@functools.lru_cache(maxsize=64)
def t_quantile(tail: float, freedom: int) -> float:
    """The value that a share `tail`, above 0 and below 1/2, of the distribution lies beyond. By bisection."""
    if not 0 < tail < 0.5:
        raise ValueError(f"a tail lies between 0 and 1/2, not {tail}")
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I(x; a, b), for a and b above 0 and x in [0, 1], to eight digits."""
    return _beta(a, b, x, 1 - x)


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """The same, with 1 - x as it is known: where x is nearly 1 the difference would have lost its digits.

    The continued fraction of Abramowitz and Stegun 26.5.8, on the side where it converges fast.
    """
    if x <= 0 or rest <= 0:
        return float(x > 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, rest, x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(front) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1 / (1 + d2 / (1 + ...)), from the front (Lentz 1976)."""
    value = upper = 1.0
    lower = 0.0
    for step in range(1, STEPS):
        half, odd = divmod(step, 2)
        if odd:
            term = -(a + half) * (a + b + half) * x / ((a + step - 1) * (a + step))
        else:
            term = half * (b - half) * x / ((a + step - 1) * (a + step))
        lower = 1 / (1 + term * lower or SMALLEST)
        upper = 1 + term / upper or SMALLEST
        change = upper * lower
        value *= change
        if abs(change - 1) < 1e-15:
            break
    return value
