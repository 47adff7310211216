"""Judges of pairs held against people: figures, whether they may gate, and what that does to a win rate.

Known figures: LLMBar (Zeng et al. 2024), known_figures.json beside the recorded votes, computed apart from here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.bench import of_duels
from evalharness.calibration import Known, PairFigures, Row, pair_figures, side, standing
from evalharness.compare import compare_all
from evalharness.findings import Comparison
from evalharness.records import ModelRef
from evalharness.stats.agreement import kappa_spread
from tests import duels
from tests.duels import Counts, calibration, counts
from tests.test_llmbar_duels import KNOWN, recorded

TABLE: Counts = ((10, 2, 4), (1, 5, 2), (3, 2, 11))
TIMID: Counts = ((5, 22, 0), (0, 6, 0), (0, 22, 5))
COIN: Counts = ((14, 0, 14), (0, 0, 0), (14, 0, 14))


def labelled(subset: str, *judges: str) -> list[Row]:
    """Each pair of outputs with the better one as its label, output 1 as base; not those that a judge left open."""
    rows = []
    for pair in recorded(subset).values():
        votes = [pair.votes[judge] for judge in judges]
        if any(vote is None for both in votes for vote in both):
            continue
        orders = tuple((float(both[0] == "2"), float(both[1] == "2")) for both in votes)
        grade = math.fsum(sum(one) / 2 for one in orders) / len(orders)
        rows.append(Row("1 and 2", pair.id, 0, None, float(pair.gold == "2"), grade, orders))
    return rows


@pytest.mark.parametrize("subset", ["natural", "neighbor"])
@pytest.mark.parametrize("judge", ["GPT-4", "ChatGPT", "LLaMA2"])
def test_accuracy_and_consistency_are_the_known_ones(subset: str, judge: str) -> None:
    known = KNOWN[subset][f"{judge}/Vanilla"]

    found = pair_figures(labelled(subset, judge))

    assert found.accuracy is not None
    assert found.consistent is not None
    assert found.accuracy.value == pytest.approx(known["acc_average"], abs=1e-6)
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert found.consistent.hits == int(known["position_consistent"].partition("/")[0])
    # an order pair that agrees is right both times or wrong both times
    assert found.agreement is not None
    assert found.agreement.hits == int(known["acc_both_orders"].partition("/")[0])


@pytest.mark.parametrize(("subset", "right", "of"), [("natural", 86.5, 98), ("neighbor", 35.0, 134)])
def test_a_panel_is_judged_by_the_side_of_its_mean(subset: str, right: float, of: int) -> None:
    found = pair_figures(labelled(subset, "ChatGPT", "LLaMA2", "PaLM2"))

    # method J3: 88.5 of 100, of which the two pairs that PaLM2 left open are missing here; 26.1 % of 134
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(right / of)


@pytest.mark.parametrize(
    ("subset", "failed"),
    [("natural", set()), ("neighbor", {"ChatGPT", "LLaMA2", "PaLM2", "ChatGPT, LLaMA2, PaLM2"})],
)
def test_judges_that_looks_mislead_may_not_gate(subset: str, failed: set[str]) -> None:
    known = calibration(duels.run(counts(1, 0, 0)), 0, duels.GOOD).calibration
    names = [("GPT-4",), ("ChatGPT",), ("LLaMA2",), ("PaLM2",), ("ChatGPT", "LLaMA2", "PaLM2")]

    states = {
        ", ".join(judges): standing(Known(replace(known, rows=tuple(labelled(subset, *judges))))).state
        for judges in names
    }

    assert {judges for judges, state in states.items() if state == "failed"} == failed
    assert set(states.values()) <= {"failed", "calibrated"}


def test_figures_are_those_of_the_table_of_sides() -> None:
    found = pair_figures(calibration(duels.run(counts(1, 0, 0)), 0, TABLE).calibration.rows)

    # by hand: rows 16, 8, 16; columns 14, 9, 17; po 26/40, pe (16*14 + 8*9 + 16*17) / 1600
    assert found.counts == TABLE
    assert found.kappa == pytest.approx((26 / 40 - 568 / 1600) / (1 - 568 / 1600))
    # 21 of 32 right, 4 ties half
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(23 / 32)
    assert found.decided.counts == (11, 4, 3, 10)


def test_the_spread_of_kappa_is_that_of_the_delta_method() -> None:
    table = {(one, two): TABLE[one][two] for one in range(3) for two in range(3)}

    found = kappa_spread(table)

    assert found is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * by_differences(table), rel=1e-5)


def by_differences(table: Mapping[tuple[int, int], int]) -> float:
    """The standard error of kappa by numerical derivatives in the cells' shares."""
    n = sum(table.values())
    shares = {cell: number / n for cell, number in table.items()}

    def kappa(shares: Mapping[tuple[int, int], float]) -> float:
        total = math.fsum(shares.values())
        one, two = (
            [math.fsum(v for cell, v in shares.items() if cell[axis] == k) / total for k in range(3)] for axis in (0, 1)
        )
        chance = math.fsum(a * b for a, b in zip(one, two, strict=True))
        return (math.fsum(shares[k, k] for k in range(3)) / total - chance) / (1 - chance)

    slopes = {
        cell: (kappa({**shares, cell: v + 1e-6}) - kappa({**shares, cell: v - 1e-6})) / 2e-6
        for cell, v in shares.items()
    }
    middle = sum(shares[cell] * slope for cell, slope in slopes.items())
    return math.sqrt(sum(shares[cell] * (slope - middle) ** 2 for cell, slope in slopes.items()) / n)


@pytest.mark.parametrize(
    ("given", "state", "why"),
    [
        (duels.GOOD, "calibrated", ""),
        (((20, 0, 1), (0, 2, 0), (1, 0, 20)), "uncalibrated", "not calibrated: 44 labels of 50"),
        # by hand: po 16/60, pe (27 * 5 + 6 * 50 + 27 * 5) / 3600
        (TIMID, "failed", "failed calibration (kappa 0.13, at least 0.4 asked for)"),
        (COIN, "failed", "failed calibration (sensitivity + specificity - 1 where both decide lies between -0.25 and"),
        (
            ((0, 0, 0), (0, 9, 1), (0, 0, 50)),
            "failed",
            "failed calibration (no pair decided by both people",
        ),
    ],
)
def test_a_judge_of_pairs_may_gate_where_it_is_shown_to_see_what_people_see(
    given: Counts, state: str, why: str
) -> None:
    found = standing(calibration(duels.run(counts(1, 0, 0)), 0, given))

    assert found.state == state
    assert found.why.startswith(why)


def test_the_side_of_a_mean_is_told_with_a_tie_at_half() -> None:
    assert [side(value) for value in (0.25, (0.1 + 0.2 + 1.2) / 3, 0.75)] == ["base", "tie", "tuned"]


values = st.sampled_from([0.0, 0.5, 1.0])
said = st.lists(st.tuples(values, values, values), min_size=1, max_size=30)


@settings(max_examples=40)
@given(said)
def test_swapping_the_arms_swaps_the_sides_and_leaves_every_figure(given: list[tuple[float, float, float]]) -> None:
    def made(turn: Callable[[float], float]) -> PairFigures:
        return pair_figures(
            [
                Row("a and b", str(n), 0, None, turn(label), turn((one + two) / 2), ((turn(one), turn(two)),))
                for n, (label, one, two) in enumerate(given)
            ]
        )

    a, b = made(lambda value: value), made(lambda value: 1 - value)

    assert b.counts == tuple(row[::-1] for row in a.counts[::-1])
    assert (a.agreement, a.accuracy, a.consistent) == (b.agreement, b.accuracy, b.consistent)
    assert a.kappa == pytest.approx(b.kappa)
    assert a.decided.kappa == pytest.approx(b.decided.kappa)
    assert (a.decided.sensitivity, a.decided.specificity) == (b.decided.specificity, b.decided.sensitivity)


def test_another_criterion_judge_or_setting_is_another_instrument() -> None:
    judge = ModelRef("judge", "openai:x", params={"temperature": 0})

    def digest(criterion: str = "kinder", ref: ModelRef = judge) -> str:
        return of_duels([criterion], {"judge": ref})[0].digest

    others = [
        digest("shorter"),
        digest(ref=replace(judge, use="openai:y")),
        digest(ref=replace(judge, params={"temperature": 1})),
        of_duels(["kinder"], {"judge": judge, "second": judge})[0].digest,
    ]
    assert len({digest(), *others}) == 5
    # not its name, nor how many criteria stand beside it
    assert digest(ref=replace(judge, name="other")) == digest()
    assert of_duels(["shorter", " kinder "], {"judge": judge})[1].digest == digest()
    assert [each.check for each in of_duels(["a", "b"], {})] == ["preference-1", "preference-2"]


# --- what it does to a comparison -------------------------------------------------------------------------------------


def compared(known: Counts | None, change: Callable[[Known], Known] = lambda known: known) -> Comparison:
    base, tuned = duels.arms(
        replace(duels.run(counts(40, 0, 0)), path="runs/a-vs-b.duels.jsonl"), cases=40, known=known
    )
    tuned = replace(tuned, known=tuple(map(change, tuned.known)))
    return compare_all([(base, tuned)]).comparisons[0]


def test_a_win_rate_by_a_calibrated_judge_is_ruled_on_as_any_other() -> None:
    (ruling,) = compared(duels.GOOD).rulings

    assert (ruling.outcome, ruling.remedy) == ("IMPROVED", "")
    assert "judge" not in ruling.sentence


def test_a_judge_that_nobody_calibrated_is_said_with_the_file_to_label() -> None:
    (ruling,) = compared(None).rulings

    assert ruling.outcome == "IMPROVED"
    assert ruling.sentence.endswith("50 % asked for; judge not calibrated")
    assert ruling.remedy == "50 labels take ten minutes: evalharness label runs/a-vs-b.duels.jsonl"


@pytest.mark.parametrize("given", [TIMID, COIN])
def test_a_judge_that_failed_leaves_the_preference_undecided(given: Counts) -> None:
    found = compared(given)

    (ruling,) = found.rulings
    assert found.verdict.outcome == ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence.startswith("preference undecided: judge failed calibration (")
    assert ruling.remedy.startswith("mend the criterion by the pairs that")


def test_a_calibration_of_another_instrument_does_not_count() -> None:
    found = compared(duels.GOOD, lambda known: Known(replace(known.calibration, digest="0" * 64)))

    assert found.judged[0].state == "uncalibrated"


def test_with_several_criteria_the_one_whose_judge_failed_is_named() -> None:
    given = [duels.duel(str(case), duels.WON, criterion=name) for case in range(40) for name in ("kinder", "shorter")]
    base, tuned = duels.arms(duels.run(given), cases=40)
    assert tuned.duels is not None
    bad = calibration(tuned.duels, 1, COIN)

    found = compare_all([(base, replace(tuned, known=(tuned.known[0], bad)))]).comparisons[0]

    assert found.rulings[0].sentence.startswith("preference undecided: judge of 'preference-2' failed calibration")
    assert [row.state for row in found.judged] == ["calibrated", "failed"]


def test_the_win_rate_is_put_right_by_the_labels_of_these_arms() -> None:
    given = duels.run(counts(30, 0, 30))
    base, tuned = duels.arms(given, cases=60, known=None)
    # of twenty labelled wins, people see five as losses; the judge of the other forty: ten wins, thirty losses
    known = calibration(given, 0, ((0, 0, 5), (0, 0, 0), (0, 0, 15)), arm="base and tuned")

    others = calibration(given, 0, duels.GOOD).calibration.rows  # which calibrate the judge, and say nothing of these
    known = Known(replace(known.calibration, rows=(*known.calibration.rows, *others)))

    (row,) = compare_all([(base, replace(tuned, known=(known,)))]).comparisons[0].judged

    assert row.labels == 80
    (found,) = row.corrected
    assert (found.labels, found.unlabelled, found.seen) == (20, 40, 0.5)
    assert found.powered is not None
    assert found.trust is not None
    # PPI++: lambda is the covariance of label and grade, which is 0 where all grades are 1; then only labels count
    assert (found.trust, found.powered.value) == (0, 0.75)
