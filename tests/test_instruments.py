"""What a judge's standing does to a ruling, and rates put right by labels."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evalharness import instruments
from evalharness.calibration import Calibration, Known, Row
from evalharness.compare import alone, compare_all
from evalharness.findings import Comparison
from evalharness.measure import Arm
from evalharness.records import Criterion, Run
from evalharness.sheet import OVERALL
from evalharness.standings import Estimated, Judged
from tests.judged import INSTRUMENT, SUITE, calibration, rows, run

GRADES = [1.0] * 100
GOOD = Known(calibration(rows(25, 2, 2, 25)))
FAILED = Known(calibration(rows(33, 6, 6, 5)))
LABEL = "50 labels take ten minutes: evalharness label RUN"


def compared(known: Sequence[Known], base: Run | None = None, tuned: Run | None = None) -> Comparison:
    before, after = base or run(GRADES), tuned or run(GRADES, name="tuned")
    pair = Arm.of(before), replace(Arm.of(after), known=tuple(known))
    return compare_all([pair]).comparisons[0]


def test_an_aspect_that_rests_on_a_calibrated_judge_is_ruled_on_as_any_other() -> None:
    (ruling,) = compared([GOOD]).rulings

    assert ruling.outcome == "HELD"
    assert ruling.sentence == "style held: no change seen, at most 3.7 lower, margin 10"
    assert ruling.remedy == ""


def test_a_judge_nobody_calibrated_is_said_with_the_ruling() -> None:
    found = compared([])

    assert [each.outcome for each in found.rulings] == ["HELD"]
    assert found.rulings[0].sentence.endswith("margin 10; judge not calibrated")
    assert found.rulings[0].remedy == LABEL
    assert found.verdict.remedy == LABEL


def test_a_suite_may_refuse_it() -> None:
    strict = replace(SUITE, uncalibrated="refuse")

    (ruling,) = compared([], run(GRADES, suite=strict), run(GRADES, name="tuned", suite=strict)).rulings

    assert ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence == "style undecided: judge not calibrated; seen: no change seen"
    assert ruling.remedy == LABEL


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (FAILED, "judge failed calibration (kappa 0.30, at least 0.4 asked for)"),
        (replace(GOOD, moved="5 of 12 anchors judged otherwise"), "judge has moved since it was calibrated"),
    ],
)
def test_a_judge_that_failed_or_moved_leaves_its_aspect_undecided(known: Known, why: str) -> None:
    found = compared([known])

    assert found.verdict.outcome == "INCONCLUSIVE"
    assert found.rulings[0].sentence.startswith(f"style undecided: {why}")
    assert found.rulings[0].remedy


def test_an_aspect_without_a_judge_is_not_touched_and_overall_rests_on_all() -> None:
    pair = Arm.of(run(GRADES)), replace(Arm.of(run(GRADES, name="tuned")), known=(FAILED,))

    assert instruments.blocked(*pair, "facts") == ("", "")
    assert instruments.blocked(*pair, OVERALL)[0].startswith("judge failed calibration")


def test_with_two_judges_the_check_is_named() -> None:
    two = replace(SUITE, judges=(INSTRUMENT, replace(INSTRUMENT, check="polite", digest="e" * 64)))
    pair = Arm.of(run(GRADES, suite=two)), replace(Arm.of(run(GRADES, name="tuned", suite=two)), known=(FAILED,))

    assert instruments.blocked(*pair, "style")[0].startswith("judge of 'sarcastic' failed calibration")


def test_arms_that_were_judged_in_different_ways_are_not_compared() -> None:
    other = replace(SUITE, judges=(replace(INSTRUMENT, digest="e" * 64),))

    (ruling,) = compared([GOOD], run(GRADES, suite=other)).rulings

    assert ruling.outcome == "INCONCLUSIVE"
    assert (
        "base and tuned were judged in different ways: judge, rubric or scale of 'sarcastic' changed" in ruling.sentence
    )


def test_a_calibration_of_another_rubric_counts_for_nothing() -> None:
    (ruling,) = compared([Known(calibration(rows(25, 2, 2, 25), digest="e" * 64))]).rulings

    assert ruling.sentence.endswith("judge not calibrated")


def test_a_run_by_itself_is_held_to_the_same() -> None:
    arm = Arm.of(run(GRADES, gate=(Criterion("style", at_least=0.9),)))

    marked, failed = alone(arm), alone(replace(arm, known=(FAILED,)))

    assert (marked[0].outcome, marked[0].remedy) == ("HELD", LABEL)
    assert failed[0].outcome == "INCONCLUSIVE"


# --- rates put right --------------------------------------------------------------------------------------------------


def judged(found: tuple[Row, ...], base: Sequence[float | None], tuned: Sequence[float | None]) -> Judged:
    pair = Arm.of(run(base)), replace(Arm.of(run(tuned, name="tuned")), known=(Known(calibration(found)),))
    return instruments.judged(*pair)[0]


def estimate(value: float, error: float) -> tuple[float, float, float]:
    return value, value - 1.959964 * error, value + 1.959964 * error


def test_the_rate_of_an_arm_is_that_of_the_method_s_j2() -> None:
    # Labels on the first fifty cases as in J2, on fifty more the judge's rate is 0.44.
    labelled = rows(23, 7, 2, 18)
    grades = [row.grade for row in labelled] + [1.0] * 22 + [0.0] * 28

    found = judged(labelled, grades, grades).corrected[0]

    assert (found.arm, found.labels, found.unlabelled) == ("base", 50, 50)
    assert found.seen == pytest.approx(0.52)
    assert spread(found.rogan_gladen) == pytest.approx((0.25, 0.0, 0.25 + 1.959964 * 0.153475), abs=1e-5)
    assert spread(found.powered) == pytest.approx(estimate(0.448195, 0.063468), abs=1e-5)
    assert found.trust == pytest.approx(0.323783, abs=1e-6)


def test_an_arm_nobody_labelled_is_not_put_right() -> None:
    found = judged(rows(23, 7, 2, 18), GRADES, GRADES)

    assert (found.corrected[1].arm, found.corrected[1].labels, found.corrected[1].powered) == ("tuned", 0, None)
    assert found.change is None


def test_a_change_is_put_right_by_cases_labelled_in_both_arms() -> None:
    # The judge sees no change on twenty labelled cases, where people see ten get worse; on the rest neither.
    before, after = rows(20, 0, 0, 0), (*rows(10, 10, 0, 0, arm="tuned"),)
    found = judged((*before, *after), GRADES, GRADES)

    assert found.change is not None
    assert (found.change.labels, found.change.unlabelled, found.change.seen) == (20, 80, 0.0)
    # A judge that never moves is not trusted at all: the labels alone, -0.5 with sd 0.512989 / sqrt(20).
    assert found.change.trust == 0
    assert spread(found.change.powered) == pytest.approx(estimate(-0.5, 0.512989 / 20**0.5), abs=1e-5)


def test_the_change_the_judge_saw_is_that_between_the_rates_it_saw() -> None:
    # Twenty of a hundred cases gain, and they are the ones with labels.
    labelled = (*rows(0, 0, 0, 20), *rows(20, 0, 0, 0, arm="tuned"))

    found = judged(labelled, [0.0] * 100, [1.0] * 20 + [0.0] * 80)

    assert found.change is not None
    assert [row.seen for row in (*found.corrected, found.change)] == pytest.approx([0.0, 0.2, 0.2])


def spread(found: Estimated | None) -> tuple[float, float, float]:
    assert found is not None
    return found.value, found.low, found.high


def test_replies_without_a_grade_are_counted() -> None:
    found = judged(rows(25, 2, 2, 25), [1.0, None, 0.0], [1.0, 1.0, None])

    assert (found.asked, found.errors) == (6, 2)


def test_a_panel_s_judges_are_compared_with_each_other() -> None:
    made = run([1.0, 0.5, 0.0, 0.5])
    votes = [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)]
    trials = tuple(
        replace(trial, scores=(replace(score, grade=replace(score.grade, by=(("a", one), ("b", two)))),))
        for trial, (one, two) in zip(made.trials, votes, strict=True)
        for score in trial.scores
    )
    both = Arm.of(replace(made, trials=trials))

    # Two of four agree, and so they would by chance.
    assert instruments.judged(both, both)[0].panel == (("a", "b", 0.0),)


def test_a_suite_without_judges_has_nothing_beside_it() -> None:
    plain = replace(SUITE, judges=())

    assert instruments.judged(Arm.of(run(GRADES, suite=plain)), Arm.of(run(GRADES, suite=plain))) == ()


def test_figures_of_a_comparison_are_those_of_the_calibration() -> None:
    found: Calibration = GOOD.calibration
    row = instruments.judged(Arm.of(run(GRADES)), replace(Arm.of(run(GRADES, name="tuned")), known=(GOOD,)))[0]

    assert (row.state, row.labels) == ("calibrated", len(found.rows))
    # 50 of 54 agree, by chance half: 0.925926 / 0.5 - 1
    assert row.kappa == pytest.approx(0.851852, abs=1e-6)
    assert row.sensitivity is not None
    assert row.sensitivity.value == pytest.approx(25 / 27)
