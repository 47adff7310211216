"""Drift over the turns of conversations, from trials to the gate's word. Numbers by hand, named where they stand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evalharness.compare import alone, compare
from evalharness.findings import Comparison, Ruling
from evalharness.measure import Arm
from evalharness.records import Conversation, Criterion, Grade, Message, Run, Score, Trial
from evalharness.sheet import Sheet, Slice
from evalharness.stats.intervals import guarded, guarded_grouped
from tests import runs

DRIFT = Slice("drift", "style", "over turns")
FADES, LASTS, GROWS = [1.0, 1.0, 0.5, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]
AT_MOST = Criterion("style", drift_at_most=0.2)


def talk(case: str, marks: Sequence[float | None], *, sample: int = 0, aspect: str = "style") -> Trial:
    """A conversation with one check at each turn."""
    messages = tuple(m for turn in range(len(marks)) for m in (Message("user", "?"), Message("assistant", f"{turn}")))
    places = tuple(range(1, len(messages), 2))
    said = Conversation(case, sample, messages, places)
    scores = (Score("voice", aspect, turn, Grade(mark, "why")) for turn, mark in enumerate(marks, 1))
    return Trial(said, None, tuple(scores))


def held(
    marks: Sequence[Sequence[float | None]],
    *,
    name: str = "base",
    gate: Criterion = AT_MOST,
    groups: dict[str, str] | None = None,
) -> Run:
    trials = [talk(str(place), each) for place, each in enumerate(marks)]
    return runs.of(trials, name=name, gate=(gate,), groups=groups)


def compared(base: Sequence[Sequence[float | None]], tuned: Sequence[Sequence[float | None]]) -> Comparison:
    return compare(held(base), held(tuned, name="tuned"))


def ruled(tuned: Sequence[Sequence[float | None]], gate: Criterion = AT_MOST) -> Ruling:
    (ruling,) = compare(held([LASTS] * len(tuned), gate=gate), held(tuned, name="tuned", gate=gate)).rulings
    return ruling


def test_a_conversation_has_one_drift() -> None:
    # Turns 1 to 4, mean 2.5, spread 5: (-1.5 - 0.5 + 0.5 * 0.5 + 0) / 5 = -0.35 a turn, three times that in all.
    sheet = Sheet.of(held([FADES, LASTS]))

    assert sheet.scores[DRIFT] == {"0": [pytest.approx(-1.05)], "1": [pytest.approx(0)]}
    assert sheet.reach == {"style": pytest.approx(1.2)}  # 3 * 4 / (2 * 15) a turn, over three


def test_two_turns_have_no_drift_and_a_turn_without_a_grade_makes_it_missing() -> None:
    assert DRIFT not in Sheet.of(held([[1.0, 0.0]])).scores
    assert Sheet.of(held([[1.0, None, 0.0]])).scores[DRIFT] == {"0": [None]}


def test_the_row_is_paired_and_has_a_range_of_its_own() -> None:
    rows = {delta.slice: delta for delta in compared([LASTS] * 12, [FADES] * 8 + [LASTS] * 4).deltas}
    row = rows["style · drift over turns"]

    # Differences of drifts lie in ±2.4, twice the reach of four turns.
    low, high = guarded([-1.05] * 8 + [0.0] * 4, span=2.4)
    assert (row.part, row.aspect, row.gates, row.cases) == ("drift", "style", False, 12)
    assert [row.base, row.tuned, row.change] == pytest.approx([0, -0.7, -0.7])
    assert [row.low, row.high] == pytest.approx([low, high])
    assert row.interval == "G"
    assert (row.ups, row.downs, row.unchanged) == (0, 8, 4)


def test_a_run_against_itself_does_not_drift_and_a_swap_flips_the_sign() -> None:
    marks = [FADES, LASTS, GROWS] * 4
    there, back = compared(marks, [LASTS] * 12), compared([LASTS] * 12, marks)

    def row(found: Comparison) -> tuple[float | None, ...]:
        (delta,) = (delta for delta in found.deltas if delta.part == "drift")
        return delta.change, delta.low, delta.high

    assert row(compared(marks, marks))[0] == 0
    assert row(there) == tuple(-value for value in (row(back)[0], row(back)[2], row(back)[1]) if value is not None)


def test_a_tune_that_lasts_is_held() -> None:
    # Without any loss the guarded bound is reach * z² / (n + z²): 1.2 * 3.841459 / 33.841459 = 0.136.
    assert ruled([LASTS] * 30) == Ruling(
        "style",
        "drift_at_most: 0.2",
        "HELD",
        "style lasts: 0 points lost from first to last turn, 13.6 lost at most, 20 allowed",
    )


def test_a_tune_that_fades_is_not() -> None:
    low, _ = guarded([1.05] * 20, span=1.2)

    ruling = ruled([FADES] * 20)

    assert ruling.outcome == "REGRESSED"
    least = f"{100 * low:.1f} lost at least, 20 allowed"
    assert ruling.sentence == f"style drifts: 105 points lost from first to last turn, {least}"


def test_a_gain_is_no_loss() -> None:
    assert ruled([GROWS] * 20).outcome == "HELD"
    assert ruled([GROWS] * 20).sentence.startswith("style lasts: 120 points gained from first to last turn, ")


def test_too_few_conversations_are_told_how_many_it_takes() -> None:
    # More than z² (1.2 / 0.2 - 1) = 19.2.
    assert ruled([LASTS] * 19).outcome == "INCONCLUSIVE"
    assert ruled([LASTS] * 19).remedy == "it takes 20 conversations if none of them drifts"
    assert ruled([LASTS] * 20).outcome == "HELD"
    assert ruled([LASTS] * 4).sentence == "style undecided: 4 conversations say nothing about those to come"


def test_enough_conversations_that_disagree_are_undecided() -> None:
    ruling = ruled([FADES] * 5 + [LASTS] * 20)

    assert ruling.outcome == "INCONCLUSIVE"
    assert "21 points lost from first to last turn, anywhere from" in ruling.sentence
    assert ruling.remedy == "add conversations (there are 25), or allow more"


def test_conversations_without_three_graded_turns_decide_nothing() -> None:
    ruling = ruled([[1.0, 1.0]] * 30)

    assert ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence == "style undecided: no conversation has grades of it at three turns or more"


def test_conversations_of_one_group_count_once() -> None:
    marks = [FADES if place % 4 == 0 else LASTS for place in range(40)]
    groups = {str(place): str(place // 4) for place in range(40)}
    base, tuned = held([LASTS] * 40, groups=groups), held(marks, name="tuned", groups=groups)

    (ruling,) = compare(base, tuned).rulings

    losses = [1.05 if place % 4 == 0 else 0.0 for place in range(40)]
    low, high = guarded_grouped(losses, [groups[str(place)] for place in range(40)], span=1.2)
    assert f"anywhere from {abs(100 * low):.1f} " in ruling.sentence
    assert f"to {100 * high:.1f} lost" in ruling.sentence


def test_missing_conversations_keep_a_good_word_back() -> None:
    lost: list[Sequence[float | None]] = [[1.0, None, 1.0, 1.0]] * 4

    ruling = ruled([*[LASTS] * 40, *lost])

    assert ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence.startswith("style undecided: 4 of 44 cases could not be compared")


def test_one_arm_is_enough_for_it() -> None:
    (ruling,) = alone(Arm.of(held([LASTS] * 30)))

    assert ruling.outcome == "HELD"


def test_courses_over_the_turns() -> None:
    comparison = compared([LASTS] * 10, [FADES] * 5 + [LASTS] * 5)
    assert comparison.persona is not None
    (found,) = comparison.persona.drifts

    # Slopes of -0.35 and 0 a turn, which lie in ±0.4.
    low, high = guarded([-0.35] * 5 + [0.0] * 5, span=0.4)
    assert (found.aspect, found.conversations, found.turns) == ("style", 10, (1, 2, 3, 4))
    assert found.tuned.means == pytest.approx((1, 1, 0.75, 0.5))
    assert (found.tuned.slope, found.tuned.low, found.tuned.high) == pytest.approx((-0.175, low, high))
    assert found.tuned.thirds == pytest.approx(-0.5)  # a third of four turns is one
    assert found.base.thirds == found.base.slope == 0
