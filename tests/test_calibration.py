"""What is known of a judge: figures by hand, which may gate, and when one has moved."""

from dataclasses import replace

import pytest

from evalharness.calibration import Known, Row, by_arm, figures, moved, standing, uneven
from tests.judged import calibration, rows

GOOD = rows(40, 9, 6, 45)


def test_figures_of_the_method_s_j1() -> None:
    found = figures(GOOD, 0.5)

    assert found.kappa == pytest.approx(0.699519, abs=1e-6)
    assert found.weighted is None
    assert found.agreement is not None
    assert (found.agreement.hits, found.agreement.of) == (85, 100)


def test_grades_between_get_a_weighted_kappa_beside_that_of_passed_and_failed() -> None:
    graded = [replace(row, grade=0.75 * row.grade) for row in rows(10, 0, 0, 10)]

    found = figures(graded, 0.5)

    assert found.kappa == 1
    # Labels 0 and 1, grades 0 and 0.75: squared distance 0.03125 on average, by chance 0.25 + 0.140625 + 0.015625.
    assert found.weighted == pytest.approx(1 - 0.03125 / 0.40625)


def test_a_judge_that_agrees_may_gate() -> None:
    assert standing(Known(calibration(GOOD))).state == "calibrated"


@pytest.mark.parametrize(
    ("found", "state", "why"),
    [
        # 38 of 50 agree, by chance (39 x 39 + 11 x 11) / 2500: (0.76 - 0.6568) / 0.3432
        (rows(33, 6, 6, 5), "failed", "failed calibration (kappa 0.30, at least 0.4 asked for)"),
        # 15/25 passed of those people pass, 10/25 of the others: Newcombe by hand, Wilson 0.4074-0.7660, 0.2340-0.5926
        (
            rows(15, 10, 10, 15),
            "failed",
            "failed calibration (sensitivity + specificity - 1 lies between -0.07 and 0.43, and a guess has 0)",
        ),
        (rows(50, 0, 0, 0), "failed", "failed calibration (no label fails, so half of its mistakes cannot be seen)"),
        (rows(0, 0, 0, 50), "failed", "failed calibration (no label passes, so half of its mistakes cannot be seen)"),
        (rows(20, 1, 1, 18), "uncalibrated", "not calibrated: 40 labels of 50"),
    ],
)
def test_what_keeps_a_judge_from_gating(found: tuple[Row, ...], state: str, why: str) -> None:
    said = standing(Known(calibration(found)))

    assert (said.state, said.why) == (state, why)
    assert said.remedy


def test_a_judge_nobody_looked_at_says_what_to_type() -> None:
    assert standing(None).remedy == "50 labels take ten minutes: evalharness label RUN"


def test_a_judge_that_moved_may_not_gate_however_well_it_agreed() -> None:
    said = standing(Known(calibration(GOOD), "5 of 12 anchors judged otherwise"))

    assert (said.state, said.why) == ("moved", "has moved since it was calibrated (5 of 12 anchors judged otherwise)")


def test_arms_whose_replies_are_mistaken_unequally_are_called_out() -> None:
    found = calibration((*rows(25, 5, 5, 25), *rows(28, 28, 2, 2, arm="tuned")))

    said = [str(each) for each in uneven(by_arm(found))]

    # Specificity 25/30 against 2/30, sensitivity 25/30 against 28/30.
    assert said == ["specificity is 77 points lower on replies of 'tuned' than on those of 'base'"]


def test_arms_that_are_mistaken_alike_are_not() -> None:
    found = calibration((*rows(25, 5, 5, 25), *rows(24, 6, 4, 26, arm="tuned")))

    assert list(uneven(by_arm(found))) == []


THEN = [1.0] * 6 + [0.0] * 6


@pytest.mark.parametrize(("flips", "why"), [(0, ""), (3, ""), (4, "4 of 12 anchors judged otherwise")])
def test_a_judge_has_moved_where_four_of_twelve_anchors_change_sides(flips: int, why: str) -> None:
    # Of a judge that changes its mind on one in ten: P(Bin(12, 0.1) >= 4) = 0.0256, P(>= 3) = 0.1109 (binomial table).
    now = [1 - grade for grade in THEN[:flips]] + THEN[flips:]

    assert moved(THEN, now, 0.5) == why


def test_a_judge_that_grades_all_anchors_a_step_lower_has_moved_though_none_changes_sides() -> None:
    then = [1.0] * 12

    # Twelve of twelve in one direction: two-sided p = 2 / 4096.
    assert moved(then, [0.75] * 12, 0.5) == "its grades of 12 anchors lie 25 points lower"


def test_too_few_anchors_with_a_grade_say_nothing() -> None:
    assert moved(THEN, [0.0] * 5 + [None] * 7, 0.5) is None
