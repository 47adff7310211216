"""What was found of suites, cases and criteria, for the items to report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalharness.findings import Ruling
    from evalharness.measure import Arm
    from evalharness.records import Word
    from evalharness.suite import Suite


@dataclass(frozen=True, slots=True)
class Seen:
    """How a case came out. scores: each aspect's mean over the samples."""

    state: Literal["passed", "missed", "unknown"]
    scores: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """What became of an aspect that a gate names; figures: the numbers it rests on."""

    aspect: str
    outcome: Word
    rulings: tuple[Ruling, ...]
    figures: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A suite, as far as it was asked, and its arms."""

    suite: Suite
    model: Arm
    base: Arm | None
