"""What a comparison says of its judges: whether each may gate, its figures, and rates put right. Stdlib only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["calibrated", "uncalibrated", "failed", "moved"]


@dataclass(frozen=True, slots=True)
class Estimated:
    """A number with its interval at 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """The mean grade of an arm, or the `change` between two, put right by the labels people gave. It decides nothing.

    labels, unlabelled: replies with a label, and those without, which the correction is about. seen: the judge's own
    mean. rogan_gladen: by its sensitivity and specificity on this arm. powered: by prediction-powered inference that
    trusts the judge as far as `trust`. None where there are too few labels of this arm.
    """

    arm: str
    labels: int
    unlabelled: int
    seen: float | None
    rogan_gladen: Estimated | None = None
    powered: Estimated | None = None
    trust: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A check that asked models, and what is known of them.

    state: whether it may gate; why, remedy: where it may not, or nobody knows. asked, errors: replies of both arms that
    it was asked about, and those it could not grade. panel: kappa of every two judges. The figures are over the
    `labels` that people gave, and None where there are none, or all of one kind. uneven: where it mistakes the arms
    unequally, in a sentence each. accuracy, kappa_decided, consistent: of a judge of pairs, see
    `calibration.PairFigures`; its sensitivity and specificity are where neither it nor the label says tie.
    """

    check: str
    aspect: str
    judges: tuple[str, ...]
    scale: str
    rubric: str
    digest: str
    state: State
    why: str = ""
    remedy: str = ""
    asked: int = 0
    errors: int = 0
    panel: tuple[tuple[str, str, float | None], ...] = ()
    labels: int = 0
    kappa: float | None = None
    kappa_range: Estimated | None = None
    weighted: float | None = None
    agreement: Estimated | None = None
    sensitivity: Estimated | None = None
    specificity: Estimated | None = None
    accuracy: Estimated | None = None
    kappa_decided: float | None = None
    consistent: Estimated | None = None
    uneven: tuple[str, ...] = ()
    corrected: tuple[Corrected, ...] = ()
    change: Corrected | None = None


def akin(judges: Sequence[tuple[str, str]], arms: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A warning for each judge of the family of an arm. judges, arms: name and `KIND:TARGET` of each."""
    for name, use in judges:
        found = [arm for arm, its in arms if (own := family(its)) and own == family(use)]
        if found:
            names = " and ".join(f"'{arm}'" for arm in found)
            yield f"judge '{name}' ({use}) is of the same family as {names}: judges favour replies like their own"


def family(use: str) -> str:
    """The family of a model by its name, empty where none can be told: `openai:ft:gpt-4o-mini:acme::x` is `gpt`.

    use: `KIND:TARGET`. A name is read from its last slash to where its letters end; a fine-tune is of the family it was
    made from. A recording or a program has no family but itself.
    """
    kind, _, target = use.partition(":")
    if kind == "replay":
        return ""
    if kind != "openai":
        return use
    name = target.removeprefix("ft:").partition(":")[0].rpartition("/")[2].casefold()
    if re.match(r"o\d|chatgpt|gpt|davinci|text-davinci", name):
        return "gpt"
    found = re.match(r"[a-z]{3,}", name.removeprefix("meta-"))
    return found[0] if found else name
