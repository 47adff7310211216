from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalharness.compare import run_ref
from evalharness.findings import Kept
from evalharness.measure import Arm
from evalharness.rebasing import rebased
from tests import runs

Scores = Mapping[str, Sequence[float | None]]


def arm(name: str, **aspects: Scores) -> Arm:
    """An arm with these samples of each case, by aspect."""
    cases = dict.fromkeys(case for scores in aspects.values() for case in scores)
    trials = []
    for case in cases:
        samples = max(len(scores.get(case, ())) for scores in aspects.values())
        for sample in range(samples):
            given = {aspect: scores[case][sample] for aspect, scores in aspects.items() if case in scores}
            trials.append(runs.trial(case, sample, given))
    return Arm.of(runs.of(trials, name=name))


def once(*scores: float | None) -> Scores:
    """Cases called 0, 1, and so on, asked once."""
    return {str(place): (score,) for place, score in enumerate(scores)}


def test_the_figures_are_those_of_a_table_made_by_hand() -> None:
    #                       case  0    1    2    3    4     5
    old = arm("old", facts=once(1.0, 1.0, 1.0, 0.0, 0.0, 1.0))
    mid = arm("mid", facts=once(1.0, 0.0, 0.0, 1.0, 0.0, 0.0))
    new = arm("new", facts=once(1.0, 1.0, 0.0, 1.0, 1.0, 0.0))

    found = rebased(old, new, mid)

    # the old tune passed 0, 1, 2, 5; of these mid passes 0, and new 0 and 1; new passes 3 and 4 besides
    row = Kept("facts", 6, base=4 / 6, via=2 / 6, tuned=4 / 6, had=4, via_kept=1, kept=2, gained=2)
    assert found.rows == (row,)
    assert found.sentence == "of the cases that 'old' passed, 'new' keeps 2 of 4 in facts; 'mid', untuned, keeps 1"
    assert found.via == run_ref(mid)


def test_a_case_counts_only_where_all_three_were_scored() -> None:
    old = arm("old", facts=once(1.0, 1.0, None, 1.0))
    mid = arm("mid", facts=once(1.0, None, 1.0, 1.0))
    new = arm("new", facts={"0": (1.0,), "1": (1.0,), "2": (1.0,)})  # and was never asked the last

    (row,) = rebased(old, new, mid).rows

    assert (row.cases, row.had, row.via_kept, row.kept, row.gained) == (1, 1, 1, 1, 0)
    assert (row.base, row.via, row.tuned) == (1.0, 1.0, 1.0)


def test_a_case_passes_with_more_than_half_of_its_samples_and_scores_their_mean() -> None:
    old = arm("old", facts={"0": (1.0, 1.0, 0.0), "1": (1.0, 0.0)})
    mid = arm("mid", facts={"0": (0.0, 0.0, 1.0), "1": (1.0, 1.0)})
    new = arm("new", facts={"0": (1.0, 1.0, 1.0), "1": (0.0, 0.0)})

    (row,) = rebased(old, new, mid).rows

    # passed: old 0; mid 1; new 0. Means of cases: (2/3, 1/2), (1/3, 1), (1, 0)
    assert (row.had, row.via_kept, row.kept, row.gained) == (1, 0, 1, 0)
    assert (row.base, row.via, row.tuned) == ((2 / 3 + 1 / 2) / 2, (1 / 3 + 1) / 2, 0.5)


def test_several_aspects_are_rows_of_their_own_and_one_sentence() -> None:
    arms = [
        arm(name, facts=once(*facts), style=once(*style), format=once(*form))
        for name, facts, style, form in (
            ("old", (1.0, 1.0), (1.0, 1.0), (1.0, 0.0)),
            ("new", (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),
            ("mid", (1.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
        )
    ]

    found = rebased(*arms)

    assert [(row.aspect, row.had, row.kept, row.via_kept, row.gained) for row in found.rows] == [
        ("facts", 2, 2, 1, 0),
        ("style", 2, 1, 0, 0),
        ("format", 1, 0, 0, 1),
    ]
    assert found.sentence == (
        "of the cases that 'old' passed, 'new' keeps 2 of 2 in facts, 1 of 2 in style and 0 of 1 in format; "
        "'mid', untuned, keeps 1, 0 and 0"
    )


def test_an_aspect_in_which_the_old_tune_passed_nothing_is_a_row_and_no_part_of_the_sentence() -> None:
    old, new, mid = (arm(name, facts=once(1.0), style=once(0.0)) for name in ("old", "new", "mid"))

    found = rebased(old, new, mid)

    assert [row.aspect for row in found.rows] == ["facts", "style"]
    assert found.sentence == "of the cases that 'old' passed, 'new' keeps 1 of 1 in facts; 'mid', untuned, keeps 1"


def test_where_the_old_tune_passed_nothing_nothing_can_have_survived() -> None:
    old, new, mid = (arm(name, facts=once(score)) for name, score in (("old", 0.0), ("new", 1.0), ("mid", None)))

    found = rebased(old, new, mid)

    assert found.rows == (Kept("facts", 0, None, None, None, had=0, via_kept=0, kept=0, gained=0),)
    assert found.sentence == "nothing that 'old' passed could be compared, so nothing can have survived"
