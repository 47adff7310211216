"""Checks made of checks: `any_of`, `all_of`, `none_of`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalharness.flow import Flow
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Part, Unfit, scorer, weigh


@scorer("any_of")
@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these checks holds: the best of their grades.

    ```yaml
    suite: authors
    cases:
      - ask: Who wrote 'Romeo and Juliet'?
        expect:
          facts: {any_of: [Shakespeare, the Bard of Avon]}
    ```
    Passes: `The Bard of Avon, who else.`
    Fails: `Christopher Marlowe.`

    Each part is a check of any kind, `{number: 42}`; a bare text means `mentions`. A part that cannot be graded makes
    the grade unknown, unless another part is right in full.

    **Does not catch**: a reply that lists every guess it can think of.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The best grade of the parts."""
        return weigh([part.grade(conversation) for part in self.parts], _best)


@scorer("all_of")
@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these checks hold: the worst of their grades.

    ```yaml
    suite: primaries
    cases:
      - ask: Which are the primary colours of light?
        expect:
          facts: {all_of: [red, green, blue]}
    ```
    Passes: `Red, green and blue.`
    Fails: `Red, yellow and blue.`

    Each part is a check of any kind; a bare text means `mentions`. A part that cannot be graded makes the grade
    unknown, unless another part is wrong in full.

    **Does not catch**: what is said besides (`none_of`), nor the order. A reply that has two of three parts gets 0: for
    a share, write a check for each under one aspect.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The worst grade of the parts."""
        return weigh([part.grade(conversation) for part in self.parts], _worst)


@scorer("none_of")
@dataclass(frozen=True, slots=True)
class NoneOf:
    """None of these checks holds: 1 less the best of their grades.

    ```yaml
    suite: no-brands
    cases:
      - ask: Recommend a phone.
        expect:
          safety: {none_of: [Apple, Samsung, {matches: 'https?://'}]}
    ```
    Passes: `One with a good battery and a screen you like.`
    Fails: `Get a Samsung.`

    Each part is a check of any kind; a bare text means `mentions`. A part that cannot be graded makes the grade
    unknown, unless another part holds in full.

    **Does not catch**: the same thing in words that no part names. An empty reply passes.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """1 less the best grade of the parts."""
        return weigh([part.grade(conversation) for part in self.parts], _turned)


def _check_parts(parts: Sequence[Part]) -> None:
    if not parts:
        raise Unfit("parts", "no part is given")


def _best(grades: Sequence[Grade | None]) -> Grade | None:
    return _extreme(grades, 1.0)


def _worst(grades: Sequence[Grade | None]) -> Grade | None:
    return _extreme(grades, 0.0)


def _turned(grades: Sequence[Grade | None]) -> Grade | None:
    best = _best(grades)
    return best if best is None or best.value is None else Grade(1.0 - best.value, best.why)


def _extreme(grades: Sequence[Grade | None], end: float) -> Grade | None:
    """The grade nearest to `end`; where it is short of it, an unknown one leaves it open."""
    unknown: Grade | None = None
    found: Grade | None = None
    for grade in grades:
        if grade is None:
            continue
        if grade.value is None:
            unknown = unknown or grade
        elif grade.value == end:
            return grade
        elif found is None or found.value is None or abs(grade.value - end) < abs(found.value - end):
            found = grade
    if None in grades:
        return None
    return unknown or found
