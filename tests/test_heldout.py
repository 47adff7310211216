"""Seen cases beside unseen ones. Expected values: the worked examples of docs/method.md, by their ids there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.compare import compare
from evalharness.findings import Comparison, Delta, Trained
from evalharness.records import Criterion, Nearness, Run
from tests import runs

Table = tuple[int, int, int, int]
B1, B2, B4, B7 = (30, 2, 6, 2), (14, 0, 6, 0), (73, 0, 0, 0), (1, 1, 7, 12)


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-5)


def compared(seen: Table, unseen: Table, kind: Nearness = "seen") -> Comparison:
    """The cases of one table as the training file had them, those of another as it had not."""
    marks = told((kind, sum(seen)), ("unseen", sum(unseen)))
    tables = zip(runs.table(*seen), runs.table(*unseen), strict=True)
    base, tuned = (runs.run([*first, *second]) for first, second in tables)
    return compare(marked(base, marks), replace(marked(tuned, marks), model=replace(tuned.model, name="tuned")))


def told(*kinds: tuple[Nearness, int]) -> list[Nearness]:
    """So many cases of each kind."""
    return [kind for kind, number in kinds for _ in range(number)]


def marked(run: Run, marks: Sequence[Nearness | None]) -> Run:
    cases = tuple(replace(case, near=mark) for case, mark in zip(run.cases, marks, strict=True))
    return replace(run, suite=replace(run.suite, train="train.jsonl", train_digest="d"), cases=cases)


def parts(comparison: Comparison) -> list[Delta]:
    return [delta for delta in comparison.deltas if delta.part == "near"]


def test_each_gate_is_shown_for_both_parts() -> None:
    seen, unseen = parts(compared(B4, B2))

    assert (seen.slice, seen.cases, seen.outcome) == ("facts · seen + near", 73, "HELD")
    assert (seen.low, seen.high) == (near(-0.049992), near(0.049992))
    assert (unseen.slice, unseen.cases, unseen.outcome) == ("facts · unseen", 20, "REGRESSED")
    assert (unseen.change, unseen.low, unseen.high) == (near(-0.30), near(-0.518973), near(-0.090537))
    assert not seen.gates
    assert not unseen.gates


def test_near_cases_count_with_the_seen_ones() -> None:
    seen, _ = parts(compared(B4, B2, "near"))

    assert seen.cases == 73


def test_the_held_out_gap_has_an_interval() -> None:
    # By hand: -0.10 - -0.285714; the errors from the G intervals of B1 and B7 are 0.302899 and 0.508693 over 2 z,
    # 0.077272 and 0.129771, together 0.151034.
    (gap,) = trained(compared(B1, B7)).gaps

    assert (gap.aspect, gap.seen_cases, gap.unseen_cases) == ("facts", 40, 21)
    assert (gap.seen, gap.unseen, gap.gap) == (near(-0.10), near(-0.285714), near(0.185714))
    assert (gap.low, gap.high) == (near(-0.110308), near(0.481736))


def trained(comparison: Comparison) -> Trained:
    assert comparison.trained is not None
    return comparison.trained


def test_a_verdict_that_the_unseen_cases_do_not_bear_says_so_first() -> None:
    # 93 cases without a difference hold at 5 points; of 20 the interval is 3.8415 / 23.8415 = 16.1 points wide.
    comparison = compared(B4, (20, 0, 0, 0))

    told = "HELD rests on prompts the training file had: on the 20 unseen cases alone it is INCONCLUSIVE"
    assert comparison.verdict.outcome == "HELD"
    assert (comparison.verdict.reasons[0], trained(comparison).rests) == (told, told)


def test_a_verdict_that_the_unseen_cases_bear_says_nothing() -> None:
    comparison = compared((20, 0, 0, 0), B4)

    assert trained(comparison).unseen_outcome == "HELD"
    assert comparison.verdict.reasons == ("facts held: no change seen, at most 4 lower, margin 5",)


def test_the_worse_word_on_unseen_cases_does_not_change_the_verdict() -> None:
    # 6 of 606 lower: T's lower end is -0.0215 (2.2 points), so all of them hold at 5; B2 alone regressed.
    comparison = compared((586, 0, 0, 0), B2)

    assert trained(comparison).unseen_outcome == "REGRESSED"
    assert comparison.verdict.outcome == "HELD"


def test_a_verdict_without_an_unseen_case_says_so() -> None:
    comparison = compared(B4, (0, 0, 0, 0))

    assert comparison.verdict.reasons[0] == "HELD rests on prompts the training file had: no case is unseen"
    assert parts(comparison) == []


def test_where_all_cases_are_unseen_there_is_nothing_to_set_apart() -> None:
    found = trained(compared((0, 0, 0, 0), B4))

    assert (found.seen, found.near, found.unseen) == (0, 0, 73)
    assert (found.gaps, found.unseen_outcome, found.rests) == ((), None, "")


def test_without_a_training_file_nothing_is_told() -> None:
    base, tuned = runs.table(*B4)

    assert compare(runs.run(base), runs.run(tuned, name="tuned")).trained is None


def test_the_parts_are_read_with_the_margin_of_their_gate() -> None:
    base, tuned = (runs.run([1.0] * 60, gate=(Criterion("facts", drop_at_most=0.20),)) for _ in range(2))
    marks = told(("seen", 30), ("unseen", 30))

    seen, unseen = parts(compare(marked(base, marks), marked(tuned, marks)))

    # 3.8415 / 33.8415: 11.4 points, within 20.
    assert (seen.margin, unseen.margin) == (0.20, 0.20)
    assert (unseen.low, unseen.outcome) == (near(-0.113514), "HELD")


def test_another_training_file_between_the_runs_is_told() -> None:
    seen: list[Nearness | None] = ["seen"] * 6
    base, tuned = (marked(runs.run([1.0] * 6), seen) for _ in range(2))

    found = compare(replace(base, suite=replace(base.suite, train_digest="other")), tuned)

    assert any("the training file changed between the runs" in warning for warning in found.warnings)


COUNTS = st.integers(0, 12)
KINDS: st.SearchStrategy[Nearness] = st.sampled_from(["seen", "near", "unseen"])


@settings(deadline=None, max_examples=60)
@given(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(any), st.data())
def test_marks_change_neither_the_verdict_nor_the_rows_that_gate(counts: Table, data: st.DataObject) -> None:
    base, tuned = (runs.run(scores) for scores in runs.table(*counts))
    marks = data.draw(st.lists(KINDS, min_size=sum(counts), max_size=sum(counts)))

    plain, told = compare(base, tuned), compare(marked(base, marks), marked(tuned, marks))

    assert (told.verdict.outcome, told.rulings) == (plain.verdict.outcome, plain.rulings)
    assert [delta for delta in told.deltas if delta.part != "near"] == list(plain.deltas)
    assert trained(told).seen + trained(told).near + trained(told).unseen == sum(counts)
