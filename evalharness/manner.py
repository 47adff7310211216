"""How differently two arms write, without a judge: features of style, distance to voices, openings, pet phrases.

Features are means of each case's replies, compared by case. Those without bounds have the t interval, approximate, and
the margin of half a standard deviation of base's cases; shares of replies have the intervals and the margin of every
gate. Nothing here decides anything, so of very many cases a part is read that says as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from evalharness.findings import Panel
from evalharness.jsontext import decode
from evalharness.measure import Arm, design_of
from evalharness.records import Outcome
from evalharness.rulings import DEFAULT_MARGIN
from evalharness.scorers.refusal import declined
from evalharness.stats.effects import cliffs_delta, deviation, standardised
from evalharness.stats.intervals import mean
from evalharness.stats.many import benjamini_hochberg
from evalharness.stats.paired import FEWEST_CASES, Design, equivalence, paired_change
from evalharness.stats.unbounded import t_interval, t_test
from evalharness.stylometry.features import FEATURES, FENCES, PLACE, Features, read
from evalharness.stylometry.phrases import favoured, opening, share
from evalharness.stylometry.profile import FEWEST, Profile, distance, learn
from evalharness.stylometry.telling import told
from evalharness.traits import Distance, Manner, Moved, Opening, PetPhrase, Trait

if TYPE_CHECKING:
    from evalharness.tuning.lessons import Lessons

HALF = 0.5
"""The margin of equivalence, in standard deviations of base's cases."""

MOST = 2_000
"""Cases of a run, and replies of a training file, that are read: shares are known to two points with so many, and ten
thousand would take seconds."""

SAMPLE = 400
"""Replies, evenly spaced, in which pet phrases are looked for."""

SHARES = ("refusals", "lists", "headings", "code fences", "JSON")
"""What a reply may be or have, beside its features: a list has two lines or more."""

Marks = tuple[float, ...]
"""For each of `SHARES` 1 or 0; the mean of these over the replies of a trial."""


@dataclass(frozen=True, slots=True)
class Style:
    """What was counted of one arm. features, marks: by case, the mean over its replies and the samples' shares.
    far: by case, the mean distance of its replies to the training voice, where one is known. said: words of a sample.
    """

    replies: int
    features: Mapping[str, Features]
    marks: Mapping[str, list[Marks]]
    far: Mapping[str, float]
    openings: Mapping[str, set[str]]
    said: Sequence[list[str]]


@dataclass(frozen=True, slots=True)
class Taught:
    """The voice of a training file. said: the words of a sample of its replies."""

    voice: Profile
    said: Sequence[list[str]]


def style_of(arm: Arm, cases: Iterable[str] | None = None, voice: Profile | None = None) -> Style:
    """The style of an arm's replies to these cases, or to all; filtered ones are missing. Keeps no reply."""
    sums: dict[str, list[Features]] = {}
    marks: dict[str, list[Marks]] = {}
    far: dict[str, list[float]] = {}
    openings: dict[str, set[str]] = {}
    said: list[list[str]] = []
    replies = 0
    places = sorted(
        place for case in (arm.sheet.cases if cases is None else cases) for place in arm.sheet.places.get(case, ())
    )
    step = max(1, len(places) // SAMPLE)
    for at, place in enumerate(places):
        talk = arm.run.trials[place].conversation
        here: list[Marks] = []
        for reply, outcome in zip(talk.replies, talk.outcomes, strict=False):
            if outcome == "filtered":
                continue
            text = talk.messages[reply].content
            features, words = read(text)
            replies += 1
            sums.setdefault(talk.case, []).append(features)
            here.append(_marks(text, features, outcome))
            if voice is not None:
                far.setdefault(talk.case, []).append(distance(features, voice))
            if begins := opening(words):
                openings.setdefault(begins, set()).add(talk.case)
            if at % step == 0:
                said.append(words)
        if here:
            marks.setdefault(talk.case, []).append(_means(here))
    return Style(
        replies,
        {case: _means(rows) for case, rows in sums.items()},
        marks,
        {case: mean(values) for case, values in far.items()},
        openings,
        said,
    )


def _chosen(cases: Sequence[str]) -> tuple[str, ...]:
    """At most `MOST` cases, told by their names alone, so that they are the same in whatever order they come."""
    if len(cases) <= MOST:
        return tuple(cases)
    return tuple(sorted(cases, key=lambda case: (crc32(case.encode("utf-8", "surrogatepass")), case))[:MOST])


def _marks(text: str, features: Features, outcome: Outcome) -> Marks:
    return (
        float(outcome == "refused" or bool(declined(text))),
        float(features[PLACE["list_lines"]] > 1),  # a reply that is `7.` and a remark lists nothing
        float(features[PLACE["heading_lines"]] > 0),
        float(any(fence in text for fence in FENCES)),
        float(_is_json(text)),
    )


def _is_json(text: str) -> bool:
    bare = text.strip()
    if not bare.startswith(("{", "[")):
        return False
    try:
        return decode(bare)[1] == len(bare)
    except ValueError:
        return False


def _means(rows: Sequence[Features]) -> Features:
    if len(rows) == 1:
        return rows[0]
    return tuple(math.fsum(column) / len(rows) for column in zip(*rows, strict=True))


# --- two arms ---------------------------------------------------------------------------------------------------------


def manner(
    base: Style,
    tuned: Style,
    design: Design,
    *,
    groups: Mapping[str, str],
    taught: Taught | None = None,
    voices: Sequence[Distance] = (),
    among: int | None = None,
) -> Manner | None:
    """How the style of two arms differs over the cases both answered; None below five of them, groups counting once.

    groups: of the cases that belong to one. voices: distances to other voices than base's own. among: how many cases
    both arms have, where these are but a part.
    """
    cases = [case for case in base.features if case in tuned.features]
    keys = [groups.get(case, f"\0{case}") for case in cases]
    if len(set(keys)) < FEWEST_CASES:
        return None
    before, after = (_by_group(keys, [style.features[case] for case in cases]) for style in (base, tuned))
    traits = _traits(before, after, design.alpha)
    shares = _shares([base.marks[case] for case in cases], [tuned.marks[case] for case in cases], keys, design)
    begin = _opening(base, cases), _opening(tuned, cases)
    return Manner(
        cases=len(before),
        among=among,
        replies=(base.replies, tuned.replies),
        traits=traits,
        watched=(*shares, traits[PLACE["words"]]),
        distances=(*voices, *_to_base(base, tuned, cases)),
        openings=begin,
        phrases=_phrases(base, tuned, taught),
        catchphrases=_catchphrases(base, tuned, taught),
    )


def _by_group(keys: Sequence[str], rows: Sequence[Features]) -> list[Features]:
    """Cases of one group depend on one another: the t interval takes their mean as one."""
    members: dict[str, list[Features]] = {}
    for key, row in zip(keys, rows, strict=True):
        members.setdefault(key, []).append(row)
    return [_means(group) for group in members.values()]


def _traits(base: Sequence[Features], tuned: Sequence[Features], alpha: float) -> tuple[Trait, ...]:
    found: list[Trait] = []
    chances: list[float] = []
    for feature, before, after in zip(FEATURES, zip(*base, strict=True), zip(*tuned, strict=True), strict=True):
        changes = [b - a for a, b in zip(before, after, strict=True)]
        low, high = t_interval(changes, alpha=alpha)
        usual, now = mean(before), mean(after)
        chances.append(t_test(changes))
        found.append(
            Trait(
                name=feature.name,
                unit=feature.unit,
                base=usual,
                tuned=now,
                change=mean(changes),
                low=low,
                high=high,
                margin=HALF * max(feature.least, deviation(before)),
                standardised=standardised(changes),
                cliff=cliffs_delta(before, after),
                word="undecided",
                told=told(feature, usual, now) if usual != now else "",
            )
        )
    return _worded(found, chances, alpha)


def _shares(
    base: Sequence[list[Marks]], tuned: Sequence[list[Marks]], keys: Sequence[str], design: Design
) -> tuple[Trait, ...]:
    found: list[Trait] = []
    chances: list[float] = []
    groups = keys if len(set(keys)) < len(keys) else None
    for place, name in enumerate(SHARES):
        before, after = ([[marks[place] for marks in case] for case in arm] for arm in (base, tuned))
        change = paired_change(before, after, groups=groups, design=design)
        means = [[mean(marks) for marks in arm] for arm in (before, after)]
        chances.append(change.p)
        found.append(
            Trait(
                name=name,
                unit="share of replies",
                base=change.base,
                tuned=change.tuned,
                change=change.change,
                low=change.low,
                high=change.high,
                margin=DEFAULT_MARGIN,
                standardised=standardised([b - a for a, b in zip(*means, strict=True)]),
                cliff=cliffs_delta(*means),
                word="undecided",
            )
        )
    return _worded(found, chances, design.alpha)


def _worded(found: Sequence[Trait], chances: Sequence[float], alpha: float) -> tuple[Trait, ...]:
    """The word for each, the chance differences of the whole table under one false discovery rate."""
    adjusted = benjamini_hochberg(chances)
    return tuple(
        replace(trait, word=_word(trait, significant=q <= alpha)) for trait, q in zip(found, adjusted, strict=True)
    )


def _word(trait: Trait, *, significant: bool) -> Moved:
    match equivalence(trait.low, trait.high, trait.margin, significant=significant):
        case "HELD":
            return "steady"
        case "CHANGED":
            return "moved"
        case "INCONCLUSIVE":
            return "undecided"


def _opening(style: Style, cases: Sequence[str]) -> Opening:
    """Of the compared cases; of openings that are as frequent the first by the alphabet."""
    among = set(cases)
    counts = {words: len(said & among) for words, said in style.openings.items()}
    first = min(counts, key=lambda words: (-counts[words], words), default="")
    again = set().union(*(style.openings[words] & among for words, count in counts.items() if count > 1))
    return Opening(first, counts.get(first, 0) / len(cases), len(again) / len(cases))


def _phrases(base: Style, tuned: Style, taught: Taught | None) -> tuple[PetPhrase, ...]:
    gained = [PetPhrase(row.words, row.other, row.share) for row in favoured(tuned.said, base.said)]
    lost = [PetPhrase(row.words, row.share, row.other) for row in favoured(base.said, tuned.said)]
    if taught is None:
        return (*gained, *lost)
    return tuple(replace(phrase, trained=share(phrase.words, taught.said)) for phrase in (*gained, *lost))


def _catchphrases(base: Style, tuned: Style, taught: Taught | None) -> tuple[PetPhrase, ...]:
    """What the training file says often and base does not."""
    found = favoured(taught.said, base.said) if taught is not None else ()
    return tuple(PetPhrase(row.words, row.other, share(row.words, tuned.said), row.share) for row in found)


def _to_base(base: Style, tuned: Style, cases: Sequence[str]) -> Iterator[Distance]:
    if len(base.features) >= FEWEST:
        voice = learn(base.features.values())
        far = mean([distance(tuned.features[case], voice) for case in cases])
        yield Distance("base", voice.average, voice.average, far)


# --- a command's comparisons ------------------------------------------------------------------------------------------


def described(
    panel: Panel, pairs: Sequence[tuple[Arm, Arm]], lessons: Mapping[str, Lessons], arms: Iterable[Arm] = ()
) -> Panel:
    """The comparisons with how differently their arms write.

    lessons: training files, by the name of the suite. arms: all of the command; the last snapshot among them is a voice
    to be near to as well. Each arm is read once, however many pairs it is in.
    """
    known = {name: taught for name, found in lessons.items() if (taught := taught_by(found)) is not None}
    styles: dict[tuple[int, tuple[str, ...]], Style] = {}

    def style(arm: Arm, cases: Sequence[str]) -> Style:
        key = id(arm.run), _chosen(cases)
        if key not in styles:
            taught = known.get(arm.run.suite.name)
            styles[key] = style_of(arm, key[1], taught.voice if taught else None)
        return styles[key]

    stored = {arm.run.suite.name: arm for arm in arms if arm.run.snapshot is not None}
    comparisons = []
    for comparison, (base, tuned) in zip(panel.comparisons, pairs, strict=True):
        name = comparison.suite.name
        cases = [case for case in base.sheet.cases if case in tuned.sheet.cases]
        both = style(base, cases), style(tuned, cases)
        taught = known.get(name)
        far = list(_to_training(*both, taught, comparison.suite.alpha))
        third = stored.get(name)
        if third is not None and third.run is not base.run and third.run is not tuned.run:
            far += _to_snapshot(*both, third, style(third, list(third.sheet.cases)), comparison.suite.alpha)
        groups = {asked.case: asked.group for asked in tuned.run.cases if asked.group}
        design = replace(design_of(base, tuned, comparison.seed), scope="population")
        among = len(cases) if len(cases) > MOST else None
        found = manner(*both, design, groups=groups, taught=taught, voices=far, among=among)
        comparisons.append(replace(comparison, manner=found))
    return replace(panel, comparisons=tuple(comparisons))


def taught_by(lessons: Lessons) -> Taught | None:
    """The voice of a training file's replies; None where they are too few."""
    taught = [reply for lesson in lessons.lessons for reply in lesson.replies]
    replies = [read(reply) for reply in taught[:: -(-len(taught) // MOST) or 1]]
    if len(replies) < FEWEST:
        return None
    step = max(1, len(replies) // SAMPLE)
    return Taught(learn([reply.features for reply in replies]), [reply.words for reply in replies[::step]])


def _to_training(base: Style, tuned: Style, taught: Taught | None, alpha: float) -> Iterator[Distance]:
    if taught is not None:
        yield from _distance("the training file", taught.voice, base.far, tuned.far, alpha)


def _to_snapshot(base: Style, tuned: Style, arm: Arm, stored: Style, alpha: float) -> Iterator[Distance]:
    snapshot = arm.run.snapshot
    if snapshot is not None and len(stored.features) >= FEWEST:
        voice = learn(stored.features.values())
        before, after = (
            {case: distance(features, voice) for case, features in style.features.items()} for style in (base, tuned)
        )
        yield from _distance(f"the snapshot {snapshot.name}", voice, before, after, alpha)


def _distance(
    to: str, voice: Profile, base: Mapping[str, float], tuned: Mapping[str, float], alpha: float
) -> Iterator[Distance]:
    cases = [case for case in base if case in tuned]
    if len(cases) >= FEWEST_CASES:
        before, after = ([side[case] for case in cases] for side in (base, tuned))
        low, high = t_interval([b - a for a, b in zip(before, after, strict=True)], alpha=alpha)
        yield Distance(to, voice.average, mean(before), mean(after), low, high)
