"""Snapshots in order: series, references, charts, alarms, and what they do not say."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.compare import compare
from evalharness.errors import EvalError, UnknownName
from evalharness.history import Ring, chart
from evalharness.measure import Arm
from evalharness.records import Failure, Run
from evalharness.stats.charts import false_alarms
from tests import runs
from tests.shelved import SUITE, arms, charted, month, only, reordered, scored

SLIDE = [20 + 4 * step for step in range(9)]
"""Wrong answers of 200: two points lost at each of eight snapshots."""


# --- what a chart is for ----------------------------------------------------------------------------------------------


def test_a_slow_slide_raises_an_alarm_that_no_step_would() -> None:
    made = [scored(wrong) for wrong in SLIDE]

    for before, after in pairwise(made):
        (delta,) = [each for each in compare(before, after).deltas if each.part == "aspect"]
        assert delta.p == pytest.approx(0.125)  # four cases down, none up: 2 * 1/2^4
        assert delta.outcome != "REGRESSED"
    track = only(charted(made))

    # mu0 .9, sigma sqrt(.9 * .1 / 200) = .0212132; losses in sigma .9428 1.8856 2.8284, less .5 each: 4.1568
    assert [point.cusum for point in track.points[:4]] == pytest.approx([0, 0.442809, 1.828427, 4.156854], abs=1e-5)
    # EWMA .8 .2 by hand: .896 .8888 .87904; limits .9 - 2.7 * sigma * sqrt(1/9 (1 - .8^2t))
    assert [point.ewma for point in track.points[:4]] == pytest.approx([0.9, 0.896, 0.8888, 0.87904])
    assert track.points[3].ewma_low == pytest.approx(0.9 - 2.7 * 0.0212132 * math.sqrt((1 - 0.8**6) / 9), abs=1e-6)
    assert track.sentences == (
        "facts: alarm at 2026-04 (EWMA and CUSUM; Shewhart one later): 84.0 %, 6 points below the reference 2026-01",
    )


def test_a_steady_persona_of_the_same_noise_raises_none() -> None:
    chance = random.Random(20)
    made = [runs.run([float(chance.random() < 0.9) for _ in range(200)], suite=SUITE) for _ in range(9)]

    track = only(charted(made))

    assert len({point.mean for point in track.points}) > 5  # they do differ
    assert track.alarms == ()
    assert track.sentence.startswith("facts: no alarm in 8 snapshots; 2026-09: ")


def test_how_often_a_steady_model_would_ring_is_said_of_each_row() -> None:
    one, four = [[1.0, 0.0]] * 4, [[1.0, 0.0, 1.0, 0.0]] * 4

    alike = only(charted([runs.run(one), *[runs.run(one)] * 8]))
    surer = only(charted([runs.run(four), *[runs.run(one)] * 8]))

    assert alike.chance == false_alarms(8, 1)
    assert surer.chance == false_alarms(8, 2)
    assert only(charted([scored(20)])).chance is None


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=30), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_a_snapshot_equal_to_the_reference_never_rings(values: list[float], number: int) -> None:
    track = only(charted([runs.run(values, suite=SUITE)] * number))

    assert all(point.rings == () for point in track.points)
    assert track.alarms == ()


@given(st.permutations(range(12)), st.integers(0, 2**20))
@settings(max_examples=40, deadline=None)
def test_shuffling_cases_changes_nothing(order: list[int], seed: int) -> None:
    chance = random.Random(seed)
    made = [runs.run([[float(chance.random() < 0.6) for _ in range(2)] for _ in range(12)]) for _ in range(4)]

    before = charted(made)
    after = charted([made[0], *(reordered(run, order) for run in made[1:])])

    assert after == before


# --- which noise ------------------------------------------------------------------------------------------------------


def test_samples_that_differ_give_the_noise_of_generation() -> None:
    # variances 1/2 in two of four cases, 0 in the others: sqrt((1/4) / 2 / 4)
    reference = runs.run([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])

    track = only(charted([reference, reference]))

    assert track.sigma == pytest.approx(math.sqrt(1 / 32))
    assert track.how == "generation noise: how far the 2 samples of each case of 2026-01 differ, for means of 2 samples"


def test_the_fewest_samples_of_the_charted_snapshots_count_and_it_is_said() -> None:
    reference = runs.run([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])  # variances 1/3 and 0
    two, three = (runs.run([[1.0, 0.0, 1.0][:k], [1.0] * k]) for k in (2, 3))

    track = only(charted([reference, three, two]))

    assert track.sigma == pytest.approx(math.sqrt(1 / 6 / 2 / 2))
    assert track.how.endswith("for means of 2 samples (snapshots have 2 to 3, and the fewest are taken)")


def test_one_sample_a_case_gives_that_of_a_rate() -> None:
    track = only(charted([scored(20), scored(20)]))

    assert track.sigma == pytest.approx(0.0212132, abs=1e-6)
    assert track.how == "binomial, of a rate of 90.0 % over 200 cases, since 2026-01 has one sample a case"


def test_samples_of_one_text_count_once() -> None:
    trials = [runs.trial(str(n), k, {"facts": float(n > 1)}, text=f"reply {n}") for n in range(8) for k in range(3)]

    track = only(charted([runs.of(trials)] * 2))

    assert track.sigma == pytest.approx(math.sqrt(0.75 * 0.25 / 8))
    assert track.how.endswith("since the samples of 2026-01 are the same texts")


def test_samples_that_score_alike_do_not_make_sigma_zero() -> None:
    track = only(charted([runs.run([[1.0, 1.0]] * 6 + [[0.0, 0.0]] * 2)] * 2))

    assert track.sigma == pytest.approx(math.sqrt(0.75 * 0.25 / 8))
    assert track.how.endswith("since the samples of each case of 2026-01 score alike")


@pytest.mark.parametrize(("wrong", "share"), [(0, "100.0 %"), (200, "0.0 %")])
def test_a_reference_without_noise_has_no_limits_and_says_so(wrong: int, share: str) -> None:
    track = only(charted([scored(wrong), scored(100)]))

    assert track.sigma is None
    assert track.alarms == ()
    away = "50 points below" if wrong == 0 else "50 points above"
    assert track.sentence == (
        f"facts: no limits: every case of 2026-01 scores {share}, which tells nothing of the noise; "
        f"2026-02: 50.0 %, {away} the reference 2026-01"
    )


def test_scores_that_are_one_but_for_rounding_have_no_noise() -> None:
    nearly = 1 - 2**-52

    assert only(charted([runs.run([nearly] * 9), runs.run([1.0] * 9)])).sigma is None


# --- series and references --------------------------------------------------------------------------------------------


def test_one_snapshot_is_shown_and_nothing_is_charted() -> None:
    track = only(charted([scored(20)]))

    assert [point.mean for point in track.points] == [0.9]
    assert track.sentence == "facts: nothing to chart yet: the reference 2026-01 is the newest snapshot of its series"


def test_the_last_pinned_snapshot_is_the_reference_and_those_before_are_not_charted() -> None:
    history = charted([scored(60), scored(20), scored(24)], pinned=1)

    track = only(history)
    assert (history.series[0].reference, history.series[0].chosen) == ("2026-02", "pinned")
    assert track.centre == pytest.approx(0.9)
    assert [point.ewma for point in track.points] == [None, pytest.approx(0.9), pytest.approx(0.896)]
    assert track.points[0].note == "before the reference: not charted"
    assert track.points[0].mean == pytest.approx(0.7)


def test_a_named_reference_beats_the_pinned_one() -> None:
    history = charted([scored(20), scored(22), scored(24)], pinned=2, reference="2026-02")

    assert (history.series[0].reference, history.series[0].chosen) == ("2026-02", "named")


def test_another_suite_begins_a_new_series_with_a_reference_of_its_own() -> None:
    changed = replace(SUITE, hash="b" * 64)
    history = charted([scored(20), scored(24), scored(40, 210, suite=changed), scored(42, 210, suite=changed)])

    first, second = history.series
    assert (first.names, second.names) == (("2026-01", "2026-02"), ("2026-03", "2026-04"))
    assert (first.began, second.began) == ("", "the suite changed (10 cases more)")
    assert second.reference == "2026-03"
    assert second.tracks[0].centre == pytest.approx(170 / 210)


def test_a_hash_that_changed_with_the_same_cases_is_told_from_new_cases() -> None:
    history = charted([scored(20), scored(20, suite=replace(SUITE, hash="b" * 64))])

    assert history.series[1].began == "the suite changed (its questions, checks or gate)"


def test_another_judge_begins_a_new_series() -> None:
    history = charted([scored(20), scored(20, suite=replace(SUITE, judges=(runs.judged("panel", "judge"),)))])

    assert history.series[1].began == "judged by panel, judge instead of judge"


def test_an_aspect_that_came_begins_a_new_series() -> None:
    both = runs.of([runs.trial(str(n), 0, {"facts": 1.0, "tone": 0.5}) for n in range(4)], suite=SUITE)

    history = charted([runs.run([1.0] * 4, suite=SUITE), both])

    assert history.series[1].began == "the suite changed (aspect tone new)"
    assert [track.aspect for track in history.series[1].tracks] == ["facts", "tone"]


def test_one_aspect_alone_may_be_asked_for() -> None:
    both = runs.of([runs.trial(str(n), 0, {"facts": 1.0, "tone": 0.5}) for n in range(4)])

    history = chart("made", arms([both, both]), aspect="tone")

    assert [track.aspect for track in history.series[0].tracks] == ["tone"]
    with pytest.raises(UnknownName, match="there is no aspect 'tona'\n  hint: did you mean 'tone'"):
        chart("made", arms([both, both]), aspect="tona")


def test_a_run_that_was_never_accepted_has_no_place() -> None:
    with pytest.raises(EvalError, match=r"base\.jsonl: a run that was never accepted"):
        chart("made", [Arm.of(scored(1))])


def test_there_must_be_a_snapshot() -> None:
    with pytest.raises(EvalError, match="suite 'made': there is no baseline"):
        chart("made", [])


# --- missing answers --------------------------------------------------------------------------------------------------


def lacking(run: Run, cases: range) -> Run:
    """The same run without an answer to these cases."""
    failure = Failure("timeout", "no answer within 120 s")
    trials = tuple(
        runs.failed(trial.conversation.case, 0, ("facts",), failure) if place in cases else trial
        for place, trial in enumerate(run.trials)
    )
    return replace(run, trials=trials)


def test_cases_that_are_missing_move_nothing_and_are_told() -> None:
    same = scored(20)
    history = charted([same, lacking(same, range(190, 200))])  # ten that were right

    point = only(history).points[1]
    assert point.mean == pytest.approx(170 / 190)
    assert point.value == pytest.approx(0.9)
    assert point.cases == 190
    assert point.note == "10 of 200 cases that the reference has are missing; charted over the others"


def test_with_too_many_missing_a_snapshot_is_shown_and_not_charted() -> None:
    same = scored(20)
    track = only(charted([same, lacking(same, range(189, 200)), scored(24)]))

    assert track.points[1].note == "not charted: 11 of 200 cases that the reference has are missing"
    assert (track.points[1].value, track.points[1].ewma, track.points[1].rings) == (None, None, ())
    assert track.points[2].ewma == pytest.approx(0.896)  # the first that is charted


def test_a_reference_without_any_score_charts_nothing() -> None:
    empty = lacking(scored(20), range(200))
    track = only(charted([empty, scored(20)]))

    assert track.sentence == "facts: not charted: no case of the reference 2026-01 was scored"
    assert [point.mean for point in track.points] == [None, 0.9]


def test_where_no_later_snapshot_has_a_score_it_is_said() -> None:
    track = only(charted([scored(20), lacking(scored(20), range(200))]))

    assert track.sentence == (
        "facts: no snapshot since the reference 2026-01 could be charted: not charted: no case was scored"
    )


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_a_rise_is_an_alarm_too_and_does_not_hide_a_later_loss() -> None:
    history = charted([scored(60), scored(20), scored(20), *[scored(100)] * 4])

    above, below = reversed(only(history).alarms)
    assert (below.side, above.side) == ("below", "above")
    assert above.sentence.startswith("facts: alarm at 2026-02 (Shewhart and EWMA): 90.0 %, 20 points above")
    assert above.sentence.endswith("; quiet again at 2026-07")
    assert below.snapshot == "2026-04"
    assert history.rings


def test_a_history_rings_while_its_newest_snapshot_does() -> None:
    assert charted([scored(20), scored(60)]).rings
    assert not charted([scored(20), scored(60), *[scored(20)] * 20]).rings  # made good since
    assert not charted([scored(60), scored(20)]).rings  # a rise


def test_a_loss_that_was_made_good_is_told_though_the_charts_remember_it() -> None:
    history = charted([scored(20), scored(60), scored(60), scored(18)])

    track = only(history)
    assert {ring.side for ring in track.points[3].rings} == {"below"}
    assert track.alarms[0].sentence.endswith("20 points below the reference 2026-01; made good at 2026-04")
    assert not history.rings


def test_a_jump_rings_every_rule_at_once() -> None:
    track = only(charted([scored(20), scored(60)]))

    assert track.points[1].rings == (Ring("Shewhart", "below"), Ring("EWMA", "below"), Ring("CUSUM", "below"))
    assert track.alarms[0].rules == (("Shewhart", 0), ("EWMA", 0), ("CUSUM", 0))
    assert track.alarms[0].sentence.startswith("facts: alarm at 2026-02 (Shewhart, EWMA and CUSUM): 70.0 %, ")


def test_forty_snapshots_are_in_their_order() -> None:
    track = only(charted([scored(20)] * 40))

    assert [point.name for point in track.points] == [month(place) for place in range(40)]
