"""In which order and in which stages a suite is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evalharness.records import Criterion, Early
from evalharness.schedule import Schedule, adding, drawn, unfit, whole
from evalharness.suite import Suite
from tests.written import suite


def numbered(where: Path, cases: int, *, group: int = 0) -> Suite:
    """A suite of so many cases, in so many groups where there are any."""
    lines = [
        f"  - {{id: c{n}, ask: What is {n}?, expect: {n}{f', group: g{n % group}' if group else ''}}}"
        for n in range(cases)
    ]
    return suite(where, "\n".join(["suite: made", "cases:", *lines]) + "\n")


def ids(schedule: Schedule) -> list[list[tuple[str, int]]]:
    return [[(case.id, sample) for case, sample in stage] for stage in schedule.stages]


def test_a_whole_course_asks_case_by_case(tmp_path: Path) -> None:
    schedule = whole(numbered(tmp_path, 2), 2)

    assert ids(schedule) == [[("c0", 0), ("c0", 1), ("c1", 0), ("c1", 1)]]
    assert (schedule.ref().early, schedule.ref().looks, schedule.ref().alpha) == (None, 1, 0.05)


def test_samples_are_added_to_all_cases_and_each_look_gets_its_share_of_alpha(tmp_path: Path) -> None:
    schedule = adding(numbered(tmp_path, 2), 1, 3)

    assert ids(schedule) == [[("c0", 0), ("c1", 0)], [("c0", 1), ("c1", 1)], [("c0", 2), ("c1", 2)]]
    assert (schedule.ref().samples, schedule.ref().looks, schedule.ref().alpha) == (1, 3, 0.05 / 3)


def test_a_drawn_course_asks_every_case_once_in_batches(tmp_path: Path) -> None:
    schedule = drawn(numbered(tmp_path, 45), 2, 7)

    stages = ids(schedule)
    assert [len(stage) for stage in stages] == [20, 20, 20, 20, 10]
    asked = [step for stage in stages for step in stage]
    assert sorted(asked) == sorted((f"c{n}", k) for n in range(45) for k in (0, 1))
    assert schedule.ref().early == Early(units=45, batch=10, seed=7)
    assert [case.id for case in schedule.suite.cases] == [case for case, sample in asked if sample == 0]


def test_large_plans_are_looked_at_about_twenty_times(tmp_path: Path) -> None:
    assert len(drawn(numbered(tmp_path, 1000), 1, 0).stages) == 20


def test_seed_and_content_of_the_suite_decide_the_order(tmp_path: Path) -> None:
    one = ids(drawn(numbered(tmp_path, 40), 1, 0))

    assert ids(drawn(numbered(tmp_path, 40), 1, 0)) == one
    assert ids(drawn(numbered(tmp_path, 40), 1, 1)) != one
    assert ids(drawn(numbered(tmp_path, 41), 1, 0)) != one


def test_a_fall_over_turns_has_no_interval_for_looks(tmp_path: Path) -> None:
    falling = replace(numbered(tmp_path, 40), gate=(Criterion("facts", drift_at_most=0.1),))

    assert [fault.what for fault in unfit(falling, 2, given=False)] == [
        "`drift_at_most` has no interval yet that holds at every look"
    ]
    assert list(unfit(numbered(tmp_path, 40), 2, given=False)) == []


def test_no_batch_parts_a_group(tmp_path: Path) -> None:
    schedule = drawn(numbered(tmp_path, 120, group=40), 1, 0)

    met = [{case.group for case, _ in stage} for stage in schedule.stages]
    assert schedule.ref().early == Early(units=40, batch=10)
    assert [len(groups) for groups in met] == [10, 10, 10, 10]
    assert len(set.union(*map(set, met))) == 40
