"""Counts, changes and bounds in words, as rulings say them.

Rates and changes are printed in points: hundredths of the score's range.
"""

from __future__ import annotations

import math

from evalharness.stats.change import Change


def unit(change: Change) -> tuple[str, str]:
    """What a comparison counts: cases, or groups of them; one, and several."""
    return ("case", "cases") if change.groups == change.cases else ("group of cases", "groups of cases")


def are(count: int, noun: str = "") -> str:
    """`are 40`, `is 1 case`."""
    return f"{'is' if count == 1 else 'are'} {counted(count, noun) if noun else f'{count:,}'}"


def these(count: int) -> str:
    """`these 40 show`, `this 1 shows`."""
    return "this 1 shows" if count == 1 else f"these {count:,} show"


def counted(count: int, noun: str, several: str = "") -> str:
    """`1 case`, `1,200 cases`; several: the plural, where it is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def moved(change: Change) -> str:
    """The change in words: `1.2 points lower`."""
    size = points(change.change)
    if size == "0":
        return "no change seen" if change.ups == change.downs == 0 else "no change on average"
    return f"{size} points {'lower' if change.change < 0 else 'higher'}"


def points(value: float, *, up: bool = False) -> str:
    """Hundredths of the range, without sign, to one decimal; whole numbers without one. `up` never rounds down."""
    size = 100 * abs(value)
    tenths = math.ceil(size * 10 - 1e-9) if up else round(size * 10)
    return f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"


def most(change: Change) -> str:
    """The far end of a change that held."""
    if change.low > 0:
        return f", at least {points(change.low)}, though the test does not call it shown"
    return f", at most {points(change.low)}" + ("" if change.change < 0 else " lower")


def least(change: Change) -> str:
    """The near end of a change that is shown."""
    return f", at least {points(change.low)}" if change.low > 0 else f", though {_side(change.low)} is not excluded"


def between(change: Change) -> str:
    """Both ends, in the direction of the change."""
    if change.high <= 0:
        return f", at least {points(change.high)} and at most {points(change.low)}"
    if change.low >= 0:
        return f", at least {points(change.low)} and at most {points(change.high)}"
    return f", anywhere from {_side(change.low)} to {_side(change.high)}"


def _side(bound: float) -> str:
    return f"{points(bound)} {'lower' if bound < 0 else 'higher'}"
