"""The profile of a voice: how its replies usually are and how much they vary, and how far another is from it.

The distance is the mean of |z| over all features: Burrows's Delta ("Delta: a measure of stylistic difference",
Literary and Linguistic Computing 17, 2002), with the features of `FEATURES` in place of word frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalharness.records import Payload
from evalharness.stylometry.features import FEATURES, Features

FEWEST = 5
"""Replies below which there is no profile; twenty or more make one that can be relied on."""

SCHEMA = 1
_LEAST = tuple(feature.least for feature in FEATURES)


@dataclass(frozen=True, slots=True)
class Profile:
    """A voice. means, deviations: of each feature over the example replies, in its unit; the deviation is that of these
    replies (divisor n) and never below the feature's `least`. own: how far each example is from the profile of all the
    others, as 101 quantiles: the nearest, then those that 1 %, 2 %, and so on of the examples do not exceed. average:
    of these distances.
    """

    replies: int
    means: Features
    deviations: Features
    own: tuple[float, ...]
    average: float

    @property
    def typical(self) -> float:
        """How far half of the examples are from the others at most."""
        return self.own[50]

    @property
    def edge(self) -> float:
        """How far nineteen of twenty examples are from the others at most."""
        return self.own[95]

    def plain(self) -> Payload:
        """The profile as JSON has it."""
        rows = zip(FEATURES, self.means, self.deviations, strict=True)
        told = {feature.name: {"mean": mean, "deviation": deviation} for feature, mean, deviation in rows}
        return {
            "voice": SCHEMA,
            "replies": self.replies,
            "features": told,
            "own": list(self.own),
            "average": self.average,
        }


def learn(examples: Iterable[Features]) -> Profile:
    """The profile of these replies; their order is no matter. ValueError below five of them."""
    rows = list(examples)
    count = len(rows)
    if count < FEWEST:
        raise ValueError(f"{count} replies make no voice, it takes {FEWEST} at least")
    columns = list(zip(*rows, strict=True))
    means = tuple(math.fsum(column) / count for column in columns)
    squares = tuple(
        math.fsum([(value - mean) ** 2 for value in column]) for column, mean in zip(columns, means, strict=True)
    )
    deviations = tuple(max(least, math.sqrt(square / count)) for least, square in zip(_LEAST, squares, strict=True))
    apart = [0.0] * count
    for column, mean, square, least in zip(columns, means, squares, _LEAST, strict=True):
        for place, far in enumerate(_from_the_others(column, mean, square, least)):
            apart[place] += far
    apart = sorted(far / len(FEATURES) for far in apart)
    own = tuple(apart[max(0, math.ceil(percent * count / 100) - 1)] for percent in range(101))
    return Profile(count, means, deviations, own, math.fsum(apart) / count)


def _from_the_others(column: Sequence[float], mean: float, squares: float, least: float) -> list[float]:
    """|z| of each value against all the other values; squares: the sum of squared differences from the mean."""
    others = len(column) - 1
    pull = (others + 1) / others
    found = []
    for value in column:
        away = value - mean
        # Without the value the mean moves by away / others, and the squares lose away² (1 + 1 / others).
        variance = (squares - away * away * pull) / others
        found.append(abs(away) * pull / max(least, math.sqrt(variance) if variance > 0 else 0.0))
    return found


def read_plain(value: object) -> Profile:
    """The profile that `Profile.plain` wrote; ValueError, with what is wrong as its message, for anything else."""
    if not isinstance(value, dict) or "voice" not in value:
        raise ValueError("this is no profile of a voice")
    if value["voice"] != SCHEMA:
        raise ValueError(f"this profile has schema {str(value['voice'])[:40]!r}, known is {SCHEMA}")
    told, replies = value.get("features"), value.get("replies")
    names = [feature.name for feature in FEATURES]
    if not isinstance(told, dict) or sorted(map(str, told)) != sorted(names):
        raise ValueError("this profile has other features: learn it again from its replies")
    rows = [told[name] for name in names]
    means = _numbers([row.get("mean") if isinstance(row, dict) else None for row in rows])
    deviations = _numbers([row.get("deviation") if isinstance(row, dict) else None for row in rows])
    own = _numbers(value.get("own"))
    (average,) = _numbers([value.get("average")])
    if not isinstance(replies, int) or len(own) != 101 or list(own) != sorted(own) or min(deviations) <= 0:
        raise ValueError("the numbers of this profile do not fit together: learn it again from its replies")
    return Profile(replies, means, deviations, own, average)


def _numbers(values: object) -> tuple[float, ...]:
    found: list[float] = []
    for value in values if isinstance(values, list) else []:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("a number is missing in this profile, or is none")
        found.append(float(value))
    return tuple(found)


def apart(reply: Features, profile: Profile) -> Features:
    """z of each feature: how many standard deviations of the voice a reply lies above its mean, or below (negative)."""
    return tuple(
        (value - mean) / deviation
        for value, mean, deviation in zip(reply, profile.means, profile.deviations, strict=True)
    )


def distance(reply: Features, profile: Profile) -> float:
    """How far a reply is from a voice: the mean of |z|, at least 0. The examples' own median is `Profile.typical`."""
    return math.fsum(map(abs, apart(reply, profile))) / len(FEATURES)


def nearness(far: float, profile: Profile) -> float:
    """A distance as a grade in [0, 1]: the nearer, the higher.

    1 up to the distance of the typical example, 0.5 at the distance that one example in twenty exceeds, and halved
    again with each such step: never 0, so that a reply that comes nearer from afar gains.
    """
    step = max(profile.edge - profile.typical, 1e-9)
    return min(1.0, math.exp2((profile.typical - far) / step))
