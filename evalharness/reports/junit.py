"""The comparison as a test report, in the XML that build servers read: what the gate asked, and every case.

It fails where the command does: with the exit status 0 there is no failure and no error in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from evalharness.escape import one_line, xml
from evalharness.findings import Comparison, Delta, Flip, LeftOut, Pair, Panel, Ruling
from evalharness.reports import base as words
from evalharness.reports.base import case_score, report

Properties: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a test ended where it did not pass: the element, its type, what stands in a list, and all there is to say."""

    element: Literal["failure", "error", "skipped"]
    kind: str
    message: str
    text: str = ""


@report("junit")
def render(panel: Panel) -> Iterator[str]:
    """A test report in JUnit's XML for build servers: a test for each criterion of the gate and for each case.

    Where a gate rules, the cases are evidence: one that broke has the property `flip` and does not fail.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="evalharness">\n'
    arms = Counter(comparison.suite.name for comparison in panel.comparisons)
    for comparison in panel.comparisons:
        several = arms[comparison.suite.name] > 1
        yield from _suite(comparison, words.title(comparison) if several else comparison.suite.name)
    yield "</testsuites>\n"


def _suite(comparison: Comparison, name: str) -> Iterator[str]:
    """One comparison. Its tests are made before they are written, since their counts stand in front of them."""
    tests: list[str] = []
    ends: Counter[str] = Counter()
    for title, properties, ended in (*_gate(comparison), *_cases(comparison)):
        ends[ended.element if ended else ""] += 1
        tests.append(_test(name, title, properties, ended))
    counts = {"tests": len(tests), "failures": ends["failure"], "errors": ends["error"], "skipped": ends["skipped"]}
    facts = "".join(f' {label}="{number}"' for label, number in counts.items()) + _times(comparison)
    yield f'  <testsuite name="{_line(words.title(comparison))}"{facts}>\n'
    yield _properties(_about(comparison), 4)
    yield from tests
    yield "  </testsuite>\n"


def _times(comparison: Comparison) -> str:
    """When the tuned model was asked, and how long both took; what is not known is left out."""
    took = [side.tally.seconds for _, side in words.arms(comparison) if side.tally is not None]
    try:
        began = f' timestamp="{datetime.fromisoformat(comparison.tuned.began).isoformat()}"'
    except ValueError:
        began = ""
    return (f' time="{sum(took):.3f}"' if took else "") + began


def _about(comparison: Comparison) -> Properties:
    suite = comparison.suite
    rows = [
        ("verdict", comparison.verdict.outcome),
        ("suite", f"{suite.name} {suite.hash[:12]}"),
        *((role, f"{side.model.name} ({side.model.use})") for role, side in words.arms(comparison)),
        ("reading", f"scope {suite.scope}, alpha {suite.alpha:g}, test {suite.test}, seed {comparison.seed}"),
        ("evalharness", comparison.version),
    ]
    return tuple(rows)


# --- what the gate asked ----------------------------------------------------------------------------------------------

Test: TypeAlias = "tuple[str, Properties, Ended | None]"
"""Its name, what is known of it, and how it ended where it did not pass."""


def _gate(comparison: Comparison) -> Iterator[Test]:
    """A test a criterion, and one for whether every answer is there."""
    found = words.by_name(comparison)
    criteria = Counter(ruling.aspect for ruling in comparison.rulings)
    for ruling in comparison.rulings:
        asked = f", {ruling.asked.partition(':')[0]}" if criteria[ruling.aspect] > 1 else ""
        known = _numbers(ruling, found.get(ruling.aspect))
        yield f"gate[{one_line(ruling.aspect, words.LONGEST_NAME)}{asked}]", known, _ruled(ruling)
    if not comparison.rulings:
        reason = "; ".join(comparison.verdict.reasons)
        stopped = comparison.verdict.outcome in ("REGRESSED", "INCONCLUSIVE")
        yield "gate", (), Ended("failure", comparison.verdict.outcome, reason) if stopped else None
    gaps = [f"{told}\n→ {remedy}" for told, remedy in words.gaps(comparison)]
    missing = Ended("error", "INCOMPLETE", words.INCOMPLETE, "\n".join(gaps))
    yield "answers", (), missing if comparison.verdict.incomplete else None


def _ruled(ruling: Ruling) -> Ended | None:
    if ruling.outcome in ("HELD", "IMPROVED"):
        return None
    remedy = f" → {ruling.remedy}" if ruling.remedy else ""
    text = "\n".join(part for part in (ruling.sentence, f"asked: {ruling.asked}", remedy.strip()) if part)
    return Ended("failure", ruling.outcome, f"{ruling.sentence}{remedy}", text)


def _numbers(ruling: Ruling, delta: Delta | None) -> Properties:
    rows = [("verdict", ruling.outcome), ("asked", ruling.asked)]
    if delta is not None:
        rows += [
            ("cases", f"{delta.cases}"),
            ("left out", f"{delta.left_out}"),
            ("base", words.rate(delta.base)),
            ("tuned", words.rate(delta.tuned)),
            ("change in points", f"{words.points(delta.change)} {words.span(delta.low, delta.high, delta.margin)}"),
        ]
    return tuple(rows)


# --- the cases --------------------------------------------------------------------------------------------------------


def _cases(comparison: Comparison) -> Iterator[Test]:
    """A test a case; one that could not be compared in any aspect is skipped, with its cause."""
    flips: dict[str, list[Flip]] = {}
    for flip in comparison.flips:
        flips.setdefault(flip.case, []).append(flip)
    lost: dict[str, list[LeftOut]] = {}
    for one in comparison.left_out:
        lost.setdefault(one.case, []).append(one)
    musts = dict(words.misses(comparison))
    for pair in comparison.pairs:
        case = pair.asked.case
        turned, without = flips.get(case, []), lost.pop(case, [])
        ended = _ended(pair, turned, musts.pop(case, None), decides=not comparison.rulings)
        if ended is None and len({one.aspect for one in without}) >= len(pair.asked.aspects):
            ended = _skipped(without)
        yield case, (*_flipped(turned), *_scores(pair), *_lost(without)), ended
    for case, why in musts.items():
        yield case, tuple(_lost(lost.pop(case, []))), _missed(why)
    for case, without in lost.items():
        yield case, tuple(_lost(without)), _skipped(without)


def _skipped(without: Sequence[LeftOut]) -> Ended | None:
    return Ended("skipped", "left out", f"{without[0].side}: {without[0].cause}") if without else None


def _lost(without: Sequence[LeftOut]) -> Iterator[tuple[str, str]]:
    for one in without:
        yield f"left out[{one.aspect}]" if one.aspect else "left out", f"{one.side}: {one.cause}"


def _ended(pair: Pair, turned: Sequence[Flip], missed: str | None, *, decides: bool) -> Ended | None:
    """How a case ended. decides: no gate rules, so a case that broke is a failure."""
    if missed is not None:
        return _missed(missed, f"asked: {one_line(pair.asked.question, words.LONGEST_TEXT)}\n")
    for arm, trials in (("base", pair.base), ("tuned", pair.tuned)):
        failure = next((trial.failure for trial in trials if trial.failure is not None), None)
        if failure is not None:
            message = f"{arm}: no answer: {failure.kind}: {failure.message}"
            tries = "1 try" if failure.tries == 1 else f"{failure.tries:,} tries"
            return Ended("error", failure.kind, message, f"after {tries}")
    broke = [flip for flip in turned if flip.side == "broke"]
    if broke and decides:
        question, *said = words.shown(pair, broke[0])
        lines = [f"asked: {question}", *(f"{arm}: {text}" for arm, text in zip(ARMS, said, strict=True))]
        why = "; ".join(f"{flip.aspect}: {flip.why}" for flip in broke)
        return Ended("failure", "broke", why, "\n".join([*(one_line(line, words.LONGEST_TEXT) for line in lines), why]))
    return None


def _missed(why: str, question: str = "") -> Ended:
    message = f"had to pass and did not {why}"
    return Ended("failure", "must_pass", message, f"{question}{message}")


ARMS = ("base", "tuned")


def _flipped(turned: Sequence[Flip]) -> Iterator[tuple[str, str]]:
    """`flip=broke`, or `fixed` where nothing broke; then which aspects, and why."""
    if turned:
        yield "flip", "broke" if any(flip.side == "broke" for flip in turned) else "fixed"
    for flip in turned:
        yield f"flip[{flip.aspect}]", f"{flip.side}: {flip.why}" if flip.why else flip.side


def _scores(pair: Pair) -> Iterator[tuple[str, str]]:
    """The scores of both arms in [0, 1]; a missing one has no property."""
    for aspect in pair.asked.aspects:
        for arm, trials in zip(ARMS, (pair.base, pair.tuned), strict=True):
            score = case_score(trials, aspect)
            if score is not None:
                yield f"{aspect} {arm}", f"{score:.4g}"


# --- as text ----------------------------------------------------------------------------------------------------------


def _test(suite: str, name: str, properties: Iterable[tuple[str, str]], ended: Ended | None) -> str:
    known = _properties(properties, 6)
    end = ""
    if ended is not None:
        text = xml(ended.text)
        closing = f">{text}</{ended.element}>" if text else "/>"
        end = f'      <{ended.element} type="{_line(ended.kind)}" message="{_line(ended.message)}"{closing}\n'
    head = f'    <testcase classname="{_line(suite)}" name="{_line(name)}"'
    return f"{head}>\n{known}{end}    </testcase>\n" if known or end else f"{head}/>\n"


def _properties(rows: Iterable[tuple[str, str]], indent: int) -> str:
    blank = " " * indent
    items = "".join(f'{blank}  <property name="{_line(name)}" value="{_line(value)}"/>\n' for name, value in rows)
    return f"{blank}<properties>\n{items}{blank}</properties>\n" if items else ""


def _line(text: str) -> str:
    """Foreign text between quotes."""
    return xml(one_line(text, 2 * words.LONGEST_TEXT))
