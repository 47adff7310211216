"""What is probably wrong with a comparison, whatever its numbers say: a line each, with what to do about it.

Nothing here decides anything. All of it was counted while the runs were read, so it costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evalharness.measure import Arm
from evalharness.rulings import counted
from evalharness.standings import akin

NAMED = re.compile(r"(.*) \((.*)\)", re.DOTALL)
"""An instrument's judge: its name, and what it is."""

SAME = 0.95
"""Share of cases with byte-equal replies from which one model is suspected to have answered twice."""

FEWEST = 10
"""Cases, or replies, below which nothing is said of equal texts or of lengths."""

POINTS, MORE = 0.02, 3
"""A share that is up by more than two points, and by three replies, is told (method, section 1, on missing data)."""

LONGER = 3.0
"""Times by which the median length may grow or shrink before it is told: a voice makes replies half as long again or
twice as long, a collapse makes them many times so."""


def warnings(base: Arm, tuned: Arm) -> Iterator[str]:
    """Every doubt about two runs that are compared, about each of them first."""
    for arm in (base, tuned):
        yield from _of_arm(arm)
    yield from _equal(base, tuned)
    yield from _servers(base, tuned)
    yield from _systems(base, tuned)
    yield from _judges(base, tuned)
    yield from _replies(base, tuned)
    yield from _lengths(base, tuned)
    yield from _dropped(base, tuned)


def _of_arm(arm: Arm) -> Iterator[str]:
    model, sheet = arm.run.model, arm.sheet
    name = f"'{model.name}'"
    yield from arm.notes
    asked = model.target
    others = [served for served in sheet.served if model.kind == "openai" and not _same_model(asked, served)]
    if others:
        yield f"{name} asked for {asked} and was served {', '.join(others)}"
    if len(sheet.served) > 1:
        yield f"{name} was served by several models in one run: {', '.join(sheet.served)}"
    if len(sheet.fingerprints) > 1:
        yield f"{name}: the server's build changed during the run ({', '.join(sheet.fingerprints)})"
    if model.drop:
        yield f"{name} was asked without {', '.join(model.drop)}, which its server refuses"


def _same_model(asked: str, served: str) -> bool:
    """A dated snapshot of the model asked for is that model."""
    return served == asked or served.startswith(f"{asked}-") or served.rpartition("/")[2] == asked.rpartition("/")[2]


def _equal(base: Arm, tuned: Arm) -> Iterator[str]:
    both = [case for case in base.sheet.said if case in tuned.sheet.said]
    same = sum(base.sheet.said[case][0] == tuned.sheet.said[case][0] for case in both)
    if len(both) >= FEWEST and same >= SAME * len(both):
        yield f"both gave byte-equal replies to {same} of {len(both)} cases: is the tuned model (adapter) loaded?"


def _servers(base: Arm, tuned: Arm) -> Iterator[str]:
    """One server behind two names, or two builds behind one."""
    one, other = base.run.model, tuned.run.model
    shared = [name for name in base.sheet.served if name in tuned.sheet.served]
    if not shared:
        return
    body = (one.extra_body, other.extra_body)
    if one.kind == other.kind == "openai" and one.target != other.target and body[0] == body[1]:
        yield (
            f"'{one.name}' asks for {one.target}, '{other.name}' for {other.target}, and both were served "
            f"{', '.join(shared)}: is the tuned model (adapter) loaded?"
        )
    builds = base.sheet.fingerprints, tuned.sheet.fingerprints
    if one.target == other.target and all(builds) and not builds[0].keys() & builds[1].keys():
        yield (
            f"{', '.join(shared)} was another build for '{one.name}' ({', '.join(builds[0])}) than for '{other.name}' "
            f"({', '.join(builds[1])}): ask both again, or part of the change may be the server's"
        )


def _systems(base: Arm, tuned: Arm) -> Iterator[str]:
    both = base.sheet.places.keys() & tuned.sheet.places.keys()
    for arm, other in ((base, tuned), (tuned, base)):
        count = len((arm.sheet.vitals.systems - other.sheet.vitals.systems) & both)
        if count:
            yield (
                f"in {counted(count, 'case')} only '{arm.run.model.name}' was sent a system text: unless that is what "
                "you compare, give both arms the same"
            )


def _judges(base: Arm, tuned: Arm) -> Iterator[str]:
    """Judges that may favour an arm for what they are. Where people's labels tell how they err, those are shown."""
    labelled = {each.calibration.digest for arm in (base, tuned) for each in arm.known}
    names = [name for each in tuned.run.suite.judges if each.digest not in labelled for name in each.judges]
    judges = [(found[1], found[2]) for name in dict.fromkeys(names) if (found := NAMED.fullmatch(name))]
    yield from akin(judges, [(arm.run.model.name, arm.run.model.use) for arm in (base, tuned)])


def _replies(base: Arm, tuned: Arm) -> Iterator[str]:
    """Replies that say nothing, and replies that are cut off: more of them than base's."""
    for count, what, cure in (
        (
            tuple(arm.sheet.vitals.degenerate for arm in (base, tuned)),
            "are empty or say one passage over and over",
            "read some; a tune with too many epochs or too high a rate ends so",
        ),
        (
            tuple(arm.sheet.outcomes["truncated"] for arm in (base, tuned)),
            "are cut off at the limit of tokens",
            "raise max_tokens for both arms, or see whether the tuned model still ends its replies",
        ),
    ):
        of = base.sheet.vitals.replies, tuned.sheet.vitals.replies
        if _up((count[0], of[0]), (count[1], of[1])):
            yield f"{count[1]:,} of {of[1]:,} replies of tuned {what}, of base {count[0]:,} of {of[0]:,}: {cure}"


def _lengths(base: Arm, tuned: Arm) -> Iterator[str]:
    if min(base.sheet.vitals.replies, tuned.sheet.vitals.replies) < FEWEST:
        return
    before, after = base.sheet.vitals.median(), tuned.sheet.vitals.median()
    if before and after and not 1 / LONGER <= after / before <= LONGER:
        many = after / before if after > before else before / after
        yield (
            f"half of tuned's replies have {after:,.0f} characters or more, of base's {before:,.0f}: {many:.1f} times "
            f"{'longer' if after > before else 'shorter'}; read some before you trust a score that counts words"
        )


def _dropped(base: Arm, tuned: Arm) -> Iterator[str]:
    lost = [(arm.sheet.trials - arm.sheet.scored, arm.sheet.trials) for arm in (base, tuned)]
    if _up(*lost) or _up(*reversed(lost)):
        told = ", ".join(
            f"{count:,} of {side}'s {of:,}" for (count, of), side in zip(lost, ("base", "tuned"), strict=True)
        )
        yield f"trials without a whole score: {told}; what is left may be the easier part: run again for the missing"


def _up(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether a share is more than two points above another, and by three or more of its own."""
    (few, of), (many, out_of) = before, after
    if not of or not out_of:
        return False
    return many / out_of - few / of > POINTS and many - few * out_of / of >= MORE
