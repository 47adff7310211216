"""Histories to render: a slide, a steady one, two series, and one in which every text means harm."""

from __future__ import annotations

import random
from dataclasses import replace

from evalharness.history import Held, History, Standing
from evalharness.records import ModelRef
from tests import runs
from tests.shelved import SUITE, charted, scored

SLIDING = replace(
    charted([scored(20 + 4 * step) for step in range(9)]),
    standing=Standing(
        "2026-09", "2026-01", "REGRESSED", (Held("facts", "REGRESSED", "facts regressed: 16 points lower"),)
    ),
)

_CHANCE = random.Random(20)
STEADY = charted([runs.run([float(_CHANCE.random() < 0.9) for _ in range(200)], suite=SUITE) for _ in range(9)])

_CHANGED = replace(SUITE, hash="b" * 64)
TWO_SERIES = charted(
    [scored(20), scored(24), scored(40, 210, suite=_CHANGED), scored(80, 210, suite=_CHANGED)], pinned=None
)


def hostile(text: str) -> History:
    """A history with this text wherever others write one: suite, aspect, model, judge, reason, ruling, warning."""
    cases = range(20)
    judged = replace(SUITE, judges=(runs.judged(text),))
    made = [
        replace(
            runs.of([runs.trial(str(n), 0, {text: float(n >= wrong)}) for n in cases], suite=suite),
            model=ModelRef("base", text),
        )
        for wrong, suite in (
            (2, SUITE),
            (2, judged),
            (15, judged),
        )
    ]
    found = charted(made)
    held = Held(text, "REGRESSED", text, text)
    return replace(found, suite=text, warnings=(text,), standing=Standing("2026-03", "2026-02", "REGRESSED", (held,)))
