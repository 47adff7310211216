"""Runs made by hand: what comparisons are tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evalharness.records import (
    Asked,
    Conversation,
    Criterion,
    Failure,
    Grade,
    Instrument,
    Message,
    ModelRef,
    Outcome,
    Run,
    Score,
    SuiteRef,
    Tally,
    Trial,
)

ROOT = Path(__file__).parents[1]
FACTS = (Criterion("facts", drop_at_most=0.05),)
Value = float | None
Samples = Value | Sequence[Value]


def judged(*names: str, check: str = "sarcastic", aspect: str = "style") -> Instrument:
    """A check that asked these judges."""
    digest = hashlib.sha256("\n".join((check, aspect, *names)).encode("utf-8", "backslashreplace")).hexdigest()
    return Instrument(check, aspect, names, "yes-no", "The reply is sarcastic.", digest)


def trial(
    case: str, sample: int, scores: Mapping[str, Value], *, text: str = "", outcome: Outcome = "answered"
) -> Trial:
    """One sample with one check an aspect; a reply that is different for each sample unless a text is given."""
    reply = text or f"{case} {sample} {dict(scores)}"
    talk = Conversation(case, sample, (Message("user", f"ask {case}"), Message("assistant", reply)), (1,), (outcome,))
    return Trial(talk, None, tuple(Score("number", aspect, 1, Grade(value, "why")) for aspect, value in scores.items()))


def failed(case: str, sample: int, aspects: Sequence[str], failure: Failure) -> Trial:
    """One sample that got no answer."""
    talk = Conversation(case, sample, (Message("user", f"ask {case}"),))
    grade = Grade(None, f"no answer ({failure.kind})")
    return Trial(talk, failure, tuple(Score("number", aspect, 1, grade) for aspect in aspects))


def run(
    facts: Mapping[str, Samples] | Sequence[Samples],
    *,
    name: str = "base",
    gate: Sequence[Criterion] = FACTS,
    suite: SuiteRef | None = None,
    tags: Mapping[str, Sequence[str]] | None = None,
    groups: Mapping[str, str] | None = None,
    must_pass: Sequence[str] = (),
) -> Run:
    """A run with one aspect, `facts`; scores by case, or in order for cases called `0`, `1`, and so on."""
    by_case = facts if isinstance(facts, Mapping) else {str(place): scores for place, scores in enumerate(facts)}
    trials = tuple(
        trial(case, sample, {"facts": value})
        for case, scores in by_case.items()
        for sample, value in enumerate(scores if isinstance(scores, Sequence) else (scores,))
    )
    return of(trials, name=name, gate=gate, suite=suite, tags=tags, groups=groups, must_pass=must_pass)


def of(
    trials: Sequence[Trial],
    *,
    name: str = "base",
    gate: Sequence[Criterion] = FACTS,
    suite: SuiteRef | None = None,
    tags: Mapping[str, Sequence[str]] | None = None,
    groups: Mapping[str, str] | None = None,
    must_pass: Sequence[str] = (),
) -> Run:
    """A run of these trials."""
    cases = tuple(dict.fromkeys(each.conversation.case for each in trials))
    aspects = {
        case: tuple(dict.fromkeys(s.aspect for t in trials if t.conversation.case == case for s in t.scores))
        for case in cases
    }
    asked = tuple(
        Asked(
            case,
            f"ask {case}",
            aspects[case],
            tuple((tags or {}).get(case, ())),
            (groups or {}).get(case),
            case in must_pass,
        )
        for case in cases
    )
    samples = max((sum(t.conversation.case == case for t in trials) for case in cases), default=1)
    ref = suite or SuiteRef("made", "suites/made.yaml", "0" * 64)
    began = "2026-11-22T10:00:00+00:00"
    model = ModelRef(name, f"replay:{name}.jsonl")
    return Run(replace(ref, samples=samples), model, tuple(gate), began, asked, trials, Tally(), f"{name}.jsonl")


def table(both: int, ups: int, downs: int, neither: int) -> tuple[list[float], list[float]]:
    """The scores of base and tuned with so many cases of each kind."""
    base = [1.0] * both + [0.0] * ups + [1.0] * downs + [0.0] * neither
    tuned = [1.0] * both + [1.0] * ups + [0.0] * downs + [0.0] * neither
    return base, tuned
