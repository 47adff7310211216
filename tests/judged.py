"""Runs that a judge graded, and labels of them: what calibration is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalharness.calibration import Calibration, Label, Row
from evalharness.records import (
    Asked,
    Conversation,
    Criterion,
    Grade,
    Instrument,
    Message,
    ModelRef,
    Run,
    Score,
    SuiteRef,
    Tally,
    Trial,
)

DIGEST = "d" * 64
INSTRUMENT = Instrument(
    "sarcastic", "style", ("judge (openai:gpt-4o)",), "yes-no", "The reply is sarcastic, and not abusive.", DIGEST
)
SUITE = SuiteRef("marv", "suites/marv.yaml", "0" * 64, judges=(INSTRUMENT,))
GATE = (Criterion("style", drop_at_most=0.1),)


def run(
    grades: Sequence[float | None],
    *,
    name: str = "base",
    suite: SuiteRef = SUITE,
    gate: tuple[Criterion, ...] = GATE,
    text: str = "Oh, sure.",
) -> Run:
    """A run of so many cases with one check, each graded by the judge as given; None: it gave no grade."""
    trials, cases = [], []
    for number, grade in enumerate(grades):
        said = (Message("user", f"question {number}"), Message("assistant", f"{text} {name} {number}"))
        talk = Conversation(f"c{number}", 0, said, (1,), ("answered",))
        score = Score("sarcastic", "style", 1, Grade(grade, f"because {number}"), judges=("judge",))
        trials.append(Trial(talk, None, (score,)))
        cases.append(Asked(f"c{number}", f"question {number}", ("style",)))
    ref = replace(suite, cases=len(cases))
    model, began = ModelRef(name, f"replay:{name}.jsonl"), "2026-11-22T10:00:00+00:00"
    return Run(ref, model, gate, began, tuple(cases), tuple(trials), Tally(), f"{name}.jsonl")


def label(number: int, said: float | None, grade: float, *, arm: str = "base", digest: str = DIGEST) -> Label:
    """A label of one case, as `label` writes it for `run`."""
    messages = (Message("user", f"question {number}"), Message("assistant", f"Oh, sure. {arm} {number}"))
    which = ("marv", "sarcastic", "style", digest, INSTRUMENT.judges, INSTRUMENT.scale, INSTRUMENT.rubric)
    return Label(*which, arm, f"c{number}", 0, 1, said, grade, 0.5, f"because {number}", messages, (1,))


def rows(tp: int, fp: int, fn: int, tn: int, *, arm: str = "base") -> tuple[Row, ...]:
    """So many rows of each kind, cases `c0`, `c1` and so on."""
    kinds = [(1.0, 1.0)] * tp + [(0.0, 1.0)] * fp + [(1.0, 0.0)] * fn + [(0.0, 0.0)] * tn
    return tuple(Row(arm, f"c{number}", 0, 1, said, grade) for number, (said, grade) in enumerate(kinds))


def calibration(found: tuple[Row, ...], digest: str = DIGEST) -> Calibration:
    """The calibration of `INSTRUMENT` by these rows."""
    return Calibration(1, "marv", "sarcastic", "style", digest, INSTRUMENT.judges, 0.5, found)
