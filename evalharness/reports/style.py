"""How differently base and tuned write, in words: the largest moves first, then what should not have moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from evalharness.escape import one_line
from evalharness.reports.base import LONGEST_NAME, count, points, rate, span
from evalharness.traits import Manner, Moved, PetPhrase, Trait

HEAD = ("feature", "base", "tuned", "change in sd", "Cliff's delta", "word")
MOST_TOLD, MOST_ROWS = 5, 8
WORDS: tuple[Moved, ...] = ("moved", "undecided", "steady")


def lines(found: Manner) -> Iterator[str]:
    """What is to be said, a sentence each; phrases in it are foreign."""
    moved = moves(found)
    if moved:
        yield f"tuned beside base: {', '.join(trait.told for trait in moved[:MOST_TOLD])}"
    if found.catchphrases:
        yield f"catch-phrases of the training file: {', '.join(map(_catchphrase, found.catchphrases))}"
    if found.phrases:
        yield f"pet phrases: {', '.join(map(_pet, found.phrases))}"
    counts = {word: sum(trait.word == word for trait in found.traits) for word in WORDS}
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    yield (
        f"of {len(found.traits)} features of style {told}, over {_cases(found)}; steady: within half a "
        "standard deviation of base's cases (approximate)"
    )
    watched = [(word, [trait for trait in found.watched if trait.word == word]) for word in WORDS]
    for word, traits in watched:
        if traits:
            yield f"watched, {word}: {', '.join(_watched(traits))}"
    for far in found.distances:
        between = "" if far.low is None or far.high is None else f" {_plain_span(far.low, far.high)}"
        change = f"{far.tuned - far.base:+.2f}{between}"
        if far.to == "base":
            own = f"base's own replies {far.own:.2f}"
            yield f"style distance from base's voice (mean |z|): tuned {far.tuned:.2f}, {own}"
        else:
            to, own = one_line(far.to, LONGEST_NAME), f"its own replies {far.own:.2f}"
            yield f"style distance from {to} (mean |z|): base {far.base:.2f}, tuned {far.tuned:.2f} ({change}), {own}"
    if found.openings:
        base, tuned = found.openings
        again = f"tuned {_percent(tuned.repeated)}, base {_percent(base.repeated)}"
        most = f"; tuned's most frequent: '{one_line(tuned.words, LONGEST_NAME)}' ({_percent(tuned.share)})"
        yield f"cases whose reply opens with the three words of another's: {again}{most if tuned.repeated else ''}"


def moves(found: Manner) -> list[Trait]:
    """The features that moved, the largest move first; of two that say the same of length the first."""
    moved = [trait for trait in found.traits if trait.word == "moved"]
    if any(trait.name == "words" for trait in moved):
        moved = [trait for trait in moved if trait.name != "chars"]
    return sorted(moved, key=lambda trait: -_size(trait))


def table(found: Manner) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The features that are not steady, the largest move first, with their head; all stand in comparison.json."""
    rest = sorted(
        (trait for trait in found.traits if trait.word != "steady"),
        key=lambda trait: (WORDS.index(trait.word), -_size(trait)),
    )
    return HEAD, [_row(trait) for trait in rest[:MOST_ROWS]]


def _row(trait: Trait) -> tuple[str, ...]:
    moved = "every case alike" if trait.standardised is None else f"{trait.standardised:+.2f}"
    name = trait.name.replace("_", " ")
    unit = "" if trait.unit in name else f" ({trait.unit})"
    values = (f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}" for value in (trait.base, trait.tuned))
    return (f"{name}{unit}", *values, moved if trait.change else "0", f"{trait.cliff:+.2f}", trait.word)


def _size(trait: Trait) -> float:
    if trait.standardised is None:
        return math.inf if trait.change else 0.0
    return abs(trait.standardised)


def _cases(found: Manner) -> str:
    return count(found.cases, "case") if found.among is None else f"{found.cases:,} of {found.among:,} cases"


def _watched(traits: Sequence[Trait]) -> Iterator[str]:
    """Each with its figures, those of the same figures together."""
    names: dict[str, list[str]] = {}
    for trait in traits:
        names.setdefault(_figures(trait), []).append("length" if trait.name == "words" else trait.name)
    for figures, alike in names.items():
        each = " each" if len(alike) > 1 and figures else ""
        yield f"{', '.join(alike)}{each}{figures}"


def _figures(trait: Trait) -> str:
    if trait.name == "words":
        return f" ({trait.base:,.0f} → {trait.tuned:,.0f} words)"
    if trait.word == "steady":
        return ""
    return f" {rate(trait.base)} → {rate(trait.tuned)}, {points(trait.change)} {span(trait.low, trait.high)}"


def _pet(phrase: PetPhrase) -> str:
    words = one_line(phrase.words, LONGEST_NAME)
    if phrase.tuned >= phrase.base:
        return f"'{words}' in {_percent(phrase.tuned)} of replies (base {_percent(phrase.base)})"
    return f"'{words}' in {_percent(phrase.tuned)} of replies, in {_percent(phrase.base)} of base's"


def _catchphrase(phrase: PetPhrase) -> str:
    trained = "" if phrase.trained is None else f" in {_percent(phrase.trained)} of its replies"
    words = one_line(phrase.words, LONGEST_NAME)
    return f"'{words}'{trained} (tuned {_percent(phrase.tuned)}, base {_percent(phrase.base)})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _plain_span(low: float, high: float) -> str:
    return f"[{low:+.2f}, {high:+.2f}]"
