"""The duels of a comparison in words: who was preferred, and what the judges' verdicts are worth."""

from __future__ import annotations

from collections.abc import Iterator

from evalharness.escape import one_line
from evalharness.findings import Agreement, DuelRow, Duels
from evalharness.reports.base import DASH, LONGEST_NAME, LONGEST_TEXT, count, p_value

RATES = ("by", "win", "tie", "loss", "win rate in %", "p", "orders disagree", "first shown wins")
AGREEMENTS = ("judges", "duels", "agree", "kappa")


def tables(found: Duels) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Each table that has rows, with its head: win rates by criterion and judge; how far the judges agree."""
    yield RATES, [_row(row) for row in (found.total, *found.rows)]
    if found.agreements:
        yield AGREEMENTS, [_agreement(each) for each in found.agreements]


def lines(found: Duels) -> Iterator[str]:
    """What is to be said, a sentence each; criteria, names and causes in it are foreign."""
    criteria = "; ".join(one_line(each, LONGEST_TEXT // 2) for each in found.prefer)
    judges = ", ".join(name[:LONGEST_NAME] for name in found.judges)
    duels = count(found.total.judged, "duel")
    yield f"which reply is better by this: {criteria}"
    yield f"{duels} with a verdict of {judges}, each pair shown in both orders, of which the mean counts"
    if found.same:
        yield f"{count(found.same, 'duel')} of one text on both sides: a tie, which nobody was asked"
    for cause, number in found.missing:
        yield f"no verdict in {count(number, 'duel')}: {one_line(cause, LONGEST_TEXT // 2)}"
    if found.longer is not None:
        more = f"{abs(found.longer):,.0f} characters {'longer' if found.longer >= 0 else 'shorter'}"
        yield f"tuned's replies are {more} on average; {_alike(found.alike)}"
    if found.controlled is not None:
        yield f"at equal length tuned would win {100 * found.controlled:.1f} %"
    else:
        yield f"what tuned would win at equal length is not told ({found.refused})"
    if found.weighted is not None:
        yield f"by the judges' own probabilities tuned wins {_rate(found.weighted)} %"
    for name, tally in found.tally:
        price = f", {tally.usd:.4f} USD" if tally.usd else ""
        yield f"asking {name[:LONGEST_NAME]}: {tally.sent:,} requests sent, {tally.cached:,} known before{price}"


def _alike(row: DuelRow | None) -> str:
    if row is None:
        return "no two replies are of about one length"
    return f"where lengths differ by less than 10 % ({count(row.cases, 'case')}) it wins {_rate(row)} %"


def _row(row: DuelRow) -> tuple[str, ...]:
    """A row below `RATES`; only the first cell is foreign text."""
    by = one_line(row.criterion or row.judge, LONGEST_NAME) or "all"
    counts = (f"{row.wins:,}", f"{row.ties:,}", f"{row.losses:,}")
    p = p_value(row.p)
    return by, *counts, _rate(row), p, _share(row.inconsistent, row.asked), _first(row)


def _rate(row: DuelRow) -> str:
    """`60.0 (49.7 to 69.4)`."""
    if row.rate is None or row.low is None or row.high is None:
        return DASH
    return f"{100 * row.rate:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})"


def _share(number: int, of: int) -> str:
    return f"{100 * number / of:.1f} %" if of else DASH


def _first(row: DuelRow) -> str:
    """`50.5 % (p 0.9437)` of the verdicts that are no ties."""
    if row.first_p is None:
        return DASH
    return f"{_share(row.first, row.first + row.second)} (p {p_value(row.first_p)})"


def _agreement(each: Agreement) -> tuple[str, ...]:
    """A row below `AGREEMENTS`; only the first cell is foreign text."""
    kappa = DASH if each.kappa is None else f"{each.kappa:.3f}"
    names = f"{each.one[:LONGEST_NAME]}, {each.other[:LONGEST_NAME]}"
    return names, f"{each.duels:,}", f"{100 * each.share:.1f} %", kappa
