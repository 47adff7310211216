"""What a comparison holds of how two arms write. Frozen, slotted, stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Moved: TypeAlias = Literal["steady", "moved", "undecided"]


@dataclass(frozen=True, slots=True)
class Trait:
    """One feature of style in both arms, over the cases that both answered.

    base, tuned, change, low, high, margin: in `unit`; the interval is approximate where the feature has no bounds.
    standardised: the mean change in standard deviations of the changes, None where they never vary. cliff: how much
    more often a tuned case is above a base case than below it, in [-1, 1]. word: `steady` where a change of the margin
    is ruled out, `moved` where one is shown. told: the change in words, empty where there is none.
    """

    name: str
    unit: str
    base: float
    tuned: float
    change: float
    low: float
    high: float
    margin: float
    standardised: float | None
    cliff: float
    word: Moved
    told: str = ""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far both arms are from a voice, as the mean of |z| over all features; their replies' mean.

    to: whose voice. own: the same of the voice's own replies, each against all others. low, high: of the change from
    base to tuned; None where the voice is base's own.
    """

    to: str
    own: float
    base: float
    tuned: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How the replies of an arm begin. words: the most frequent first three words; share: of cases with a reply that
    begins so; repeated: of cases with a reply that begins like one of another case."""

    words: str
    share: float
    repeated: float


@dataclass(frozen=True, slots=True)
class PetPhrase:
    """Words that many replies have: their shares of the replies looked at, in each arm and of the training file's, None
    where that is not known."""

    words: str
    base: float
    tuned: float
    trained: float | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How differently two arms write. It decides nothing.

    cases: compared, groups counting once. among: how many both arms have, where not all were read, else None. replies:
    read of base and of tuned. traits: every feature of style. watched: what a tune should not change unless it was to:
    refusals, format, length. openings: of base and of tuned. phrases: those that one arm has and the other has not;
    catchphrases: those that the training file has and base has not.
    """

    cases: int
    among: int | None
    replies: tuple[int, int]
    traits: tuple[Trait, ...]
    watched: tuple[Trait, ...]
    distances: tuple[Distance, ...] = ()
    openings: tuple[Opening, ...] = ()
    phrases: tuple[PetPhrase, ...] = ()
    catchphrases: tuple[PetPhrase, ...] = ()
