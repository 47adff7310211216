"""What reports say of the judges of a comparison."""

from dataclasses import replace

from evalharness.calibration import Known
from evalharness.compare import compare_all
from evalharness.findings import Comparison, Panel
from evalharness.measure import Arm
from evalharness.records import Tally
from evalharness.reports import json, judges
from evalharness.reports.asides import asides, judging
from tests.judged import INSTRUMENT, SUITE, calibration, rows, run

GOOD = Known(calibration((*rows(25, 2, 2, 25), *rows(20, 0, 0, 0, arm="tuned"))))


def compared(*known: Known, hostile: str = "") -> Comparison:
    took = (("judge", Tally(sent=30, answered=30, cached=70, usd=0.5)),)
    suite = replace(SUITE, judges=(replace(INSTRUMENT, rubric=hostile or INSTRUMENT.rubric),))
    base = replace(run([1.0] * 99 + [None], suite=suite), judging=took)
    tuned = replace(run([1.0] * 100, name="tuned", suite=suite), judging=took)
    return compare_all([(Arm.of(base), replace(Arm.of(tuned), known=known))]).comparisons[0]


def test_a_judge_nobody_calibrated() -> None:
    assert list(judges.lines(compared())) == [
        "sarcastic (style): yes-no by judge (openai:gpt-4o): The reply is sarcastic, and not abusive.",
        "sarcastic: not calibrated → 50 labels take ten minutes: evalharness label RUN",
        "sarcastic: no grade for 1 of 200 replies",
        "judge took 60 requests, 140 answers known before, 1.0000 USD",
    ]


def test_a_calibrated_judge_and_rates_put_right() -> None:
    aside = judging(compared(GOOD))

    assert aside is not None
    assert aside.lines[1] == (
        "sarcastic: calibrated; 74 labels: agreement 94.6 % (86.9 to 97.9), kappa 0.88 (0.77 to 0.99), "
        "sensitivity 95.7 % (85.8 to 98.8), specificity 92.6 % (76.6 to 97.9)"
    )
    # People pass half of base's labelled replies and all of tuned's; a judge that passes everything else is told so.
    (table,) = aside.tables
    assert [(row[0], row[1], row[4]) for row in table.rows] == [
        ("sarcastic: base", "100.0 %", "54 of 99"),
        ("sarcastic: tuned", "100.0 %", "20 of 100"),
        ("sarcastic: change", "0.0", "20 of 65"),
    ]


def test_a_judge_that_mistakes_the_arms_unequally_is_named() -> None:
    biased = Known(calibration((*rows(25, 2, 2, 25), *rows(20, 20, 2, 2, arm="tuned"))))

    (line,) = [line for line in judges.lines(compared(biased)) if "differ between the arms" in line]

    assert line.endswith("specificity is 84 points lower on replies of 'tuned' than on those of 'base'")


def test_a_suite_without_judges_says_nothing_of_them() -> None:
    plain = replace(SUITE, judges=())
    found = compare_all([(Arm.of(run([1.0], suite=plain)), Arm.of(run([1.0], suite=plain)))]).comparisons[0]

    assert list(asides(found)) == []


def test_a_comparison_with_judges_is_read_back_as_it_was_written() -> None:
    found = compared(GOOD, hostile="\x1b[2J<script>\u202e|")

    text = "".join(json.render(Panel(found.verdict, (found,))))

    assert json.load(text).comparisons[0].judged == found.judged
