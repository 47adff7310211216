"""What became of an old tune on the way over a new base model to a new tune, in words: the three-way table."""

from __future__ import annotations

from evalharness.findings import Comparison, Kept
from evalharness.reports.base import DASH, count, rate

HEAD = ("aspect", "cases", "old tune", "new base", "new tune", "kept of what the old passed", "new base alone keeps")
BRIEF = (*HEAD[:5], "kept", "by base alone")
"""The same where columns are few."""


def arms(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Who plays which part: `("old tune", "v3")`, and so on; none where there are only two arms."""
    if comparison.rebased is None:
        return ()
    named = (comparison.base, comparison.rebased.via, comparison.tuned)
    return tuple((part, side.model.name) for part, side in zip(HEAD[2:5], named, strict=True))


def cells(kept: Kept) -> tuple[str, str, str, str, str, str, str]:
    """A row below `HEAD`; only the first, the aspect, is foreign text."""
    return (
        kept.aspect,
        f"{kept.cases:,}",
        rate(kept.base),
        rate(kept.via),
        rate(kept.tuned),
        _share(kept.kept, kept.had),
        _share(kept.via_kept, kept.had),
    )


def told(kept: Kept) -> str:
    """The counts of a row as a sentence, what was gained besides among them."""
    if not kept.had:
        return f"the old tune passed none; {kept.gained:,} gained"
    lost = count(kept.had - kept.kept, "case") + " lost"
    alone = f"the new base alone keeps {kept.via_kept:,}"
    return f"kept {_share(kept.kept, kept.had)}, {lost}, {kept.gained:,} gained; {alone}"


def _share(number: int, of: int) -> str:
    """`37 of 41`; a dash where the old tune passed nothing."""
    return f"{number:,} of {of:,}" if of else DASH
