"""How a report on a training file is printed: what is wrong, how much it is, whether to upload it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from evalharness.layout import aligned, cells_of, wrapped
from evalharness.rulings import counted
from evalharness.tuning.counts import Spread
from evalharness.tuning.dataset import Report, Wanted
from evalharness.tuning.dialects import NAMES
from evalharness.tuning.rules import Finding, Severity

MOST_SHOWN = 3
"""Findings of one kind that are printed; the lines of some more are named."""

MOST_NAMED = 8


def lines(
    report: Report,
    written: Path | None,
    repairs: dict[str, int],
    *,
    asked: Wanted,
    suite: str | None,
    columns: int,
) -> Iterator[str]:
    """The report, line by line, within so many columns where its words allow."""
    for line in (*_writing(written, repairs), *_findings(report)):
        yield from _fitted(line, columns)
    yield from _fitted(f"{report.file}: {_described(report)}", columns)
    if report.tokens.total:
        yield ""
        yield from _table(report, columns)
        yield ""
        for line in _estimates(report, asked.epochs, asked.usd):
            yield from _fitted(line, columns, hang=11)
    yield ""
    for line in _verdict(report, suite, upload=asked.upload):
        yield from _fitted(line, columns, hang=6)


def _writing(written: Path | None, repairs: dict[str, int]) -> Iterator[str]:
    if written is None:
        return
    yield f"wrote {written}"
    for what, times in repairs.items():
        yield f"  {what}" + (f" ({times:,} times)" if times > 1 else "")
    yield ""


def _findings(report: Report) -> Iterator[str]:
    for severity in ("error", "warning", "note"):
        kinds = [finding for finding in report.findings if finding.severity == severity]
        order = list(dict.fromkeys(finding.code for finding in kinds))
        for code, found in groupby(sorted(kinds, key=lambda each: order.index(each.code)), key=lambda each: each.code):
            yield from _kind(report, severity, code, list(found))
        if kinds:
            yield ""


def _kind(report: Report, severity: Severity, code: str, found: Sequence[Finding]) -> Iterator[str]:
    told: set[str] = set()
    for place, finding in enumerate(found[:MOST_SHOWN]):
        where = f"{report.file}:{finding.line}" if finding.line else report.file
        mark = "" if severity == "error" else f"{severity}: "
        yield f"{mark}{where}: {finding.what}" + (f"  [{code}]" if place == 0 else "")
        if finding.hint and finding.hint not in told:
            told.add(finding.hint)
            yield f"  hint: {finding.hint}"
        if finding.server and place == 0:
            yield f'  a server says: "{finding.server}"'
    if more := report.totals[code] - MOST_SHOWN:
        yield from _more(found[MOST_SHOWN:], more) if more > 0 else ()


def _more(found: Sequence[Finding], more: int) -> Iterator[str]:
    numbers = list(dict.fromkeys(finding.line for finding in found if finding.line))
    named = ", ".join(f"{number:,}" for number in numbers[:MOST_NAMED])
    rest = ", ..." if len(numbers) > MOST_NAMED else ""
    yield f"  and {more:,} more" + (f": line {named}{rest}" if named else "")


def _described(report: Report) -> str:
    return f"{counted(report.examples, 'example')}, {NAMES[report.dialect]}, for {report.method} tuning"


def _table(report: Report, columns: int) -> Iterator[str]:
    """How long the examples are, by quantiles; fewer of them where the columns do not suffice."""
    spreads = (("messages", report.messages), ("tokens, about", report.tokens), ("  of replies", report.replies))
    for names in (("least", "10 %", "median", "90 %", "most", "mean", "all"), ("median", "most", "all")):
        rows = [tuple((cell, "") for cell in ("", *names))]
        rows += [tuple((cell, "") for cell in (name, *_cells(spread, names))) for name, spread in spreads]
        table = aligned(rows, set(range(1, len(rows[0]))))
        if cells_of(table[0]) <= columns:
            break
    for row in table:
        yield "".join(text for text, _ in row).rstrip()


def _cells(spread: Spread, names: Sequence[str]) -> Iterator[str]:
    values = {
        "least": spread.least,
        "10 %": spread.low,
        "median": spread.median,
        "90 %": spread.high,
        "most": spread.most,
        "mean": spread.mean,
        "all": spread.total,
    }
    yield from (_number(values[name]) for name in names)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _estimates(report: Report, epochs: int | None, price: float | None) -> Iterator[str]:
    """Each is an estimate and says so."""
    found = report.estimate
    why = "as given" if epochs else "an estimate: what servers take for so many examples, unless told"
    yield f"epochs     {found.epochs:,}   ({why})"
    cut = f", each example cut at {found.context:,}" if report.tokens.most > found.context else ""
    yield f"trained on {found.billed:,} tokens   (an estimate{cut})"
    if price is None or found.usd is None:
        yield "price      --price USD a million tokens gives an estimate"
    else:
        yield f"price      {found.usd:,.2f} USD   (an estimate, at {price:g} a million tokens)"


def _verdict(report: Report, suite: str | None, *, upload: bool) -> Iterator[str]:
    """Whether to upload it, and the command to type next."""
    warnings = report.count("warning")
    also = f", {counted(warnings, 'warning')}" if warnings else ""
    file = shlex.quote(report.file)
    if report.valid and not upload:
        yield f"ready for trainers that read it: {counted(report.examples, 'example')}{also}"
        return
    if report.valid:
        yield f"ready to upload: {counted(report.examples, 'example')}{also}"
        if suite is None:
            yield f"next: evalharness tune check {file} --suite SUITE   (does the suite ask what was trained?)"
        else:
            yield f"next: tune, then evalharness compare {shlex.quote(suite)} --base NAME --tuned NAME"
        return
    yield f"a server would reject this: {counted(report.count('error'), 'error')}{also}"
    if report.dialect not in ("openai", "dpo", "text"):
        yield f"next: evalharness tune check {file} --convert openai"
    elif report.whole and any(finding.repair for finding in report.findings if finding.severity == "error"):
        yield f"next: evalharness tune check {file} --fix"
    else:
        yield f"next: correct what is listed, then evalharness tune check {file}"


def _fitted(line: str, columns: int, hang: int = 0) -> Iterator[str]:
    """A line broken where the terminal ends, what follows set in."""
    hang = hang or len(line) - len(line.lstrip()) + 2
    for place, spans in enumerate(wrapped([(line, "")], max(columns - hang, 20), -hang)):
        yield (" " * hang * (place > 0) + "".join(text for text, _ in spans)).rstrip()
