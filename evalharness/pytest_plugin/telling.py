"""The words of a test session: why a case missed, why a gate was not met, and what the end says of each suite."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from evalharness.compare import alone
from evalharness.escape import collapsed, one_line, terminal
from evalharness.findings import Comparison, Flip, Pair, Ruling
from evalharness.layout import Span, wrapped
from evalharness.measure import Arm, trials
from evalharness.pytest_plugin.results import Result
from evalharness.records import Score, Trial
from evalharness.reports import base as words
from evalharness.reports.base import MARKS
from evalharness.sheet import LASTING
from evalharness.stats.paired import overall_outcome
from evalharness.suite import Case
from evalharness.worddiff import Piece, word_diff

Row: TypeAlias = "tuple[str, Iterable[Span] | str]"
"""A label and what stands beside it."""

FEW = 5
"""Cases that broke, as far as a failed gate shows them."""
LABEL = 10
"""Columns of a label with the blanks around it."""


def missed(result: Result, case: Case, columns: int) -> tuple[str, str]:
    """Why a case missed: in a line, then the question, the replies, and every check that failed besides."""
    model = trials(result.model, case.id)
    failed = [(trial, score) for trial in model for score in trial.scores if not score.passed]
    head = _reason(failed[0][1]) if failed else "does not pass"
    rows: list[Row] = [("asked", one_line(case.question, 600))]
    if case.tags:
        rows.append(("tags", ", ".join(case.tags)))
    rows += _replies(result, case, failed[0] if failed else None)
    reasons = dict.fromkeys(_reason(score) for _, score in failed)
    rows += [("also", reason) for reason in reasons if reason != head]
    if len(model) > 1:
        rows.append(("samples", f"{sum(_passes(trial) for trial in model)} of {len(model)} passed"))
    rows.append(("closer", _command(result, case.id)))
    return terminal(head), "\n".join(_lines(rows, columns))


def gap(result: Result, case: Case, columns: int) -> tuple[str, str]:
    """Why a case is neither right nor wrong: in a line, then the question and what to do."""
    head, remedy = "no answer", "run again: it asks only what is missing"
    for trial in trials(result.model, case.id):
        if trial.failure is not None:
            head = f"{trial.failure.kind}: {trial.failure.message}"
            if trial.failure.kind == "missing":
                remedy = "leave --eval-cache only away to ask for it"
            elif trial.failure.kind in LASTING:
                remedy = "mend this first: asking again gives the same"
            break
        ungraded = next((score for score in trial.scores if score.grade.value is None), None)
        if ungraded is not None:
            head, remedy = _reason(ungraded), "a check that could not grade is neither right nor wrong"
            break
    rows = [("asked", one_line(case.question, 600)), ("remedy", remedy)]
    return terminal(one_line(head, 300)), "\n".join(_lines(rows, columns))


def unmet(
    result: Result, comparison: Comparison | None, aspect: str, rulings: Sequence[Ruling], columns: int
) -> tuple[str, str]:
    """Why a gate was not met: in a line, then what was asked, the remedy, and the cases that broke."""
    first = next((r for r in rulings if r.outcome == "REGRESSED"), None)
    first = first or next((r for r in rulings if r.outcome == "INCONCLUSIVE"), rulings[0])
    rows: list[Row] = [("gate", f"{aspect}: {ruling.asked}") for ruling in rulings]
    for ruling in rulings:
        rows += [("also", f"{ruling.outcome}: {ruling.sentence}")] if ruling is not first else []
        rows += [("remedy", ruling.remedy)] if ruling.remedy else []
    if comparison is not None:
        rows += [("warning", warning) for warning in comparison.warnings]
        broke = [flip for flip in comparison.flips if flip.side == "broke" and flip.aspect == aspect]
        if broke:
            rows.append(("broke", f"{words.count(len(broke), 'case')} passed with base, not with the model tested"))
        pairs = words.pick(comparison.pairs, [flip.case for flip in broke[:FEW]])
        for flip in broke[:FEW]:
            rows += _flip(flip, pairs.get(flip.case))
        if len(broke) > FEW:
            rows.append(("", f"… and {len(broke) - FEW:,} more"))
    rows.append(("closer", _command(result)))
    return terminal(one_line(first.sentence, 400)), "\n".join(_lines(rows, columns))


def verdict(name: str, result: Result, comparison: Comparison | None) -> list[str]:
    """What the end says of a suite: the verdict, where its gate gives one."""
    arms = terminal(" → ".join(arm.run.model.name for arm in (result.base, result.model) if arm))
    if not result.suite.gate_declared or result.suite.selected:
        return [f"{terminal(name)}  {arms}"]
    rulings = comparison.rulings if comparison else alone(result.model)
    word = comparison.verdict.outcome if comparison else overall_outcome([ruling.outcome for ruling in rulings])
    reasons = [f"  {MARKS[r.outcome]} {terminal(one_line(r.sentence, 300))}" for r in rulings]
    opening = words.rests(comparison) if comparison else ""
    first = [f"  {terminal(one_line(opening, 300))}"] if opening else []
    return [f"{terminal(name)}  {arms}: {MARKS[word]} {word}", *first, *reasons]


def detail(result: Result, comparison: Comparison | None, misses: int) -> list[str]:
    """How many cases missed, what it took, why answers are missing, and what to be careful about."""
    suite, model = result.suite, result.model
    samples = max(model.run.suite.samples, model.sheet.samples())
    arms = [arm for arm in (result.base, result.model) if arm]
    cases = words.count(len(suite.cases), "case")
    if suite.selected:
        cases = f"{len(suite.cases):,} of {words.count(suite.whole, 'case')}"
    counts = [f"{cases} x {samples:,}" if samples > 1 else cases, f"{misses:,} missed"]
    tallies = [arm.run.tally for arm in arms if arm.run.tally and not arm.run.snapshot]
    sent, known = sum(tally.sent for tally in tallies), sum(tally.cached for tally in tallies)
    took = [f"{words.count(sent, 'request')} sent" if sent else "nothing sent", f"{known:,} known before"]
    usd = [tally.usd for tally in tallies]
    if sent and None not in usd:
        took.append(f"{sum(price for price in usd if price):.4f} USD")
    lines = [f"  {', '.join(counts)}; {', '.join(took)}"]
    for arm in arms:
        gaps = ", ".join(f"{number:,} {kind}" for kind, number in sorted(arm.sheet.failures.items()))
        lines += [f"  no answer from {terminal(arm.run.model.name)}: {gaps}"] if gaps else []
    warnings = comparison.warnings if comparison else ()
    return [*lines, *(f"  warning: {terminal(one_line(warning, 300))}" for warning in warnings)]


def _reason(score: Score) -> str:
    parts = dict.fromkeys(part for part in (score.aspect, score.check, one_line(score.grade.why, 300)) if part)
    return ": ".join(parts)


def _passes(trial: Trial) -> bool:
    return all(score.passed for score in trial.scores)


def _replies(result: Result, case: Case, failed: tuple[Trial, Score] | None) -> Iterator[Row]:
    """What was said where it failed, with what differs from base's reply marked."""
    if failed is None:
        return
    trial, score = failed
    said = _said(trial, score.turn)
    base = trials(result.base, case.id) if result.base else ()
    if not base or base[0].failure is not None:
        yield "said", [(one_line(said, 1_500) or "(no text)", "")]
        return
    both = word_diff(_said(base[0], score.turn), said, room=600)
    for label, pieces, marks in zip(("base", "tested"), both, (("[-", "-]"), ("{+", "+}")), strict=True):
        yield label, list(_pieces(pieces, *marks)) or [("(no text)", "")]


def _said(trial: Trial, turn: int | None) -> str:
    talk = trial.conversation
    return talk.reply if turn is None or turn > len(talk.replies) else talk.until(turn).reply


def _pieces(pieces: Iterable[Piece], opening: str, closing: str) -> Iterator[Span]:
    for piece in pieces:
        text = collapsed(piece.text)
        bare = text.strip()
        if piece.kind == "changed" and bare:
            yield f"{opening}{bare}{closing}{' ' * text[-1:].isspace()}", ""
        else:
            yield text, ""


def _flip(flip: Flip, pair: Pair | None) -> Iterator[Row]:
    question, base, tuned = words.shown(pair, flip)
    yield "✗", f"{flip.case}  {one_line(question, 200) if question != flip.case else ''}".rstrip()
    if pair is not None:
        both = word_diff(base, tuned, room=200)
        for label, pieces, marks in zip(("base", "tested"), both, (("[-", "-]"), ("{+", "+}")), strict=True):
            yield label, list(_pieces(pieces, *marks)) or [("(no text)", "")]
    if flip.why:
        yield "why", one_line(flip.why, 300)


def _command(result: Result, case: str | None = None) -> str:
    """What to type to look closer; it asks nothing that is not known."""
    base, model = result.base, result.model
    arms = f"--base {_name(base)} --tuned {_name(model)}" if base else f"--model {_name(model)}"
    chosen = f" --case {shlex.quote(case)}" if case is not None else ""
    verb = "compare" if base else "run"
    return f"evalharness {verb} {shlex.quote(result.suite.path)} {arms}{chosen}{' -v' if base else ''}"


def _name(arm: Arm) -> str:
    return shlex.quote(arm.run.model.name)


def _lines(rows: Iterable[Row], columns: int) -> Iterator[str]:
    """Labels, and what they stand beside, broken to fit the terminal."""
    for label, text in rows:
        spans: Iterable[Span] = [(text, "")] if isinstance(text, str) else text
        safe = [(terminal(part), style) for part, style in spans]
        if label == "closer":  # to copy, so in one piece
            yield f"  {label:<{LABEL - 2}}{''.join(part for part, _ in safe)}"
            continue
        for place, line in enumerate(wrapped(safe, columns - LABEL)):
            yield f"{'' if place else '  ' + label:<{LABEL}}{''.join(part for part, _ in line)}".rstrip()
