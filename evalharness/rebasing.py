"""Moving a tune to another base: what of the old tune survives in the new one, and what the new base can do alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.compare import run_ref
from evalharness.findings import Kept, Rebased
from evalharness.measure import Arm
from evalharness.sheet import Slice
from evalharness.stats.intervals import mean
from evalharness.text import listed


def rebased(base: Arm, tuned: Arm, via: Arm) -> Rebased:
    """The three side by side, aspect by aspect, over the cases that all of them could be scored on.

    base: the old tune. tuned: the new tune. via: the untuned model that it was made from.
    """
    rows = tuple(_kept(base, via, tuned, aspect) for aspect in _aspects(tuned))
    return Rebased(run_ref(via), rows, _sentence(rows, *(arm.run.model.name for arm in (base, via, tuned))))


def _aspects(arm: Arm) -> Iterator[str]:
    return iter(dict.fromkeys(aspect for asked in arm.run.cases for aspect in asked.aspects))


def _kept(base: Arm, via: Arm, tuned: Arm, aspect: str) -> Kept:
    cut = Slice("aspect", aspect)
    sheets = (base.sheet, via.sheet, tuned.sheet)
    cases = [asked.case for asked in tuned.run.cases if all(sheet.valid(cut, asked.case) for sheet in sheets)]
    passed = [{case for case in cases if sheet.passes(aspect, case)} for sheet in sheets]
    means = [mean([mean(sheet.valid(cut, case)) for case in cases]) if cases else None for sheet in sheets]
    (old, middle, new), (before, between, after) = passed, means
    return Kept(
        aspect=aspect,
        cases=len(cases),
        base=before,
        via=between,
        tuned=after,
        had=len(old),
        via_kept=len(old & middle),
        kept=len(old & new),
        gained=len(new - old),
    )


def _sentence(rows: Sequence[Kept], base: str, via: str, tuned: str) -> str:
    told = [row for row in rows if row.had]
    if not told:
        return f"nothing that '{base}' passed could be compared, so nothing can have survived"
    kept = listed([f"{row.kept} of {row.had} in {row.aspect}" for row in told])
    alone = listed([str(row.via_kept) for row in told])
    return f"of the cases that '{base}' passed, '{tuned}' keeps {kept}; '{via}', untuned, keeps {alone}"
