"""Many checks at once: what to make of a small p when there are dozens of them."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: at most alpha of all families has a false one at alpha.

    For the tests that decide. (Holm 1979.) Raises ValueError for a p that is not in [0, 1].
    """
    order = _ascending(p)
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = highest
    return tuple(adjusted)


def benjamini_hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: of those up to q, a share of q is expected to be false.

    For tables to look through, never for a decision. (Benjamini and Hochberg 1995.)
    Raises ValueError for a p that is not in [0, 1].
    """
    order = _ascending(p)
    adjusted = [0.0] * len(p)
    lowest = 1.0
    for rank in range(len(p), 0, -1):
        index = order[rank - 1]
        lowest = min(lowest, p[index] * len(p) / rank)
        adjusted[index] = lowest
    return tuple(adjusted)


def _ascending(p: Sequence[float]) -> list[int]:
    for value in p:
        if not 0 <= value <= 1:
            raise ValueError(f"a p-value lies in [0, 1], not {value}")
    return sorted(range(len(p)), key=p.__getitem__)
